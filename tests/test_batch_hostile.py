"""A provider of batches that means harm: what it answers is kept or refused, and nothing else changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from faults.batchllm import BatchServer, Remote, completion
from gardens import garden, order

from workbench.batch.drive import BatchTerms, by_batches
from workbench.batch.taking import _chunks
from workbench.cli import main
from workbench.generate import Summary, Terms, generate
from workbench.store import open_project
from workbench.verify import verify

KEY = "sk-hostile-0123456789abcdef"
ODD = "\x1b[2J\x1b]0;title\x07\u202egnp.exe\x00\ud800"


class Hostile(BatchServer):
    """A batch server whose answers are rewritten before they are sent: `rewrite(lines)` and `retell(batch)`."""

    rewrite: Any = staticmethod(lambda lines: lines)
    retell: Any = staticmethod(lambda told: told)

    def _stored(self, lines: list[str]) -> str | None:
        return super()._stored(self.rewrite(lines))

    def told(self, batch: Remote) -> dict[str, Any]:
        return dict(self.retell(super().told(batch)))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    with Hostile() as found:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return garden(tmp_path / "p.db")


def run(path: Path, count: int = 4) -> Summary:
    with open_project(path, write=True) as db:
        return generate(db, order(count), Terms(), drive=by_batches(BatchTerms(pause=lambda seconds: None)))


def sound(path: Path) -> None:
    """Every rule holds, and the key is nowhere beside or in the project."""
    with open_project(path) as db:
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
    for file in path.parent.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def _line(custom_id: object, text: str = "evil", **more: object) -> str:
    answer = completion({"messages": [{"content": ""}], "model": "m"}, text=text)
    return json.dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": answer}, **more})


@pytest.mark.parametrize(
    "custom_id", ["\ud800", "a\x00b", ODD, "x" * 300, 7, 1e400, None, [], {}, "", "' or 1=1 --", "d_" + "0" * 200]
)
def test_answers_to_what_was_never_asked_are_nobodys(path, server, custom_id):
    """They are noted as strays; the real ones count."""
    server.rewrite = lambda lines: [_line(custom_id), *lines]
    summary = run(path)
    assert (summary.status, summary.done, summary.calls) == ("done", 4, 4)
    sound(path)


def test_of_two_answers_to_one_call_the_first_counts(path, server):
    server.rewrite = lambda lines: [*lines, *(_line(json.loads(line)["custom_id"], "second") for line in lines)]
    assert run(path).done == 4
    with open_project(path) as db:
        assert db.execute("select count(*) from contents").fetchone() == (4,)
        assert db.execute("select count(*) from contents where raw = 'second'").fetchone() == (0,)
    sound(path)


def _with(name: str, value: object) -> Any:
    def change(lines: list[str]) -> list[str]:
        found = [json.loads(line) for line in lines]
        for one in found:
            one["response"]["body"][name] = value
        return [json.dumps(one) for one in found]

    return change


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("usage", {"prompt_tokens": -(10**30), "completion_tokens": 10**30}),
        ("usage", {"prompt_tokens": True, "completion_tokens": "9" * 999}),
        ("usage", [ODD]),
        ("model", ODD),
        ("choices", [{"message": {"content": ODD + KEY}, "finish_reason": "stop"}]),
        ("choices", [{"message": {"content": "good"}, "finish_reason": ODD}]),
        ("choices", {"a": 1}),
        ("choices", [None]),
        ("error", {"message": ODD, "code": ODD}),
    ],
)
def test_odd_bodies_are_kept_and_judged(path, server, name, value):
    server.rewrite = _with(name, value)
    summary = run(path)
    assert summary.calls == 4 and summary.cost >= 0 and summary.tokens_in >= 0
    sound(path)


@pytest.mark.parametrize(
    "line",
    [
        '{"custom_id": %s, "response": {"status_code": 99999999999999999999, "body": {}}}',
        '{"custom_id": %s, "response": {"status_code": 200, "body": "\\ud800"}}',
        '{"custom_id": %s, "response": {"status_code": true, "body": null}}',
        '{"custom_id": %s, "error": {"code": "\\u001b[2J\\ud800", "message": ["\\u0000"]}}',
        '{"custom_id": %s, "error": {"code": {"a": 1}, "type": 3}}',
        '{"custom_id": %s, "response": [], "error": []}',
        '{"custom_id": %s, "deep": ' + "[" * 50_000,
    ],
)
def test_lines_that_are_no_answers_leave_their_tasks_to_be_sent_again(path, server, line):
    server.rewrite = lambda lines: [line % json.dumps(json.loads(one)["custom_id"]) for one in lines]
    summary = run(path)
    assert (summary.done, summary.status) == (0, "failed")
    sound(path)


@pytest.mark.parametrize(
    "told",
    [
        {"status": ODD},
        {"request_counts": {"completed": -5, "total": -1}},
        {"request_counts": {"completed": True}},
        {"request_counts": [ODD]},
        {"errors": {"data": [{"code": ODD, "message": ODD}]}},
        {"metadata": ODD},
    ],
)
def test_odd_words_about_a_batch_do_no_harm(path, server, told, capsys):
    """A status that nobody knows is waited for; in between the words are shown as words."""
    shown: list[object] = []

    def retell(real: dict[str, Any]) -> dict[str, Any]:
        shown.append(1)
        return {**real, **(told if len(shown) < 5 else {})}

    server.retell = retell
    assert run(path).done == 4
    with pytest.raises(SystemExit, match="0"):
        main(["batches", "-p", str(path)])
    with pytest.raises(SystemExit, match="0"):
        main(["events", "-p", str(path)])
    said = capsys.readouterr()
    assert not {"\x1b", "\u202e", "\x07"} & set(said.out + said.err)
    sound(path)


@pytest.mark.parametrize(
    "odd", ["../../secret", "http://evil/x", "a/b", "a?b=c", "", ODD, 7, "x" * 999, "..", "%2e%2e"]
)
@pytest.mark.parametrize("which", ["id", "output_file_id"])
def test_ids_never_become_paths(path, server, which, odd):
    """Nothing is asked at an address that an ID makes up; the batch stays open, and what it is charged for known."""
    if which == "output_file_id" and odd == "":
        pytest.skip("no file is no file")
    server.retell = lambda real: {**real, which: odd}
    summary = run(path)
    assert summary.status == "stopped" and "no ID" in summary.why and summary.done == 0
    assert not [route for route in server.requests if "secret" in route or "evil" in route]
    assert "\x1b" not in summary.why


class _Thief(BaseHTTPRequestHandler):
    """Listens for a key; `heard` are the headers that came."""

    heard: list[str]

    def do_GET(self) -> None:
        self.heard.append(str(self.headers))
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(path, monkeypatch, status):
    """Another host never sees the key, whatever the bound one says."""
    heard: list[str] = []
    thief = HTTPServer(("127.0.0.1", 0), type("Thief", (_Thief,), {"heard": heard}))
    where = f"http://127.0.0.1:{thief.server_address[1]}/v1/files"

    seen: list[str] = []

    class Turning(_Thief):
        heard = seen

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.heard.append(str(self.headers))
            self.send_response(status)
            self.send_header("Location", where)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

    bound = HTTPServer(("127.0.0.1", 0), Turning)
    servers = [threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True) for one in (thief, bound)]
    for one in servers:
        one.start()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{bound.server_address[1]}/v1")
    try:
        summary = run(path)
    finally:
        for server, thread in zip((thief, bound), servers, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
    assert summary.status == "stopped" and summary.done == 0
    assert seen and KEY in seen[0] and heard == []
    sound(path)


def test_a_few_huge_lines_are_never_held_together():
    """Answers are read some megabytes at a time, however many lines that is."""
    sizes = [[len(line) for line in chunk] for chunk in _chunks(iter([b"x" * 2**20] * 100), 200)]
    assert sum(map(len, sizes)) == 100 and max(map(sum, sizes)) <= 33 * 2**20
