"""Scores summed up: pivot, variance, top essays; never over different scales, replicates never lost."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import COMBOS, add_catalogues, add_essay, ids, judge, made

from workbench.report.essays import pivot, top, variance
from workbench.report.narrow import Choice, body
from workbench.store import create_project, open_project, transaction


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Path, list[str]]:
    """Give a project with scores and the IDs of its essays."""
    return made(tmp_path / "judged.db")


@pytest.fixture
def empty(tmp_path: Path):
    """Give an open project that has catalogues and nothing else."""
    create_project(tmp_path / "empty.db")
    with open_project(tmp_path / "empty.db", write=True) as db:
        with transaction(db):
            add_catalogues(db)
        yield db


def test_variance_keeps_replicates_apart(run, judged):
    """One row for an essay, rubric and model: n, mean, lowest, highest, stddev, every score, and the scale."""
    project, essays = judged
    rows = run("report", "variance", "-p", project, "--json").json
    assert len(rows) == 5
    row = next(r for r in rows if (r["essay_gen_id"], r["evaluation_model"], r["n"]) == (essays[0], "judge-a", 2))
    assert (row["evaluation_template"], row["mean"], row["lowest"], row["highest"]) == ("novelty", 7.0, 6.0, 8.0)
    assert row["stddev"] == pytest.approx(2**0.5) and row["scores"] == "6.0 8.0"
    assert (row["scale_min"], row["scale_max"]) == (0.0, 9.0) and row["mean_0_to_1"] == pytest.approx(7 / 9)
    assert (row["combo_id"], row["draft_template"], row["essay_template"]) == (COMBOS[0], "plain", "long")
    assert [r["stddev"] for r in rows if r["n"] == 1] == [None] * 4


def test_pivot_has_a_column_for_each_evaluator(run, judged):
    """Columns are rubric|model, sorted; a score that was not given is null; the scale stands in the row."""
    project, essays = judged
    rows = {row["essay_gen_id"]: row for row in run("report", "pivot", "-p", project, "--json").json}
    assert set(rows) == set(essays[:2])
    assert list(rows[essays[0]])[-3:] == ["novelty|judge-a", "novelty|judge-b", "style|judge-a"]
    assert [rows[essays[0]][name] for name in ("novelty|judge-a", "novelty|judge-b", "style|judge-a")] == [7, 7, 50]
    assert rows[essays[1]]["style|judge-a"] is None
    assert [rows[key]["scale"] for key in essays[:2]] == ["novelty 0..9; style 0..100", "0..9"]
    assert [rows[key]["evaluations"] for key in essays[:2]] == [4, 2]


@pytest.mark.parametrize(("value", "expected"), [("mean", 7.0), ("max", 8.0), ("n", 2)])
def test_pivot_values(run, judged, value, expected):
    """--value says what the cells hold."""
    project, essays = judged
    rows = run("report", "pivot", "--value", value, "-p", project, "--json").json
    assert next(row for row in rows if row["essay_gen_id"] == essays[0])["novelty|judge-a"] == expected


def test_pivot_normalised_says_so_in_its_columns(run, judged):
    """Shares of the scales may stand side by side; column and scale say what they are."""
    project, essays = judged
    rows = run("report", "pivot", "--normalised", "-p", project, "--json").json
    row = next(row for row in rows if row["essay_gen_id"] == essays[0])
    assert row["novelty|judge-a 0..1"] == pytest.approx(7 / 9) and row["style|judge-a 0..1"] == 0.5
    assert row["scale"] == "0..1"


def test_pivot_as_csv_and_as_table(run, judged):
    """The wide CSV has one header for all rows; the table has the same columns."""
    project, _ = judged
    rows = list(csv.DictReader(io.StringIO(run("report", "pivot", "-p", project, "--csv").out)))
    assert len(rows) == 2 and {row["style|judge-a"] for row in rows} == {"50.0", ""}
    assert "novelty|judge-b" in run("report", "pivot", "-p", project).out


def test_a_rubric_of_two_scales_is_never_averaged_over_them(empty):
    """A rubric whose scale changed has a row for each scale, and a column for each."""
    with transaction(empty):
        essay = add_essay(empty, COMBOS[0])
        judge(empty, essay, "novelty", "judge-a", 6.0)
        judge(empty, essay, "novelty", "judge-a", 80.0, scale=(0, 100), start=2)
    assert [row["mean"] for row in variance(empty, Choice())] == [6.0, 80.0]
    (row,) = pivot(empty, Choice())
    assert (row["novelty|judge-a|0..9"], row["novelty|judge-a|0..100"]) == (6.0, 80.0)


def test_top_is_the_mean_of_the_best_of_each_evaluator(run, judged):
    """Ranked by shares of the scales; points only where there is one scale."""
    project, essays = judged
    rows = run("report", "top", "-p", project, "--json").json
    assert [(row["place"], row["essay_gen_id"]) for row in rows] == [(1, essays[1]), (2, essays[0])]
    assert rows[0]["mean_of_maxima"] == 6.5 and (rows[0]["scale_min"], rows[0]["scale_max"]) == (0.0, 9.0)
    assert rows[0]["mean_of_maxima_0_to_1"] == pytest.approx(6.5 / 9)
    assert rows[1]["mean_of_maxima"] is None and rows[1]["scale_max"] is None
    assert rows[1]["mean_of_maxima_0_to_1"] == pytest.approx((8 / 9 + 7 / 9 + 0.5) / 3)
    assert (rows[1]["rubrics"], rows[1]["evaluators"], rows[1]["evaluations"]) == (2, 3, 4)


def test_top_within_one_rubric(run, judged):
    """--template keeps one rubric, so that the points come back; --top cuts."""
    project, essays = judged
    rows = run("report", "top", "--template", "NOVELTY", "--top", 1, "-p", project, "--json").json
    assert [(row["essay_gen_id"], row["mean_of_maxima"]) for row in rows] == [(essays[0], 7.5)]


def test_top_ties_are_broken_by_id(empty):
    """Equal essays are equal whatever the order of their evaluators; then the ID decides."""
    with transaction(empty):
        essays = [add_essay(empty, combo) for combo in COMBOS]
        for essay, scores in zip(essays, [(0.1, 0.7), (0.7, 0.1), (0.2, 0.6)], strict=True):
            for model, score in zip(("judge-a", "judge-b"), scores, strict=True):
                judge(empty, essay, "novelty", model, score, scale=(0, 1))
    rows = list(top(empty, Choice()))
    assert [row["essay_gen_id"] for row in rows] == sorted(ids(empty, essays))
    assert [row["place"] for row in rows] == [1, 2, 3]


def test_top_without_a_scale(empty):
    """One rubric without a scale still has points; two of them have nothing that can be compared."""
    with transaction(empty):
        one, two = (add_essay(empty, combo) for combo in COMBOS[:2])
        judge(empty, one, "novelty", "judge-a", 3.0, 5.0, scale=None)
        judge(empty, two, "novelty", "judge-a", 5.0, scale=None)
        judge(empty, two, "style", "judge-a", 7.0, scale=None)
    rows = list(top(empty, Choice()))
    assert [(row["mean_of_maxima"], row["mean_of_maxima_0_to_1"]) for row in rows] == [(5.0, None), (None, None)]
    assert [row["without_scale"] for row in rows] == [1, 2]


def test_reports_of_a_cohort(run, judged):
    """--cohort counts the evaluations of the cohort only; --model those of one evaluator."""
    project, essays = judged
    rows = run("report", "variance", "--cohort", "one", "-p", project, "--json").json
    assert {row["essay_gen_id"] for row in rows} == {essays[0]} and len(rows) == 3
    rows = run("report", "variance", "--model", "judge-b", "-p", project, "--json").json
    assert {row["evaluation_model"] for row in rows} == {"judge-b"} and len(rows) == 2


def test_narrowing_to_everything_changes_nothing(run, judged):
    """A cohort that holds the whole record gives what the views give: one SQL for both."""
    project, _ = judged
    for name in ("variance", "pivot", "top", "agreement", "coverage", "cost"):
        whole = run("report", name, "-p", project, "--json").json
        assert whole or name == "cost"
        assert run("report", name, "--cohort", "all", "-p", project, "--json").json == whole


def test_unknown_names_are_said_together(run, judged):
    """Every name that is not there, with those that are near; exit 2."""
    ran = run("report", "top", "--cohort", "ones", "--template", "novel", "-p", judged[0])
    assert ran.code == 2 and "one" in ran.err and "novelty" in ran.err and ran.out == ""
    assert run("report", "top", "--template", "plain", "-p", judged[0]).code == 2  # a draft's template is no rubric


def test_reports_of_an_empty_project(run, project):
    """Nothing is an empty list, and for people a word on stderr."""
    for name in ("pivot", "variance", "top", "agreement", "coverage", "cohort", "cost"):
        assert run("report", name, "-p", project, "--json").json == []
        ran = run("report", name, "-p", project)
        assert (ran.code, ran.out) == (0, "") and ran.err
        assert run("report", name, "-p", project, "--csv").out == ""


def test_the_bare_noun_lists_the_reports(run):
    """`workbench report` says which there are."""
    names = [row["report"] for row in run("report", "--json").json]
    assert set(names) == {
        *("pivot", "coverage", "variance", "top", "cost", "agreement", "cohort", "duplicates", "diversity"),
    }


def test_earlier_answers_do_not_count(empty):
    """Only the current answer of an evaluation is scored; planned, failed and unscored ones are not there."""
    with transaction(empty):
        essay = add_essay(empty, COMBOS[0])
        one, two, _ = judge(empty, essay, "novelty", "judge-a", 1.0, 2.0, 3.0)
        empty.execute("update generations set status = 'failed' where id = ?", (one,))
        empty.execute("update scores set score = null where generation_id = ?", (two,))
    assert [(row["n"], row["scores"]) for row in variance(empty, Choice())] == [(1, "3.0")]


def test_scores_of_evaluations_without_an_essay_are_listed(run, judged):
    """Imported evaluations may have no essay in the file: `scores` still shows them, with nulls."""
    project, _ = judged
    with open_project(project, write=True) as db, transaction(db):
        db.execute("update generations set parent_id = null, legacy = 1 where stage = 'evaluation' and replicate = 2")
    rows = run("scores", "-p", project, "--json").json
    assert len(rows) == 6 and [row["score"] for row in rows if row["essay_gen_id"] is None] == [8.0]
    assert sum(row["n"] for row in run("report", "variance", "-p", project, "--json").json) == 5


POINTS = st.lists(st.integers(0, 9000).map(lambda n: n / 100), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(st.lists(POINTS, min_size=1, max_size=3))
def test_variance_is_what_statistics_says(tmp_path_factory, groups):
    """n, mean and sample deviation agree with Python's statistics; equal scores deviate by nothing at all."""
    path = tmp_path_factory.mktemp("v") / "p.db"
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        add_catalogues(db)
        for combo, scores in zip(COMBOS, groups, strict=False):
            judge(db, add_essay(db, combo), "novelty", "judge-a", *scores, scale=(0, 90))
        rows = {row["combo_id"]: row for row in variance(db, Choice())}
    for combo, scores in zip(COMBOS, groups, strict=False):
        row = rows[combo]
        assert row["n"] == len(scores) and row["scores"] == " ".join(map(str, scores))
        assert row["mean"] == pytest.approx(mean(scores)) and row["mean_0_to_1"] == pytest.approx(mean(scores) / 90)
        assert row["stddev"] == (None if len(scores) < 2 else pytest.approx(stdev(scores), rel=1e-5, abs=1e-9))
        assert len(set(scores)) > 1 or row["stddev"] in (None, 0.0)


