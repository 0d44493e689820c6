"""What was exported comes back as the same facts; hostile Parquet is refused in one line."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import add_catalogues, add_families, index, made

from workbench.errors import BadFile, Problems, TooLarge, UnknownName, WorkbenchError
from workbench.exports import Choice, export_dataset, export_huggingface, export_parquet
from workbench.imports import import_dataset
from workbench.imports.parquet import parquet_lines
from workbench.reading import parquet_rows
from workbench.store import Database, create_project, open_project, transaction
from workbench.verify import verify
from workbench.verify.digest import digest


def catalogue(path: Path, *, families: bool = False) -> Path:
    """Make a project with topics, concepts, templates and models; with `families`, all their texts too."""
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        add_catalogues(db, list)
        if families:
            add_families(db, list, 2)
            index(db)
    return path


def parquet(db: Database, out: Path) -> Path:
    export_parquet(db, out)
    return out


def jsonl(db: Database, out: Path) -> Path:
    """Write every stage as JSON Lines in one file, evaluations first."""
    for stage in ("evaluation", "essay", "draft"):
        export_dataset(db, out.with_suffix(f".{stage}"), format="jsonl", stage=stage)
    out.write_bytes(b"".join(out.with_suffix(f".{stage}").read_bytes() for stage in ("evaluation", "essay", "draft")))
    return out


@pytest.mark.parametrize("write", [parquet, jsonl])
def test_an_export_comes_back_to_the_same_facts(tmp_path, write: Callable[[Database, Path], Path]):
    """Into a project with the same catalogues: all stages, parents, versions and scores, and so the same digest."""
    with open_project(catalogue(tmp_path / "a.db", families=True)) as db:
        out, facts = write(db, tmp_path / "out"), digest(db)
    with open_project(catalogue(tmp_path / "b.db"), write=True) as db:
        report = import_dataset(db, out)
        assert report.added == {"draft": 8, "essay": 4, "evaluation": 8} and report.completions == 6
        assert report.problems == [] and digest(db) == facts
        again = import_dataset(db, out)
        assert again.added == dict.fromkeys(report.added, 0) and again.unchanged == report.added
        assert again.migration is None and digest(db) == facts
        assert all(check.ok for check in verify(db, full=True))


def test_a_part_grows_what_is_there(tmp_path):
    """Evaluations alone find their essays in the project; without them they are listed and kept apart."""
    with open_project(catalogue(tmp_path / "a.db", families=True)) as db:
        facts = digest(db)
        for stage in ("draft", "essay", "evaluation"):
            export_parquet(db, tmp_path / stage, Choice(stage))
    with open_project(catalogue(tmp_path / "b.db"), write=True) as db:
        lost = import_dataset(db, tmp_path / "essay")
        assert lost.added["essay"] == 0 and [p.code for p in lost.problems] == ["unknown-parent"] * 4
        for stage in ("draft", "essay", "evaluation"):
            assert import_dataset(db, tmp_path / stage).problems == []
        assert digest(db) == facts


def test_another_text_of_a_task_is_a_conflict(tmp_path):
    """What is done here stays; the row that says otherwise is named."""
    with open_project(catalogue(tmp_path / "a.db", families=True), write=True) as db:
        export_parquet(db, tmp_path / "out", Choice("draft", cycle=0, topics="garden"))
        before = digest(db)
        table = pq.read_table(tmp_path / "out")
        texts = pa.array(["another", *table["raw"].to_pylist()[1:]])
        pq.write_table(table.set_column(table.column_names.index("raw"), "raw", texts), tmp_path / "changed")
        report = import_dataset(db, tmp_path / "changed")
        assert [(p.code, p.where.rpartition(":")[2]) for p in report.problems] == [("conflict", "1")]
        assert digest(db) == before


def test_strange_names_are_asked_for(tmp_path):
    """Essays of templates that are not here are refused with what to do; drafts are filed as any dataset's."""
    with open_project(made(tmp_path / "a.db")) as db:
        export_parquet(db, tmp_path / "all")
        export_parquet(db, tmp_path / "drafts", Choice(where="combo_id = 'memory-play'"))
    create_project(tmp_path / "b.db")
    with open_project(tmp_path / "b.db", write=True) as db:
        with pytest.raises(UnknownName, match="--template and --model"):
            import_dataset(db, tmp_path / "all")
        assert import_dataset(db, tmp_path / "drafts").added == {"draft": 2}


