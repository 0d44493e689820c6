"""Coverage, cohorts and costs: what is there, what is missing, what was paid."""

from __future__ import annotations

from pathlib import Path

import pytest
from judged import COMBOS, made
from projects import AT, add

from workbench.report.narrow import Choice
from workbench.report.progress import wide
from workbench.store import open_project, transaction


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """Give the path of a project with three essays, one of them planned, and evaluations of two."""
    return made(tmp_path / "judged.db")[0]


def test_coverage_has_a_row_for_every_combo_and_pair(run, judged):
    """Three combos times five pairs; counts by status; holes have no task."""
    rows = run("report", "coverage", "-p", judged, "--json").json
    assert len(rows) == 3 * 5
    cell = {(row["stage"], row["combo_id"], row["template_id"], row["llm_model_id"]): row for row in rows}
    counts = ("tasks", "done", "planned", "failed", "blocked")
    first = cell["evaluation", COMBOS[0], "novelty", "judge-a"]
    assert [first[name] for name in counts] == [2, 2, 0, 0, 0]
    assert [cell["draft", COMBOS[2], "plain", "writer"][name] for name in counts] == [1, 0, 1, 0, 0]
    assert cell["evaluation", COMBOS[1], "style", "judge-a"]["tasks"] == 0
    assert [row["stage"] for row in rows] == ["draft"] * 3 + ["essay"] * 3 + ["evaluation"] * 9


def test_coverage_of_a_cohort_counts_its_members(run, judged):
    """A cohort's combos and pairs, not those of the record."""
    rows = run("report", "coverage", "--cohort", "one", "-p", judged, "--json").json
    assert {row["combo_id"] for row in rows} == {COMBOS[0]} and len(rows) == 5
    assert run("report", "coverage", "--cohort", "one", "--holes", "-p", judged, "--json").json == []


def test_coverage_holes_are_what_is_missing(run, judged):
    """No task at all, or tasks that are not done; filters leave out rows, never combos."""
    rows = run("report", "coverage", "--holes", "--cohort", "all", "-p", judged, "--json").json
    assert [(row["stage"], row["tasks"]) for row in rows if row["combo_id"] == COMBOS[2]] == [
        ("draft", 1),
        ("essay", 1),
        *[("evaluation", 0)] * 3,
    ]
    rows = run("report", "coverage", "--holes", "--template", "style", "-p", judged, "--json").json
    assert {row["combo_id"] for row in rows} == set(COMBOS[1:])
    rows = run("report", "coverage", "--stage", "essay", "--model", "WRITER", "-p", judged, "--json").json
    assert len(rows) == 3 and {row["stage"] for row in rows} == {"essay"}


def test_coverage_wide(run, judged):
    """A row for each combo, a column for each stage|template|model in order of the stages; a hole is null."""
    rows = run("report", "coverage", "--wide", "--value", "tasks", "-p", judged, "--json").json
    assert list(rows[0]) == [
        "combo_id",
        "draft|plain|writer",
        "essay|long|writer",
        "evaluation|novelty|judge-a",
        "evaluation|novelty|judge-b",
        "evaluation|style|judge-a",
    ]
    found = {row["combo_id"]: row for row in rows}
    assert found[COMBOS[0]]["evaluation|novelty|judge-a"] == 2
    assert found[COMBOS[1]]["evaluation|style|judge-a"] is None
    assert list(wide([])) == []
    assert "evaluation|style|judge-a" in run("report", "coverage", "--wide", "-p", judged, "--csv").out


def test_failed_and_blocked_are_counted_apart(run, judged):
    """Every status has its column."""
    with open_project(judged, write=True) as db, transaction(db):
        db.execute("update generations set status = 'failed' where stage = 'draft' and status = 'planned'")
        db.execute("update generations set status = 'blocked' where stage = 'essay' and status = 'planned'")
    rows = run("report", "coverage", "--holes", "--stage", "draft", "-p", judged, "--json").json
    assert [(row["done"], row["failed"]) for row in rows] == [(0, 1)]
    rows = run("report", "cohort", "--cohort", "all", "--stage", "essay", "-p", judged, "--json").json
    assert [(row["members"], row["done"], row["blocked"], row["complete"]) for row in rows] == [(3, 2, 1, False)]


