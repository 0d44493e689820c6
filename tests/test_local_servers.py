"""Models on this machine: a server that answers as llama.cpp's does, over real HTTP, and a model in the process."""

from __future__ import annotations

import asyncio
import doctest
import json
import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from conftest import ROOT, Ran

from workbench.errors import BadConfig
from workbench.providers import Request
from workbench.providers.binding import Binding, add
from workbench.providers.openai import OpenAI
from workbench.store import open_project

Run = Callable[..., Ran]
PAGE = (ROOT / "docs" / "local-models.md").read_text(encoding="utf-8")
ESSAY = "Seeds want warmth.\n\nWater them in the morning.\n\nThin them when they have two leaves."
QUESTION = ({"role": "user", "content": "Why?"},)


def completion(text: str = ESSAY, **message: object) -> dict[str, Any]:
    """Give an answer as llama.cpp writes it, without the count of tokens."""
    choice = {"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": text, **message}}
    return {
        "choices": [choice],
        "created": 1760000000,
        "model": "llama",
        "system_fingerprint": "b1-0000000",
        "object": "chat.completion",
        "id": "chatcmpl-0123456789abcdefghijklmnopqrstuv",
        "timings": {"cache_n": 0, "prompt_n": 39, "prompt_ms": 160.2, "predicted_n": 24, "predicted_ms": 498.7},
    }


def refusal(code: int, kind: str, message: str) -> dict[str, Any]:
    """Give an error as llama.cpp writes it."""
    return {"error": {"code": code, "message": message, "type": kind}}


LOADING = refusal(503, "unavailable_error", "Loading model")
TOO_LONG = refusal(
    400, "exceed_context_size_error", "request (9031 tokens) exceeds the available context size (2048 tokens)"
)


class LocalServer(ThreadingHTTPServer):
    """Answers every chat with the next of `script`, then with essays; `together` calls wait for each other."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.authorized: list[str] = []
        self.together = threading.Barrier(1)
        self.held = threading.Event()
        self.held.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LocalServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization"):
            self.server.authorized.append(self.headers["Authorization"])
        if self.path != "/v1/chat/completions":
            self._answer(refusal(404, "not_found_error", "File Not Found"))
            return
        self.server.asked.append(body)
        self.server.together.wait(60)
        self.server.held.wait(60)
        self._answer(self.server.script.pop(0) if self.server.script else completion())

    def _answer(self, found: dict[str, Any]) -> None:
        body = json.dumps(found).encode()
        self.send_response(found.get("error", {}).get("code", 200))
        self.send_header("Server", "llama.cpp")
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@contextmanager
def serving() -> Iterator[LocalServer]:
    """Run a server for a while."""
    with LocalServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.held.set()
            server.together.abort()
            server.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server on a free port."""
    with serving() as running:
        yield running


