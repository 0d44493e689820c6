"""Agreement between evaluators: classes by range, and Krippendorff's alpha."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from judged import COMBOS, add_catalogues, add_essay, judge, made

from workbench.errors import MissingExtra
from workbench.report.agreement import agreement, alpha, summary
from workbench.report.narrow import Choice
from workbench.store import create_project, open_project, transaction


@pytest.fixture
def db(tmp_path: Path):
    """Give an open project that has catalogues and nothing else."""
    create_project(tmp_path / "p.db")
    with open_project(tmp_path / "p.db", write=True) as opened:
        with transaction(opened):
            add_catalogues(opened)
        yield opened


@pytest.mark.parametrize(
    ("low", "high", "scale", "expected"),
    [
        (7.3, 8.3, (0, 9), "high_agreement"),  # 8.3 - 7.3 is a little more than 1 in binary
        (7.0, 8.01, (0, 9), "moderate_agreement"),
        (6.0, 8.0, (0, 9), "moderate_agreement"),
        (5.0, 8.0, (0, 9), "low_agreement"),
        (4.9, 8.0, (0, 9), "poor_agreement"),
        (50.0, 61.0, (0, 100), "high_agreement"),
        (50.0, 62.0, (0, 100), "moderate_agreement"),
        (1.0, 9.0, None, "no_scale"),
    ],
)
def test_classes_go_by_the_share_of_the_scale(db, low, high, scale, expected):
    """DayDreaming's one, two and three points of its scale 0 to 9, carried to every scale; bounds included."""
    with transaction(db):
        essay = add_essay(db, COMBOS[0])
        judge(db, essay, "novelty", "judge-a", low, scale=scale)
        judge(db, essay, "novelty", "judge-b", high, scale=scale)
    (row,) = agreement(db, Choice())
    assert row["agreement"] == expected and row["range"] == pytest.approx(high - low)
    assert (row["evaluators"], row["evaluations"]) == (2, 2)


def test_one_model_is_not_agreement(db):
    """Replicates of one model are the matter of `variance`; the means beside show what replicates widen."""
    with transaction(db):
        one, two = (add_essay(db, combo) for combo in COMBOS[:2])
        judge(db, one, "novelty", "judge-a", 5.0, 5.0)
        judge(db, two, "novelty", "judge-a", 4.0, 8.0)
        judge(db, two, "novelty", "judge-b", 6.0)
    rows = {row["evaluators"]: row for row in agreement(db, Choice())}
    assert rows[1]["agreement"] == "insufficient_data"
    assert (rows[2]["range"], rows[2]["range_of_means"], rows[2]["agreement"]) == (4.0, 0.0, "poor_agreement")


def test_across_rubrics_only_shares_are_compared(run, tmp_path):
    """An essay's rubrics have different scales: all columns are shares."""
    project, essays = made(tmp_path / "judged.db")
    rows = run("report", "agreement", "--across-rubrics", "-p", project, "--json").json
    row = next(row for row in rows if row["essay_gen_id"] == essays[0])
    assert (row["rubrics"], row["evaluators"], row["evaluations"]) == (2, 3, 4)
    assert row["range_0_to_1"] == pytest.approx(8 / 9 - 0.5) and row["agreement"] == "poor_agreement"
    assert row["range_of_means_0_to_1"] == pytest.approx(7 / 9 - 0.5)


def test_summary_counts_the_classes(run, tmp_path):
    """One row for a rubric and scale; rubrics that only one model used stand as insufficient."""
    project, _ = made(tmp_path / "judged.db")
    rows = run("report", "agreement", "--summary", "-p", project, "--json").json
    assert [row["evaluation_template"] for row in rows] == ["novelty", "style"]
    assert (rows[0]["essays"], rows[0]["moderate_agreement"], rows[0]["poor_agreement"]) == (2, 1, 1)
    assert rows[0]["median_range_0_to_1"] == pytest.approx((2 / 9 + 5 / 9) / 2)
    assert rows[1]["insufficient_data"] == 1 and rows[1]["median_range_0_to_1"] is None
    assert list(summary([])) == []


def test_alpha_and_summary_exclude_each_other(run, project):
    """Two questions are not asked at once."""
    assert run("report", "agreement", "--alpha", "--summary", "-p", project).code == 2


