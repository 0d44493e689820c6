"""Exports: every shape, in order, streamed, never over another file; what is imported again is the same."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA
from projects import TITLES, fill
from test_imports import CKPT, V4, rows, sample

from workbench.catalogue.topics import load_topics, store_topics
from workbench.checkpoint import read_checkpoint
from workbench.errors import BadInput, BadQuery, OutputExists, Refused, UnknownName
from workbench.exports import FORMATS, export_checkpoint, export_dataset, export_topics
from workbench.exports.files import json_line, new_file
from workbench.exports.samples import chat_sample, sharegpt, without_system
from workbench.ids import path_uuid
from workbench.imports import import_checkpoint, import_dataset
from workbench.store import Database, create_project, open_project, transaction
from workbench.topics import read_topics
from workbench.verify.digest import digest, lines

THIRTEEN = {
    "version", "created_at", "provider", "model_name", "conversation_type", "reasoning_style", "total_samples",
    "total_failures", "completed", "unique_topics", "cycles_needed", "checkpoint_interval", "topics_file",
}  # fmt: skip


@pytest.fixture
def db(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        fill(opened)
        yield opened


@pytest.fixture
def garden(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        with transaction(opened):
            store_topics(opened, read_topics(V4 / "topics_tree.jsonl", name="garden"))
        import_checkpoint(opened, CKPT, topics="garden")
        yield opened


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_chat_is_deepfabrics_shape(garden, tmp_path):
    """Messages, metadata with the topic, question and final answer as they were; role before content."""
    out = tmp_path / "out.jsonl"
    assert export_dataset(garden, out) == {"rows": 16, "path": str(out)}
    given = {json.dumps(row["messages"]): row for row in read(V4 / "ckpt" / "dataset.checkpoint.jsonl")}
    for row in read(out):
        assert list(row) == ["messages", "metadata", "question", "final_answer"]
        assert list(row["messages"][0]) == ["role", "content"]
        original = given[json.dumps(row["messages"])]
        assert row["metadata"]["topic_id"] == original["metadata"]["topic_id"]
        assert (row["question"], row["final_answer"]) == (original["question"], original["final_answer"])
        assert row["metadata"]["synthetic"] is False


def test_rows_come_by_cycle_and_topic(garden, tmp_path):
    """The first cycle of all topics in their order, then the next."""
    export_dataset(garden, tmp_path / "out.jsonl", format="jsonl", topics="garden")
    places = {topic.uuid: at for at, topic in enumerate(load_topics(garden, "garden").get_unique_topics())}
    order = [(row["cycle"], places[row["leaf_uuid"]]) for row in read(tmp_path / "out.jsonl")]
    assert order == sorted(order) and len(order) == 16


def test_the_order_does_not_depend_on_row_numbers(tmp_path):
    """Two projects of the same facts, filled in another order, give the same file."""
    for name, seed in (("a", 1), ("b", 2)):
        create_project(tmp_path / f"{name}.db")
        with open_project(tmp_path / f"{name}.db", write=True) as db:
            fill(db, rng=random.Random(seed))
            export_dataset(db, tmp_path / f"{name}.jsonl", format="jsonl", where="1")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_plain_text_is_the_answer_to_its_prompt(db, tmp_path):
    """A draft that is no conversation becomes one: system, prompt, text."""
    export_dataset(db, tmp_path / "out.jsonl", topics="garden", cycle=1)
    row = read(tmp_path / "out.jsonl")[0]
    asked = rows(db, "select distinct prompt from generation_texts where stage = 'draft' and system = 'be brief'")
    assert [(m["role"], m["content"]) for m in row["messages"]] == [
        ("system", "be brief"),
        ("user", asked[0][0]),
        ("assistant", f"draft 2 of {path_uuid(['root', TITLES[0]])}"),
    ]
    export_dataset(db, tmp_path / "out.jsonl", topics="garden", cycle=1, system=False, force=True)
    assert [m["role"] for m in read(tmp_path / "out.jsonl")[0]["messages"]] == ["user", "assistant"]


def test_plain_rows_have_their_lineage(db, tmp_path):
    """The jsonl shape tells the whole signature, the topic's path, hashes and texts."""
    export_dataset(db, tmp_path / "out.jsonl", format="jsonl", topics="garden", cycle=0)
    row = read(tmp_path / "out.jsonl")[0]
    assert (row["path"], row["cycle"], row["replicate"]) == (["root", "Tides"], 0, 1)
    assert (row["template_id"], row["llm_model_id"], row["stage"]) == ("plain", "writer", "draft")
    assert row["leaf_uuid"] == row["combo_id"] == path_uuid(["root", "Tides"])
    assert row["template_hash"] and row["model_hash"] and row["prompt_hash"]
    assert row["synthetic"] is False and row["raw"].startswith("draft 1 of ") and row["parsed"].startswith("draft of ")


