"""Texts as tables: every column is what the record says, nothing is run by a spreadsheet, memory stays bounded."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from projects import TITLES, fill, made

from workbench.cli.spreadsheet import csv_lines, unguarded
from workbench.errors import BadInput, MissingExtra, OutputExists, UnknownName
from workbench.exports import Choice, export_dataset, export_parquet, export_table
from workbench.exports.files import new_bytes
from workbench.exports.parquet import ParquetTable
from workbench.exports.rows import PLAIN_TEXTS, TEXTS, columns, lineage_rows
from workbench.exports.selection import chosen
from workbench.plugins import library
from workbench.store import Database, open_project


@pytest.fixture
def db(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        fill(opened)
        yield opened


def rows(db: Database, choice: Choice) -> list[dict]:
    return list(lineage_rows(db, chosen(db, choice)))


def test_every_text_has_its_lineage_up_to_the_root(db, tmp_path):
    """An evaluation's row names its essay, its draft, the topic with its path, the cohorts, and its own score."""
    told = export_parquet(db, tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert told == {"rows": 20, "path": str(tmp_path / "x.parquet")} and table.num_rows == 20
    assert table.column_names == [column.name for column in columns()]
    found = {row["gen_id"]: row for row in table.to_pylist()}
    for row in found.values():
        family = [row]
        while family[-1]["parent_gen_id"] is not None:
            family.append(found[family[-1]["parent_gen_id"]])
        root = family[-1]
        assert row["draft_gen_id"] == root["gen_id"] and root["stage"] == "draft"
        assert (row["combo_id"], row["path"], row["concepts"]) == (root["combo_id"], root["path"], root["concepts"])
        assert (row["path"] or ["root"])[0] == "root" and row["template_hash"] and row["model_hash"]
        assert row["cohorts"] == (["first"] if row["stage"] == "draft" else [])
    judged = [row for row in found.values() if row["stage"] == "evaluation"]
    assert {round(row["score"], 4) for row in judged} == {5.3333, 5.6667}
    assert all(row["scores"][0]["gen_id"] == row["gen_id"] for row in judged)


def test_scores_come_up_to_the_essay_and_the_draft(db):
    """An essay has the scores of its evaluations in order, and their mean as a share of the scale."""
    essay = rows(db, Choice("essay"))[0]
    draft = next(row for row in rows(db, Choice()) if row["gen_id"] == essay["draft_gen_id"])
    assert [score["replicate"] for score in essay["scores"]] == [1, 2] and essay["score"] is None
    assert essay["score_0_to_1"] == pytest.approx((5.3333 + 5.6667) / 18)
    assert draft["scores"] == essay["scores"]


def test_a_family_belongs_to_the_topic_of_its_draft(db):
    """Topics and cycles narrow essays and evaluations too; templates and models are those of the text itself."""
    assert [len(rows(db, Choice(stage, topics="garden"))) for stage in ("draft", "essay", "evaluation")] == [6, 3, 6]
    assert {row["stage"] for row in rows(db, Choice(None, template="rubric"))} == {"evaluation"}
    assert len(rows(db, Choice(None, cycle=1))) == 4 and len(rows(db, Choice(None, model="judge"))) == 8
    with pytest.raises(UnknownName, match="any stage"):
        rows(db, Choice(None, template="nobody"))


def test_texts_are_chosen(db, tmp_path):
    """Any of five texts, or none, and what there is not is refused before anything is written."""
    export_parquet(db, tmp_path / "x.parquet", texts=("messages", "parsed"))
    table = pq.read_table(tmp_path / "x.parquet")
    assert [name for name in table.column_names if name in TEXTS] == ["messages", "parsed"]
    assert [turn["role"] for turn in table.to_pylist()[0]["messages"]] == ["system", "user", "assistant"]
    export_parquet(db, tmp_path / "y.parquet", Choice(cohort="first"), texts=())
    assert pq.read_table(tmp_path / "y.parquet").num_rows == 8
    with pytest.raises(BadInput, match="no text 'body'"):
        export_parquet(db, tmp_path / "z.parquet", texts=("body",))
    assert not (tmp_path / "z.parquet").exists()


def test_row_groups_are_bounded(db, tmp_path, monkeypatch):
    """What waits in memory becomes a row group as soon as it is large enough, by rows or by bytes."""
    monkeypatch.setattr("workbench.exports.parquet.CHUNK", 3)
    for name, limit in (("GROUP_ROWS", 6), ("GROUP_BYTES", 1)):
        with monkeypatch.context() as patched:
            patched.setattr(f"workbench.exports.parquet.{name}", limit)
            export_parquet(db, tmp_path / "x.parquet", force=True)
        facts = pq.ParquetFile(tmp_path / "x.parquet").metadata
        sizes = [facts.row_group(n).num_rows for n in range(facts.num_row_groups)]
        assert sizes == ([6, 6, 6, 2] if name == "GROUP_ROWS" else [3] * 6 + [2])


def test_no_rows_is_a_table_too(project, tmp_path):
    """An empty project gives a file with all the columns."""
    with open_project(project) as db:
        assert export_parquet(db, tmp_path / "x.parquet")["rows"] == 0
    assert pq.read_table(tmp_path / "x.parquet").column_names == [column.name for column in columns()]


def test_a_parquet_file_is_whole_or_not_there(db, tmp_path):
    """Nothing is written over without force; what fails half-way leaves the old file, and no other."""
    out = tmp_path / "x.parquet"
    out.write_text("mine")
    with pytest.raises(OutputExists):
        export_parquet(db, out)
    with (
        pytest.raises(ZeroDivisionError),
        new_bytes(tmp_path / "half") as file,
        ParquetTable(library("pyarrow", "parquet"), file, columns()) as table,
    ):
        table.add(rows(db, Choice())[0])
        raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project.db", "x.parquet"]
    assert out.read_text() == "mine"
    assert export_parquet(db, out, force=True)["rows"] == 20 and pq.read_table(out).num_rows == 20


HOSTILE = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "'quoted", 'plain, "text"\nof two lines; with all')