def test_cohorts_are_joined_where_they_are(tmp_path):
    """Texts join the cohorts that the project has; others are counted."""
    with open_project(made(tmp_path / "a.db")) as db:
        export_parquet(db, tmp_path / "out", Choice("draft"))
    for name in ("first", "other"):
        with open_project(catalogue(tmp_path / f"{name}.db"), write=True) as db:
            db.execute("insert into cohorts (name, mode, created) values (?, 'imported', '')", (name,))
            problems = import_dataset(db, tmp_path / "out").problems
            (members,) = db.execute("select count(*) from cohort_members").fetchone()
        assert (members, [p.code for p in problems]) == ((8, []) if name == "first" else (0, ["cohort-unknown"]))


def test_a_dataset_folder_comes_back_too(tmp_path, run):
    """Its shards are rows like any; and conversations of other people's Parquet files are samples."""
    with open_project(catalogue(tmp_path / "a.db", families=True)) as db:
        export_huggingface(db, tmp_path / "hf", Choice("draft"))
    shard = tmp_path / "hf" / "data" / "draft" / "train-00000.parquet"
    told = run("import", "dataset", shard, "-p", catalogue(tmp_path / "b.db"), "--json")
    assert told.json["added"] == {"draft": 8, "essay": 0, "evaluation": 0}
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "tool_calls": None}]
    pq.write_table(pa.table({"messages": [turns], "extra": [None]}), tmp_path / "chat.parquet")
    told = run("import", "dataset", tmp_path / "chat.parquet", "-p", tmp_path / "c.db", "--create", "--json")
    assert told.json["added"] == {"draft": 1}
    with open_project(tmp_path / "c.db") as db:
        ((parsed,),) = db.execute("select parsed from generation_texts").fetchall()
    assert [message["content"] for message in json.loads(parsed)["messages"]] == ["q", "a"]


GOOD = {"prompt": ["p"], "response": ["r"]}


def written(path: Path, table: pa.Table, **options: object) -> Path:
    pq.write_table(table, path, **options)
    return path


def deep(levels: int) -> pa.Array:
    kind: pa.DataType = pa.string()
    for _ in range(levels):
        kind = pa.list_(kind)
    return pa.array([None], type=kind)


def alike(rows: int, text: str) -> pa.Table:
    """Give rows of one text, which are small as long as they are packed."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
    return pa.table({"prompt": ["p"] * rows, "response": texts})


BAD: dict[str, Callable[[Path], object]] = {
    "only the magic": lambda p: p.write_bytes(b"PAR1"),
    "only magics": lambda p: p.write_bytes(b"PAR1PAR1"),
    "no end": lambda p: p.write_bytes(written(p, pa.table(GOOD)).read_bytes()[:-8]),
    "half": lambda p: p.write_bytes(written(p, pa.table(GOOD)).read_bytes()[:200]),
    "a footer larger than the file": lambda p: p.write_bytes(b"PAR1" + b"x" * 50 + struct.pack("<I", 2**31) + b"PAR1"),
    "an encrypted one": lambda p: p.write_bytes(b"PAR1" + b"x" * 50 + struct.pack("<I", 40) + b"PARE"),
    "bytes": lambda p: written(p, pa.table(GOOD | {"image": [b"\xff"]})),
    "durations": lambda p: written(p, pa.table(GOOD | {"took": pa.array([1], pa.duration("s"))})),
    "maps": lambda p: written(p, pa.table(GOOD | {"m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8()))})),
    "lists in lists": lambda p: written(p, pa.table(GOOD | {"deep": deep(12)})),
    "many columns": lambda p: written(p, pa.table({f"c{n}": [1] for n in range(1001)})),
    "no rows": lambda p: written(p, pa.table(GOOD).slice(0, 0)),
    "no columns": lambda p: written(p, pa.table({})),
    "other columns": lambda p: written(p, pa.table({"a": [1], "b": [2.5]})),
    "numbers for texts": lambda p: written(p, pa.table({"prompt": [1], "response": [2]})),
    "nothing in a row": lambda p: written(p, pa.table({"prompt": [None], "response": ["r"]})),
    "a bomb": lambda p: written(p, alike(32, "x" * 2**24), store_schema=False),
    "a long text": lambda p: written(p, pa.table({"prompt": ["p"], "response": ["x" * (2**24 + 1)]})),
}


@pytest.mark.parametrize("what", BAD)
def test_hostile_parquet_is_refused_in_one_line(project, tmp_path, run, what):
    """Exit code 2, a line with the file's name, and nothing changed."""
    path = tmp_path / "x.parquet"
    BAD[what](path)
    with open_project(project) as db:
        before = digest(db)
    told = run("import", "dataset", path, "-p", project)
    assert told.code == 2 and told.err.count("\n") == 1 and "x.parquet" in told.err, told.err
    assert len(told.err) < 1000 and "Traceback" not in told.err
    with open_project(project) as db:
        assert digest(db) == before


