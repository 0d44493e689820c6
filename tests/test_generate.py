"""The engine against a real server on loopback: what it sends, keeps, counts, and when it stops."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from faults.faultllm import FaultServer, audit_db
from gardens import garden, order

from workbench.clock import ticks
from workbench.errors import WorkbenchError
from workbench.events import read_events
from workbench.generate import Summary, Terms, generate
from workbench.generate.reparse import reparse
from workbench.plan.explain import explain
from workbench.plan.forecast import forecast
from workbench.plan.orders import shape
from workbench.providers.retry import Patience
from workbench.store import Database, open_project
from workbench.store.slots import ROOM, lock_path, slot
from workbench.verify import digest, verify


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")


def run(
    path: Path, server: FaultServer, count: int | str, topics: str | None = "garden", **terms: Any
) -> tuple[Summary, list[dict[str, Any]]]:
    """Generate against a server and give the summary with the events that the run kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", server.url)
        with open_project(path, write=True) as db:
            summary = generate(db, order(count, topics), Terms(**{"concurrency": 4, **terms}))
            return summary, list(read_events(db, run_id=summary.run))


def names(events: list[dict[str, Any]]) -> Counter[str]:
    """Count events by name."""
    return Counter(event["event"] for event in events)


def holds(path: Path) -> bool:
    """Say whether every rule holds."""
    with open_project(path, write=True) as db:
        return all(check.ok for check in verify(db, full=True))


def facts(db: Database, sql: str) -> Any:
    """Give the one value of a query."""
    return db.execute(sql).fetchone()[0]


def test_n_is_n_and_the_same_again_sends_nothing(tmp_path: Path) -> None:
    """40 of 12 topics are cycles of 12, 12, 12 and 4; a finished order sends nothing and keeps its digest."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok") as server:
        first, events = run(path, server, 40)
        assert (first.status, first.done, first.calls, len(server.records)) == ("done", 40, 40, 40)
        with open_project(path) as db:
            before = digest(db)
            cycles = db.execute("select cycle, count(*) from completions group by 1 order by 1").fetchall()
        again, quiet = run(path, server, 40)
        assert (again.status, again.done, again.skipped, again.calls) == ("done", 0, 40, 0)
        assert len(server.records) == 40
    assert cycles == [(0, 12), (1, 12), (2, 12), (3, 4)]
    start = events[0]
    assert start["event"] == "generation_start"
    assert (start["unique_topics"], start["cycles_needed"], start["final_cycle_size"]) == (12, 4, 4)
    counted = names(events)
    assert (counted["cycle_start"], counted["cycle_complete"], counted["generation_complete"]) == (4, 4, 1)
    assert names(quiet) == Counter({"generation_start": 1, "skipped": 1, "generation_complete": 1})
    with open_project(path) as db:
        assert digest(db) == before
    assert holds(path)
    assert [p.name for p in tmp_path.iterdir()] == ["p.db"]


def test_another_n_continues_and_a_smaller_one_is_done(tmp_path: Path) -> None:
    """N is absolute: 5 then 30 sends 25 more, in order of cycle and topic; 10 afterwards sends none."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok") as server:
        assert run(path, server, 5, concurrency=1)[0].done == 5
        assert run(path, server, 30, concurrency=1)[0].calls == 25
        assert run(path, server, 10)[0].calls == 0
    with open_project(path) as db:
        rows = db.execute(
            "select g.replicate, t.place from calls k join generations g on g.id = k.generation_id"
            " join combos c on c.id = g.combo_id join topics t on t.id = c.topic_id order by k.id"
        ).fetchall()
    assert rows == sorted(rows)


def test_plain_samples_come_in_steps(tmp_path: Path) -> None:
    """Without topics N samples of the reserved combo are made, replicates 1 to N, with step events."""
    path = garden(tmp_path / "p.db")
    with open_project(path, write=True) as db:
        db.execute("update template_versions set text = 'Write anything, sample {{ replicate }}.'")
    with FaultServer(fault="ok") as server:
        summary, events = run(path, server, 10, None)
        assert (summary.done, run(path, server, 12, None)[0].done) == (10, 2)
    assert names(events)["step_start"] == 3
    assert names(events)["step_complete"] == 3
    with open_project(path) as db:
        rows = db.execute("select replicate from generations order by replicate").fetchall()
    assert [r for (r,) in rows] == list(range(1, 13))


