"""Writing a checkpoint in DeepFabric's form with thirteen keys, all of them true."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from workbench.checkpoint.model import VERSION, Files, files_of
from workbench.errors import BadFile, BadRow, OutputExists, Refused
from workbench.store.rehearsal import is_rehearsal


class WrittenSample(NamedTuple):
    """A sample to write: its topic's ID, its 0-based cycle, and the sample itself (its topic_id is set)."""

    topic_id: str
    cycle: int
    value: dict[str, Any]


class WrittenFailure(NamedTuple):
    """A failed task to write: its topic's ID and path, its 0-based cycle, and the error."""

    topic_id: str
    cycle: int
    error: str
    path: list[str]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a checkpoint says besides its tuples; `created_at` is ISO 8601 in UTC."""

    created_at: str
    provider: str | None
    model_name: str | None
    conversation_type: str
    reasoning_style: str | None
    unique_topics: int
    cycles_needed: int
    checkpoint_interval: int = 1
    topics_file: str | None = None


@dataclass(slots=True)
class _Tally:
    completed: list[tuple[str, int]] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def take(self, sample: WrittenSample) -> str:
        """Count a sample and give its row. Raises BadRow when a topic's cycles do not ascend."""
        if sample.cycle <= self.last.get(sample.topic_id, -1):
            detail = f"cycle {sample.cycle} of topic {sample.topic_id} comes after {self.last[sample.topic_id]}"
            raise BadRow(detail, mend="give each topic's samples in the order of their cycles")
        self.last[sample.topic_id] = sample.cycle
        self.completed.append((sample.topic_id, sample.cycle))
        metadata = sample.value.get("metadata")
        known = metadata if isinstance(metadata, dict) else {}
        return _row({**sample.value, "metadata": {**known, "topic_id": sample.topic_id}})


def write_checkpoint(
    path: Path | str,
    samples: Iterable[WrittenSample],
    failures: Iterable[WrittenFailure],
    origin: Origin,
    *,
    force: bool = False,
) -> Files:
    """Write `<stem>.checkpoint.json` and the two files beside it; reading them gives the same completions.

    The samples are streamed; each topic's must come in the order of their cycles, because only the order tells
    them apart in the file. The files appear when all are written, the metadata last. Raises OutputExists without
    `force`, Refused when they cannot be written.
    """
    files = files_of(_named(Path(path)))
    every = (files.samples, files.failures, files.facts)
    _refuse_existing(every, force)
    tally = _Tally()
    with _drafts(every) as (sample_file, failure_file, facts_file):
        sample_file.writelines(tally.take(sample) for sample in samples)
        total_samples = len(tally.completed)
        failure_file.writelines(_failure_row(failure, tally) for failure in failures)
        facts_file.write(json.dumps(_facts(origin, tally.completed, total_samples), indent=2) + "\n")
    return files


def _named(path: Path) -> Path:
    if path.name.endswith(".checkpoint.json"):
        return path
    raise BadFile("not a checkpoint's name", where=str(path), mend="call it NAME.checkpoint.json")


def _refuse_existing(paths: Iterable[Path], force: bool) -> None:
    for path in paths:
        if not force and os.path.lexists(path):
            raise OutputExists(where=str(path), mend="choose another name, or use --force")


@contextmanager
def _drafts(paths: tuple[Path, ...]) -> Iterator[list[IO[str]]]:
    """Open a draft beside each path; put all in place when the block ends well, remove them when it does not."""
    drafts = [path.with_name(f".{path.name}.{os.getpid()}.draft") for path in paths]
    opened: list[IO[str]] = []
    try:
        opened.extend(draft.open("x", encoding="utf-8", newline="\n") for draft in drafts)
        yield opened
        for file in opened:
            file.close()
        if not is_rehearsal():
            for draft, path in zip(drafts, paths, strict=True):
                draft.replace(path)
    except OSError as error:
        raise Refused(error.strerror or "cannot be written", where=str(paths[-1])) from None
    finally:
        for file, draft in zip(opened, drafts, strict=False):
            file.close()
            draft.unlink(missing_ok=True)


def _failure_row(failure: WrittenFailure, tally: _Tally) -> str:
    tally.completed.append((failure.topic_id, failure.cycle))
    path = " -> ".join(failure.path)
    row = {"error": failure.error, "topic_id": failure.topic_id, "path": path, "cycle": failure.cycle}
    return _row(row)


def _facts(origin: Origin, completed: list[tuple[str, int]], total_samples: int) -> dict[str, Any]:
    return {
        "version": VERSION,
        "created_at": origin.created_at,
        "provider": origin.provider,
        "model_name": origin.model_name,
        "conversation_type": origin.conversation_type,
        "reasoning_style": origin.reasoning_style,
        "total_samples": total_samples,
        "total_failures": len(completed) - total_samples,
        "completed": completed,
        "unique_topics": origin.unique_topics,
        "cycles_needed": origin.cycles_needed,
        "checkpoint_interval": origin.checkpoint_interval,
        "topics_file": origin.topics_file,
    }


def _row(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
