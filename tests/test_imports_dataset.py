"""Datasets without a checkpoint: every known shape, cycles told or inferred, repeats and strangers never guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as st
from test_imports import TOPICS, codes, holds, rows, sample, tree

from workbench.catalogue.topics import store_topics
from workbench.errors import BadFile, BadRow, Problems
from workbench.exports.samples import alpaca, chat_sample, conversation_key, sharegpt
from workbench.imports import import_checkpoint, import_dataset
from workbench.imports.shapes import shaped
from workbench.store import Database, open_project, transaction
from workbench.topics import read_topics
from workbench.verify.digest import digest

V4 = DATA / "deepfabric" / "tree_v4"
FINISHED = V4 / "finished"


@pytest.fixture
def db(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        with transaction(opened):
            store_topics(opened, read_topics(V4 / "topics_tree.jsonl", name="garden"))
            store_topics(opened, tree())
        yield opened


def file(folder: Path, *values: Any, name: str = "data.jsonl") -> Path:
    """Write JSON Lines; text is written as it stands."""
    path = folder / name
    path.write_text("".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values), encoding="utf-8")
    return path


def test_a_finished_dataset_fills_the_cycles_of_its_topics(db):
    """24 samples of 9 topics are two whole cycles and six of the third, marked as inferred."""
    report = import_dataset(db, FINISHED / "dataset_straight_24.jsonl", topics="garden")
    assert (report.added, report.completions) == ({"draft": 24}, 24)
    assert codes(report) == ["model-unknown", "cycle-inferred"]
    assert rows(db, "select cycle, count(*) from completions group by 1") == [(0, 9), (1, 9), (2, 6)]
    assert rows(db, "select count(*) from import_rows where name = 'sample, cycle inferred'") == [(24,)]
    assert rows(db, "select severity, code from migration_problems where code = 'cycle-inferred'") == [
        ("info", "cycle-inferred")
    ]
    assert holds(db)


@pytest.mark.parametrize("count", [39, 40])
def test_a_finished_dataset_goes_on_where_its_checkpoint_stopped(db, count):
    """The checkpoint's samples are known by their text; the rest of the run takes the free cycles."""
    import_checkpoint(db, V4 / "ckpt" / "dataset.checkpoint.json", topics="garden")
    name = {39: "dataset_resumed_39.jsonl", 40: "dataset_retry_failed_40.jsonl"}[count]
    names = {"topics": "garden", "template": "deepfabric-basic", "model": "mock-model"}
    report = import_dataset(db, FINISHED / name, **names)
    assert (report.added, report.unchanged) == ({"draft": count - 16}, {"draft": 16})
    assert ("alike-rows" in codes(report)) == (count == 39), "that run's server repeated itself from cycle to cycle"
    assert rows(db, "select count(*), count(distinct leaf_uuid || cycle) from completions") == [(count, count)]
    before = digest(db)
    assert import_dataset(db, FINISHED / name, **names).added == {"draft": 0}
    assert digest(db) == before and holds(db)


def test_rows_without_topic_are_plain_samples(db, tmp_path):
    """They are drafts of the combo `none`, one after another; the same row twice is one."""
    pair = {"prompt": "two?", "response": "2"}
    report = import_dataset(db, file(tmp_path, {"prompt": "one?", "response": "1"}, pair, pair))
    assert (report.added, report.completions) == ({"draft": 2}, 0)
    found = rows(db, "select combo_id, replicate, prompt, raw, parsed, template_id from generation_texts order by 2")
    assert found == [
        ("none", 1, "one?", "1", "1", "imported-text"),
        ("none", 2, "two?", "2", "2", "imported-text"),
    ]
    more = file(tmp_path, pair, {"question": "three?", "answer": "3"})
    assert import_dataset(db, more).added == {"draft": 1}
    assert rows(db, "select max(replicate) from generations") == [(3,)]
    assert holds(db)


def test_the_original_row_is_kept_verbatim(db, tmp_path):
    """Where the raw text is not the whole row, the row stands beside it as it was written."""
    row = '{ "prompt":"q",  "response":"a", "source" : "x" }'
    import_dataset(db, file(tmp_path, row))
    assert rows(db, "select place, name, metadata from import_rows") == [("data.jsonl:1", "sample", row)]