def test_cohort_completeness(run, judged):
    """One row for each stage of a cohort, in order of the stages; a cohort without members is complete."""
    with open_project(judged, write=True) as db, transaction(db):
        add(db, "cohorts", name="none", mode="spec", created=AT)
    rows = run("report", "cohort", "-p", judged, "--json").json
    assert [(row["cohort"], row["stage"], row["members"], row["done"]) for row in rows] == [
        ("all", "draft", 3, 2),
        ("all", "essay", 3, 2),
        ("all", "evaluation", 6, 6),
        ("none", None, 0, 0),
        ("one", "draft", 1, 1),
        ("one", "essay", 1, 1),
        ("one", "evaluation", 4, 4),
    ]
    assert [row["complete"] for row in rows[:4]] == [False, False, True, True]
    assert rows[0]["done_0_to_1"] == pytest.approx(2 / 3) and rows[3]["done_0_to_1"] is None
    assert len(run("report", "cohort", "--cohort", "ONE", "-p", judged, "--json").json) == 3
    assert run("report", "cohort", "--cohort", "two", "-p", judged).code == 2


@pytest.fixture
def billed(judged: Path) -> Path:
    """Give a project with calls: good, failed but billed, without a price, in flight, and of a topic's growth."""
    calls = [
        (1, "answered", "ok", 0.5, 10),
        (1, "answered", "truncated", 0.25, 5),
        (2, "failed", "server", None, None),
        (2, "sent", None, None, None),
        (None, "answered", "ok", 1.0, 7),
    ]
    with open_project(judged, write=True) as db, transaction(db):
        for generation, status, outcome, cost, tokens in calls:
            facts = {"status": status, "outcome": outcome, "cost": cost, "tokens_in": tokens, "tokens_out": tokens}
            add(db, "calls", generation_id=generation, attempt=1, provider="p", model="m", started=AT, **facts)
    return judged


def test_costs_count_every_call(run, billed):
    """Failed calls that were billed are in the cost and beside it; a price that is not known is not zero."""
    rows = {row["stage"]: row for row in run("report", "cost", "-p", billed, "--json").json}
    assert list(rows) == ["draft", "essay", "topics"]
    draft = rows["draft"]
    assert (draft["template_id"], draft["llm_model_id"], draft["provider"], draft["model"]) == (
        "plain",
        "writer",
        "p",
        "m",
    )
    assert (draft["calls"], draft["failed"], draft["cost"], draft["failed_cost"]) == (2, 1, 0.75, 0.25)
    assert (draft["tokens_in"], draft["tokens_out"]) == (15, 15)
    essay = rows["essay"]
    assert (essay["calls"], essay["failed"], essay["unpriced"], essay["cost"]) == (2, 1, 2, None)
    assert (rows["topics"]["template_id"], rows["topics"]["cost"]) == (None, 1.0)


def test_costs_narrowed(run, billed):
    """By stage, template, model and cohort: growth belongs to no cohort; people are told the sum."""
    assert [row["cost"] for row in run("report", "cost", "--stage", "topics", "-p", billed, "--json").json] == [1.0]
    rows = run("report", "cost", "--cohort", "one", "-p", billed, "--json").json
    assert [row["stage"] for row in rows] == ["draft", "essay"]
    assert run("report", "cost", "--template", "long", "-p", billed, "--json").json[0]["stage"] == "essay"
    assert run("report", "cost", "--model", "judge-a", "-p", billed, "--json").json == []
    assert "together 1.75 for 5 calls" in run("report", "cost", "-p", billed).err


def test_cost_agrees_with_the_named_question(run, billed):
    """`query --named costs` and the report are one view."""
    rows = run("query", "--named", "costs", "-p", billed, "--json").json
    assert sorted(map(str, rows)) == sorted(map(str, run("report", "cost", "-p", billed, "--json").json))


def test_choice_is_by_name_in_any_case(judged):
    """Names are looked up as the catalogue holds them."""
    from workbench.report.narrow import chosen

    with open_project(judged) as db:
        found = chosen(db, Choice("ONE", None, ("Novelty",), ("Judge-A", "judge-b")))
    assert found.cohort == 1 and len(found.templates or ()) == 1 and len(found.models or ()) == 2
