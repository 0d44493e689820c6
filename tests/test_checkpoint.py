"""Checkpoints: version 4 is placed on topics and cycles, everything else is refused in one message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import ids
from workbench.checkpoint import (
    Checkpoint,
    Origin,
    Placements,
    WrittenFailure,
    WrittenSample,
    place,
    read_checkpoint,
    read_samples,
    write_checkpoint,
)
from workbench.errors import BadFile, BadRow, OldCheckpoint, OutputExists, Problems, Refused
from workbench.topics import read_topics

DATA = Path(__file__).parent / "data" / "deepfabric"
REAL = DATA / "tree_v4" / "ckpt" / "dataset.checkpoint.json"
FIVE = ("version", "completed", "total_samples", "total_failures", "checkpoint_interval")


def sample(topic: str | None) -> dict[str, Any]:
    metadata = {} if topic is None else {"topic_id": topic}
    return {"messages": [{"role": "user", "content": "?"}], "metadata": metadata}


def checkpoint(
    folder: Path,
    completed: list[Any],
    samples: list[str | None],
    failures: list[dict[str, Any]] | None = None,
    **facts: Any,
) -> Path:
    folder.mkdir(exist_ok=True)
    failures = failures or []
    told = {"version": 4, "completed": completed, "total_samples": len(samples), "total_failures": len(failures)}
    path = folder / "d.checkpoint.json"
    path.write_text(json.dumps(told | facts))
    (folder / "d.checkpoint.jsonl").write_text("".join(json.dumps(sample(t)) + "\n" for t in samples))
    (folder / "d.checkpoint.failures.jsonl").write_text("".join(json.dumps(f) + "\n" for f in failures))
    return path


def known(*topics: str) -> Callable[[str], str | None]:
    return {topic: topic for topic in topics}.get


def codes(placements: Placements) -> list[str]:
    return [problem.code for problem in placements.problems]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    for file in REAL.parent.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path / REAL.name


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))
    return path


def test_a_real_checkpoint_is_placed_without_a_doubt() -> None:
    found = read_checkpoint(REAL)
    assert (found.version, len(found.completed), found.total_samples, found.total_failures) == (4, 17, 16, 1)
    assert (found.model_name, found.conversation_type, found.reasoning_style) == ("mock-model", "basic", None)
    resolve = known(*(topic.uuid for topic in read_topics(DATA / "tree_v4/topics_tree.jsonl").get_unique_topics()))
    placements = place(found, resolve)
    assert placements.problems == []
    assert not any(placed.inferred for placed in placements.samples.values())
    done = {(placed.topic, placed.cycle) for placed in placements.samples.values()}
    failed = {(task.topic, task.cycle) for task in placements.failed}
    assert (len(done), failed) == (16, {("fdcc16ae-df1d-4f2b-88d2-26a0a836e2d8", 0)})
    assert done | failed == set(found.completed)
    assert placements.failed[0].failure.error.endswith("mock error 400")


def test_the_real_samples_of_one_topic_take_their_cycles_in_order() -> None:
    found = read_checkpoint(REAL)
    placements = place(found, lambda topic: topic)
    topic = "dc3255b6-733d-40b9-8c4d-00fed896046a"
    cycles = [placements.samples[row.line].cycle for row in found.samples() if row.topic_id == topic]
    assert cycles == [0, 1]


def test_the_samples_are_streamed_verbatim() -> None:
    rows = [json.loads(line) for line in (REAL.parent / "dataset.checkpoint.jsonl").read_text().splitlines()]
    assert [row.value for row in read_checkpoint(REAL).samples()] == rows
    assert [row.line for row in read_checkpoint(REAL).samples()] == list(range(1, 17))


def test_five_keys_are_enough(real: Path) -> None:
    whole = read_checkpoint(real)

    def strip(facts: dict[str, Any]) -> None:
        for key in set(facts) - set(FIVE):
            del facts[key]

    short = read_checkpoint(rewrite(real, strip))
    assert short.completed == whole.completed
    assert short.model_name is None
    assert place(short, str) == place(whole, str)


def test_a_byte_order_mark_and_blank_lines_are_harmless(real: Path) -> None:
    samples = real.with_name("dataset.checkpoint.jsonl")
    real.write_bytes(b"\xef\xbb\xbf\n" + real.read_bytes() + b"\n\n")
    samples.write_bytes(b"\xef\xbb\xbf" + samples.read_bytes().replace(b"\n", b"\r\n\r\n"))
    found = read_checkpoint(real)
    assert found.total_samples == 16
    assert place(found, str).problems == []
    assert [row.line for row in found.samples()][:2] == [1, 3]


def test_duplicate_tuples_collapse_with_a_note(real: Path) -> None:
    found = read_checkpoint(rewrite(real, lambda facts: facts["completed"].append(facts["completed"][0])))
    assert len(found.completed) == 17
    assert [(note.severity, note.code) for note in place(found, str).problems] == [("info", "duplicate-tuples")]


def test_a_path_hash_names_a_topic_too(tmp_path: Path) -> None:
    newer, older = ids.deepfabric_aliases(["r", "a"])
    found = read_checkpoint(
        checkpoint(tmp_path, [[newer, 0], [older, 1], ["u", 2], ["u", 0]], [newer, older, "u", "u"])
    )
    placements = place(found, {newer: "u", older: "u", "u": "u"}.get)
    assert [placed.cycle for placed in placements.samples.values()] == [0, 1, 2]
    assert codes(placements) == ["duplicate-tuples", "sample-without-cycle"]


def old(facts: dict[str, Any]) -> None:
    facts.update(version=3, processed_ids=[])


def forget(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda facts: facts.pop(key)


def put(key: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda facts: facts.update({key: value})


def pair(value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda facts: facts["completed"].append(value)


REFUSED = [
    (old, "version 3 found"),
    (put("version", 5), "version 5 found"),
    (put("version", "4"), "version '4' found"),
    (put("version", 4.0), "version 4.0 found"),
    (put("version", True), "version True found"),
    (put("version", None), "no version found"),
    (forget("version"), "no version found"),
    (forget("completed"), '"completed" is no list'),
    (put("completed", {}), '"completed" is no list'),
    (pair(["u", -1]), "at place 18"),
    (pair(["u", 1.5]), "at place 18"),
    (pair(["u", 1.0]), "at place 18"),
    (pair(["u", True]), "at place 18"),
    (pair(["u", "1"]), "at place 18"),
    (pair(["u", 10**30]), "at place 18"),
    (pair(["u"]), "at place 18"),
    (pair(["u", 1, 2]), "at place 18"),
    (pair(["", 1]), "at place 18"),
    (pair([None, 1]), "at place 18"),
    (pair("u"), "at place 18"),
    (pair(["u", 7]), "18 completed tuples for 16 samples and 1 failures"),
    (put("completed", []), "0 completed tuples for 16 samples"),
    (put("total_samples", 15), "total_samples is 15, but dataset.checkpoint.jsonl has 16"),
    (put("total_samples", 16.0), "total_samples is 16.0"),
    (forget("total_samples"), "total_samples is None"),
    (put("total_failures", 0), "total_failures is 0"),
    (forget("total_failures"), "total_failures is None"),
    (put("model_name", 5), "'model_name' is int"),
]


@pytest.mark.parametrize(("change", "why"), REFUSED)
def test_anything_else_is_refused_in_one_message(
    change: Callable[[dict[str, Any]], object], why: str, real: Path
) -> None:
    with pytest.raises(OldCheckpoint) as caught:
        read_checkpoint(rewrite(real, change))
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert why in message
    assert "\n" not in message
    assert message.startswith(str(real))
    assert "version 4 supported" in message
    assert "workbench import dataset" in message


@pytest.mark.parametrize(
    "text", ["", "{", '{"version": 4, "completed": [["u"', "[]", "4", '{"version": 4, "version": 4}', "\xff"]
)
def test_cut_or_invalid_metadata_is_refused(text: str, real: Path) -> None:
    real.write_bytes(text.encode("latin-1"))
    with pytest.raises(OldCheckpoint, match="no version can be read, version 4 supported"):
        read_checkpoint(real)


@pytest.mark.parametrize("name", ["dataset.checkpoint.jsonl", "dataset.checkpoint.failures.jsonl"])
@pytest.mark.parametrize("tail", ['{"torn": ', "[]\n", '"x"\n', "\xff\n"])
def test_a_torn_line_is_refused_with_its_number(name: str, tail: str, real: Path) -> None:
    file = real.with_name(name)
    count = len(file.read_bytes().splitlines())
    file.write_bytes(file.read_bytes() + tail.encode("latin-1"))
    with pytest.raises(OldCheckpoint, match="version 4 found, version 4 supported") as caught:
        read_checkpoint(real)
    assert caught.value.where == f"{file}:{count + 1}"


def test_a_missing_samples_file_disagrees_with_the_counts(real: Path) -> None:
    real.with_name("dataset.checkpoint.jsonl").unlink()
    with pytest.raises(OldCheckpoint, match="has 0"):
        read_checkpoint(real)


def test_the_real_version_3_checkpoint_is_refused() -> None:
    with pytest.raises(OldCheckpoint, match="version 3 found, version 4 supported"):
        read_checkpoint(DATA / "tree_v3" / "ckpt" / "dataset.checkpoint.json")


def test_a_checkpoint_that_is_not_there_is_not_called_old(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        read_checkpoint(tmp_path / "d.checkpoint.json")
    for name in ("d.checkpoint.jsonl", "d.checkpoint.failures.jsonl"):
        with pytest.raises(BadFile, match=r"name d\.checkpoint\.json"):
            read_checkpoint(tmp_path / name)
    (tmp_path / "l.checkpoint.json").symlink_to(REAL)
    with pytest.raises(BadFile, match="symbolic link"):
        read_checkpoint(tmp_path / "l.checkpoint.json")


def test_an_empty_checkpoint_needs_no_other_files(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, [], [])
    path.with_name("d.checkpoint.jsonl").unlink()
    path.with_name("d.checkpoint.failures.jsonl").unlink()
    found = read_checkpoint(path)
    assert list(found.samples()) == []
    assert place(found, str) == Placements()


def test_a_failure_with_a_cycle_that_is_no_cycle_is_refused(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, [["u", 0]], [], [{"topic_id": "u", "cycle": -1}])
    with pytest.raises(OldCheckpoint, match="the cycle is -1"):
        read_checkpoint(path)


def test_unknown_topics_are_problems_and_nothing_is_invented(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, [["u", 0], ["x", 0], ["y", 0]], ["u", "x"], [{"topic_id": "y", "cycle": 0}])
    placements = place(read_checkpoint(path), known("u"))
    assert [(p.severity, p.code, p.where.removeprefix(str(tmp_path))) for p in placements.problems] == [
        ("error", "unknown-topic", "/d.checkpoint.json: completed[1]"),
        ("error", "unknown-topic", "/d.checkpoint.json: completed[2]"),
        ("error", "unknown-topic", "/d.checkpoint.jsonl:2"),
        ("error", "unknown-topic", "/d.checkpoint.failures.jsonl:1"),
    ]
    assert list(placements.samples) == [1]
    assert placements.failed == []


def test_a_failure_without_a_cycle_beside_samples_makes_them_inferred(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, [["u", 2], ["u", 0], ["u", 1]], ["u", "u"], [{"topic_id": "u", "error": "e"}])
    placements = place(read_checkpoint(path), known("u"))
    assert [(p.cycle, p.inferred) for p in placements.samples.values()] == [(0, True), (1, True)]
    assert [(t.cycle, t.inferred, t.failure.error) for t in placements.failed] == [(2, True, "e")]
    assert codes(placements) == ["cycle-inferred"]


def test_failures_without_a_cycle_are_certain_when_all_failed(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, [["u", 1], ["u", 0]], [], [{"topic_id": "u"}, {"topic_id": "u"}])
    placements = place(read_checkpoint(path), known("u"))
    assert [(t.cycle, t.inferred) for t in placements.failed] == [(0, False), (1, False)]
    assert placements.problems == []


def test_a_told_failure_leaves_no_doubt_beside_samples(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, [["u", 0], ["u", 1], ["u", 2]], ["u", "u"], [{"topic_id": "u", "cycle": 1}])
    placements = place(read_checkpoint(path), known("u"))
    assert [(p.cycle, p.inferred) for p in placements.samples.values()] == [(0, False), (2, False)]


def test_a_tuple_without_a_text_is_no_completion(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, [["u", 0], ["v", 0]], ["v", "v"])
    placements = place(read_checkpoint(path), known("u", "v"))
    assert codes(placements) == ["completion-without-sample", "sample-without-cycle"]
    assert placements.problems[1].where.endswith("d.checkpoint.jsonl:2")
    assert list(placements.samples) == [1]


def test_failures_that_do_not_fit_are_reported(tmp_path: Path) -> None:
    failures: list[dict[str, Any]] = [{"topic_id": "u", "cycle": 5}, {"topic_id": "u"}, {"error": "x"}]
    path = checkpoint(tmp_path, [["u", 0], ["v", 0], ["v", 1]], [], failures)
    placements = place(read_checkpoint(path), known("u", "v"))
    assert sorted(codes(placements)) == [
        "completion-without-sample", "completion-without-sample", "failure-not-completed", "unknown-topic"
    ]  # fmt: skip


def test_a_failure_told_twice_counts_once(tmp_path: Path) -> None:
    twice = [{"topic_id": "u", "cycle": 0}, {"topic_id": "u", "cycle": 0}]
    placements = place(read_checkpoint(checkpoint(tmp_path, [["u", 0]], [], twice)), known("u"))
    assert len(placements.failed) == 1
    assert codes(placements) == ["failure-told-twice"]


def test_each_topic_is_resolved_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def resolve(topic: str) -> str:
        asked.append(topic)
        return topic

    place(read_checkpoint(checkpoint(tmp_path, [["u", n] for n in range(9)], ["u"] * 9)), resolve)
    assert asked == ["u"]


ORIGIN = Origin("2026-01-01T00:00:00+00:00", "openai", "m", "basic", None, 9, 5, topics_file="t.jsonl")


def copied(found: Checkpoint, path: Path) -> Path:
    placements = place(found, str)
    samples = [
        WrittenSample(placements.samples[row.line].topic, placements.samples[row.line].cycle, row.value)
        for row in found.samples()
    ]
    failures = [
        WrittenFailure(t.topic, t.cycle, t.failure.error, t.failure.path.split(" -> ")) for t in placements.failed
    ]
    return write_checkpoint(path, samples, failures, ORIGIN).facts


def test_writing_gives_thirteen_true_keys_and_the_same_completions(tmp_path: Path) -> None:
    found = read_checkpoint(REAL)
    path = copied(found, tmp_path / "c.checkpoint.json")
    facts = json.loads(path.read_text())
    assert list(facts) == list(json.loads(REAL.read_text()))
    assert (facts["unique_topics"], facts["cycles_needed"], facts["total_samples"]) == (9, 5, 16)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "c.checkpoint.failures.jsonl", "c.checkpoint.json", "c.checkpoint.jsonl"
    ]  # fmt: skip
    again = read_checkpoint(path)
    assert set(again.completed) == set(found.completed)
    assert [row.value for row in again.samples()] == [row.value for row in found.samples()]
    assert place(again, str).samples == place(found, str).samples
    assert again.failures[0].value == found.failures[0].value


def test_writing_refuses_what_is_there_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "c.checkpoint.json"
    rows = [WrittenSample("u", 1, {}), WrittenSample("u", 0, {})]
    with pytest.raises(BadRow, match="order of their cycles"):
        write_checkpoint(path, rows, [], ORIGIN)
    assert list(tmp_path.iterdir()) == []
    write_checkpoint(path, rows[:1], [], ORIGIN)
    with pytest.raises(OutputExists):
        write_checkpoint(path, [], [], ORIGIN)
    write_checkpoint(path, [], [], ORIGIN, force=True)
    assert read_checkpoint(path).completed == []
    with pytest.raises(BadFile):
        write_checkpoint(tmp_path / "c.json", [], [], ORIGIN)
    with pytest.raises(Refused):
        write_checkpoint(tmp_path / "no" / "c.checkpoint.json", [], [], ORIGIN)


@given(
    st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.integers(0, 9), st.booleans(), max_size=6), max_size=3)
)
def test_what_is_written_is_read_and_placed_alike(tasks: dict[str, dict[int, bool]]) -> None:
    samples = [WrittenSample(t, c, {"n": c}) for t, cycles in tasks.items() for c in sorted(cycles) if cycles[c]]
    failures = [WrittenFailure(t, c, "e", ["r", t]) for t, cycles in tasks.items() for c in cycles if not cycles[c]]
    with TemporaryDirectory() as folder:
        found = read_checkpoint(write_checkpoint(f"{folder}/c.checkpoint.json", samples, failures, ORIGIN).facts)
        placements = place(found, str)
        assert placements.problems == []
        values = {row.line: row.value["n"] for row in found.samples()}
        assert {line: placed.cycle for line, placed in placements.samples.items()} == values
        assert {(t.topic, t.cycle) for t in placements.failed} == {(f.topic_id, f.cycle) for f in failures}


def test_a_dataset_without_a_checkpoint_is_streamed() -> None:
    rows = list(read_samples(DATA / "tree_v4" / "finished" / "dataset_retry_failed_40.jsonl"))
    assert len(rows) == 40
    assert rows[0].topic_id == "4cf60a7e-cc6b-499a-8a10-1d4e3376b693"
    assert "question" in rows[0].value


def test_all_bad_rows_of_a_dataset_are_listed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"metadata": {"topic_id": 5}}\n[]\n' + "{\n" * 24 + '{"metadata": null}\n')
    rows = read_samples(path)
    assert next(rows).topic_id is None
    assert next(rows).line == 27
    with pytest.raises(Problems) as caught:
        next(rows)
    assert len(caught.value.errors) == 21
    assert str(caught.value.errors[0]).startswith(f"{path}:2:")
    assert "and 5 more errors" in str(caught.value.errors[-1])


def test_a_folder_is_answered_with_the_checkpoint_in_it(tmp_path: Path) -> None:
    """Whoever names the run's folder is told the file to name; one without any says what is looked for."""
    for folder in (DATA / "tree_v4", DATA / "tree_v4" / "ckpt"):
        with pytest.raises(BadFile, match=r"name .*tree_v4/ckpt/dataset\.checkpoint\.json"):
            read_checkpoint(folder)
    with pytest.raises(BadFile, match=r"name the …\.checkpoint\.json that DeepFabric wrote"):
        read_checkpoint(tmp_path)
