"""Several workers on one project: as if by one process, whoever is killed, with limits that hold for all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from conftest import ROOT
from faults.faultllm import FaultServer, audit_db
from gardens import garden, order
from test_shards import SPEC, ids

from workbench.catalogue.starters import install_starters
from workbench.cli.generate import generate as command_of_generate
from workbench.cli.generate import order_of
from workbench.cohorts import read_spec
from workbench.errors import Incomplete, KeyNotBound, WorkbenchError
from workbench.generate import Summary, Terms, generate, generate_cohort
from workbench.plan.compiling import compile_cohort
from workbench.shards.asked import Asked
from workbench.shards.crew import Ended, Processes, Told
from workbench.shards.share import Share
from workbench.shards.together import generate_together
from workbench.shards.work import generate_shard
from workbench.store import open_project
from workbench.verify import digest, verify

STAGES = ("draft", "essay", "evaluation")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def pilot(tmp_path: Path, name: str, **made: Any) -> Path:
    """Make a project with 12 topics and the cohort `pilot`."""
    path, spec = garden(tmp_path / name, **made), tmp_path / "pilot.yaml"
    spec.write_text(SPEC)
    with open_project(path, write=True) as db:
        install_starters(db)
        compile_cohort(db, "pilot", read_spec(spec))
    return path


class Threads:
    """A crew of this process's own threads, which read the words that a worker gets as the command does."""

    def __init__(self) -> None:
        """Start with nobody at work."""
        self.news: SimpleQueue[Any] = SimpleQueue()

    def start(self, share: Share, words: Sequence[str]) -> None:
        """Start a thread."""
        threading.Thread(target=self._work, args=(share, words)).start()

    def _work(self, share: Share, words: Sequence[str]) -> None:
        said = command_of_generate.make_context("generate", list(words[1:])).params
        terms = Terms(**{name: said[name] for name in said if hasattr(Terms, name) and said[name] is not None})
        asked_order = order_of(*(said[n] for n in ("topics", "num_samples", "template", "model")))
        made = (said["project"], said["into"], Share.parse(said["shard"]), Asked(asked_order), terms)
        try:
            done = generate_shard(*made, lambda *told: self.news.put(Told(share, *told)), as_made=True)
            self.news.put(Ended(share, done))
        except WorkbenchError as error:
            self.news.put(Ended(share, error=error))

    def drain(self) -> None:
        """Leave them to their work."""

    give_up = close = drain


def together(
    path: Path, asked: Asked, workers: int = 3, listen: Any = None, width: Any = None, crew: Any = None, **terms: Any
) -> Summary:
    """Work with so many threads, or with another crew; `listen` also gets the crew."""
    crew = crew or Threads()

    def heard(event: str, facts: Mapping[str, Any]) -> None:
        if listen is not None and event in ("settled", "worker_killed", "shard_home"):
            listen(crew, event, facts)

    return generate_together(path, workers, asked, Terms(**terms), lambda drain: crew, heard, width=width)


def alone(path: Path) -> bool:
    """Say whether nothing but the project is left, and every rule holds."""
    with open_project(path, write=True) as db:
        broken = [check.name for check in verify(db, full=True) if not check.ok]
    assert broken == []
    return [p.name for p in path.parent.iterdir() if p.name.startswith(path.name)] == [path.name]


def one_value(path: Path, sql: str) -> Any:
    """Give the one value of a query."""
    with open_project(path) as db:
        return db.execute(sql).fetchone()[0]


def digest_of(path: Path) -> str:
    """Give a project's digest."""
    with open_project(path) as db:
        return digest(db)


@pytest.mark.parametrize("asked", [Asked(order(31)), Asked(order(9, None)), Asked(cohort="pilot")], ids=lambda a: a.job)
def test_workers_are_one_process(tmp_path: Path, asked: Asked) -> None:
    """Workers make what one process makes, row for row and text for text; a second time sends nothing."""
    crew = Processes() if asked.order is None else None
    parts, whole = (pilot(tmp_path, name, provider="offline") for name in ("parts.db", "whole.db"))
    summary = together(parts, asked, 2, crew=crew)
    with open_project(whole, write=True) as db:
        one = generate_cohort(db, "pilot") if asked.order is None else generate(db, asked.order)
    assert (summary.status, summary.done, summary.calls) == ("done", one.done, one.calls)
    assert {stage: ids(parts, stage=stage) for stage in STAGES} == {stage: ids(whole, stage=stage) for stage in STAGES}
    assert digest_of(parts) == digest_of(whole)
    again = together(parts, asked)
    assert (again.status, again.done, again.skipped, again.calls) == ("done", 0, one.done, 0)
    assert alone(parts)


