"""The wall clock goes back, leaps ahead, stands still or is before 1970: it is for display, and nothing else asks."""

from __future__ import annotations

import ast
import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from browsing import get
from conftest import ROOT
from faults.batchllm import BatchServer
from faults.faultllm import FaultServer, audit_db
from gardens import garden, order

from workbench import clock
from workbench.batch.drive import BatchTerms, by_batches
from workbench.browse.charts import duration
from workbench.events import read_events
from workbench.exports import export_openlineage, export_prov
from workbench.generate import Summary, Terms, generate
from workbench.providers.openai.waiting import LONGEST, retry_after
from workbench.store import open_project
from workbench.store.slots import release_dead
from workbench.store.snapshots import take_snapshot
from workbench.verify import verify

HOUR, YEAR = 3_600 * 10**9, 366 * 86_400 * 10**9  # nanoseconds
NOON: Final = 1_700_000_000 * 10**9
CLOCKS: Final = {
    "back an hour at each look": lambda n: NOON - n * HOUR,
    "ahead a year at each look": lambda n: NOON + n * YEAR,
    "standing still": lambda n: NOON,
    "before 1970": lambda n: -(10**15) - n * 1_000_001,
    "to and fro beyond what can be written": lambda n: (10**21, -(10**21), NOON, 0, -1)[n % 5],
}
DURATION: Final = re.compile(r"[-−]\d[\d.e+]* ?(?:ms|s|min|h|d)\b")


class Jumping:
    """Stands where `workbench.clock` finds the module `time`; only the time of day is another one."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, moment: Callable[[int], int]) -> None:
        """Give the moment in nanoseconds by the number of the look."""
        self._moments = map(moment, itertools.count())

    def time_ns(self) -> int:
        """Look."""
        return next(self._moments)

    def time(self) -> float:
        """Look."""
        return self.time_ns() / 10**9


@pytest.fixture(params=CLOCKS.values(), ids=CLOCKS)
def jumping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], int]]:
    monkeypatch.setattr(clock, "time", Jumping(request.param))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    yield request.param


def sound(path: Path) -> None:
    """Every rule holds, no latency is negative, and each thing's number tells its order."""
    with open_project(path, write=True) as db:
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
        assert db.execute("select count(*) from calls where latency_ms < 0 or status = 'sent'").fetchone() == (0,)
        assert db.execute("select count(*) from claims").fetchone() == (0,)
        for run in [number for (number,) in db.execute("select id from runs")]:
            events = list(read_events(db, run_id=run))
            assert [event["id"] for event in events] == sorted(event["id"] for event in events)
            assert events[0]["event"] == "generation_start"


def run(path: Path, count: int, **terms: Any) -> Summary:
    with open_project(path, write=True) as db:
        return generate(db, order(count), Terms(**{"concurrency": 4, **terms}))


def test_a_run_with_faults_caps_and_limits_pays_once(tmp_path, monkeypatch, jumping):
    """Retries, waits as dates, budgets and calls a minute count by the clock that never jumps, or by number."""
    path = garden(tmp_path / "p.db")
    with FaultServer(script=["429_date", "500", "ok", "reset_mid", "ok"], seed=3) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        capped = run(path, 12, max_calls=3, concurrency=1)
        assert (capped.status, capped.calls) in (("stopped", 3), ("stopped", 1)), capped
        assert capped.calls == 3 or "wants no call" in capped.why  # a date without the server's own is set against ours
        summary = run(path, 12, rpm=10_000)
        assert summary.seconds >= 0 and (summary.left, summary.done + summary.skipped) == (0, 12), summary
        found = audit_db(server.records, path)
    assert (found["double_billed_extra"], found["lost"]) == (0, 0), found
    sound(path)


def test_batches_are_sent_and_taken_once(tmp_path, monkeypatch, jumping):
    path = garden(tmp_path / "p.db")
    with BatchServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with open_project(path, write=True) as db:
            terms = BatchTerms(pause=lambda seconds: None)
            summary = generate(db, order(12), Terms(), drive=by_batches(terms))
            again = generate(db, order(12), Terms(), drive=by_batches(terms))
    assert (summary.done, summary.calls, again.calls, again.skipped) == (12, 12, 0, 12)
    sound(path)


