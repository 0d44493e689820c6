"""Runs by batches against a real server with the files and batches endpoints: sent once, taken whole, at half price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.batchllm import BatchServer
from gardens import garden, order
from hypothesis import given
from hypothesis import strategies as st

from workbench.batch.drive import BatchTerms, by_batches
from workbench.batch.filling import Sizes
from workbench.batch.listing import forget_batch, list_batches
from workbench.batch.looking import cancel_batch, take_batches
from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.errors import BadInput, KeyNotBound, Refused, UnknownName
from workbench.events import read_events
from workbench.generate import Summary, Terms, generate
from workbench.migrate.rename import rename
from workbench.pack import pack
from workbench.prompts import Template
from workbench.providers import Request
from workbench.providers.openai.lines import request_line, result_line
from workbench.record.ledger import claim_generation
from workbench.rescue import recover
from workbench.store import open_project, transaction
from workbench.store.slots import slot
from workbench.verify import verify

KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """Give a server that `openai` is bound to."""
    with BatchServer() as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a project with twelve topics."""
    return garden(tmp_path / "p.db")


def run(path: Path, count: int = 12, *, sizes: Sizes | None = None, asked: Any = None, **terms: Any) -> Summary:
    """Generate by batches, with pauses that take no time; `asked` are the batch terms."""
    batch = BatchTerms(**{"pause": lambda seconds: None, **(asked or {})}, **({"sizes": sizes} if sizes else {}))
    with open_project(path, write=True) as db:
        return generate(db, order(count), Terms(**terms), drive=by_batches(batch))


def live(path: Path, count: int = 12, **terms: Any) -> Summary:
    """Generate call by call."""
    with open_project(path, write=True) as db:
        return generate(db, order(count), Terms(**terms))


def ask(path: Path, sql: str) -> list[Any]:
    """Query the project."""
    with open_project(path) as db:
        return db.execute(sql).fetchall()


def sound(path: Path, server: BatchServer, *, twice: int = 0) -> None:
    """Every rule holds, nothing is in flight, nothing was paid twice, and one file is left."""
    with open_project(path, write=True) as db:
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
        assert db.execute("select count(*) from claims").fetchone() == (0,)
        assert db.execute("select count(*) from batch_lines where open = 1").fetchone() == (0,)
        assert db.execute("select count(*) from calls where status = 'sent'").fetchone() == (0,)
    assert sum(count - 1 for count in server.paid.values()) == twice
    assert [p.name for p in path.parent.glob("p.db*")] == ["p.db"]


def test_all_tasks_go_out_as_one_file_and_come_back_at_half_the_price(path: Path, server: BatchServer) -> None:
    """Every answer is judged as a live one, its body kept as it came; the same again sends nothing."""
    server.looks = 3
    summary = run(path)
    assert (summary.status, summary.done, summary.calls, server.limits) == ("done", 12, 12, [12])
    assert summary.cost == pytest.approx(12 * (100 * 1.0 + 50 * 2.0) / 1e6 / 2)
    assert server.requests.count("POST /batches") == 1 and server.paid.total() == 12
    assert server.keys == {f"Bearer {KEY}"} and KEY.encode() not in path.read_bytes()
    calls = ask(path, "select status, outcome, latency_ms, body from calls")
    assert {row[:3] for row in calls} == {("answered", "ok", None)}
    assert all(json.loads(body)["response"]["status_code"] == 200 for *_, body in calls)
    texts = ask(path, "select x.raw, p.text from contents x join prompts p on p.hash = x.prompt_hash")
    assert len(texts) == 12 and all(raw == f"On: {prompt}" for raw, prompt in texts)
    assert ask(path, "select state, status, requests from batches") == [("ended", "completed", 12)]
    assert ask(path, "select count(*) from batch_lines where request is not null") == [(0,)]
    asked = len(server.requests)
    assert (run(path).calls, len(server.requests)) == (0, asked)
    sound(path, server)


def test_the_answers_are_those_of_a_live_run(tmp_path: Path, server: BatchServer) -> None:
    """By batches or call by call: the same facts."""
    from workbench.verify import digest

    found = set()
    for name, how in (("a", run), ("b", live)):
        path = garden(tmp_path / f"{name}.db")
        assert how(path).done == 12
        with open_project(path) as db:
            found.add(digest(db))
    assert len(found) == 1