def test_other_stages_and_cohorts(db, tmp_path):
    """Essays can be exported too, and the members of a cohort alone."""
    assert export_dataset(db, tmp_path / "e.jsonl", stage="essay")["rows"] == 4
    assert export_dataset(db, tmp_path / "c.jsonl", cohort="first")["rows"] == 8
    with pytest.raises(UnknownName, match="no cohort"):
        export_dataset(db, tmp_path / "x.jsonl", cohort="nobody")
    with pytest.raises(BadInput, match="no stage"):
        export_dataset(db, tmp_path / "x.jsonl", stage="poem")


def test_a_condition_narrows_the_rows(db, tmp_path):
    """An SQL condition over generation_texts, with the workbench's functions and a comment at its end."""
    rows_of = export_dataset(db, tmp_path / "out.jsonl", where="word_count(raw) = 4 and replicate = 2 -- these")
    assert rows_of["rows"] == 4


@pytest.mark.parametrize(
    "condition",
    [
        "no_such_column = 1",
        "1); delete from generations; --",
        "(select load_extension('x'))",
        "replicate = :n",
        "writefile('x', 'y')",
        "",
    ],
)
def test_a_condition_can_only_look(db, tmp_path, condition):
    """What is no condition is refused, changes nothing and leaves no file."""
    before = digest(db)
    with pytest.raises(BadQuery):
        export_dataset(db, tmp_path / "out.jsonl", where=condition)
    assert digest(db) == before and list(tmp_path.glob("*out*")) == []


def test_unknown_formats_are_refused(db, tmp_path):
    """The message lists the formats there are."""
    with pytest.raises(BadInput, match="chat, sharegpt, alpaca, jsonl"):
        export_dataset(db, tmp_path / "x", format="xml")


def test_what_no_model_wrote_says_so(garden, tmp_path):
    """Synthetic rows carry a label in every shape; others do not pretend."""
    garden.execute("update generations set synthetic = 1 where replicate = 1")
    for format in FORMATS:
        out = tmp_path / f"{format}.jsonl"
        export_dataset(garden, out, format=format)
        told = [row.get("synthetic", row.get("metadata", {}).get("synthetic", False)) for row in read(out)]
        assert told.count(True) == 8


@pytest.mark.parametrize("format", ["chat", "jsonl"])
def test_importing_an_export_adds_nothing(garden, tmp_path, format):
    """Where a row says its topic and cycle, the project knows its own samples again."""
    export_dataset(garden, tmp_path / "out.jsonl", format=format)
    before = digest(garden)
    names = {"topics": "garden", "template": "deepfabric-basic", "model": "mock-model"}
    report = import_dataset(garden, tmp_path / "out.jsonl", **names)
    assert (report.added, report.unchanged) == ({"draft": 0}, {"draft": 16})
    assert digest(garden) == before


@pytest.mark.parametrize("format", ["chat", "jsonl"])
def test_a_labelled_export_gives_the_same_completions_elsewhere(garden, tmp_path, format):
    """Topic and cycle stand in every row, so that nothing has to be inferred."""
    export_dataset(garden, tmp_path / "out.jsonl", format=format)
    create_project(tmp_path / "other.db")
    with open_project(tmp_path / "other.db", write=True) as other:
        with transaction(other):
            store_topics(other, read_topics(V4 / "topics_tree.jsonl", name="garden"))
        report = import_dataset(other, tmp_path / "out.jsonl")
        assert [p.code for p in report.problems] == ["model-unknown"]
        question = "select leaf_uuid, cycle from completions order by 1, 2"
        assert rows(other, question) == rows(garden, question)