def test_without_the_library_alpha_says_what_to_install(run, project, monkeypatch):
    """One line and exit 1; the classes need no library."""
    monkeypatch.setitem(sys.modules, "krippendorff", None)
    ran = run("report", "agreement", "--alpha", "-p", project)
    assert ran.code == 1 and "generation-workbench[agreement]" in ran.err and len(ran.err.splitlines()) == 1
    with open_project(project) as db, pytest.raises(MissingExtra):
        alpha(db, Choice())
    assert run("report", "agreement", "-p", project).code == 0


def test_alpha_of_a_published_example(tmp_path):
    """Krippendorff's own example of four observers and twelve units: 0.849 interval, 0.815 ordinal, 0.743 nominal."""
    pytest.importorskip("krippendorff")
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    create_project(tmp_path / "k.db")
    with open_project(tmp_path / "k.db", write=True) as db:
        with transaction(db):
            _observed(db, observers)
        found = {level: alpha(db, Choice(), level=level)[0] for level in ("interval", "ordinal", "nominal")}
    expected = {"interval": 0.849, "ordinal": 0.815, "nominal": 0.743}
    assert {level: round(row["alpha"], 3) for level, row in found.items()} == expected
    row = found["interval"]
    assert (row["essays"], row["evaluators"], row["evaluations"]) == (11, 4, 40)
    assert (row["scale_min"], row["scale_max"], row["value"], row["why"]) == (1.0, 5.0, "mean of replicates", None)


def _observed(db, observers):
    from projects import add_model, add_topics

    add_catalogues(db)
    titles = [f"unit {'x' * number}" for number in range(len(observers[0]))]
    add_topics(db, "units", titles)
    combos = [row[0] for row in db.execute("select combo_id from combos order by id desc limit ?", (len(titles),))][
        ::-1
    ]
    essays = [add_essay(db, combo) for combo in combos]
    for number, values in enumerate(observers):
        add_model(db, f"observer-{number}")
        for essay, value in zip(essays, values, strict=True):
            if value is not None:
                judge(db, essay, "novelty", f"observer-{number}", value, scale=(1, 5))


def test_alpha_says_how_it_took_replicates(db):
    """A model's value is the mean of its replicates, or with `each_replicate` every score counts."""
    pytest.importorskip("krippendorff")
    with transaction(db):
        for combo, base in zip(COMBOS, (2.0, 5.0, 8.0), strict=True):
            essay = add_essay(db, combo)
            judge(db, essay, "novelty", "judge-a", base - 1, base + 1)
            judge(db, essay, "novelty", "judge-b", base)
    (means,) = alpha(db, Choice())
    (apart,) = alpha(db, Choice(), each_replicate=True)
    assert means["alpha"] == 1.0 and (means["evaluations"], means["value"]) == (9, "mean of replicates")
    assert apart["alpha"] < 1.0 and (apart["evaluations"], apart["value"]) == (9, "each replicate")


def test_alpha_that_is_not_defined_says_why(db):
    """Equal scores, or no essay with two evaluators: null and a reason, never a warning or a crash."""
    pytest.importorskip("krippendorff")
    with transaction(db):
        one, two = (add_essay(db, combo) for combo in COMBOS[:2])
        for essay in (one, two):
            judge(db, essay, "novelty", "judge-a", 5.0)
            judge(db, essay, "novelty", "judge-b", 5.0)
        judge(db, one, "style", "judge-a", 5.0)
    rows = {row["evaluation_template"]: row for row in alpha(db, Choice())}
    assert (rows["novelty"]["alpha"], rows["novelty"]["why"]) == (None, "all scores are equal")
    assert (rows["style"]["alpha"], rows["style"]["essays"]) == (None, 0) and rows["style"]["why"]


def test_alpha_across_rubrics_is_one_row(run, tmp_path):
    """Shares of the scales, an observer for each rubric and model."""
    pytest.importorskip("krippendorff")
    project, _ = made(tmp_path / "judged.db")
    (row,) = run("report", "agreement", "--alpha", "--across-rubrics", "-p", project, "--json").json
    assert (row["evaluation_template"], row["scale_min"], row["scale_max"]) == (None, 0, 1)
    assert (row["essays"], row["evaluators"]) == (2, 3) and -1 <= row["alpha"] <= 1
    assert run("report", "agreement", "--alpha", "--level", "nominal", "--each", "-p", project).code == 0