@pytest.mark.parametrize("sizes", [Sizes(5, 10**6), Sizes(1000, 1500)])
def test_a_file_holds_no_more_than_it_may(path: Path, server: BatchServer, sizes: Sizes) -> None:
    """More tasks are several files, by number and by bytes."""
    assert run(path, 14, sizes=sizes).status == "done"
    assert len(server.limits) > 2 and sum(server.limits) == 14 and max(server.limits) <= sizes.requests
    sent = [data for name, data in server.files.values() if name.startswith("workbench-")]
    assert max(map(len, sent)) <= sizes.bytes
    assert [row[0] for row in ask(path, "select bytes from batches order by id")] == [len(data) for data in sent]
    sound(path, server)


def test_a_file_asks_one_model(path: Path, server: BatchServer) -> None:
    """Tasks of two models go out in two files."""
    with open_project(path, write=True) as db, transaction(db):
        store_model(db, Model("n", "openai", "other-model", {}, price_in=1.0, price_out=2.0))
    with open_project(path, write=True) as db:
        drive = by_batches(BatchTerms(wait=False))
        for model in ("m", "n"):
            generate(db, type(order(1))("plain", model, 12, "garden"), Terms(), drive=drive)
        summary = take_batches(db)
    assert (summary.done, sorted(server.limits)) == (24, [12, 12])


def test_without_waiting_it_sends_and_the_same_command_goes_on(path: Path, server: BatchServer) -> None:
    """Nothing is sent anew for what is out there; what is over is taken by whoever comes, and counted."""
    server.looks = 2
    first = run(path, asked={"wait": False})
    assert (first.status, first.left, first.done) == ("stopped", 12, 0) and "batch 1 is still" in first.why
    assert run(path, asked={"wait": False}).left == 12
    last = run(path, asked={"wait": False})
    assert (last.status, last.done, last.calls) == ("done", 12, 12)
    assert server.requests.count("POST /files") == 1
    sound(path, server)


def test_tasks_in_a_batch_are_nobody_elses(path: Path, server: BatchServer) -> None:
    """A live run beside an open batch sends the others only, and ends; --force and --retry-failed neither."""
    run(path, 5, asked={"wait": False})
    with open_project(path, write=True) as db, transaction(db):
        (one,) = db.execute("select min(generation_id) from batch_lines").fetchone()
        assert not claim_generation(db, 1, one)  # whoever looked it up before it was put there
    found = live(path, 12)
    assert (found.status, found.done, found.left, server.live) == ("failed", 7, 5, 7)
    assert live(path, 12, force=True).done == 7
    assert run(path, 12).status == "done"
    assert server.live == 14
    sound(path, server, twice=7)


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
def test_what_a_batch_leaves_undone_is_ready_again(path: Path, server: BatchServer, ends: str) -> None:
    """The answers that came are kept; the others cost nothing and go out with the next command, once."""
    server.ends = ends
    server.behave = lambda number, _: ends if number % 3 == 0 else "missing" if number == 1 else "ok"
    summary = run(path)
    assert (summary.status, summary.done, summary.left, summary.calls) == ("failed", 7, 5, 11)
    outcomes = dict(ask(path, "select outcome, count(*) from calls group by 1"))
    assert outcomes == {"ok": 7, "server_error": 4, ends: 1}
    server.ends, server.behave = "completed", lambda number, _: "ok"
    again = run(path)
    assert (again.status, again.done, server.limits) == ("done", 5, [12, 5])
    assert ask(path, "select max(attempt) from calls") == [(2,)]
    sound(path, server)


def test_failed_lines_go_live_when_asked(path: Path, server: BatchServer) -> None:
    """A line that failed for a time is sent by a single call; a lasting failure is its task's own."""
    server.behave = lambda number, _: {0: "500", 1: "429", 2: "400", 3: "expired"}.get(number, "ok")
    summary = run(path, asked={"live": True})
    assert (summary.status, summary.done, summary.failed, server.live) == ("failed", 11, 1, 3)
    assert ask(path, "select outcome from generations where status = 'failed'") == [("bad_request",)]
    sound(path, server)


