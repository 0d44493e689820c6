"""What the pages of runs, scores, migrations and search count, and what Datasette's own pages are told."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from browsing import get
from projects import add, made
from test_browse_crawl import enrich

from workbench.assets import asset_text
from workbench.browse import charts
from workbench.browse.page import Asked
from workbench.browse.pages import run, scores, search
from workbench.browse.prose import described, opening
from workbench.browse.tables import FACETS, LABELS, all_settings
from workbench.queries import questions
from workbench.store import create_project, open_project, transaction

ROOT = "/project/-/workbench"
AT = "2026-01-01T00:00:{:06.3f}Z"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small project of all stages, with a run, two migrations and events."""
    path = made(tmp_path_factory.mktemp("numbers") / "project.db")
    enrich(path)
    return path


@pytest.fixture
def calls(project: Path) -> Path:
    """Give a project with one run of four calls: two side by side, a failure, one without an answer."""
    with open_project(project, write=True) as db, transaction(db):
        one = add(db, "runs", job="j", config="{}", status="running", version="0", started=AT.format(0))
        common = {"run_id": one, "provider": "p", "model": "m"}
        for start, took, outcome in ((0.0, 2_000.0, "ok"), (0.5, 1_000.0, "ok"), (2.0, 500.0, "timeout")):
            state = "answered" if outcome == "ok" else "failed"
            values = {"latency_ms": took, "outcome": outcome, "status": state, "tokens_out": 10, "cost": 0.5}
            add(db, "calls", attempt=1, started=AT.format(start), **common, **values)
        add(db, "calls", attempt=2, started=AT.format(3.0), status="sent", **common)
    return project


def asked(path: Path, gather: Any, names: dict[str, str] | None = None, **options: str) -> Any:
    """Ask a page for its facts."""
    with open_project(path) as db:
        return gather(db, Asked(names or {}, options)).facts


def test_a_runs_timeline_adds_up(calls):
    """Steps hold every call once, and the time in flight is the time that calls took."""
    facts = asked(calls, run.gather, {"run": "1"})
    steps, each = facts["timeline"]["steps"], facts["timeline"]["seconds"]
    assert [sum(step[name] for step in steps) for name in ("calls", "ok", "failed", "waiting")] == [4, 2, 1, 1]
    answered = [step for step in steps if step["at"] < 3.0]
    assert sum(step["in_flight"] for step in answered) * each == pytest.approx(3.5, abs=0.01)
    assert max(step["in_flight"] for step in steps) == 2
    assert sum(step["cost"] for step in steps) == 1.5


def test_latencies_have_shares_and_no_holes(calls):
    """The histogram reaches from the shortest to the longest, step by step."""
    facts = asked(calls, run.gather, {"run": "1"})["latency"]
    assert (facts["calls"], facts["p50"], facts["longest"]) == (3, 1_000, 2_000)
    assert [step["calls"] for step in facts["steps"]] == [1, 0, 1, 0, 1]
    assert all(a["below"] == b["from"] for a, b in zip(facts["steps"], facts["steps"][1:], strict=False))


@pytest.mark.parametrize("name", ["0", "x", "-1", "99999999999999999999", "²", "1.5"])
def test_a_run_that_is_none(calls, name):
    """It is said, as for every name that is not there."""
    assert get(calls, f"{ROOT}/run/{name}")[0].status_code == 404


def test_scores_agree_with_the_reports(sample):
    """Distributions hold every score; each essay's cells are the rows of `pivot_long`; a cohort narrows all."""
    facts = asked(sample, scores.gather)
    with open_project(sample) as db:
        rows = db.execute("select essay_gen_id, n, mean from pivot_long").fetchall()
        (count,) = db.execute("select count(*) from scored").fetchone()
    assert facts["scores"] == count == sum(sum(one["bins"]) for one in facts["distributions"]) > 0
    cells = [(row["essay_gen_id"], cell["n"], cell["mean"]) for row in facts["top"] for cell in row["cells"] if cell]
    assert sorted(cells) == sorted(rows)
    assert sum(row["essays"] for row in facts["agreement"]) == facts["essays"]
    assert asked(sample, scores.gather, cohort="first")["scores"] == 0
    assert get(sample, f"{ROOT}/scores?cohort=none")[0].status_code == 404


def test_search_finds_and_forgives(sample):
    """Words are marked; what is no query is read as words; nothing said asks nothing."""
    facts = asked(sample, search.gather, q="essay")
    assert facts["matches"] > 0 and not facts["as_words"]
    marked = [
        piece["text"] for row in facts["found"] for one in row["snippets"].values() for piece in one if piece["found"]
    ]
    assert marked and {word.lower() for word in marked} == {"essay"}
    odd = asked(sample, search.gather, q='essay "of (')
    assert odd["as_words"] and odd["matches"] == asked(sample, search.gather, q="essay of")["matches"]
    inside = asked(sample, search.gather, q="essay", **{"in": "raw"})["found"]
    assert inside and all(set(row["snippets"]) == {"raw"} for row in inside)
    assert asked(sample, search.gather)["found"] == asked(sample, search.gather, q='"*(')["found"] == []


def test_search_says_how_far_its_index_is_behind(sample, tmp_path):
    """Answers that came after the last run's end are counted."""
    path = made(tmp_path / "project.db")
    with sqlite3.connect(path) as conn:
        conn.execute("update project set value = value - 3 where key = 'searched'")
    conn.close()
    assert asked(path, search.gather)["behind"] == 3
    assert "too new to be found" in get(path, f"{ROOT}/search")[0].text


