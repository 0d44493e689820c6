"""Cohorts through all three stages: without a barrier, with copies, blocked children, scores, and nothing twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from faults.faultllm import FaultServer

from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.cohorts import spec_from_texts
from workbench.events import read_events
from workbench.generate import Summary, Terms, generate_cohort
from workbench.plan.compiling import compile_cohort
from workbench.prompts import Template
from workbench.store import Database, create_project, insert, open_project, transaction
from workbench.verify import digest, verify

SPEC = """
axes:
  combo_id: [c1, c2, c3]
  draft_template: [notes]
  draft_llm: [m]
  draft_replicate: ['1', '2']
  essay_template: [polish, copy]
  essay_llm: [m]
  evaluation_template: [rubric]
  evaluation_llm: [m]
"""
SCORED = "A good text.\nSCORE: 7"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")


@pytest.fixture
def pilot(tmp_path: Path) -> Path:
    """A project with the cohort `pilot`: 6 drafts, 12 essays (half of them copies), 12 evaluations."""
    path = tmp_path / "p.db"
    create_project(path)
    with open_project(path, write=True) as db:
        with transaction(db):
            fill(db)
        compile_cohort(db, "pilot", spec_from_texts(SPEC))
    return path


def fill(db: Database) -> None:
    """Add the catalogue of the pilot."""
    concept = insert(db, "concepts", {"concept_id": "tides", "name": "Tides", "paragraph": "The sea rises."})
    for name in ("c1", "c2", "c3"):
        combo = insert(db, "combos", {"combo_id": name, "level": "paragraph", "k": 1})
        insert(db, "combo_members", {"combo_id": combo, "concept_id": concept, "place": 0})
    store_template(db, Template("notes", "draft", "Notes {{ replicate }} on {{ combo_id }}."))
    store_template(db, Template("polish", "essay", "Polish: {{ draft_block }}"))
    store_template(db, Template("copy", "essay", "", mode="copy"))
    store_template(db, Template("rubric", "evaluation", "Judge: {{ response }}", parser="score", scale=(0.0, 9.0)))
    store_model(db, Model("m", "openai", "mock-model", {"timeout": 2.0}))


def run(
    path: Path, server: FaultServer, stage: str | None = None, **terms: Any
) -> tuple[Summary, list[dict[str, Any]]]:
    """Generate the pilot against a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", server.url)
        with open_project(path, write=True) as db:
            summary = generate_cohort(db, "pilot", stage, Terms(**{"concurrency": 4, **terms}))
            return summary, list(read_events(db, run_id=summary.run))


def statuses(path: Path) -> Counter[tuple[str, str]]:
    """Count generations by stage and status."""
    with open_project(path) as db:
        rows = db.execute("select stage, status, count(*) from generations group by 1, 2")
        return Counter({(stage, status): count for stage, status, count in rows})


def test_a_cohort_runs_to_its_end_and_then_sends_nothing(pilot: Path) -> None:
    """6 drafts, 6 essays and 12 evaluations are calls, 6 copies are none; again: 0 calls and the same digest."""
    with FaultServer(text=SCORED + " {token}") as server:
        summary, events = run(pilot, server)
        assert (summary.status, summary.done, summary.calls) == ("done", 30, 24)
        with open_project(pilot) as db:
            before = digest(db)
            assert db.execute("select count(*), min(score), max(score) from scores").fetchone() == (12, 7.0, 7.0)
        again, _ = run(pilot, server)
        assert (again.calls, again.skipped, again.status) == (0, 30, "done")
    with open_project(pilot, write=True) as db:
        assert digest(db) == before
        assert [check for check in verify(db, full=True) if not check.ok] == []
        copied = "select count(*) from generation_texts where template_id = 'copy' and raw = parsed and prompt = raw"
        assert db.execute(copied).fetchone()[0] == 6
    told = Counter(event["event"] for event in events)
    assert (told["stage_start"], told["stage_complete"]) == (3, 3)


def test_an_essay_starts_when_its_draft_is_parsed(pilot: Path) -> None:
    """There is no barrier: with one call at a time, families are finished one after the other."""
    with FaultServer(text=SCORED) as server:
        run(pilot, server, concurrency=1)
    with open_project(pilot) as db:
        rows = db.execute(
            "select g.stage from calls k join generations g on g.id = k.generation_id order by k.id"
        ).fetchall()
    stages = [stage for (stage,) in rows]
    assert stages.index("evaluation") < len(stages) - 1 - stages[::-1].index("draft")


def test_failed_parents_block_their_children_until_they_are_retried(pilot: Path) -> None:
    """A draft refused with 400 blocks essays and evaluations below it, which say so and go on after a retry."""
    with FaultServer(script=["400"], text=SCORED) as server:
        summary, _ = run(pilot, server, concurrency=1)
        assert (summary.failed, summary.status) == (1, "failed")
        assert statuses(pilot)["essay", "blocked"] == 2
        assert statuses(pilot)["evaluation", "blocked"] == 2
        again, _ = run(pilot, server)
        assert again.calls == 0
        mended, _ = run(pilot, server, retry_failed=True)
        assert (mended.status, mended.failed) == ("done", 0)
    assert {status for _, status in statuses(pilot)} == {"done"}


def test_one_stage_only(pilot: Path) -> None:
    """--stage draft leaves the essays planned; the whole cohort then goes on from there."""
    with FaultServer(text=SCORED) as server:
        assert run(pilot, server, "draft")[0].calls == 6
        assert statuses(pilot)["essay", "planned"] == 12
        assert run(pilot, server)[0].calls == 18


def test_members_of_other_cohorts_are_skipped(pilot: Path) -> None:
    """A cohort whose tasks another one did is done without a call, counted in a `skipped` event."""
    with FaultServer(text=SCORED) as server:
        run(pilot, server)
        with open_project(pilot, write=True) as db:
            found = compile_cohort(db, "second", spec_from_texts(SPEC.replace("[c1, c2, c3]", "[C1]")))
            assert sum(found.enrolled.new.values()) == 0
            assert found.enrolled.origins == {"pilot": 10}
            summary = generate_cohort(db, "second", terms=Terms())
            assert (summary.calls, summary.skipped, summary.status) == (0, 10, "done")
            skipped = [e for e in read_events(db, run_id=summary.run) if e["event"] == "skipped"]
    assert [event["count"] for event in skipped] == [10]


def test_faults_are_survived_without_loss(pilot: Path) -> None:
    """With one request in ten failing the cohort still comes to its end, each task paid once."""
    with FaultServer(mix={"ok": 90, "500": 5, "408": 5}, seed=5, text=SCORED + " {token}") as server:
        summary, _ = run(pilot, server, concurrency=8)
        assert (summary.status, summary.done) == ("done", 30)
        assert run(pilot, server)[0].calls == 0


def test_a_copy_of_what_no_model_wrote_says_so(pilot: Path) -> None:
    """Under the offline model every text is marked as synthetic, the copies without a call too."""
    with open_project(pilot, write=True) as db:
        with transaction(db):
            store_model(db, Model("m", "offline", "mock-model", {}))
        generate_cohort(db, "pilot", "draft", Terms())
        generate_cohort(db, "pilot", "essay", Terms())
        sql = "select stage, count(*), sum(synthetic) from generation_texts where status = 'done' group by 1"
        rows = db.execute(sql).fetchall()
    assert rows == [("draft", 6, 6), ("essay", 12, 12)]