def test_tool_calls_and_reasoning_survive():
    """A conversation with tools keeps its calls in ShareGPT's words."""
    calls = [{"function": {"name": "look"}}]
    value = {
        "messages": [{"role": "assistant", "content": None, "tool_calls": calls}, {"role": "tool", "content": "5"}]
    }
    assert sharegpt(value)["conversations"] == [
        {"from": "function_call", "value": json.dumps(calls, separators=(",", ":"))},
        {"from": "observation", "value": "5"},
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ('{"question": "q", "answer": "a"}', [("system", "s"), ("user", "q"), ("assistant", "a")]),
        (
            '{"instruction": "i", "input": "x", "output": "o"}',
            [("system", "s"), ("user", "i\n\nx"), ("assistant", "o")],
        ),
        ('{"other": 1}', [("system", "s"), ("user", "p"), ("assistant", '{"other": 1}')]),
        ("{broken", [("system", "s"), ("user", "p"), ("assistant", "{broken")]),
    ],
)
def test_every_text_becomes_a_conversation(text, messages):
    """Question and answer, instruction pairs and plain text become messages."""
    found = chat_sample(text, "p", "s")
    assert [(m["role"], m["content"]) for m in found["messages"]] == messages
    assert [m["role"] for m in without_system(found)["messages"]] == ["user", "assistant"]


def test_nothing_is_written_over_without_force(garden, tmp_path):
    """An existing file stays as it is, and is replaced whole when that is asked for."""
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    with pytest.raises(OutputExists, match="--force"):
        export_dataset(garden, out)
    assert out.read_text() == "mine"
    assert export_dataset(garden, out, force=True)["rows"] == len(read(out)) == 16
    assert [p.name for p in tmp_path.iterdir() if "part" in p.name] == []


@pytest.mark.parametrize("force", [False, True])
def test_links_folders_fifos_and_projects_are_never_written_to(garden, project, tmp_path, force):
    """Not even --force writes through a link or over a project."""
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    before = digest(garden)
    for name in ("link", "folder", "fifo", project.name):
        with pytest.raises(Refused):
            export_dataset(garden, tmp_path / name, force=force)
    assert (tmp_path / "target").read_text() == "mine" and digest(garden) == before
    with pytest.raises(UnknownName, match="no folder"):
        export_dataset(garden, tmp_path / "missing" / "out.jsonl")


def test_an_export_that_fails_leaves_nothing(tmp_path):
    """Neither half a file nor a draft of it; an older file stays."""
    old = tmp_path / "old"
    old.write_text("mine")
    for path in (tmp_path / "new", old):
        with pytest.raises(ZeroDivisionError), new_file(path, force=True) as file:
            file.write("half")
            raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["old"] and old.read_text() == "mine"


def test_a_file_that_appears_meanwhile_is_not_written_over(tmp_path):
    """Two exports to one name: the second is refused."""
    path = tmp_path / "out"
    with pytest.raises(OutputExists), new_file(path) as file:
        file.write("mine")
        path.write_text("theirs")
    assert path.read_text() == "theirs"


def test_lone_surrogates_are_escaped():
    """A row that UTF-8 cannot hold is still exact JSON."""
    assert json.loads(json_line({"a": "\ud800"})) == {"a": "\ud800"}
    assert json_line({"a": "ü"}) == '{"a": "ü"}\n'


@pytest.mark.parametrize(
    "name", ["tree_v4/topics_tree.jsonl", "tree_v3/topics_tree_4101.jsonl", "graph/topic_graph.json"]
)
def test_topics_come_back_the_same(project, tmp_path, name):
    """A topic model that is exported and read again is the same one."""
    model = read_topics(DATA / "deepfabric" / name, name="t")
    out = tmp_path / "out.json"
    with open_project(project, write=True) as db:
        with transaction(db):
            store_topics(db, model)
        told = export_topics(db, None, out)
        stored = load_topics(db, "t")
    back = read_topics(out, name="t")
    assert told["path"] == str(out) and told["rows"] == (len(model.nodes) if model.kind == "graph" else 9)
    assert (back.nodes, back.edges) == (stored.nodes, stored.edges)
    assert back.get_unique_topics() == model.get_unique_topics()


def test_failed_topics_go_along_unless_left_out(project, tmp_path):
    """In a tree's file itself, beside a graph's; --no-failures leaves them out."""
    failure = {"path": ["a"], "error": "no"}
    with open_project(project, write=True) as db:
        with transaction(db):
            for name, path in (
                ("tree", V4 / "topics_tree.jsonl"),
                ("graph", DATA / "deepfabric/graph/topic_graph.json"),
            ):
                model = read_topics(path, name=name)
                model.failures.append(failure)
                store_topics(db, model)
        assert export_topics(db, "tree", tmp_path / "t.jsonl")["rows"] == 10
        assert export_topics(db, "tree", tmp_path / "u.jsonl", with_failures=False)["rows"] == 9
        export_topics(db, "graph", tmp_path / "g.json")
        with pytest.raises(OutputExists):
            export_topics(db, "graph", tmp_path / "g.json")
        with pytest.raises(UnknownName, match="several topic models"):
            export_topics(db, None, tmp_path / "x")
    assert read(tmp_path / "g_failed.jsonl") == [{"failed_generation": failure}]
    assert read_topics(tmp_path / "g.json").failures == [failure]


