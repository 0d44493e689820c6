"""How different texts are, and what each cycle brings: figures that can be counted by hand."""

from __future__ import annotations

import csv
import io
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import add_draft, add_model, add_template, answer
from repeating import likeness, text_of, variant, written

from workbench.catalogue.combos import ensure_plain_combo
from workbench.report.diversity import diversity
from workbench.report.narrow import Choice
from workbench.report.novelty import Novelty
from workbench.report.outlook import outlook, percent
from workbench.report.similarity import COMPARED
from workbench.report.steps import STEPS
from workbench.store import create_project, open_project, transaction

DRAFTS = Choice(stage="draft")


def rows_of(path, **options):
    """Give the rows of a project's drafts."""
    with open_project(path) as db:
        return diversity(db, DRAFTS, **options)


@pytest.fixture
def fading(tmp_path):
    """Give a project of three cycles: all new, half of it known, nothing new."""
    first = [text_of(n, 22) for n in range(3)]
    second = [variant(text, 10, f"v{n}") for n, text in enumerate(first)]
    return written(tmp_path / "fading.db", [first, second, [first[1], first[2], second[0]]])


def test_figures_by_cycle(fading):
    """Counted by hand: 22 words a text, 20 runs of three; of a variant's 20 runs 10 are new."""
    one, two, three, whole = rows_of(fading)
    assert [row["cycle"] for row in (one, two, three, whole)] == [0, 1, 2, None]
    assert [row["samples"] for row in (one, two, three, whole)] == [3, 3, 3, 9]
    assert [row["words"] for row in (one, two, three, whole)] == [66, 66, 66, 198]
    assert (one["distinct_1"], one["distinct_2"], one["distinct_3"]) == (1.0, 1.0, 1.0)
    assert [row["new_trigrams_0_to_1"] for row in (one, two, three, whole)] == [None, 0.5, 0.0, None]
    assert [row["repeated"] for row in (one, two, three, whole)] == [None, 0, 3, 3]
    assert three["repeated_0_to_1"] == 1.0 and whole["repeated_0_to_1"] == pytest.approx(1 / 3, abs=1e-6)
    assert whole["distinct_3"] == pytest.approx(90 / 180)
    assert whole["distinct_1"] == pytest.approx(96 / 198, abs=1e-6)


def test_similarity_is_of_texts_of_one_topic(fading):
    """Pairs of a topic's texts, counted for the later one's cycle; texts of different topics are never paired."""
    one, two, three, _ = rows_of(fading)
    assert one["similarity"] is None and one["highest_similarity"] is None
    assert two["similarity"] == pytest.approx(likeness(22, 10), abs=1e-6) == two["highest_similarity"]
    assert three["similarity"] == 0.0  # each came back under another topic


def test_near_repeats_count_with_near(tmp_path):
    """With --near variants of earlier texts are repeats, whatever their topic; of the same cycle they are not."""
    base = text_of("a")
    cycles = [[base, text_of("b"), variant(base, 5, "c")], [text_of("d"), variant(base, 9, "e"), "short one"]]
    path = written(tmp_path / "p.db", cycles)
    assert [row["repeated"] for row in rows_of(path)] == [None, 0, 0]
    assert [row["repeated"] for row in rows_of(path, near=0.8)] == [None, 1, 1]
    assert likeness(102, 9) < 0.9 and [row["repeated"] for row in rows_of(path, near=0.9)] == [None, 0, 0]


def test_by_topic_and_both(fading):
    """A row for each topic, with its path; or for each topic's cycles; everything is the same each way."""
    topics, both, cycles = (rows_of(fading, by=by) for by in ("topic", "both", "cycle"))
    assert sorted(row["topic"] for row in topics[:-1]) == ["root › Glass", "root › Sleep", "root › Tides"]
    assert [row["samples"] for row in topics] == [3, 3, 3, 9] and "cycle" not in topics[0]
    assert len(both) == 10 and [row["cycle"] for row in both[:3]] == [0, 1, 2]
    assert both[1]["new_trigrams_0_to_1"] == 0.5  # against the topic's own earlier cycles
    figures = [{key: value for key, value in rows[-1].items() if value is not None} for rows in (topics, both, cycles)]
    assert figures[0] == figures[1] == figures[2]


def test_samples_without_topics_come_in_steps(tmp_path):
    """Thousands of replicates of one combo make at most 50 rows; --step says how many cycles are in one."""
    path = tmp_path / "p.db"
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        add_template(db, "plain", "draft")
        add_model(db, "writer")
        ensure_plain_combo(db)
        for n in range(130):
            answer(db, add_draft(db, "none", n + 1), text_of(n % 65, 6))
    rows = rows_of(path)
    assert len(rows) == 45 <= STEPS and [(row["cycle"], row["last_cycle"]) for row in rows[:2]] == [(0, 2), (3, 5)]
    assert sum(row["samples"] for row in rows[:-1]) == 130 and rows[-1]["repeated"] == 65
    assert [row["samples"] for row in rows_of(path, step=65)] == [65, 65, 130]
    assert rows_of(path, step=65)[1]["new_trigrams_0_to_1"] == 0.0
    assert rows_of(path, by="topic")[0]["topic"] is None and rows_of(path, by="topic")[0]["combo_id"] == "none"
    assert COMPARED < 130 and rows[-1]["highest_similarity"] == 1.0


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=40), min_size=1, max_size=5), st.randoms())
def test_novelty_is_exact_below_its_bound(steps, rng):
    """Different and new runs of each step are what sets say, in whatever order texts come."""
    novelty = Novelty()
    coming = [(step, gram) for step, grams in enumerate(steps) for gram in grams]
    rng.shuffle(coming)
    for step, gram in coming:
        novelty.add(step, array("Q", [gram]))
    before: set[int] = set()
    for (different, new), grams in zip(novelty.counts(len(steps)), steps, strict=True):
        assert (different, new) == (len(set(grams)), len(set(grams) - before))
        before |= set(grams)
    assert novelty.all() == len(before)