def test_transient_faults_are_retried_and_lasting_ones_fail_the_task(tmp_path: Path) -> None:
    """A 500 and a 408 are tried again; a 400 costs its task one call, and the run goes on with exit 1."""
    path = garden(tmp_path / "p.db")
    with FaultServer(script=["500", "ok", "400", "408", "ok"]) as server:
        summary, events = run(path, server, 12)
        assert (summary.status, summary.done, summary.failed, summary.exit_code) == ("failed", 11, 1, 1)
        assert len(server.records) == 14
        assert names(events)["retry"] == 2
        assert names(events)["sample_failed"] == 1
        again, _ = run(path, server, 12)
        assert (again.calls, again.exit_code) == (0, 1)
        mended, _ = run(path, server, 12, retry_failed=True)
        assert (mended.status, mended.done, mended.calls) == ("done", 1, 1)
    assert holds(path)


def test_a_bad_key_stops_the_run_and_loses_no_task(tmp_path: Path) -> None:
    """401 stops with at most `concurrency` requests; the tasks stay pending and a good key goes on."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="401") as server:
        summary, _ = run(path, server, 40, concurrency=4)
        assert summary.status == "stopped"
        assert len(server.records) <= 4
        assert "auth" in summary.why
    with FaultServer(fault="ok") as server:
        assert run(path, server, 40)[0].done == 40
    assert holds(path)


def test_when_nothing_works_the_run_stops(tmp_path: Path) -> None:
    """Ten failures in a row over three tasks are enough; nothing is marked as failed for good by that alone."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="503") as server:
        summary, _ = run(path, server, 40, concurrency=4)
        assert summary.status == "stopped"
        assert len(server.records) < 80


def test_a_server_that_is_not_there_is_named_with_its_port(tmp_path: Path) -> None:
    """What refused the connection stands in the one line that a person reads, and nothing is marked as failed."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok") as server:
        port = server.url.partition("127.0.0.1:")[2].partition("/")[0]
    summary, _ = run(path, server, 40, concurrency=4)
    assert f"connection refused: nothing listens at 127.0.0.1 port {port}" in summary.why
    assert (summary.failed, summary.left) == (0, 40)


def test_what_stopped_a_run_says_what_mends_it(tmp_path: Path) -> None:
    """A key or a name that the provider does not know is mended in another place each, and the line names it."""
    path = garden(tmp_path / "p.db")
    for fault, words in {"401": "workbench providers", "404_model": "workbench models add"}.items():
        with FaultServer(fault=fault) as server:
            assert words in run(path, server, 4)[0].why


def test_a_parse_failure_keeps_the_text_and_is_parsed_again_without_a_call(tmp_path: Path) -> None:
    """An answer that its parser cannot read is kept; once the template asks otherwise, it is read without a call."""
    path = garden(tmp_path / "p.db", parser="essay_block")
    with FaultServer(fault="ok") as server:
        summary, _ = run(path, server, 12)
        assert (summary.done, summary.failed) == (0, 12)
        with open_project(path, write=True) as db:
            assert facts(db, "select count(raw) from generation_texts") == 12
            db.execute("update template_versions set parser = ''")
            found = reparse(db, shape(db, order(12)).selection)
            assert (found.looked_at, found.done) == (12, 12)
            assert facts(db, "select count(*) from completions") == 12
        assert run(path, server, 12)[0].calls == 0


def test_force_makes_a_new_text_and_keeps_the_old(tmp_path: Path) -> None:
    """Each forced task gets a second revision, which is current; the first stays in `contents`."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok") as server:
        run(path, server, 12)
        forced, _ = run(path, server, 12, force=True)
    assert (forced.done, forced.calls) == (12, 12)
    with open_project(path) as db:
        assert facts(db, "select count(*) from contents") == 24
        current = "select count(*) from generations g join contents x on x.id = g.content_id where x.revision = 2"
        assert facts(db, current) == 12
    assert holds(path)