def test_a_checkpoint_comes_back_to_the_same_facts(garden, tmp_path):
    """Import, export, import elsewhere: the same completions, the same digest, the same bytes of samples."""
    told = export_checkpoint(garden, tmp_path / "again", "garden", "deepfabric-basic", "mock-model")
    assert told == {"rows": 16, "failures": 1, "path": str(tmp_path / "again.checkpoint.json")}
    facts = json.loads((tmp_path / "again.checkpoint.json").read_text())
    assert facts.keys() == THIRTEEN
    assert (facts["unique_topics"], facts["cycles_needed"], facts["total_samples"]) == (9, 2, 16)
    assert (facts["provider"], facts["model_name"], facts["conversation_type"]) == ("openai", "mock-model", "basic")
    assert len(read_checkpoint(tmp_path / "again.checkpoint.json").completed) == 17
    given = (V4 / "ckpt" / "dataset.checkpoint.jsonl").read_text().splitlines()
    assert sorted((tmp_path / "again.checkpoint.jsonl").read_text().splitlines()) == sorted(given)
    create_project(tmp_path / "other.db")
    with open_project(tmp_path / "other.db", write=True) as other:
        with transaction(other):
            store_topics(other, read_topics(V4 / "topics_tree.jsonl", name="garden"))
        import_checkpoint(other, tmp_path / "again.checkpoint.json", topics="garden")
        question = "select leaf_uuid, cycle, template_id, llm_model_id, gen_id from completions order by 1, 2"
        assert rows(other, question) == rows(garden, question)
        assert digest(other) == digest(garden), set(lines(other)) ^ set(lines(garden))


def test_drafts_of_our_own_become_a_checkpoint_too(db, tmp_path):
    """Plain texts are written as conversations; what failed here is a failure there."""
    failed = path_uuid(["root", TITLES[1]])
    db.execute(
        "update generations set status = 'failed', outcome = 'refused', content_id = null"
        " where replicate = 2 and combo_id = (select id from combos where combo_id = ?)",
        (failed,),
    )
    told = export_checkpoint(db, tmp_path / "own.checkpoint.json")
    assert (told["rows"], told["failures"]) == (5, 1)
    (failure,) = read(tmp_path / "own.checkpoint.failures.jsonl")
    assert failure == {"error": "refused", "topic_id": failed, "path": "root -> Sleep", "cycle": 1}
    found = read_checkpoint(tmp_path / "own.checkpoint.json")
    assert found.conversation_type == "basic" and len(found.completed) == 6


def test_synthetic_samples_stay_labelled_in_a_checkpoint(garden, tmp_path):
    """The label travels in the metadata and is read again."""
    garden.execute("update contents set synthetic = 1 where outcome = 'ok'")
    export_checkpoint(garden, tmp_path / "s")
    create_project(tmp_path / "other.db")
    with open_project(tmp_path / "other.db", write=True) as other:
        with transaction(other):
            store_topics(other, read_topics(V4 / "topics_tree.jsonl", name="garden"))
        import_checkpoint(other, tmp_path / "s.checkpoint.json")
        assert rows(other, "select sum(synthetic) from generation_texts") == [(16,)]


def test_an_unclear_checkpoint_asks_for_names(garden, tmp_path):
    """Two models have drafts: both choices are listed, and nothing is written."""
    (tmp_path / "d.jsonl").write_text(json.dumps(sample(V4_TOPIC)) + "\n")
    import_dataset(garden, tmp_path / "d.jsonl")
    with pytest.raises(UnknownName, match=r"deepfabric-basic --model mock-model.*imported-chat --model imported"):
        export_checkpoint(garden, tmp_path / "x")
    assert export_checkpoint(garden, tmp_path / "x", model="imported")["rows"] == 1
    with pytest.raises(OutputExists):
        export_checkpoint(garden, tmp_path / "x", model="imported")
    with pytest.raises(UnknownName):
        export_checkpoint(garden, tmp_path / "y", model="nobody")


V4_TOPIC = "4cf60a7e-cc6b-499a-8a10-1d4e3376b693"