def test_a_batch_that_fails_sends_nothing_again_by_itself(path: Path, server: BatchServer) -> None:
    """A file that the provider does not take says why; its tasks are free, and nothing was paid."""
    server.ends = "failed"
    summary = run(path)
    assert (summary.left, summary.cost, server.requests.count("POST /batches")) == (12, 0.0, 1)
    assert ask(path, "select state, error from batches") == [
        ("ended", "token_limit_exceeded Enqueued token limit reached")
    ]
    server.ends = "completed"
    assert run(path).status == "done"
    sound(path, server)


def test_lines_that_nobody_can_use_lose_nothing_else(path: Path, server: BatchServer) -> None:
    """Half a line, a stranger's, one twice, one cut by length, one empty: each is told apart and kept."""
    kinds = {0: "garbage", 1: "unknown", 2: "twice", 3: "length", 4: "empty"}
    server.behave = lambda number, _: kinds.get(number, "ok")
    summary = run(path)
    assert (summary.done, summary.failed, summary.left, summary.calls) == (8, 2, 2, 10)
    outcomes = dict(ask(path, "select outcome, count(*) from calls group by 1"))
    assert outcomes == {"ok": 8, "truncated": 1, "empty": 1, "unknown": 2}
    with open_project(path) as db:
        strays = [event for event in read_events(db) if event["event"] == "batch_stray"]
    assert len(strays) == 2 and any("d_somebodyelse" in event["line"] for event in strays)
    assert ask(path, "select truncated, count(*) from contents group by 1") == [(0, 8), (1, 1)]
    server.behave = lambda number, _: "ok"
    assert run(path).done == 2
    sound(path, server, twice=2)  # what came unreadable had to be asked for again


FAULTS = [
    ("POST /files", ["500", "lost", "429", "cut"]),
    ("POST /files", ["garbage"]),
    ("POST /batches", ["500", "lost", "429", "cut"]),
    ("POST /batches", ["503", "half"]),
    ("GET /batches/*", ["500", "lost", "half", "429", "garbage"]),
    ("GET /files/*/content", ["500", "half", "lost", "429"]),
]


@pytest.mark.parametrize(("route", "faults"), FAULTS, ids=lambda value: str(value))
def test_faults_of_every_endpoint_pass(path: Path, server: BatchServer, route: str, faults: list[str]) -> None:
    """What fails in passing is tried again; what may have been done already is looked for first."""
    server.faults = {route: list(faults), "GET /batches": ["500"], "GET /files": ["429"]}
    assert run(path).status == "done"
    assert len(server.batches) == 1 and server.faults[route] == []
    assert sum(name.startswith("workbench-") for name, _ in server.files.values()) == 1
    sound(path, server)


@pytest.mark.parametrize("route", ["POST /files", "POST /batches"])
@pytest.mark.parametrize("fault", ["400", "401", "404"])
def test_a_refusal_ends_the_run_with_nothing_in_flight(path: Path, server: BatchServer, route: str, fault: str) -> None:
    """A provider without batches, or a wrong key: one line that says so, no call on record, all tasks free."""
    server.faults = {route: [fault]}
    summary = run(path)
    assert (summary.status, summary.left, summary.calls) == ("stopped", 12, 0)
    assert "HTTP" in summary.why and "--batch" in summary.why
    assert ask(path, "select count(*) from calls") == [(0,)]
    assert live(path).done == 12
    sound(path, server)


def test_a_provider_that_is_down_keeps_the_batch_for_later(path: Path, server: BatchServer) -> None:
    """After some tries the run stops; the same command finds what was done and goes on."""
    server.faults = {"POST /batches": ["cut"] + ["500"] * 9, "GET /batches": ["500"] * 9}
    assert run(path).status == "stopped"
    assert ask(path, "select state from batches") == [("submitting",)]
    server.faults = {}
    assert run(path).status == "done"
    assert len(server.batches) == 1
    sound(path, server)


def test_a_batch_is_found_by_its_file_where_metadata_is_dropped(path: Path, server: BatchServer) -> None:
    """Servers that keep no metadata are no reason to pay twice."""
    server.metadata = False
    server.faults = {"POST /batches": ["cut"]}
    assert run(path).status == "done" and len(server.batches) == 1
    sound(path, server)


