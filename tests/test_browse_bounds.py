"""Pages of what is large, odd or hostile: sums that agree, pictures and texts that stay within bounds."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from browsing import get, links
from conftest import DATA
from projects import add, made, number

from workbench.browse.texts import laid_out, prose
from workbench.report.compare import PIECES
from workbench.report.status import status
from workbench.store import open_project, transaction

ROOT = "/project/-/workbench"
AT = "2026-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small project of all stages."""
    return made(tmp_path_factory.mktemp("bounds") / "project.db")


def facts(path: Path, address: str) -> Any:
    """Give the JSON of a page."""
    name, _, query = address.partition("?")
    return get(path, f"{ROOT}/{name}.json?{query}")[0].json()


def scattered(db: Any, seed: int) -> None:
    """Order replicates of topics with holes and out of order, some of them failed, some legacy or without a name."""
    chance = random.Random(seed)
    template, model = number(db, "templates", name="plain"), number(db, "models", llm_model_id="writer")
    other = add(db, "models", llm_model_id=f"other {seed}")
    for (combo,) in db.execute("select id from combos").fetchall():
        for replicate in chance.sample(range(4, 13), chance.randrange(9)):
            for one in {model, chance.choice((model, other))}:
                legacy = int(chance.random() < 0.2)
                task = {"combo_id": combo, "template_id": template, "model_id": one, "replicate": replicate}
                name = f"d_{seed}x{combo}x{replicate}x{one}"
                state = chance.choice(("planned", "failed", "blocked"))
                add(db, "generations", gen_id=name, stage="draft", status=state, created=AT, legacy=legacy, **task)
        add(db, "generations", gen_id=f"old {seed} {combo}", stage="draft", status="planned", created=AT, legacy=1)
    db.execute(
        "update generations set status = 'done', content_id = (select id from contents limit 1)"
        " where stage = 'draft' and id % 3 = 0"
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_coverage_of_the_overview_is_that_of_the_view(tmp_path, seed):
    """Combos with whole runs of replicates are counted by their last one; holes, legacy and other rows are, too."""
    path = made(tmp_path / "project.db")
    with open_project(path, write=True) as db, transaction(db):
        scattered(db, seed)
    with open_project(path) as db:
        names = ("topic_model", "template_id", "llm_model_id", "cycle", "done", "failed", "pending", "topics")
        rows = db.execute(f"select {', '.join(names)} from coverage order by 1, 2, 3, 4").fetchall()
        found = status(db, path)["coverage"]
    assert [tuple(row[name] for name in names) for row in found] == rows
    assert len(rows) > 5 and any(row[4] for row in rows) and any(row[5] for row in rows)


def test_the_sums_of_a_tree_are_those_of_its_parts(sample):
    """For the whole model, read at once, and for one branch of it, found from its top."""
    whole = facts(sample, "topics/garden")
    top = whole["top"]
    assert top["done"] == sum(row["done"] for row in whole["leaves"]) > 0
    assert [row for row in whole["blocks"] if row["height"] == 0] == [whole["blocks"][0]]
    inside = next(row for row in whole["blocks"] if row["height"] == 1)
    branch = facts(sample, f"topics/garden/{inside['uuid']}")
    names = ("done", "tasks", "failed", "leaves", "title")
    assert [branch["top"][name] for name in names] == [inside[name] for name in names]


def test_a_topic_in_view_leads_back_up(sample):
    """The first block of an icicle is the way out: to what is above it, not to itself."""
    inside = facts(sample, "topics/garden")["blocks"][1]["uuid"]
    page = get(sample, f"{ROOT}/topics/garden/{inside}")[0].text
    picture = page[page.index('class="picture icicle"') :]
    assert links(picture)[0].startswith((f"{ROOT}/topics/garden", f"{ROOT}/topic/"))
    assert f"/topics/garden/{inside}" not in links(picture)[0]


@pytest.mark.parametrize("leaves_only", [False, True])
def test_the_list_of_a_graph_has_the_topics_that_samples_are_made_of(run, project, leaves_only):
    """As `unique_topics` has them: every node but the root, or leaves only."""
    file = DATA / "deepfabric" / "graph" / "topic_graph.json"
    run("topics", "import", file, "--name", "g", *["--leaves-only"] * leaves_only, "-p", project)
    with open_project(project) as db:
        topics = {uuid for (uuid,) in db.execute("select uuid from unique_topics")}
    assert {row["uuid"] for row in facts(project, "topics/g")["leaves"]} == topics
    assert f"<h2>{'Leaves' if leaves_only else 'Topics'} <span" in get(project, f"{ROOT}/topics/g")[0].text


@pytest.mark.parametrize("address", ["runs", "migrations", "topics/garden", "cohort/first", "scores", "search?q=draft"])
def test_beyond_the_last_part_of_a_list_is_its_last_part(tmp_path, address):
    """A number that is too high shows what the last page shows, and never says that there is nothing."""
    path = made(tmp_path / "project.db")
    with open_project(path, write=True) as db, transaction(db):
        add(db, "runs", job="j", config="{}", status="done", version="1", started=AT)
        add(db, "migrations", kind="ids", plan="{}", state="applied", at=AT, version="1")
    name, _, query = address.partition("?")
    first, beyond = get(path, *(f"{ROOT}/{name}.json?{query}&page={n}" for n in (1, 99)))
    assert first.status_code == 200 and first.json() == beyond.json()


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give a project with one draft of 14 essays with 30 evaluations each, and the draft's ID."""
    path = made(tmp_path_factory.mktemp("wide") / "project.db")
    with open_project(path, write=True) as db, transaction(db):
        draft, gen_id = db.execute("select id, gen_id from generations where stage = 'draft' limit 1").fetchone()
        essays, rubric = number(db, "templates", name="long"), number(db, "templates", name="rubric")
        judge = number(db, "models", llm_model_id="judge")
        common = {"status": "planned", "created": AT}
        for one in range(14):
            task = {"parent_id": draft, "template_id": essays, "replicate": 50 + one}
            essay = add(db, "generations", gen_id=f"e_wide{one}", stage="essay", **task, **common)
            for n in range(30):
                task = {"parent_id": essay, "template_id": rubric, "model_id": judge, "replicate": n + 1}
                add(db, "generations", gen_id=f"v_wide{one}x{n}", stage="evaluation", **task, **common)
    return path, gen_id


def test_a_wide_family_is_drawn_in_part_and_leads_to_the_rest(wide):
    """Its page has all members as JSON; the picture has few of each parent, and a box that says how many more."""
    path, gen_id = wide
    page, twin = get(path, f"{ROOT}/generation/{gen_id}", f"{ROOT}/generation/{gen_id}.json")
    assert len(twin.json()["family"]) > 430
    assert page.text.count('class="node ') < 120 and "26 more" in page.text
    rest = {link for link in links(page.text) if "/lineage?" in link}
    assert len(rest) == 1
    table = get(path, *rest)[0]
    assert table.status_code == 200 and "e_wide13" in table.text


def test_json_that_is_deep_is_laid_out_in_part():
    """Each line of it begins with as many blanks as it is deep; what cannot be told stays as it came."""
    deep = "[" * 500 + "1," * 90_000 + "1" + "]" * 500
    assert laid_out(deep, 5_000).startswith("[\n  [\n") and len(laid_out(deep, 5_000)) == 5_000
    for text in ("[" * 100_000, '{"messages": [' + "[" * 900 + "]" * 900 + "]}", "{", "[1, 2", "x" * 10):
        assert len(laid_out(text)) <= 60_000
    assert laid_out('{"b": [1, "ä"]}') == '{\n  "b": [\n    1,\n    "ä"\n  ]\n}'
    turns = '{"messages": [{"role": "user", "content": "Why?"}, 3], "score": 1}'
    assert laid_out(turns) == "user: Why?\n\n3\n\nscore: 1"


def test_prose_of_ours_is_set_and_foreign_words_in_it_are_not():
    """Backticks make code; what looks like markup is text."""
    assert prose("see `workbench <x>` and *this*") == "see <code>workbench &lt;x&gt;</code> and <em>this</em>"


def test_texts_without_blanks_are_compared_by_line_when_they_are_long(tmp_path):
    """The pieces are counted, not the blanks; a difference far down is not passed over as none."""
    path = made(tmp_path / "project.db")
    with sqlite3.connect(path) as conn:
        (a, first), (b, second) = conn.execute(
            "select gen_id, content_id from generations where stage = 'draft' and status = 'done' limit 2"
        )
        for text, content in (("!" * PIECES, first), ("!" * PIECES + "?", second)):
            conn.execute("update contents set raw = ?, parsed_hash = raw_hash where id = ?", (text, content))
    conn.close()
    signs = facts(path, f"diff/{a}/{b}?kind=raw")
    assert signs["long"] and signs["by"] == "line"
    with sqlite3.connect(path) as conn:
        far = "same\n" * 5_000
        conn.executemany("update contents set raw = ? where id = ?", [(far + "a", first), (far + "b", second)])
    conn.close()
    assert "They differ far down" in get(path, f"{ROOT}/diff/{a}/{b}?kind=raw")[0].text
    assert not facts(path, f"diff/{a}/{b}?kind=raw")["equal"]


def test_parsed_json_is_compared_as_it_is_read(tmp_path):
    """By line that shows which field differs; `raw` has it as it came."""
    path = made(tmp_path / "project.db")
    with sqlite3.connect(path) as conn:
        (a, first), (b, second) = conn.execute(
            "select gen_id, content_id from generations where stage = 'draft' and status = 'done' limit 2"
        )
        for answer, content in (("yes", first), ("no", second)):
            text = json.dumps({"question": "Is it?", "answer": answer})
            conn.execute("update contents set raw = ?, parsed_hash = raw_hash where id = ?", (text, content))
    conn.close()
    pieces = facts(path, f"diff/{a}/{b}?by=line")["pieces"]
    assert [piece["text"].strip() for piece in pieces if piece["sign"] in "-+"] == ['"answer": "yes"', '"answer": "no"']
    assert "question" in "".join(piece["text"] for piece in pieces if piece["sign"] == "=")
    assert (
        len([piece for piece in facts(path, f"diff/{a}/{b}?by=line&kind=raw")["pieces"] if piece["sign"] != "@"]) == 2
    )


def test_a_cohort_of_one_stage_and_of_concepts(tmp_path):
    """A stage that it has is shown whichever is asked for; combos have the names of their concepts."""
    path = made(tmp_path / "project.db")
    with open_project(path, write=True) as db, transaction(db):
        cohort = add(db, "cohorts", name="judged", mode="curated", created=AT)
        for (one,) in db.execute("select id from generations where stage = 'evaluation'").fetchall():
            add(db, "cohort_members", cohort_id=cohort, generation_id=one, place=one)
    found = facts(path, "cohort/judged?stage=essay")
    assert (found["stage"], [row["stage"] for row in found["stages"]]) == ("evaluation", ["evaluation"])
    (stage,) = found["stages"]
    cells = [cell for row in found["rows"] for cell in row["cells"]]
    for name in ("done", "planned", "failed", "blocked", "reused"):
        assert sum(cell[name] for cell in cells) == stage[name]
    titles = {row["combo_id"]: row["title"] for row in facts(path, "cohort/first")["rows"]}
    assert titles["memory-play"] == "Memory + Play"