@pytest.mark.parametrize(
    ("row", "template", "parsed"),
    [
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            "imported-chat",
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        ),
        (
            {"instruction": "do", "input": "", "output": "done"},
            "imported-instruction",
            {"instruction": "do", "input": "", "output": "done"},
        ),
        (
            sample("", "a", reasoning={"style": "freetext", "content": "so"}),
            "imported-reasoned",
            sample("", "a", reasoning={"style": "freetext", "content": "so"}),
        ),
    ],
    ids=["sharegpt", "alpaca", "reasoned"],
)
def test_shapes(db, tmp_path, row, template, parsed):
    """Each shape is filed under a template whose parser reads it."""
    report = import_dataset(db, file(tmp_path, row))
    assert (report.template, report.added) == (template, {"draft": 1})
    assert json.loads(rows(db, "select parsed from generation_texts")[0][0]) == parsed
    assert import_dataset(db, file(tmp_path, row)).added == {"draft": 0}
    assert holds(db)


def test_a_cycle_that_is_told_is_no_guess(db, tmp_path):
    """metadata.cycle places a sample; the same text may stand in several cycles then."""
    told = [{**sample(TOPICS[0]), "metadata": {"topic_id": TOPICS[0], "cycle": cycle}} for cycle in (3, 1)]
    report = import_dataset(db, file(tmp_path, *told, sample(TOPICS[0], "untold")))
    assert rows(db, "select cycle from completions order by 1") == [(0,), (1,), (3,)]
    assert rows(db, "select name, count(*) from import_rows group by 1") == [
        ("sample", 2),
        ("sample, cycle inferred", 1),
    ]
    again = [{**sample(TOPICS[0], "other"), "metadata": {"topic_id": TOPICS[0], "cycle": 3}}]
    report = import_dataset(db, file(tmp_path, *again))
    assert (codes(report)[1:], report.added) == (["conflict"], {"draft": 0})


def test_samples_of_unknown_topics_are_listed_and_kept(db, tmp_path):
    """A stranger is a problem with its line; the others are placed."""
    stranger = sample("nobody")
    report = import_dataset(db, file(tmp_path, stranger, sample(TOPICS[0])))
    assert (report.added, codes(report)[:2]) == ({"draft": 1}, ["model-unknown", "unknown-topic"])
    assert rows(db, "select place, metadata from import_rows where generation_id is null") == [
        ("data.jsonl:1", json.dumps(stranger))
    ]


@pytest.mark.parametrize("bad", ["{", "[1]", '{"a": 1}', '{"prompt": 1, "response": "x"}', '{"conversations": [1]}'])
def test_bad_rows_are_all_listed_and_nothing_is_taken(db, tmp_path, bad):
    """Two bad rows are two errors with their lines; the good row between them is not imported."""
    before = digest(db)
    with pytest.raises(Problems) as caught:
        import_dataset(db, file(tmp_path, bad, sample(TOPICS[0]), bad))
    assert [error.where.rpartition(":")[2] for error in caught.value.errors] == ["1", "3"]
    assert digest(db) == before and rows(db, "select count(*) from templates") == [(0,)]


def test_a_file_of_errors_shows_twenty(db, tmp_path):
    """What is wrong is told, but not a thousand times."""
    with pytest.raises(Problems) as caught:
        import_dataset(db, file(tmp_path, *["{"] * 50))
    assert len(caught.value.errors) == 21 and "30 more" in str(caught.value.errors[-1])


def test_an_empty_file_is_no_dataset(db, tmp_path):
    """Nothing to take is an error, not a success."""
    with pytest.raises(BadFile, match="no samples"):
        import_dataset(db, file(tmp_path))


def test_synthetic_samples_stay_labelled(db, tmp_path):
    """A sample that says it is synthetic is so in the record too."""
    row = {**sample(TOPICS[0]), "metadata": {"topic_id": TOPICS[0], "synthetic": True}}
    import_dataset(db, file(tmp_path, row))
    assert rows(db, "select synthetic from generation_texts") == [(1,)]


def test_unknown_shapes_name_their_keys():
    """A row of no known shape says what it has and what would be read."""
    with pytest.raises(BadRow, match="'a', 'b'"):
        shaped("{}", {"a": 1, "b": 2})


_WORDS = st.text(min_size=1).filter(lambda text: text.strip() and text.isprintable())
_TURNS = st.lists(st.tuples(_WORDS, _WORDS), min_size=1, max_size=3)


@given(_TURNS)
def test_a_conversation_is_the_same_in_every_shape(turns):
    """Chat and ShareGPT have one conversation key; Alpaca keeps the last turn and the ones before it."""
    messages = [
        {"role": role, "content": text}
        for turn in turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    value = {"messages": messages}
    said = sharegpt(value)
    back = shaped(json.dumps(said), said)
    assert conversation_key(chat_sample(back.text.parsed)) == conversation_key(value)
    pair = alpaca(json.dumps(value), value)
    assert (pair["instruction"], pair["output"]) == turns[-1]
    assert pair.get("history", []) == [list(turn) for turn in turns[:-1]]
