"""Reading a checkpoint whole or refusing it in one message, and reading samples that have none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from workbench.checkpoint.model import VERSION, Checkpoint, Failure, Problem, Sample, files_of, topic_of
from workbench.errors import BadFile, BadRow, OldCheckpoint
from workbench.reading import Faults, json_text, jsonl, lines, text_file

MAX_FACTS: Final = 256 * 2**20  # bytes: some three million completed tuples
MAX_CYCLE: Final = 2**62
_TEXTS: Final = ("model_name", "conversation_type", "reasoning_style")
_SAMPLES: Final = "take its samples alone with `workbench import dataset`"
_AGAIN: Final = f"finish it with the DeepFabric that wrote it, or {_SAMPLES}"
_WHOLE: Final = f"copy all three checkpoint files again, or {_SAMPLES}"


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read `<stem>.checkpoint.json` with the samples and failures beside it, checking every line of them.

    Raises OldCheckpoint, with file, version found, version supported and what to do, for any other version, for
    files that are cut or malformed, and for counts that disagree; BadFile when there is no such file.
    """
    files = files_of(_facts_path(Path(path)))
    facts = _facts(files.facts)
    version = facts.get("version")
    if type(version) is not int or version != VERSION:
        found = "no version" if version is None else f"version {version!r:.40}"
        raise OldCheckpoint(f"{found} found, version {VERSION} supported", where=str(files.facts), mend=_AGAIN)
    completed, notes = _completed(files.facts, facts.pop("completed", None))
    texts = {key: _optional_text(files.facts, facts, key) for key in _TEXTS}
    checkpoint = Checkpoint(
        files, version, completed, _failures(files.failures), _sample_topics(files.samples), **texts,
        facts=facts, notes=notes,
    )  # fmt: skip
    _check_counts(checkpoint)
    return checkpoint


def _facts_path(path: Path) -> Path:
    if path.suffix == ".json":
        return path
    raise BadFile("not a checkpoint's metadata", where=str(path), mend=f"name {_likely(path)}")


def _likely(path: Path) -> str:
    """Name the metadata that a samples' file belongs to, or that lie in a folder."""
    if not path.is_dir():
        return path.name.removesuffix(".jsonl").removesuffix(".failures") + ".json"
    found = sorted(str(one) for folder in ("", "*/") for one in path.glob(f"{folder}*.checkpoint.json"))
    return " or ".join(found[:3]) or "the ….checkpoint.json that DeepFabric wrote"


def _refusal(where: str, what: str, mend: str = _WHOLE) -> OldCheckpoint:
    detail = f"{what} (version {VERSION} found, version {VERSION} supported)"
    return OldCheckpoint(detail, where=where, mend=mend)


def _facts(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        facts = json_text(text, str(path))
    except BadFile as error:
        raise _unreadable(error) from None
    if not isinstance(facts, dict):
        raise _unreadable(BadFile("not a JSON object", where=str(path)))
    return facts


def _text(path: Path) -> str:
    try:
        return text_file(path, MAX_FACTS)
    except BadFile as error:
        if path.is_file() and not path.is_symlink():
            raise _unreadable(error) from None
        raise


def _unreadable(error: BadFile) -> OldCheckpoint:
    detail = f"{error.detail} (no version can be read, version {VERSION} supported)"
    return OldCheckpoint(detail, where=error.where, mend=_WHOLE)


def _completed(path: Path, listed: Any) -> tuple[list[tuple[str, int]], list[Problem]]:
    if not isinstance(listed, list):
        raise _refusal(str(path), '"completed" is no list of [topic, cycle]')
    found: dict[tuple[str, int], None] = {}
    for number, pair in enumerate(listed):
        if not (isinstance(pair, list) and len(pair) == 2 and _is_topic(pair[0]) and _is_cycle(pair[1])):
            raise _refusal(str(path), f'"completed" has no [topic, cycle ≥ 0] at place {number + 1}: {pair!r:.80}')
        found[(pair[0], pair[1])] = None
    twice = len(listed) - len(found)
    text = f"{twice:,} completed tuples stand twice and count once"
    return list(found), [Problem("info", str(path), "duplicate-tuples", text)] if twice else []


def _is_topic(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_cycle(value: object) -> bool:
    return type(value) is int and 0 <= value < MAX_CYCLE


def _optional_text(path: Path, facts: dict[str, Any], key: str) -> str | None:
    value = facts.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _refusal(str(path), f"{key!r} is {type(value).__name__}, not text")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Stream the objects of one of the two other files; a file that is missing has none."""
    if not path.exists():
        return
    try:
        for line, value in jsonl(path):
            if not isinstance(value, dict):
                raise BadFile("a line is no object", where=f"{path}:{line}")
            yield line, value
    except BadFile as error:
        raise _refusal(error.where, error.detail) from None


def _sample_topics(path: Path) -> dict[int, str | None]:
    known: dict[str | None, str | None] = {}  # one string for all the samples of a topic
    return {line: known.setdefault(topic, topic) for line, value in _rows(path) for topic in (topic_of(value),)}


def _failures(path: Path) -> list[Failure]:
    return [_failure(path, line, value) for line, value in _rows(path)]


def _failure(path: Path, line: int, value: dict[str, Any]) -> Failure:
    cycle = value.get("cycle")
    if cycle is not None and not _is_cycle(cycle):
        raise _refusal(f"{path}:{line}", f"the cycle is {cycle!r:.40}, not a whole number ≥ 0")
    error, titles = value.get("error"), value.get("path")
    return Failure(line, topic_of(value), cycle, _told(error), _told(titles), value)


def _told(value: object) -> str:
    if isinstance(value, list):
        return " -> ".join(map(str, value))
    return "" if value is None else str(value)


def _check_counts(checkpoint: Checkpoint) -> None:
    files, facts = checkpoint.files, checkpoint.facts
    _check_count(files.facts, facts, "total_samples", checkpoint.total_samples, files.samples)
    _check_count(files.facts, facts, "total_failures", checkpoint.total_failures, files.failures)
    failed = _distinct_failures(checkpoint.failures)
    if len(checkpoint.completed) != checkpoint.total_samples + failed:
        told = f"{len(checkpoint.completed):,} completed tuples"
        raise _refusal(str(files.facts), f"{told} for {checkpoint.total_samples:,} samples and {failed:,} failures")


def _check_count(path: Path, facts: dict[str, Any], key: str, lines_found: int, file: Path) -> None:
    told = facts.get(key)
    if type(told) is not int or told != lines_found:
        raise _refusal(str(path), f"{key} is {told!r:.40}, but {file.name} has {lines_found:,}")


def _distinct_failures(failures: list[Failure]) -> int:
    tuples = {(f.topic_id, f.cycle) for f in failures if f.cycle is not None}
    return len(tuples) + sum(1 for f in failures if f.cycle is None)


def read_samples(path: Path | str) -> Iterator[Sample]:
    """Stream the samples of a dataset without a checkpoint; their cycles are unknown.

    Bad rows do not stop the reading: all of them, at most 20 in full, are raised together at the end.
    """
    faults = Faults(str(path))
    for line, text in lines(path):
        try:
            value = json_text(text, f"{path}:{line}")
            if not isinstance(value, dict):
                raise BadRow("a sample is a JSON object", where=f"{path}:{line}", mend="mend or remove it")
            yield Sample(line, topic_of(value), value)
        except BadFile as error:
            faults.add(error)
    faults.raise_any()