@pytest.fixture
def local(server: LocalServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalServer:
    """The same, bound as `local` for the model `small` of a new project in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    assert run("init").code == 0
    assert run("providers", "add", "local", "--url", server.url).code == 0
    assert run("models", "add", "small", "--provider", "local", "--name", "llama").code == 0
    return server


def generated(run: Run, count: int, template: str = "short-essay", *words: str) -> Ran:
    """Order samples without topics."""
    return run("generate", "-n", count, "--template", template, "--model", "small", "--json", *words)


def ask(url: str, **parameters: object) -> Any:
    """Ask a server once, with a schema where `response_format` is spoken of."""

    async def main() -> Any:
        provider = OpenAI(Binding("local", url))
        try:
            return await provider.call(Request("d_1", "llama", QUESTION, parameters, schema={"type": "object"}))
        finally:
            await provider.aclose()

    return asyncio.run(main())


def test_the_page_word_by_word(server: LocalServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of docs/local-models.md bind a server, test it and make samples, and print what the page shows."""
    monkeypatch.chdir(tmp_path)
    run("init")
    block = re.search(r"<!-- run -->\n```console\n(.*?)```", PAGE, re.DOTALL)[1]
    block = block.replace("http://127.0.0.1:8080/v1", server.url)
    for step in re.split(r"(?m)^\$ ", block)[1:]:
        line, _, shown = step.partition("\n")
        ran = run(*shlex.split(line)[1:])
        assert ran.code == 0, (line, ran.err)
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        assert doctest.OutputChecker().check_output(shown.replace("…", "..."), ran.out, flags), (line, ran.out)
    assert [body["model"] for body in server.asked] == ["llama"] * 5
    assert {(body["temperature"], body["max_tokens"]) for body in server.asked} == {(0.8, 600)}


def test_no_key_goes_to_a_server_that_wants_none(local: LocalServer, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where another provider's key is in the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    assert generated(run, 2).json["done"] == 2
    assert len(local.asked) == 2 and local.authorized == []


def test_an_answer_without_counted_tokens_is_an_answer(local: LocalServer, run: Run) -> None:
    """The text is kept, the counts stay empty, and the project knows no address."""
    found = generated(run, 2).json
    assert (found["done"], found["tokens_in"], found["tokens_out"], found["cost"]) == (2, 0, 0, 0)
    with open_project("project.db") as db:
        assert db.execute("select distinct raw, finish_reason from contents").fetchall() == [(ESSAY, "stop")]
        assert db.execute("select distinct tokens_in, tokens_out, cost, outcome from calls").fetchall() == [
            (None, None, None, "ok")
        ]
    assert b"127.0.0.1" not in Path("project.db").read_bytes()


def test_calls_that_wait_for_each_other_are_no_failures(local: LocalServer, run: Run) -> None:
    """The first token is as slow as the last: nothing comes before three calls are in flight together."""
    local.together = threading.Barrier(3)
    assert generated(run, 3, "short-essay", "--concurrency", "3").json["calls"] == 3


@pytest.mark.parametrize(
    ("binding", "seconds"),
    [
        (Binding("a", "http://127.0.0.1:8080/v1"), 600),
        (Binding("a", "http://[::1]:8080/v1"), 600),
        (Binding("a", "https://models.example.com/v1"), 120),
        (Binding("a", "http://127.0.0.1:8080/v1", timeout=1800), 1800),
    ],
)
def test_this_machine_is_given_more_time(binding: Binding, seconds: float) -> None:
    """A model here computes; what the binding says goes before, and the model's own parameter before that."""
    provider = OpenAI(binding)
    assert provider.seconds(Request("d_1", "llama", QUESTION)) == seconds
    assert provider.seconds(Request("d_1", "llama", QUESTION, {"timeout": 7})) == 7


def test_a_server_that_is_too_slow_says_so(server: LocalServer) -> None:
    """The deadline is named, and how long it was."""
    server.held.clear()
    answer = ask(server.url, timeout=0.05)
    assert (answer.outcome, answer.error) == ("timeout", "no answer within 0.05 seconds")


def test_a_model_that_is_still_loading_is_waited_for(local: LocalServer, run: Run) -> None:
    """503 is tried again; `models test`, which asks once, says what it is."""
    local.script = [LOADING]
    ran = run("models", "test", "small")
    assert ran.code == 1 and "Loading model" in ran.out
    local.script = [LOADING]
    found = generated(run, 1).json
    assert (found["done"], found["calls"]) == (1, 2)


def test_a_prompt_that_is_too_long_fails_alone(local: LocalServer, run: Run) -> None:
    """One call, no retry; the others are made."""
    local.script = [TOO_LONG]
    found = generated(run, 3).json
    assert (found["done"], found["failed"], found["calls"]) == (2, 1, 3)
    assert "too_large" in run("status").out


def test_thoughts_are_no_part_of_the_text(server: LocalServer) -> None:
    """What a server parses out as reasoning stays in the body only; nothing but thoughts is an empty answer."""
    server.script = [completion("Because.", reasoning_content="Hm."), completion("", reasoning_content="Hm.")]
    first, second = ask(server.url), ask(server.url)
    assert (first.text, first.outcome, second.outcome) == ("Because.", "ok", "empty")
    assert b"Hm." in first.body


SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    ("form", "sent"),
    [
        ({}, {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}),
        ({"response_format": "json_object"}, {"type": "json_object", "schema": SCHEMA}),
        ({"response_format": "text"}, None),
    ],
)
def test_structure_is_asked_for_as_the_server_knows_it(server: LocalServer, form: Any, sent: Any) -> None:
    """In the words that the model's parameter names; the parameter itself is not sent."""
    assert ask(server.url, **form).outcome == "ok"
    assert server.asked[0].get("response_format") == sent


def test_what_only_this_server_knows_is_sent_along(server: LocalServer) -> None:
    """`extra_body` stands beside the protocol's own fields, which go before it."""
    ask(server.url, temperature=0.5, extra_body={"top_k": 40, "temperature": 9})
    assert (server.asked[0]["top_k"], server.asked[0]["temperature"]) == (40, 0.5)
    assert "extra_body" not in server.asked[0]


@pytest.mark.parametrize(
    "parameters",
    [
        {"response_format": "yaml"},
        {"response_format": {"type": "text"}},
        {"extra_body": {"stream": True}},
        {"extra_body": {"messages": []}},
        {"extra_body": "top_k=40"},
    ],
)
def test_what_cannot_be_sent_is_not_called(server: LocalServer, parameters: Any) -> None:
    """It fails its task in one line, without a call."""
    answer = ask(server.url, **parameters)
    assert answer.outcome == "bad_request" and next(iter(parameters)) in answer.error
    assert server.asked == []


def test_parameters_that_are_not_sent_are_named(local: LocalServer, run: Run) -> None:
    """A test of the model tells what its provider does not know."""
    words = ("--param", "top_k=40", "--param", "temperature=0.5", "--param", "timeout=9")
    run("models", "add", "small", "--provider", "local", "--name", "llama", *words)
    assert run("models", "test", "small", "--json").json["not_sent"] == ["top_k"]


def test_no_key_hides_in_the_extra_body(local: LocalServer, run: Run) -> None:
    """What does not belong in a project is refused there too."""
    words = ("--param", 'extra_body={"api_key": "sk-test-0123456789abcdef"}')
    ran = run("models", "add", "bad", "--provider", "local", "--name", "llama", *words)
    assert ran.code == 2 and "api_key" in ran.err and "sk-test" not in ran.err


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        (" http://localhost:8080/v1/ ", "http://localhost:8080/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_addresses_of_this_machine(written: str, kept: str) -> None:
    """Every way to write it is one address."""
    assert add("local", written).url == kept


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("http://127.0.0.1:8080/v1/chat/completions", "write http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/models/", "write http://127.0.0.1:8080/v1"),
        ("http://0.0.0.0:8080/v1", "http://127.0.0.1:PORT/v1"),
        ("http://192.168.0.7:8080/v1", "https://HOST/v1"),
        ("127.0.0.1:8080/v1", "http://127.0.0.1:PORT/v1"),
        ("localhost:8080/v1", "http://127.0.0.1:PORT/v1"),
    ],
)
def test_other_addresses_are_refused_with_the_right_one(written: str, right: str) -> None:
    """One line says what to write."""
    with pytest.raises(BadConfig) as caught:
        add("local", written)
    assert right in str(caught.value)