def test_an_output_file_that_is_not_whole_is_asked_for_again(path: Path, server: BatchServer) -> None:
    """Fewer answers than the batch says it has are no reason to give the others up."""
    run(path, asked={"wait": False})
    (batch,) = server.batches.values()
    server.looked(batch)
    name, data = server.files[str(batch.output)]
    server.files[str(batch.output)] = (name, b"\n".join(data.splitlines()[:5]))
    assert run(path).status == "stopped"
    assert ask(path, "select count(*) from generations where status = 'done'") == [(5,)]
    server.files[str(batch.output)] = (name, data)
    assert run(path).done == 7
    sound(path, server)


def test_caps_and_limits_hold(path: Path, server: BatchServer) -> None:
    """They count what stands in open batches, at the price of a batch."""
    assert run(path, limit=3).done == 3
    summary = run(path, max_calls=5)
    assert (summary.status, summary.done) == ("stopped", 2) and "cap of 5 calls" in summary.why
    assert server.paid.total() == 5
    with open_project(path, write=True) as db, transaction(db):
        store_model(db, Model("m", "openai", "mock-model", {"max_tokens": 200}, price_in=1.0, price_out=2.0))
    spent = ask(path, "select total(cost) from runs")[0][0]
    dearest = ask(path, "select max(reserved) from batch_lines")[0][0]
    assert dearest < 0.002  # a thousand tokens at two a million, halved, and the prompt
    capped = run(path, max_cost=spent + 0.0009)
    assert capped.status == "stopped" and 0 < capped.done < 7
    assert ask(path, "select total(cost) from runs")[0][0] <= spent + 0.0009
    sound(path, server)


def test_a_live_run_counts_what_stands_in_batches(path: Path, server: BatchServer) -> None:
    """Five in a batch and a cap of seven calls leave two for single calls."""
    run(path, 5, asked={"wait": False})
    found = live(path, 5 + 12, max_calls=7)
    assert (found.status, server.live) == ("stopped", 2)


def test_requests_that_no_file_can_hold_fail_alone(path: Path, server: BatchServer) -> None:
    """A prompt that is larger than a file costs its task no call over there."""
    summary = run(path, sizes=Sizes(100, 250))
    assert summary.failed > 0 and summary.done + summary.failed == 12
    assert set(ask(path, "select outcome from generations where status = 'failed'")) == {("too_large",)}
    assert server.paid.total() == summary.done
    sound(path, server)


