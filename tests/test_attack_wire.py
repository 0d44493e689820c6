"""Answers made to hurt: packed, endless, headers without end, drops; and batches that never end, go back, or lie."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from conftest import ROOT
from faults.batchllm import BatchServer, Remote, completion
from gardens import garden, order

from workbench.batch.drive import BatchTerms, by_batches
from workbench.generate import Summary, Terms, generate
from workbench.providers import Request
from workbench.providers.binding import Binding
from workbench.providers.openai import OpenAI, exchange
from workbench.providers.openai.batches import Batches, Declined
from workbench.providers.openai.wire import MAX_BODY
from workbench.store import open_project
from workbench.verify import verify

KEY = "sk-attack-0123456789abcdef"
MB = 2**20
GOOD = json.dumps(completion({"messages": [{"content": ""}], "model": "m"}, text="fine")).encode()
Send = Callable[[bytes], None]
Play = Callable[[Send], None]


@contextmanager
def playing(play: Play) -> Iterator[str]:
    """Serve on loopback what `play` writes to each connection after its request; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with suppress(OSError):
                peer, _ = listener.accept()
                threading.Thread(target=talk, args=(peer,), daemon=True).start()

    def talk(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            said = b""
            while b"\r\n\r\n" not in said:
                said += peer.recv(65536)
            play(peer.sendall)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/json", *lines, "", ""]).encode()


def whole(body: bytes, *lines: str) -> Play:
    return lambda send: send(head(f"Content-Length: {len(body)}", *lines) + body)


def packed(body: bytes, kind: str) -> Play:
    return whole(body, f"Content-Encoding: {kind}")


def endless(start: bytes, again: bytes) -> Play:
    def play(send: Send) -> None:
        send(start)
        while True:
            send(again)

    return play


def chunked(body: bytes, *lines: str) -> Play:
    """One chunk again and again."""
    one = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    return endless(head("Transfer-Encoding: chunked", *lines), one * max(1, 65536 // len(one)))


def bomb(wbits: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(b" " * MB) for _ in range(64)) + packer.flush()


def slowly(send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\n")
    while True:
        send(b"X-Drop: 1\r\n")
        time.sleep(0.02)


GZIP = "Content-Encoding: gzip"
EMPTY = zlib.compressobj(9, zlib.DEFLATED, 31).compress(b"") or b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
NOTHING = b"\0\0\0\xff\xff" * 1000  # blocks of nothing: they unpack to nothing for ever
HOSTILE: dict[str, tuple[Play, set[str]]] = {
    "a gzip bomb": (packed(bomb(31), "gzip"), {"garbage"}),
    "a deflate bomb": (packed(bomb(15), "deflate"), {"garbage"}),
    "a raw deflate bomb": (packed(bomb(-15), "deflate"), {"garbage"}),
    "brotli": (packed(b"\x1b\xff\xff\xff", "br"), {"garbage"}),
    "packed twice": (packed(gzip.compress(gzip.compress(GOOD)), "gzip, gzip"), {"garbage"}),
    "gzip that is none": (packed(GOOD, "gzip"), {"garbage"}),
    "gzip cut short": (packed(gzip.compress(GOOD)[:-12], "gzip"), {"garbage", "ok"}),
    "gzip with more behind": (packed(gzip.compress(GOOD) + b"x" * 100_000, "gzip"), {"garbage", "ok"}),
    "gzip, then more without end": (chunked(gzip.compress(GOOD) + b"x" * 60_000, GZIP), {"garbage"}),
    "gzip of nothing without end": (
        endless(head("Transfer-Encoding: chunked", GZIP) + b"a\r\n" + EMPTY + b"\r\n", b"1388\r\n" + NOTHING + b"\r\n"),
        {"garbage"},
    ),
    "chunks without end": (chunked(b" " * 4096), {"garbage"}),
    "chunks of a byte without end": (chunked(b" "), {"garbage", "timeout"}),
    "a body without length or end": (endless(head(), b"[" * 65536), {"garbage"}),
    "a chunk of all that is": (
        lambda send: send(head("Transfer-Encoding: chunked") + b"f" * 40 + b"\r\n"),
        {"garbage"},
    ),
    "the end of a chunk without end": (
        endless(head("Transfer-Encoding: chunked") + b"1;", b"x" * 65536),
        {"garbage", "reset", "timeout"},
    ),
    "trailers without end": (
        endless(head("Transfer-Encoding: chunked") + b"0\r\n", b"X-Trailer: x\r\n" * 4000),
        {"garbage", "reset", "timeout"},
    ),
    "a header of a megabyte": (lambda send: send(head("X-Long: " + "x" * MB, "Content-Length: 0")), {"garbage"}),
    "a header without end": (endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536), {"garbage"}),
    "a hundred thousand headers": (
        lambda send: send(head(*(f"X-{n}: {n}" for n in range(100_000)), "Content-Length: 0")),
        {"garbage"},
    ),
    "headers without end": (endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 8000), {"garbage", "timeout"}),
    "headers drop by drop": (slowly, {"timeout", "garbage"}),
    "a status without end": (endless(b"HTTP/1.1 200 ", b"O" * 65536), {"garbage"}),
    "informed without end": (endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000), {"garbage", "timeout", "reset"}),
    "told to go on without end": (
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        {"garbage", "timeout", "reset"},
    ),
    "two lengths": (lambda send: send(head("Content-Length: 2", "Content-Length: 5") + b"{}..."), {"garbage"}),
    "a length below nothing": (lambda send: send(head("Content-Length: -5") + GOOD), {"garbage"}),
    "a length of thirty digits": (lambda send: send(head("Content-Length: " + "9" * 30) + GOOD), {"garbage", "reset"}),
    "a length and chunks": (
        lambda send: send(head("Content-Length: 2", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
        {"garbage"},
    ),
    "another protocol": (
        lambda send: send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\0\0"),
        {"garbage", "reset"},
    ),
}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


async def _answer(url: str, seconds: float) -> Any:
    provider = OpenAI(Binding("openai", url, "OPENAI_API_KEY"))
    try:
        return await provider.call(Request("d_1", "m", ({"role": "user", "content": "x"},), {"timeout": seconds}))
    finally:
        await provider.aclose()


def test_hostile_answers_end_in_time_and_size():
    """Each is an outcome within its time, of a bounded body, without the key; all of them at once."""

    async def ask(url: str) -> Any:
        return await asyncio.wait_for(_answer(url, 3.0), 60)

    async def ask_all(urls: dict[str, str]) -> dict[str, Any]:
        names = list(urls)
        found: dict[str, Any] = {}
        for some in (names[start : start + 8] for start in range(0, len(names), 8)):
            found |= dict(zip(some, await asyncio.gather(*(ask(urls[name]) for name in some)), strict=True))
        return found

    from contextlib import ExitStack

    with ExitStack() as stack:
        urls = {name: stack.enter_context(playing(play)) for name, (play, _) in HOSTILE.items()}
        answers = asyncio.run(ask_all(urls))
    in_time = {name: {"timeout"} if name.endswith("without end") else set() for name in HOSTILE}  # on a busy machine
    wrong = {n: answer.outcome for n, answer in answers.items() if answer.outcome not in HOSTILE[n][1] | in_time[n]}
    assert wrong == {}
    assert all(len(answer.body) <= MAX_BODY and len(answer.error or "") <= 300 for answer in answers.values())
    assert all(KEY not in (answer.error or "") for answer in answers.values())


@pytest.mark.parametrize(
    "name", ["a gzip bomb", "gzip, then more without end", "a body without length or end", "two lengths"]
)
def test_what_is_asked_of_batches_is_bounded_alike(name, monkeypatch):
    """Packed or endless answers of the files and batches endpoints are declined."""
    monkeypatch.setattr(exchange, "_SILENCE", 5.0)
    with playing(HOSTILE[name][0]) as url, pytest.raises(Declined):
        Batches(Binding("openai", url, "OPENAI_API_KEY")).look("batch_1")


def test_a_file_without_end_is_taken_no_further_than_its_batch_goes():
    """What is written to the disk is bounded by what the calls of a batch can have made."""
    with playing(endless(head(), b"x" * 65536)) as url, TemporaryFile() as file:
        with pytest.raises(Declined, match="larger than"):
            Batches(Binding("openai", url, "OPENAI_API_KEY")).download("file-1", 1000, file, most=3 * MB)
        assert file.tell() <= 3 * MB


class Lying(BatchServer):
    """A batch server that tells something else than what is: `rewrite(lines)` and `retell(batch, look)`."""

    rewrite: Any = staticmethod(lambda lines: lines)
    retell: Any = staticmethod(lambda told, look: told)
    told_times = 0

    def _stored(self, lines: list[str]) -> str | None:
        return super()._stored(self.rewrite(lines))

    def told(self, batch: Remote) -> dict[str, Any]:
        self.told_times += 1
        return dict(self.retell(super().told(batch), self.told_times))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lying]:
    with Lying() as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return garden(tmp_path / "p.db")


def run(path: Path, count: int = 4, pause: Callable[[float], None] = lambda seconds: None) -> Summary:
    with open_project(path, write=True) as db:
        return generate(db, order(count), Terms(), drive=by_batches(BatchTerms(pause=pause)))


def sound(path: Path) -> None:
    with open_project(path, write=True) as db:
        assert [check.name for check in verify(db, full=True) if not check.ok] == []


def once(server: BatchServer) -> bool:
    """Say whether no prompt was paid twice."""
    return max(server.paid.values(), default=0) <= 1


def heal(server: Lying) -> None:
    """Tell the truth from now on, about the files too."""
    server.rewrite, server.retell = (lambda lines: lines), (lambda told, look: told)


def _foreign(line: str) -> str:
    return json.dumps(json.loads(line) | {"custom_id": "d_another0batch0of0somebody"})


@pytest.mark.parametrize(
    "lie", ["no file", "another batch's file", "half of the lines", "one line again and again", "an empty file"]
)
def test_answers_that_are_paid_and_missing_are_waited_for(path, server, lie):
    """A file that is not the one is told, and nothing is sent again; once the right one is there, it is taken."""
    kept: list[str] = []

    def rewrite(lines: list[str]) -> list[str]:
        kept.extend(lines)
        other = {"another batch's file": [_foreign(line) for line in lines], "half of the lines": lines[:2]}
        return other.get(lie, {"one line again and again": lines[:1] * 9, "an empty file": [""]}.get(lie, lines))

    server.rewrite = rewrite
    if lie == "no file":
        server.retell = lambda told, look: {**told, "output_file_id": None}
    stopped = run(path)
    assert (stopped.status, stopped.done) == (
        "stopped",
        {"half of the lines": 2, "one line again and again": 1}.get(lie, 0),
    )
    assert "batches forget" in stopped.why and sum(server.paid.values()) == 4
    heal(server)
    remote = next(iter(server.batches.values()))
    remote.output = BatchServer._stored(server, kept)
    again = run(path)
    assert (again.status, again.done + stopped.done, again.left) == ("done", 4, 0)
    assert sum(server.paid.values()) == 4 and once(server)
    sound(path)


def test_lines_in_another_order_twice_and_of_nobody_are_sorted_out(path, server):
    server.rewrite = lambda lines: [*(_foreign(line) for line in lines), *reversed(lines), *lines]
    assert run(path).done == 4 and once(server)
    sound(path)


def test_a_file_of_nothing_but_strangers_is_given_up(path, server, monkeypatch):
    """Its lines are not read to the end, and only some are kept as events."""
    monkeypatch.setattr("workbench.batch.taking._MOST_STRAYS", 100)
    server.rewrite = lambda lines: [_foreign(lines[0])] * 1000 + lines
    stopped = run(path)
    assert (stopped.status, stopped.done) == ("stopped", 0) and "never asked" in stopped.why
    with open_project(path) as db:
        (strays,) = db.execute("select count(*) from events where event = 'batch_stray'").fetchone()
        assert 0 < strays <= 120  # twenty at each try
    sound(path)


def test_a_batch_that_goes_back_is_waited_for_again(path, server):
    """Completed, then in progress, validating, of no word: what is over is over, the rest is asked again."""
    words = ["validating", "in_progress", "finalizing", "in_progress", "validating", "", "cancelling", "in_progress"]
    server.retell = lambda told, look: {**told, "status": words[look - 1]} if look <= len(words) else told
    assert run(path).done == 4
    server.retell = lambda told, look: {**told, "status": "in_progress"}
    again = run(path)
    assert (again.status, again.calls, again.skipped) == ("done", 0, 4) and once(server)
    sound(path)


def test_a_batch_that_never_ends_is_left_by_an_interrupt(path, server):
    """Ctrl-C ends the wait; the batch stays on record, and is taken by whoever comes when it is over."""
    server.looks = 10**9
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) > 30:
            raise KeyboardInterrupt

    left = run(path, pause=pause)
    assert (left.status, left.exit_code, left.done) == ("interrupted", 130, 0)
    assert all(0 <= seconds <= 3600 for seconds in looks)  # it asks now and then, however long it takes
    server.looks = 1
    assert run(path).done == 4 and sum(server.paid.values()) == 4
    sound(path)


def test_the_command_that_waits_leaves_with_130(path, server):
    """The same by a real signal to the real command."""
    server.looks = 10**9
    words = ["generate", "--topics", "garden", "-n", "4", "--template", "plain", "--model", "m", "--batch", "-p"]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "workbench", *words, str(path)]
    process = subprocess.Popen(command, env=surroundings, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    told = ""
    while "in_progress" not in told and "waiting" not in told.lower():
        line = process.stderr.readline()
        assert line, told
        told += line
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in told + rest
    server.looks = 1
    assert run(path).done == 4 and sum(server.paid.values()) == 4
    sound(path)


def test_no_redirect_takes_the_key_along(path, monkeypatch):
    """To another host, to itself, without a place: one call, an outcome, and nobody else hears the key."""
    heard: list[bytes] = []

    def listen(send: Send) -> None:
        heard.append(b"came")
        send(head("Content-Length: 2") + b"{}")

    with playing(listen) as other:
        for where in (
            other,
            "/v1/chat/completions",
            "",
            "file:///etc/passwd",
            "//evil.invalid/x",
            "\x00",
            "http://[::1",
        ):
            play = lambda send, where=where: send(  # noqa: E731
                head(f"Location: {where}", "Content-Length: 0", status="307 Temporary Redirect")
            )
            with playing(play) as url:
                answer = asyncio.run(_answer(url, 5.0))
            assert answer.outcome in ("redirected", "garbage"), (where, answer)
    assert heard == []