@pytest.mark.parametrize(
    ("snippet", "pieces"),
    [
        ("a \x02b\x03 c", [("a ", False), ("b", True), (" c", False)]),
        ("\x02a\x03\x02b\x03", [("a", True), ("b", True)]),
        ("a\x03b \x02c", [("ab ", False), ("c", False)]),
        ("", []),
    ],
)
def test_stray_marks_do_no_harm(snippet, pieces):
    """A text that itself holds the signs which mark words loses them, and nothing else."""
    assert [(piece["text"], piece["found"]) for piece in search.pieces(snippet)] == pieces


def test_a_migrations_mapping_is_searched(sample):
    """By a part of an old or a new ID, in any case; by status; a page at a time."""
    whole = get(sample, f"{ROOT}/migrations/1.json")[0].json()
    assert sum(row["n"] for row in whole["counts"]) == len(whole["mapping"]) > 10
    old, none, blocked, page = get(
        sample,
        f"{ROOT}/migrations/1.json?q=oLD-3",
        f"{ROOT}/migrations/1.json?q=%25",
        f"{ROOT}/migrations/1.json?status=blocked",
        f"{ROOT}/migrations/1.json?after=5",
    )
    assert {row["old_id"] for row in old.json()["mapping"]} >= {"Old-3"} and none.json()["mapping"] == []
    assert blocked.json()["mapping"] == [] and page.json()["mapping"][0]["old_id"] == "Old-6"
    assert whole["problems"][0]["code"] == "orphan" and whole["migration"]["plan"] == {"to": "v1"}


def test_the_schemas_prose_describes_every_table():
    """Each table and view is there with what stands above it, columns with what stands beside them."""
    found = described()
    with sqlite3.connect(":memory:") as conn:
        conn.executescript(asset_text("schema/schema.sql") + asset_text("schema/views.sql"))
        names = conn.execute("select name, type from sqlite_master where type in ('table', 'view')").fetchall()
        known = [(name, kind) for name, kind in names if not name.startswith(("sqlite_", "search_"))]
        for table, kind in known:
            columns = {row[1] for row in conn.execute(f"pragma table_info({table})")}
            assert set(found[table].columns) <= columns and found[table].view == (kind == "view")
            assert table not in LABELS or LABELS[table] in columns
            assert set(FACETS.get(table, [])) <= columns
    conn.close()
    assert {name for name, _ in known} | {"search_source"} == set(found)
    assert found["calls"].columns["body"] == "as it came, before it was judged"
    assert opening().startswith("A workbench project")


def test_datasettes_tables_say_what_they_hold(sample):
    """Prose above, names instead of numbers in foreign keys, facets; shadow tables are out of sight."""
    table, row, home = get(sample, "/project/generations", "/project/generations/1", "/project")
    assert "One task and, once run, its result." in table.text
    assert "made by a migration or by the offline model" in table.text
    assert ">plain</a>" in table.text and ">writer</a>" in table.text
    assert "_facet=stage" in table.text or 'data-column="stage"' in table.text
    assert f'href="{ROOT}/generation/d_' in table.text
    assert row.status_code == 200
    assert 'href="/project/search_docsize"' not in home.text
    assert 'href="/project/generations"' in home.text and 'href="/project/generation_texts"' in home.text


def test_facets_are_those_of_ours_and_none_is_guessed(sample, tmp_path):
    """To guess some takes seconds in large files; who asks for it, and any other database, still gets it."""
    ours, narrowed, asked = get(
        sample, *(f"/project/generations{query}" for query in ("", "?stage=draft", "?_nosuggest="))
    )
    assert "Suggested facets" not in ours.text + narrowed.text and "Suggested facets" in asked.text
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as conn:
        conn.execute("create table t (id integer primary key, kind text)")
        conn.executemany("insert into t (kind) values (?)", [("ab"[n % 2],) for n in range(40)])
    conn.close()
    assert "Suggested facets" in get(other, "/other/t")[0].text


def test_every_named_question_is_asked_by_name(sample):
    """As `ask_NAME`, since some have the name of a view; views keep their own pages."""
    names = list(questions())
    answers = get(sample, *(f"/project/ask_{name}.json?_shape=array" for name in names), "/project/coverage")
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert isinstance(answers[names.index("cohorts")].json(), list)
    assert "How far each cycle of a topic model has come" in answers[-1].text


def test_settings_name_only_what_is_there():
    """Hidden tables and labels are those of the schema."""
    assert all_settings()["search_data"]["hidden"] and all_settings()["generations"]["label_column"] == "gen_id"


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 0.5), (1, 1), (7, 10), (21, 25), (99, 100), (101, 200)])
def test_axes_end_at_round_numbers(value, top):
    """1, 2, 2.5 or 5 times a power of ten."""
    assert charts.nice(value) == pytest.approx(top)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "0 s"), (0.0213, "21 ms"), (0.25, "0.25 s"), (59, "59 s"), (90, "1.5 min"), (3600, "1 h")),
        *((5400, "1 h 30"), (172_800, "2 d"), (216_000, "2.5 d")),
    ],
)
def test_lengths_of_time_are_brief(seconds, words):
    """As they stand below an axis."""
    assert charts.duration(seconds) == words


def test_an_empty_project_has_all_pages(tmp_path):
    """Nothing has run yet, and each page says so."""
    path = tmp_path / "project.db"
    create_project(path)
    names = ("runs", "scores", "migrations", "search", "sql", "search?q=x")
    assert [page.status_code for page in get(path, *(f"{ROOT}/{name}" for name in names))] == [200] * len(names)
