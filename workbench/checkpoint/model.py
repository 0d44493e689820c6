"""What a version 4 checkpoint says: completed (topic, cycle) tuples, samples, failures, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from workbench.reading import jsonl

VERSION: Final = 4


class Problem(NamedTuple):
    """Something that could not be placed, or was placed with a doubt: `where` is file:line, `code` is for programs."""

    severity: Literal["error", "warning", "info"]
    where: str
    code: str
    detail: str


class Sample(NamedTuple):
    """One sample as it stands in a file: its 1-based line, its topic as the file names it, and all of it."""

    line: int
    topic_id: str | None
    value: dict[str, Any]


class Failure(NamedTuple):
    """One failed task: its line, its topic as the file names it, its 0-based cycle if told, and all of it."""

    line: int
    topic_id: str | None
    cycle: int | None
    error: str
    path: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Files:
    """The three files of a checkpoint."""

    facts: Path
    samples: Path
    failures: Path


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read whole and found sound.

    `completed` holds (topic ID, 0-based cycle) in file order, failed ones included, none twice.
    `facts` is the metadata file as read but for `completed`; `sample_topics` maps each sample's line to its topic.
    """

    files: Files
    version: int
    completed: list[tuple[str, int]]
    failures: list[Failure]
    sample_topics: dict[int, str | None]
    model_name: str | None
    conversation_type: str | None
    reasoning_style: str | None
    facts: dict[str, Any]
    notes: list[Problem]

    @property
    def total_samples(self) -> int:
        """How many samples there are."""
        return len(self.sample_topics)

    @property
    def total_failures(self) -> int:
        """How many failures are recorded."""
        return len(self.failures)

    def samples(self) -> Iterator[Sample]:
        """Stream the samples from their file, in order; nothing of them is kept in memory."""
        if self.sample_topics:
            for line, value in jsonl(self.files.samples):
                yield Sample(line, topic_of(value), value)


def files_of(path: Path) -> Files:
    """Name the three files of a checkpoint from its `….checkpoint.json`."""
    stem = path.name.removesuffix(".json")
    return Files(path, path.with_name(f"{stem}.jsonl"), path.with_name(f"{stem}.failures.jsonl"))


def topic_of(value: dict[str, Any]) -> str | None:
    """Give the topic ID that a sample or a failure carries, if it does."""
    metadata = value.get("metadata")
    found = metadata.get("topic_id") if isinstance(metadata, dict) else value.get("topic_id")
    return found if isinstance(found, str) and found else None