def test_links_and_pipes_are_not_read(tmp_path):
    """A Parquet file is read like any: a link, a folder or nothing is refused."""
    written(tmp_path / "x.parquet", pa.table(GOOD))
    (tmp_path / "link").symlink_to(tmp_path / "x.parquet")
    for name in ("link", "missing", "."):
        with pytest.raises(BadFile):
            list(parquet_lines(tmp_path / name))


def test_row_groups_that_claim_too_much_are_not_read(tmp_path, monkeypatch):
    """The limit is looked at before a byte of data is read."""
    monkeypatch.setattr(parquet_rows, "MAX_GROUP", 10)
    with written(tmp_path / "x", pa.table(GOOD)).open("rb") as file, pytest.raises(TooLarge, match="row group"):
        list(parquet_rows.rows(file, "x"))


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_is_an_error_of_ours_or_harmless(tmp_path, data):
    """Whatever bytes are changed, the reader ends with rows or with one of our errors."""
    good = written(tmp_path / "good", pa.table({"prompt": ["p"] * 50, "response": [f"r{n}" for n in range(50)]}))
    bad = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        bad[data.draw(st.integers(4, len(bad) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "bad").write_bytes(bytes(bad))
    try:
        with (tmp_path / "bad").open("rb") as file:
            rows = [json.loads(text) for some in parquet_rows.rows(file, "bad") for text in some]
    except WorkbenchError as error:
        assert "bad" in error.where
    else:
        assert all(isinstance(row, dict) for row in rows)


def test_times_and_numbers_are_plain(tmp_path):
    """Times are ISO, decimals are text, what is no finite number is left out, as are empty cells."""
    table = pa.table(
        {
            "at": pa.array([0], pa.timestamp("s", "UTC")),
            "price": pa.array(["1.50"]).cast(pa.decimal128(5, 2)),
            "rate": [float("nan")],
            "none": pa.array([None], pa.string()),
            "word": pa.array(["a"]).dictionary_encode(),
        }
    )
    ((number, text),) = parquet_lines(written(tmp_path / "x", table))
    assert number == 1 and json.loads(text) == {
        "at": "1970-01-01T00:00:00+00:00",
        "price": "1.50",
        "word": "a",
        "rate": None,
    }


def test_all_bad_rows_are_named(project, tmp_path):
    """Rows of our own shape with parts of the wrong kind are listed with their numbers, and nothing is taken."""
    good = {"gen_id": "d_1", "stage": "draft", "combo_id": "none", "template_id": "t", "llm_model_id": "m", "raw": "x"}
    bad = [{**good, "replicate": 1}, {**good, "replicate": 0}, {**good, "replicate": 1, "template_id": "a|b"}]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*bad, {**good, "stage": "poem"}]))
    with open_project(project, write=True) as db:
        before = digest(db)
        with pytest.raises(Problems) as caught:
            import_dataset(db, path)
        assert [error.where.rpartition(":")[2] for error in caught.value.errors] == ["2", "3", "4"]
        assert digest(db) == before