def test_caps_hold_across_restarts(tmp_path: Path) -> None:
    """--max-calls counts all runs of the order; so does --max-cost, with what is in flight at its dearest."""
    path = garden(tmp_path / "p.db", max_tokens=100)
    with FaultServer(fault="ok") as server:
        assert run(path, server, 40, max_calls=10)[0].status == "stopped"
        assert run(path, server, 40, max_calls=10)[0].calls == 0
        assert len(server.records) == 10
        run(path, server, 40, max_calls=15)
        assert len(server.records) == 15
        with open_project(path) as db:
            spent = facts(db, "select sum(cost) from calls")
        summary, _ = run(path, server, 40, max_cost=spent * 1.5)
        assert summary.status == "stopped"
        with open_project(path) as db:
            assert spent < facts(db, "select sum(cost) from calls") <= spent * 1.5


def _at_third(fault: str, **rest: Any) -> dict[str, Any]:
    return {"default": "ok", "rules": [{"match": {"n": 3}, "fault": fault, **rest}]}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_provider_that_wants_no_call_for_hours_stops_the_run_at_once(tmp_path: Path, concurrency: int) -> None:
    """Who waits for leave is sent away; what was written down and not sent is withdrawn."""
    path, begun = garden(tmp_path / "p.db"), ticks()
    with FaultServer(scenario=_at_third("429_long")) as server:
        summary, _ = run(path, server, 12, concurrency=concurrency)
        assert audit_db(server.records, path)["lost"] == 0
        assert summary.calls == len(server.records)
    assert (summary.status, summary.failed) == ("stopped", 0)
    assert "24 hours; run the same command again then" in summary.why
    assert ticks() - begun < 10
    with open_project(path) as db:
        assert facts(db, "select count(*) from calls where status in ('sent', 'unknown')") == 0
    assert holds(path)


def test_an_interrupt_does_not_sit_out_a_pause(tmp_path: Path) -> None:
    """Ctrl-C while the provider wants no call for a minute: over at once, nothing left open."""
    path, begun = garden(tmp_path / "p.db"), ticks()
    with FaultServer(scenario=_at_third("429", retry_after=60)) as server:
        timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        summary, _ = run(path, server, 12)
        timer.join()
    assert summary.status == "interrupted"
    assert ticks() - begun < 10
    with open_project(path) as db:
        assert facts(db, "select count(*) from calls where status in ('sent', 'unknown')") == 0
    assert holds(path)


def test_nothing_but_429_stops_the_run_and_fails_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that only asks to slow down is left, and every task stays to be done."""
    monkeypatch.setattr(Patience.__init__, "__defaults__", (4, 0.5))
    path = garden(tmp_path / "p.db")
    with FaultServer(
        scenario={"default": "429", "rules": [{"match": {}, "fault": "429", "retry_after": 0.2}]}
    ) as server:
        summary, _ = run(path, server, 12)
    assert (summary.status, summary.failed, summary.left) == ("stopped", 0, 12)
    assert "slow down" in summary.why
    assert holds(path)


def test_a_forecast_follows_what_is_done_again(tmp_path: Path) -> None:
    """Failed tasks count as pending with --retry-failed, and all tasks with --force."""
    path = garden(tmp_path / "p.db")
    with FaultServer(
        scenario={"default": "ok", "rules": [{"match": {"n": [1, 2]}, "fault": "empty_content"}]}
    ) as server:
        summary, _ = run(path, server, 12)
    assert (summary.done, summary.failed) == (10, 2)
    with open_project(path) as db:
        plans = [forecast(db, order(13), settled) for settled in (None, ("done",), ())]
    assert [(plan.pending, plan.calls) for plan in plans] == [(1, 1), (3, 3), (13, 13)]


@pytest.mark.parametrize(("alias", "key"), [("unbound", "sk-x"), ("openai", "a b\nc"), ("openai", "é")])
@pytest.mark.parametrize("count", [3, 30])
def test_without_a_key_that_may_be_used_nothing_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alias: str, key: str, count: int
) -> None:
    """One error at once, whatever the number of workers and tasks; no task is left claimed."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    path = garden(tmp_path / "p.db", provider=alias)
    with FaultServer(fault="ok") as server:
        with pytest.raises(WorkbenchError):
            run(path, server, count)
        assert server.records == []
    with open_project(path) as db:
        assert facts(db, "select (select count(*) from claims) + (select count(*) from calls)") == 0
    assert holds(path)


