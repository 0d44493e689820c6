"""Every way in which the fault server misbehaves, met over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections import Counter
from pathlib import Path

import pytest
from faults.faultllm import KINDS, FaultServer

from workbench.providers import Answer, Request, verdict_of
from workbench.providers.binding import Binding
from workbench.providers.openai import OpenAI

KEY = "sk-secret-0123456789abcdef"
CERTIFICATE = Path(__file__).parent / "data" / "tls" / "loopback.pem"  # with its key, which opens nothing else
HANGS = ("hang", "hang_mid")
GARBAGE = (
    *("dup_keys", "no_choices", "wrong_types", "html_200", "empty_body", "json_cut", "invalid_utf8", "deep_json"),
    *("huge", "gzip_bomb", "huge_header", "garbage", "endless"),
)
EXPECTED = {
    **{kind: "ok" for kind, (_, usable, _) in KINDS.items() if usable},
    **dict.fromkeys(GARBAGE, "garbage"),
    **dict.fromkeys(HANGS, "timeout"),
    **dict.fromkeys(["close_mid", "reset_mid", "reset_before", "reset_after", "down"], "reset"),
    **dict.fromkeys(["redirect", "redirect_loop"], "redirected"),
    **dict.fromkeys(["null_content", "empty_content", "empty_choices"], "empty"),
    **dict.fromkeys(["400", "422"], "bad_request"),
    **dict.fromkeys(["400_context", "413"], "too_large"),
    **dict.fromkeys(["401", "401_echo", "403"], "auth"),
    **dict.fromkeys(["402", "429_quota"], "no_credit"),
    **dict.fromkeys(["408", "409", "503", "529"], "busy"),
    **dict.fromkeys(["429", "429_date", "429_ms", "429_none", "429_long", "429_bad"], "rate_limited"),
    **dict.fromkeys(["500", "500_billed", "502_html", "ok_error"], "server_error"),
    "length": "truncated",
    "refusal": "refused",
    "content_filter": "filtered",
    "400_policy": "filtered",
    "404_model": "no_model",
}


def asked(model: str, timeout: float = 10.0, text: str = "Write about bees.") -> Request:
    messages = ({"role": "user", "content": text},)
    return Request("d_1", model, messages, {"timeout": timeout, "temperature": 0.5})


@pytest.fixture
def bound(monkeypatch):
    """Make a provider for an address, with a key from the environment."""
    monkeypatch.setenv("TEST_KEY", KEY)
    return lambda url, **rest: OpenAI(Binding("test", url, "TEST_KEY", **rest))


async def one(provider: OpenAI, request: Request) -> Answer:
    try:
        return await provider.call(request)
    finally:
        await provider.aclose()


@pytest.fixture(scope="module")
def answers():
    """One answer of each kind over one provider: first those that never come, alone, then all others at once."""
    rules = [{"match": {"model": kind}, "fault": kind} for kind in KINDS if kind != "down"]
    patch = pytest.MonkeyPatch()
    patch.setenv("TEST_KEY", KEY)
    with FaultServer(scenario={"rules": rules}) as server, FaultServer(fault="down") as falling:

        async def ask_all() -> dict[str, Answer]:
            provider = OpenAI(Binding("test", server.url, "TEST_KEY"))
            fallen = OpenAI(Binding("test", falling.url, "TEST_KEY"))
            found = {}
            for kinds, seconds in ((HANGS, 4.0), (set(KINDS) - {"down", *HANGS}, 20.0)):
                answers = await asyncio.gather(*(provider.call(asked(kind, seconds)) for kind in kinds))
                found |= dict(zip(kinds, answers, strict=True))
            found["down"] = await fallen.call(asked("down"))
            await provider.aclose()
            await fallen.aclose()
            return found

        found = asyncio.run(ask_all())
        tokens = {record["model"]: record["token"] for record in server.records}
        asked_for = Counter(record["model"] for record in server.records)
    patch.undo()
    return found, tokens, asked_for


def test_each_kind_is_known_here():
    """A new kind of fault needs an expectation."""
    assert set(EXPECTED) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_outcome(answers, kind):
    """The outcome follows from types, statuses and codes; nothing is raised."""
    answer = answers[0][kind]
    assert answer.outcome == EXPECTED[kind], answer.error
    assert answer.error or answer.verdict in ("done", "fail_task")


@pytest.mark.parametrize("kind", [kind for kind, (_, usable, _) in KINDS.items() if usable])
def test_a_usable_answer_keeps_its_text_and_its_body(answers, kind):
    """What was paid for and can be used is there, as text and as it came."""
    found, tokens, _ = answers
    answer = found[kind]
    assert answer.verdict == "done"
    assert tokens[kind] in answer.text
    assert tokens[kind].encode() in answer.body
    answer.text.encode()
    assert "\0" not in answer.text
    assert answer.lossy == (kind in ("nul", "surrogate"))


@pytest.mark.parametrize("kind", ["refusal", "json_cut", "invalid_utf8", "close_mid", "hang_mid", "dup_keys", "500"])
def test_what_came_is_kept_whatever_it_is_worth(answers, kind):
    """A body is stored as it came, also when it is cut or refused."""
    assert answers[0][kind].body


def test_one_question_is_one_request(answers):
    """The wire never repeats a call by itself, nor follows a redirect."""
    assert set(answers[2].values()) == {1}
    assert len(answers[2]) > len(KINDS) - 5  # a busy machine may be too late for one of those that hang


def test_nothing_larger_than_the_limit_is_kept(answers):
    """Endless, huge and packed answers are cut."""
    assert all(len(answer.body) <= 8 * 2**20 for answer in answers[0].values())
    assert all(len(answers[0][kind].body) <= 65_536 for kind in ("huge", "gzip_bomb", "endless"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_never_comes_back(answers, kind):
    """Servers that repeat the key find it masked in body, text and error."""
    assert KEY not in repr(answers[0][kind])
    assert KEY.encode() not in answers[0][kind].body


def test_the_mask_stands_where_the_key_stood(answers):
    """An answer that repeats the key keeps the rest of its words."""
    assert "[key]" in answers[0]["echo_key"].text
    assert "[key]" in answers[0]["401_echo"].error


def test_token_counts_are_sane_or_absent(answers):
    """Counts that are no counts are left out; the text stays."""
    found = answers[0]
    assert found["ok"].tokens_in > 0 and found["ok"].tokens_out > 0
    for kind in ("nan", "bigint", "no_usage"):
        assert (found[kind].tokens_in, found[kind].tokens_out) == (None, None)
    assert found["other_model"].answered_by == "another-model-2"


def test_retry_after_is_read_in_every_form(answers):
    """Seconds, dates and milliseconds count; nonsense does not."""
    found = answers[0]
    assert found["429"].retry_after == 1
    assert found["429_ms"].retry_after == 1
    assert found["503"].retry_after == 1
    assert found["429_long"].retry_after == 86_400
    assert 0 < found["429_date"].retry_after <= 3
    assert found["429_none"].retry_after is None
    assert found["429_bad"].retry_after is None


def test_a_redirect_never_carries_the_key_away(bound):
    """The host that a redirect names is never spoken to."""
    with FaultServer(forbid_auth=True) as stranger:
        rules = [{"match": {}, "fault": "redirect", "text": stranger.url + "/chat/completions"}]
        with FaultServer(scenario={"rules": rules}) as server:
            answer = asyncio.run(one(bound(server.url), asked("m")))
        assert answer.outcome == "redirected" and verdict_of(answer.outcome) == "retry"
        assert stranger.records == []
        assert stranger.url in answer.error


def test_the_key_and_nothing_surprising_is_sent(bound):
    """One POST with the key, its length, and no wish for packing; the same when a key is not bound."""
    heads: list[dict[str, str]] = []

    class Listening(FaultServer):
        async def _body(self, reader, hdr):
            heads.append(dict(hdr))
            return await super()._body(reader, hdr)

    with Listening(api_key=KEY) as server:
        url, port = server.url, server.port
        assert asyncio.run(one(bound(url), asked("m"))).outcome == "ok"
        assert asyncio.run(one(OpenAI(Binding("open", url)), asked("m"))).outcome == "auth"
    first, second = heads
    assert first.pop("authorization") == f"Bearer {KEY}"
    assert first == second
    assert first.pop("content-length").isdecimal() and first.pop("user-agent").startswith("generation-workbench/")
    assert first == {
        "host": f"127.0.0.1:{port}",
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
    }


def test_a_proxy_never_sees_the_key(bound, monkeypatch):
    """The environment's proxy is asked for a tunnel, without the key; calls to this machine pass it by."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async def ask(server: FaultServer) -> list[Answer]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
            for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
            far, near = bound("https://far.example/v1"), bound(server.url)
            return [await one(far, asked("m", 5)), await one(near, asked("m", 5))]

    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with FaultServer() as server:
        far, near = asyncio.run(ask(server))
    assert (far.outcome, near.outcome) == ("reset", "ok")
    assert len(heads) == 1 and heads[0].startswith(b"CONNECT far.example:443 ")
    assert KEY.encode() not in heads[0] and b"uthorization" not in heads[0]