def test_an_address_without_its_version_is_asked_about(local: LocalServer, run: Run) -> None:
    """A note when it is bound, and a hint where nothing is found below it."""
    bare = local.url.removesuffix("/v1")
    ran = run("providers", "add", "bare", "--url", bare)
    assert ran.code == 0 and f"--url {local.url}" in ran.err
    run("models", "add", "lost", "--provider", "bare", "--name", "llama")
    ran = run("models", "test", "lost")
    assert ran.code == 1 and "not_found" in ran.out and "most end in /v1" in ran.out


class _Model:
    """A model of a plugin of `llm`: no key, no options, no count of tokens."""

    model_id = "SmolLM2"
    needs_key = None
    Options = SimpleNamespace(model_fields={})

    def prompt(self, prompt: str, system: str | None, stream: bool) -> SimpleNamespace:
        return SimpleNamespace(text=lambda: ESSAY, usage=lambda: SimpleNamespace(input=None, output=None))


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in for the `llm` package with one plugin's model in place."""
    module = ModuleType("llm")
    module.get_model = {"SmolLM2": _Model()}.__getitem__  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "llm", module)


@pytest.mark.usefixtures("plugin")
def test_a_model_in_the_process(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Added, tested and used as the page says; what it does not know is named and harms nothing."""
    monkeypatch.chdir(tmp_path)
    run("init")
    words = ("--provider", "llm:SmolLM2", "--name", "SmolLM2", "--param", "max_tokens=200", "--param", "timeout=60")
    assert run("models", "add", "smol", *words).code == 0
    tested = run("models", "test", "smol", "--json").json
    assert (tested["outcome"], tested["answered_by"], tested["not_sent"]) == ("ok", "SmolLM2", ["max_tokens"])
    made = run("generate", "-n", "3", "--template", "short-essay", "--model", "smol", "--json").json
    assert (made["done"], made["calls"], made["tokens_out"]) == (3, 3, 0)


@pytest.mark.usefixtures("plugin")
def test_the_commands_of_the_page_for_a_plugin(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word by word."""
    monkeypatch.chdir(tmp_path)
    run("init")
    (block,) = re.findall(r"```sh\n(workbench models add smol .*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        ran = run(*shlex.split(line)[1:])
        assert ran.code == 0, (line, ran.err)