def test_a_killed_worker_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers are killed in the middle of their work; all is done, and no answer that arrived is paid twice."""
    path, killed = garden(tmp_path / "p.db"), []

    def listen(crew: Processes, event: str, facts: Mapping[str, Any]) -> None:
        seen.append(event)
        if event == "settled" and seen.count("settled") in (6, 20):
            killed.append(crew.pids[0])
            os.kill(crew.pids[0], signal.SIGKILL)

    seen: list[str] = []
    with FaultServer(fault="ok", latency=(0.01, 0.03)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        summary = together(path, Asked(order(60)), 2, listen, crew=Processes())
        audit = audit_db(server.records, path)
    assert len(killed) == 2 and seen.count("worker_killed") >= 1
    assert (summary.status, summary.done) == ("done", 60) and len(ids(path)) == 60
    assert audit["lost"] + audit["billed_undelivered"] <= 2 * 4
    assert audit["double_billed_extra"] <= 2 * 4
    assert one_value(path, "select count(*) from calls where status = 'sent'") == 0
    assert alone(path)


def test_a_worker_that_always_dies_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some starts the command says so in one line; what was done is in the project."""
    path = garden(tmp_path / "p.db")

    def listen(crew: Processes, event: str, facts: Mapping[str, Any]) -> None:
        for pid in crew.pids if event == "settled" else ():
            os.kill(pid, signal.SIGKILL)

    with FaultServer(fault="ok", latency=(0.02, 0.02)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(Incomplete, match="killed 4 times"):
            together(path, Asked(order(60)), 1, listen, crew=Processes())
    assert len(ids(path)) < 60
    assert alone(path)


def test_limits_hold_for_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--limit and --max-calls are met exactly, however the tasks fall into shards; --max-cost is not exceeded."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        limited = together(path, Asked(order(24)), 4, limit=10)
        assert (limited.done, limited.left, limited.status) == (10, 14, "failed")
        capped = together(path, Asked(order(24)), 4, max_calls=17)
        assert (capped.done, capped.status, len(server.records)) == (7, "stopped", 17)
        assert "the cap of 17 calls is reached (17 made by" in capped.why
        assert together(path, Asked(order(24)), 4, max_calls=17).calls == 0
        cost = one_value(path, "select total(cost) from runs")
        costly = together(path, Asked(order(120)), 2, max_cost=cost * 2)
        assert costly.status == "stopped" and f"the cap of {cost * 2:g} is reached" in costly.why
        assert one_value(path, "select total(cost) from runs") <= cost * 2
    assert alone(path)


def test_calls_in_flight_are_those_that_were_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--concurrency 3 of three workers is one each."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok", latency=(0.02, 0.02)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert together(path, Asked(order(30)), width=3).done == 30
        assert audit_db(server.records, path)["max_concurrency"] <= 3


def test_a_bad_key_stops_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 stops with no more requests than calls in flight; no key at all is one error; the tasks stay to be done."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="401") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        summary = together(path, Asked(order(40)), limit=30)
        assert summary.status == "stopped" and "auth" in summary.why and summary.left == 40
        assert len(server.records) <= 3 * 4
    assert alone(path)
    with pytest.raises(KeyNotBound, match="nobody"):
        together(garden(tmp_path / "q.db", provider="nobody"), Asked(order(40)))
    assert alone(tmp_path / "q.db")


def test_failed_tasks_are_counted_and_sent_again_when_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 400 fails its task; it keeps its place until --retry-failed; --force makes every text anew."""
    path = garden(tmp_path / "p.db")
    with FaultServer(script=["400", "ok", "400"]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        first = together(path, Asked(order(24)))
        assert (first.status, first.done, first.failed) == ("failed", 22, 2)
        second = together(path, Asked(order(24)))
        assert (second.status, second.calls, second.failed) == ("failed", 0, 0) and "--retry-failed" in second.why
        third = together(path, Asked(order(24)), retry_failed=True)
        assert (third.status, third.done, third.failed, third.calls) == ("done", 2, 0, 2)
        forced = together(path, Asked(order(24)), force=True)
        assert (forced.status, forced.done, forced.calls) == ("done", 24, 24)
    assert one_value(path, "select count(*) from contents where outcome = 'ok'") == 48
    assert alone(path)


def command(path: Path, count: int, *more: str) -> list[str]:
    """Give the command line with three workers."""
    asked = ["--topics", "garden", "-n", str(count), "--template", "plain", "--model", "m", "-p", str(path)]
    return [sys.executable, "-m", "workbench", "generate", *asked, "--workers", "2", "--json", *more]


def until(process: subprocess.Popen[str], server: FaultServer, requests: int) -> None:
    """Wait until the server has had so many requests."""
    while len(server.records) < requests:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.fixture
def begin() -> Any:
    """Start the command as a process of its own; what is left of it at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(words: list[str]) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(words, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_ctrl_c_drains_all_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[..., Any], run: Any
) -> None:
    """Meanwhile a second command is refused. Then 130, every paid answer in the project, nothing left beside it."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok", latency=(0.03, 0.05)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        process = begin(command(path, 400))
        until(process, server, 20)
        second = run(*command(path, 400)[3:])
        assert (
            second.code == 3 and "another command has workers on it" in second.err and second.err.count("Error: ") == 1
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
        assert process.returncode == 130, err
        facts = json.loads(out)
        assert facts["status"] == "interrupted" and facts["done"] == len(ids(path)) == len(server.records)
        assert "stopping: waiting for the calls in flight" in err
        audit = audit_db(server.records, path)
        assert (audit["lost"], audit["double_billed_extra"]) == (0, 0)
        assert alone(path)


def test_a_killed_leader_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[..., Any]
) -> None:
    """kill -9 of the command: its workers drain, and the same command brings their shards home and goes on."""
    path = garden(tmp_path / "p.db")
    with FaultServer(fault="ok", latency=(0.03, 0.05)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        process = begin(command(path, 60))
        until(process, server, 20)
        process.kill()
        process.communicate()
        done = begin(command(path, 60))
        out, err = done.communicate()
        assert done.returncode == 0, err
        assert "left by an earlier command, is merged" in err
        assert json.loads(out)["left"] == 0 and len(ids(path)) == 60
        audit = audit_db(server.records, path)
        assert (audit["lost"], audit["billed_undelivered"], audit["double_billed_extra"]) == (0, 0, 0)
    assert alone(path)


def test_a_shard_that_stays_is_brought_up_to_date(tmp_path: Path) -> None:
    """What other shards brought home and what the project gained is not made again; a larger N goes on."""
    from workbench.merge import merge

    path, files = garden(tmp_path / "p.db", provider="offline"), [tmp_path / "a.db", tmp_path / "b.db"]
    parts = [Share(1, 2), Share(2, 2)]
    generate_shard(path, files[0], parts[0], Asked(order(12)), Terms(limit=2))
    with open_project(path, write=True) as db:
        generate(db, order(6))
    for share, into in zip(parts, files, strict=True):
        generate_shard(path, into, share, Asked(order(12)))
        with open_project(path, write=True) as db:
            merge(db, [into], snapshot=False)
    assert len(ids(path)) == 12
    assert one_value(path, "select max(n) from (select count(*) n from contents group by generation_id)") <= 2
    more = [generate_shard(path, into, share, Asked(order(30))) for share, into in zip(parts, files, strict=True)]
    assert sum(one.done for one in more) == 18
    assert sum(one.skipped for one in more) == 12
    for into in files:
        with open_project(path, write=True) as db:
            merge(db, [into], snapshot=False)
        with open_project(into, write=True) as db:
            assert all(check.ok for check in verify(db, full=True))
    assert len(ids(path)) == 30


def test_the_command_refuses_what_cannot_be_divided(tmp_path: Path, run: Any) -> None:
    """One call in flight of two workers is one line; so is a name that is not there."""
    path = garden(tmp_path / "p.db", provider="offline")
    words = command(path, 6)[3:]
    for more, code in ((("--concurrency", 1), 2), (("--rpm", 1), 2), (("--cohort", "x"), 2)):
        refused = run(*words, *more)
        assert refused.code == code and refused.err.count("Error: ") == 1, refused
    assert run(*words, "--dry-run").json["pending"] == 6
    assert alone(path)