def test_limit_does_some_now(tmp_path: Path) -> None:
    """--limit 3 settles three tasks and leaves the rest."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok") as server:
        summary, _ = run(path, server, 40, limit=3)
    assert (summary.done, summary.left, summary.exit_code) == (3, 37, 1)


def test_every_answer_is_kept_under_mixed_faults(tmp_path: Path) -> None:
    """Under a mix of faults no usable paid answer is lost, and none is paid for twice."""
    path = garden(tmp_path / "p.db", timeout=1.0)
    mix = {"ok": 70, "500": 8, "408": 6, "reset_mid": 4, "length": 4, "garbage": 3, "empty_content": 3, "refusal": 2}
    with FaultServer(mix=mix, seed=3) as server:
        summary, _ = run(path, server, 96, concurrency=8)
        found = audit_db(server.records, path)
    assert summary.done + summary.failed == 96
    assert (found["lost"], found["double_billed_extra"]) == (0, 0)
    assert holds(path)


def test_hostile_texts_neither_break_nor_change_a_row(tmp_path: Path) -> None:
    """NUL, lone surrogates, terminal escapes and markup are kept as cleaned text with the body as it came."""
    path = garden(tmp_path / "p.db")
    kinds = [
        "nul",
        "surrogate",
        "escapes",
        "html",
        "formula",
        "unicode",
        "jinja",
        "bigint",
        "nan",
        "bom",
        "list_content",
        "ok",
    ]
    with FaultServer(script=kinds) as server:
        assert run(path, server, 12)[0].done == 12
    with open_project(path) as db:
        assert facts(db, "select sum(lossy) from contents") >= 2
        assert facts(db, "select count(body) from calls") == 12
    assert holds(path)


def test_the_key_is_in_no_file(tmp_path: Path) -> None:
    """An answer that repeats the key is stored without it."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="echo_key") as server:
        run(path, server, 12)
    assert b"sk-test-0123456789abcdef" not in path.read_bytes()


def test_explain_tells_what_changed(tmp_path: Path) -> None:
    """A done task is reused; after its template or model changed it is stale, field by field."""
    path = garden(tmp_path / "p.db", temperature=0.7)
    with FaultServer(fault="ok") as server:
        run(path, server, 3)
    from workbench.catalogue.models import Model, store_model
    from workbench.catalogue.templates import store_template
    from workbench.prompts import Template

    with open_project(path, write=True) as db:
        assert explain(db, 1).verdict == "reused"
        store_template(db, Template("plain", "draft", "Another text about {{ topic }}."))
        store_model(db, Model("m", "openai", "mock-model", {"temperature": 0.9}))
        found = explain(db, 1)
        assert found.verdict == "stale"
        assert {(d.field, d.was, d.now) for d in found.differences} >= {("model temperature", 0.7, 0.9)}
        assert any(d.field == "template text" for d in found.differences)
        assert forecast(db, order(5)).pending == 2


def test_listeners_hear_each_task(tmp_path: Path) -> None:
    """A listener hears every call and every settled task, which are not kept as events."""
    path = garden(tmp_path / "p.db", provider="offline")
    heard: Counter[str] = Counter()

    def listen(event: str, told: Mapping[str, object]) -> None:
        heard[event] += 1

    with open_project(path, write=True) as db:
        generate(db, order(12), Terms(), listen)
        assert facts(db, "select count(*) from events where event in ('call', 'settled')") == 0
        assert facts(db, "select sum(synthetic) from generation_texts") == 12
    assert (heard["call"], heard["settled"]) == (12, 12)


def test_room_is_set_aside_for_what_is_paid_for(tmp_path: Path) -> None:
    """While a run is on the lock file holds room; it can be given back to a full disk, and goes with the file."""
    path = garden(tmp_path / "p.db")
    with open_project(path, write=True) as db, slot(db) as mine:
        lock = lock_path(db)
        mine.reserve_room(4)
        held = lock.stat().st_blocks * 512
        mine.give_room()
        assert (held >= 4 * ROOM or not hasattr(os, "posix_fallocate")) and lock.stat().st_size == 0
        assert mine.is_alive(mine.number)
    assert [p.name for p in tmp_path.iterdir()] == ["p.db"]