@pytest.mark.parametrize(
    "view", ["pivot_long", "top_essays", "agreement", "agreement_across_rubrics", "task_matrix", "costs"]
)
def test_every_view_can_be_narrowed(view):
    """The query of a report's view is found in the shipped page, whole."""
    assert body(view).lstrip().startswith(("select", "with")) and "create view" not in body(view)


BY_ID = [
    "select * from lineage where gen_id = 'x'",
    "select * from lineage where ancestor = 'x'",
    "select * from scores_by_evaluation where gen_id = 'x'",
    "select * from scores_by_evaluation where essay_gen_id = 'x'",
    "select * from generation_texts where gen_id = 'x'",
]


@pytest.mark.parametrize("sql", BY_ID)
def test_one_id_never_scans_a_table(judged, sql):
    """What people ask by ID goes by indexes all the way."""
    with open_project(judged[0]) as db:
        plan = [row[3] for row in db.execute(f"explain query plan {sql}")]
    assert not [step for step in plan if step.startswith("SCAN")]


def test_lineage_gives_every_ancestor(judged):
    """An evaluation has itself, its essay and its draft; a draft is the ancestor of all below it."""
    project, essays = judged
    with open_project(project) as db:
        evaluation, draft = db.execute(
            "select v.gen_id, d.gen_id from generations v join generations e on e.id = v.parent_id"
            " join generations d on d.id = e.parent_id where e.gen_id = ? limit 1",
            (essays[0],),
        ).fetchone()
        sql = "select ancestor, ancestor_stage, distance from lineage where gen_id = ? order by distance"
        family = [(evaluation, "evaluation", 0), (essays[0], "essay", 1), (draft, "draft", 2)]
        assert db.execute(sql, (evaluation,)).fetchall() == family
        assert db.execute("select count(*) from lineage where ancestor = ?", (draft,)).fetchone() == (6,)


def test_coverage_counts_each_topic_once(judged):
    """The view of cycles gives the unique topics of the model beside every row."""
    with open_project(judged[0]) as db:
        rows = db.execute("select topic_model, cycle, tasks, done, pending, topics from coverage").fetchall()
    assert rows == [("garden", 0, 3, 2, 1, 3)]


def test_named_questions_of_the_reports(run, judged):
    """Each runs without a parameter and gives rows."""
    for name in ("variance", "top", "disagreement", "cohorts"):
        assert run("query", "--named", name, "-p", judged[0], "--json").json
    assert json.loads(run("query", "--named", "holes", "-p", judged[0], "--json").out)