@pytest.mark.parametrize(("variable", "outcome"), [("SSL_CERT_FILE", "ok"), (None, "untrusted")])
def test_only_a_certificate_that_is_trusted_gets_the_key(bound, monkeypatch, variable, outcome):
    """A server whose certificate nobody signed is told nothing, unless the environment says to trust it."""
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(CERTIFICATE)
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        body = json.dumps({"choices": [{"message": {"content": "Bees."}, "finish_reason": "stop"}]}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        writer.close()

    async def ask() -> Answer:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=secure) as server:
            port = server.sockets[0].getsockname()[1]
            return await one(bound(f"https://127.0.0.1:{port}/v1"), asked("m", 10))

    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(CERTIFICATE))
    answer = asyncio.run(ask())
    assert (answer.outcome, len(heads)) == (outcome, int(outcome == "ok"))
    assert all(KEY.encode() in head for head in heads)


def test_a_closed_port_is_a_reset(bound):
    """A connection that nobody takes is transient."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        answer = asyncio.run(one(bound(url), asked("m")))
    assert (answer.outcome, answer.http_status) == ("reset", None)
    assert answer.error


def test_the_deadline_is_for_the_whole_call(bound):
    """A server that drips is cut off when the time is over."""
    with FaultServer(scenario={"rules": [{"match": {}, "fault": "drip", "chunk_ms": 200}]}) as server:
        begun = time.monotonic()
        answer = asyncio.run(one(bound(server.url), asked("m", 0.5)))
    assert answer.outcome == "timeout"
    assert time.monotonic() - begun < 2


def test_one_slow_call_holds_up_no_other(bound):
    """128 calls in flight go on beside one that hangs, over connections that are reused."""

    async def ask(url: str) -> tuple[list[Answer], float, Answer]:
        provider = bound(url)
        slow = asyncio.create_task(provider.call(asked("slow", 20)))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        found = await asyncio.gather(*(provider.call(asked("m", text=f"{n}")) for n in range(128)))
        took = time.monotonic() - begun
        last = await slow
        await provider.aclose()
        return found, took, last

    rules = [{"match": {"model": "slow"}, "fault": "slow", "delay": 4}]
    with FaultServer(scenario={"rules": rules}, latency=(0.1, 0.1)) as server:
        found, took, slow = asyncio.run(ask(server.url))
        assert server.max_inflight >= 100
    assert {answer.outcome for answer in found} == {"ok"} and slow.outcome == "ok"
    assert took < 3.5


def test_connections_are_reused(bound):
    """A hundred calls one after the other need one connection."""
    ports = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        body = json.dumps({"choices": [{"message": {"content": "yes"}}]}).encode()
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = next(int(row.split(b":")[1]) for row in head.splitlines() if row.lower().startswith(b"content-le"))
            await reader.readexactly(size)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async def ask() -> list[Answer]:
        async with await asyncio.start_server(quiet, "127.0.0.1", 0) as server:
            provider = bound(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
            found = [await provider.call(asked("m")) for _ in range(100)]
            await provider.aclose()
            return found

    assert {answer.text for answer in asyncio.run(ask())} == {"yes"}
    assert len(ports) == 1


def test_the_request_says_what_was_asked(bound):
    """Parameters that the protocol knows are passed, others stay here; the schema becomes a strict format."""
    seen: list[dict] = []

    class Listening(FaultServer):
        def choose(self, n, occ, body, *rest):
            seen.append(json.loads(body))
            return super().choose(n, occ, body, *rest)

    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    request = Request(
        "d_1",
        "model-a",
        ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}),
        {"temperature": 0, "seed": 7, "max_tokens": 50, "base_url": "http://evil.example", "top_p": None},
        schema,
    )
    with Listening() as server:
        answer = asyncio.run(one(bound(server.url), request))
    assert json.loads(answer.text).keys() == {"answer"}
    assert seen[0] == {
        "model": "model-a",
        "messages": [dict(message) for message in request.messages],
        "temperature": 0,
        "seed": 7,
        "max_tokens": 50,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        },
    }


@pytest.mark.parametrize("parameters", [{"temperature": float("nan")}, {"stop": {1}}, {"timeout": "soon"}])
def test_a_parameter_that_cannot_be_sent_fails_its_task_without_a_call(bound, parameters):
    """What JSON cannot hold is refused before anything is sent."""
    with FaultServer() as server:
        request = Request("d_1", "m", ({"role": "user", "content": "x"},), parameters)
        answer = asyncio.run(one(bound(server.url), request))
        assert (answer.outcome, server.n) == ("bad_request", 0)


def test_cancellation_passes(bound):
    """A run that is given up gets its cancellation, not an answer."""

    async def ask(url: str) -> None:
        provider = bound(url)
        call = asyncio.create_task(provider.call(asked("m")))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await provider.aclose()

    with FaultServer(fault="hang") as server:
        asyncio.run(ask(server.url))


def test_a_packed_answer_within_the_limit_is_read(bound):
    """Some gateways pack whatever was asked for."""
    import gzip

    body = gzip.compress(json.dumps({"choices": [{"message": {"content": "packed"}}]}).encode())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await writer.drain()
        writer.close()

    async def ask() -> Answer:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            return await one(bound(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"), asked("m"))

    assert asyncio.run(ask()).text == "packed"