def test_providers_without_batches_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is chosen, in one line; so is a missing key."""
    path = garden(tmp_path / "p.db", provider="offline")
    with pytest.raises(BadInput, match="takes no batches"):
        run(path)
    monkeypatch.delenv("OPENAI_API_KEY")
    other = garden(tmp_path / "q.db")
    with pytest.raises(KeyNotBound):
        run(other)
    assert ask(other, "select count(*) from batches") == [(0,)]


def test_cancelled_batches_give_what_was_answered(path: Path, server: BatchServer) -> None:
    """A cancellation is asked for, its answers are taken without sending anything, the rest is free."""
    server.looks = 5
    server.behave = lambda number, _: "ok" if number < 4 else "cancelled"
    run(path, asked={"wait": False})
    (batch,) = server.batches.values()
    with open_project(path, write=True) as db:
        assert cancel_batch(db, 1) == "cancelling"
        server.looks = batch.looks + 1
        summary = take_batches(db)
        assert (summary.done, summary.left, summary.calls) == (4, 0, 0)
        assert db.execute("select calls from runs where job <> 'batches'").fetchall() == [(12,)]
        with pytest.raises(Refused, match="is over"):
            cancel_batch(db, 1)
        with pytest.raises(UnknownName):
            cancel_batch(db, 7)
        assert [row["open"] for row in list_batches(db)] == [0] and list_batches(db, everything=False) == []
    server.behave = lambda number, _: "ok"
    assert run(path).done == 8
    sound(path, server)


def test_a_batch_that_never_got_there_is_withdrawn(path: Path, server: BatchServer) -> None:
    """Cancelling it leaves no call on record; one that did get there unnoticed is cancelled there."""
    server.faults = {"POST /batches": ["500"] * 9}
    assert run(path).status == "stopped"
    with open_project(path, write=True) as db:
        assert cancel_batch(db, 1, pause=lambda seconds: None) == "withdrawn"
        assert db.execute("select count(*) from calls").fetchone() == (0,)
    server.faults = {"POST /batches": ["cut"], "GET /batches": ["500"] * 9}
    assert run(path).status == "stopped"
    server.faults = {}
    with open_project(path, write=True) as db:
        assert cancel_batch(db, 2, pause=lambda seconds: None) == "cancelling"
    assert [batch.status for batch in server.batches.values()] == ["cancelling"]


def test_a_forgotten_batch_frees_its_tasks(path: Path, server: BatchServer) -> None:
    """For a batch that its provider does not know: its calls are unknown, its tasks go out anew."""
    run(path, asked={"wait": False})
    server.batches.clear()
    stopped = run(path)
    assert stopped.status == "stopped" and "batches forget 1" in stopped.why
    with open_project(path, write=True) as db:
        assert forget_batch(db, 1) == 12
        assert db.execute("select status, count(*) from calls group by 1").fetchall() == [("unknown", 12)]
    assert run(path).done == 12
    sound(path, server)


def test_open_batches_stay_out_of_copies_and_through_recovery(path: Path, server: BatchServer, tmp_path: Path) -> None:
    """`recover` leaves their calls alone; in a packed copy nothing runs and every task is free."""
    run(path, asked={"wait": False})
    assert recover(path).calls_unknown == 0
    with open_project(path) as db:
        pack(db, tmp_path / "copy.db")
    copied = ask(tmp_path / "copy.db", "select state, (select sum(open) from batch_lines) from batches")
    assert copied == [("given up", 0)]
    assert run(path).done == 12
    sound(path, server)


def test_a_batch_that_was_not_full_when_its_process_ended_was_never_sent(path: Path, server: BatchServer) -> None:
    """Its tasks are free at once for whoever comes, and nothing is on record as sent."""
    with open_project(path, write=True) as db:
        with slot(db) as mine, transaction(db):
            db.execute("insert into runs (job, config, status, version, started) values ('x', '{}', 'lost', '', '')")
            number = mine.number
        live(path, 3)
    with open_project(path, write=True) as db, transaction(db):
        db.execute(
            "insert into batches (uuid, run_id, slot, provider, model, state, created)"
            " values ('u', 1, ?, 'openai', 'mock-model', 'filling', '')",
            (number,),
        )
        db.execute(
            "insert into batch_lines (batch_id, generation_id, custom_id, open, prompt_hash, template_version_id)"
            " select 1, id, gen_id, 1, '', 1 from generations where status <> 'done' limit 4"
        )
    assert live(path, 12).done == 9
    assert ask(path, "select state, slot from batches") == [("given up", None)]
    sound(path, server)


def test_what_changes_meanwhile_does_not_reach_what_is_out_there(path: Path, server: BatchServer) -> None:
    """IDs that were migrated and a template that was edited: answers find their tasks, judged as they were asked."""
    run(path, asked={"wait": False})
    with open_project(path, write=True) as db:
        rename(db, "template", "plain", "plainer")
        store_template(db, Template("plainer", "draft", "Other: {{ topic }}", parser="score", scale=(0.0, 9.0)))
        summary = take_batches(db)
        assert (summary.done, summary.failed) == (12, 0)
        assert {row[0] for row in db.execute("select template_version_id from contents")} == {1}
        assert db.execute(
            "select count(*) from batch_lines l join generations g on g.id = l.generation_id"
            " where g.gen_id = l.custom_id"
        ).fetchone() == (0,)
    sound(path, server)


TEXTS = st.text(max_size=40)


@given(TEXTS, TEXTS)
def test_a_line_goes_out_whole(custom_id: str, text: str) -> None:
    """Whatever a prompt holds, a request is one line of JSON with its ID and its text, as far as UTF-8 can say it."""
    line = request_line(custom_id, Request("t", "m", ({"role": "user", "content": text},)))
    found = json.loads(line)
    assert b"\n" not in line and found["custom_id"] == custom_id
    assert found["body"]["messages"][0]["content"] == text.encode("utf-8", "replace").decode()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["custom_id", "response", "status_code", "body", "error", "code", "choices", "message"]
                ),
                inner,
            )
        ),
    )
)
def test_no_line_breaks_the_reader(value: Any) -> None:
    """Any JSON, and any bytes, are an answer of some outcome, with the line as its body."""
    line = json.dumps(value).encode()
    for found in (line, line[:-1], line + b"}"):
        custom_id, answer = result_line(found, None)
        assert answer.body == found and answer.outcome and (custom_id is None or isinstance(custom_id, str))