def test_snapshots_never_meet(tmp_path, jumping):
    """Their names are numbered, so that a clock that stands still overwrites none."""
    path = garden(tmp_path / "p.db")
    with open_project(path, write=True) as db:
        assert len({take_snapshot(db, "3-ids") for _ in range(3)}) == 3


def test_nothing_negative_is_shown(tmp_path, monkeypatch, jumping):
    """Pages of runs, their JSON and what is told of their origin."""
    path = garden(tmp_path / "p.db")
    with FaultServer(script=["500", "ok"], seed=3) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        run(path, 8)
    ours = "/p/-/workbench"
    runs, one, twin, overview = get(path, f"{ours}/runs", f"{ours}/run/1", f"{ours}/runs.json", ours)
    for page in (runs, one, overview):
        assert page.status_code == 200 and not DURATION.search(re.sub("<[^>]*>", " ", page.text)), page.text
    assert all((row["seconds"] or 0) >= 0 for row in twin.json()["runs"])
    with open_project(path) as db:
        export_prov(db, tmp_path / "prov.json")
        export_openlineage(db, tmp_path / "events.jsonl")
    document = (tmp_path / "prov.json").read_text()
    spans = re.findall(r'"prov:startTime": ?"([^"]*)",\s*"prov:endTime": ?"([^"]*)"', document)
    assert all(start <= end for start, end in spans), spans


def test_a_dead_process_is_found_by_its_lock(tmp_path, monkeypatch):
    """One that died in the far future is free for one that lives before 1970."""
    path = garden(tmp_path / "p.db")
    code = f"""
import itertools, os
from pathlib import Path
from workbench import clock
from test_attack_clocks import Jumping, YEAR
from workbench.store import open_project
from workbench.store.slots import slot
from workbench.record.ledger import claim_generation
clock.time = Jumping(lambda n: 500 * YEAR)
with open_project({str(path)!r}, write=True) as db, slot(db) as mine:
    db.execute("insert into runs (job, config, status, slot, version, started) values "
               "('x', '{{}}', 'running', ?, '0', ?)", (mine.number, clock.now()))
    db.conn.commit()
    os._exit(9)
"""
    surroundings = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    assert subprocess.run([sys.executable, "-c", code], env=surroundings, check=False).returncode == 9
    monkeypatch.setattr(clock, "time", Jumping(CLOCKS["before 1970"]))
    with open_project(path, write=True) as db:
        release_dead(db)
        assert db.execute("select status from runs").fetchall() == [("lost",)]
    assert not (tmp_path / "p.db.lock").exists()


@pytest.mark.parametrize("now", [-1e18, -1.0, 0.0, 1.7e9, 1e18])
@pytest.mark.parametrize("wanted", ["Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "0", "9" * 299])
def test_a_wait_is_never_negative_nor_without_end(now, wanted):
    seconds = retry_after({"retry-after": wanted}, now)
    assert seconds is not None and 0 <= seconds <= LONGEST
    told = {"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert retry_after(told, now) == 30


def test_moments_round_down_and_keep_their_form(monkeypatch):
    """Before 1970 too; what no calendar holds is cut to what one does."""
    for moment, text in {
        -1_250_000_000: "1969-12-31T23:59:58.750Z",
        -1: "1969-12-31T23:59:59.999Z",
        10**24: "9999-12-31T23:59:59.999Z",
        -(10**24): "0001-01-01T00:00:00.000Z",
    }.items():
        monkeypatch.setattr(clock, "time", Jumping(lambda n, moment=moment: moment))
        assert clock.now() == text
    assert duration(0) == "0 s"


WALL: Final = {"time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.gmtime"}
ASKED: Final = WALL | {"time.localtime", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
IN_SQL: Final = re.compile(r"(?i)current_timestamp|unixepoch\(|\('now'|strftime")


def test_only_one_module_asks_a_clock():
    """Whoever else did could not be put to the proof here; SQL asks none at all."""
    found = []
    for path in sorted((ROOT / "workbench").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        named = {ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        bare = re.search(r"(?m)^\s*from time import", text)
        if path.name != "clock.py" and (named & ASKED or bare or IN_SQL.search(text)):
            found.append(path.name)
    assert found == []
    assert [path.name for path in (ROOT / "schema").rglob("*.sql") if IN_SQL.search(path.read_text("utf-8"))] == []