def test_csv_runs_nothing_and_gives_everything_back(db, tmp_path):
    """Cells that a spreadsheet would run are guarded, reversibly; --raw leaves them; lists are JSON."""
    numbers = [n for (n,) in db.execute("select content_id from generations where stage = 'draft' and status = 'done'")]
    for number, text in zip(numbers, HOSTILE, strict=False):
        db.execute("update contents set raw = ?, parsed = null, parsed_hash = raw_hash where id = ?", (text, number))
    for raw in (False, True):
        out = tmp_path / f"{raw}.csv"
        assert export_table(db, out, partial(csv_lines, raw=raw))["rows"] == 8
        with out.open(newline="", encoding="utf-8") as file:
            found = list(csv.DictReader(file))
        given = [row["raw"] if raw else unguarded(row["raw"]) for row in found]
        assert set(HOSTILE) <= set(given) and len(found) == 8
        assert all(row["raw"][0] not in "=+-@\t" for row in found) is not raw
        assert json.loads(found[0]["path"]) == ["root", "Tides"] and found[0]["synthetic"] == "0"


def test_json_lines_have_the_same_columns(db, tmp_path):
    """The plain rows of `export dataset` and a Parquet file say the same, value for value."""
    export_dataset(db, tmp_path / "x.jsonl", format="jsonl")
    export_parquet(db, tmp_path / "x.parquet", Choice())
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert lines == pq.read_table(tmp_path / "x.parquet").to_pylist()


def test_the_same_facts_give_the_same_rows(tmp_path):
    """Two projects filled alike give the same tables, but for times."""
    tables = []
    for name in ("a", "b"):
        with open_project(made(tmp_path / f"{name}.db")) as db:
            tables.append([{**row, "created": None} for row in rows(db, Choice(None))])
    assert tables[0] == tables[1] and {row["topic"] for row in tables[0]} == {*TITLES, None}


def test_commands_write_what_they_say(run, tmp_path):
    """Each verb gives rows and path as JSON, and refuses a text that there is not with exit code 2."""
    project = made(tmp_path / "p.db")
    for verb, out in (("parquet", "x.parquet"), ("prov", "x.json"), ("openlineage", "x.jsonl"), ("huggingface", "hf")):
        told = run("export", verb, tmp_path / out, "-p", project, "--stage", "essay", "--json")
        assert (told.code, told.json["rows"], told.json["path"]) == (0, 4, str(tmp_path / out)), told.err
        assert run("export", verb, tmp_path / out, "-p", project).code == 3
        assert run("export", verb, tmp_path / out, "-p", project, "--force").code == 0
        assert run("export", verb, tmp_path / "no", "-p", project, "--texts", "body").code == 2
        assert run("export", verb, tmp_path / "no", "-p", project, "--template", "nobody").code == 2
        assert not (tmp_path / "no").exists()
    told = run("export", "dataset", tmp_path / "x.csv", "-p", project, "--format", "csv", "--no-system", "--json")
    assert told.json["rows"] == 8 and ",system," not in (tmp_path / "x.csv").read_text().splitlines()[0]
    assert run("export", "dataset", tmp_path / "y", "-p", project, "--raw").code == 2


def test_a_file_named_as_a_table_is_one(run, tmp_path, project):
    """`x.csv` is CSV without a word more; what this cannot write is told with the verb that does."""
    assert run("export", "dataset", tmp_path / "x.csv", "-p", project).code == 0
    assert (tmp_path / "x.csv").read_text(encoding="utf-8").startswith("gen_id,")
    told = run("export", "dataset", tmp_path / "x.parquet", "-p", project)
    assert told.code == 2 and "workbench export parquet" in told.err


@pytest.mark.parametrize(
    ("verb", "module", "extra"),
    [
        ("parquet", "pyarrow", "parquet"),
        ("huggingface", "huggingface_hub", "huggingface"),
        ("huggingface", "pyarrow", "huggingface"),
        ("prov", "prov.model", "prov"),
        ("openlineage", "openlineage.client.event_v2", "openlineage"),
    ],
)
def test_a_missing_extra_is_one_line(run, tmp_path, monkeypatch, verb, module, extra):
    """Where a library is not installed, one line names the command that installs it, and nothing is written."""
    project = made(tmp_path / "p.db")
    monkeypatch.setitem(__import__("sys").modules, module, None)
    told = run("export", verb, tmp_path / "out", "-p", project)
    assert told.code == MissingExtra.exit_code and told.err.count("\n") == 1
    assert f"pip install 'generation-workbench[{extra}]'" in told.err and not (tmp_path / "out").exists()


def test_columns_of_no_texts_are_those_of_all_without_them():
    """Texts stand at the end, in one order, however they are asked for."""
    names = [column.name for column in columns(tuple(reversed(PLAIN_TEXTS)))]
    assert names == [column.name for column in columns(())] + list(PLAIN_TEXTS)