def test_novelty_estimates_beyond_its_bound():
    """Twenty times the bound: shares are good to some per cent of a bound of 4,096, and order changes nothing."""
    grams = [int(n * 0x9E3779B97F4A7C15) ^ (n * 0xD1B54A32D192ED03 >> 7) & 2**64 - 1 for n in range(1, 80_001)]
    spread = array("Q", [(gram * 0xBF58476D1CE4E5B9 & 2**64 - 1) >> 20 for gram in grams])
    one, other = Novelty(4_096), Novelty(4_096)
    one.add(0, spread[:50_000])
    one.add(1, spread[30_000:])
    other.add(1, spread[:29_999:-1])
    other.add(0, spread[:50_000])
    assert one.counts(2) == other.counts(2) and one.scale == other.scale > 1
    (first, _), (second, new) = one.counts(2)
    assert first == pytest.approx(50_000, rel=0.1) and second == pytest.approx(50_000, rel=0.1)
    assert new == pytest.approx(30_000, rel=0.1) and one.all() == pytest.approx(len(set(spread)), rel=0.1)


def cycle(number, share, samples=50, repeated=5):
    """Give a row as `outlook` reads it."""
    return {
        "cycle": number,
        "last_cycle": number,
        "samples": samples,
        "new_trigrams_0_to_1": share,
        "repeated": repeated,
        "repeated_0_to_1": repeated / samples,
    }


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([None], "nothing to compare, it is the only one"),
        ([None, None], "its texts are too short"),
        ([None, 0.36], "one more cycle would show whether that falls"),
        ([None, 0.4, 0.03], "another cycle will hardly bring more"),
        ([None, 0.4, 0.1], "another cycle will bring little"),
        ([None, 0.9, 0.5], "less than the first ones"),
        ([None, 0.9, 0.89], "nothing here says that another cycle would bring less"),
    ],
)
def test_the_sentence_says_what_the_figures_say(shares, expected):
    """From the last cycle's share and the one that the second cycle brought."""
    said = outlook([cycle(n, share) for n, share in enumerate(shares)])
    assert said.endswith(expected) and said.startswith(f"cycle {len(shares)}")


def test_the_sentence_foretells_nothing_from_few_texts():
    """A last cycle of three texts says little; no rows, no sentence."""
    rows = [cycle(0, None), cycle(1, 0.4), cycle(2, 0.01, samples=3, repeated=1)]
    assert outlook(rows) == (
        "cycle 3 brought 1.0 % new trigrams (cycle 2: 40 %); 1 of its 3 samples (33 %) repeat earlier ones;"
        " too few samples to say what another would bring"
    )
    assert outlook([]) == "" and percent(0.0) == "0 %" and percent(0.0994) == "9.9 %" and percent(0.125) == "12 %"


def test_the_command(run, fading):
    """JSON and CSV have every column; the table counts from 1 and ends with the sentence on stderr."""
    rows = run("report", "diversity", "-p", fading, "--json").json
    assert rows == rows_of(fading)
    lines = list(csv.DictReader(io.StringIO(run("report", "diversity", "-p", fading, "--csv").out)))
    assert [line["cycle"] for line in lines] == ["0", "1", "2", ""] and set(lines[0]) == set(rows[0])
    ran = run("report", "diversity", "--near", "0.5", "-p", fading)
    assert [line.split()[0] for line in ran.out.splitlines()] == ["cycle", "1", "2", "3", "all"]
    assert "cycle 3 brought 0 % new trigrams (cycle 2: 50 %)" in ran.err and "too few samples" in ran.err
    assert run("report", "diversity", "--by", "both", "-p", fading).code == 0
    assert (
        run("report", "diversity", "--topics", "garden", "--step", 2, "-p", fading, "--json").json[0]["last_cycle"] == 1
    )


def test_nothing_and_too_much(run, project, fading):
    """An empty project has no rows; so many rows that nobody reads them are refused."""
    assert run("report", "diversity", "-p", project, "--json").json == []
    assert "no finished texts yet" in run("report", "diversity", "-p", project).err
    assert run("report", "diversity", "--stage", "essay", "-p", fading, "--json").json == []
    assert run("report", "diversity", "--cohort", "none", "-p", fading).code == 2


def test_the_demo(run, tmp_path):
    """On what the offline model wrote: figures within their bounds, and figures of cycles that add up."""
    path = tmp_path / "demo.db"
    assert run("demo", "-p", path).code == 0
    rows = run("report", "diversity", "--near", "0.8", "-p", path, "--json").json
    assert sum(row["samples"] for row in rows[:-1]) == rows[-1]["samples"] > 10
    shares = [value for row in rows for key, value in row.items() if key.startswith(("distinct", "new", "similar"))]
    assert all(share is None or 0 <= share <= 1 for share in shares)
