"""Which sample of a checkpoint belongs to which topic and cycle, and what could not be placed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from workbench.checkpoint.model import Checkpoint, Failure, Problem

Resolve = Callable[[str], str | None]


class PlacedSample(NamedTuple):
    """The topic (our UUID) and 0-based cycle of a sample; inferred where the files allow another cycle too."""

    topic: str
    cycle: int
    inferred: bool


class FailedTask(NamedTuple):
    """A completed tuple that failed: topic (our UUID), 0-based cycle, whether that is inferred, and its record."""

    topic: str
    cycle: int
    inferred: bool
    failure: Failure


@dataclass(frozen=True, slots=True)
class Placements:
    """Where a checkpoint's samples (by line) and failures belong, and every row that belongs nowhere."""

    samples: dict[int, PlacedSample] = field(default_factory=dict)
    failed: list[FailedTask] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Topic:
    """What the checkpoint says about one topic of ours."""

    cycles: dict[int, int] = field(default_factory=dict)  # cycle → its place in `completed`
    lines: list[int] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def place(checkpoint: Checkpoint, resolve: Resolve) -> Placements:
    """Give every sample its cycle: per topic the completed cycles less the failed ones, in ascending order.

    `resolve` turns a topic ID of the files (a UUID or a path hash) into our UUID, or None for an unknown topic.
    Where failures carry no cycle and that leaves a choice, the lowest cycles go to the samples, marked as inferred.
    Whatever cannot be placed becomes a problem; nothing is guessed beyond that and no topic is invented.
    """
    placements = Placements(problems=list(checkpoint.notes))
    topics = _gather(checkpoint, cache(resolve), placements.problems)
    for uuid, topic in topics.items():
        _settle(checkpoint, uuid, topic, placements)
    return placements


def _gather(checkpoint: Checkpoint, resolve: Resolve, problems: list[Problem]) -> dict[str, _Topic]:
    """Sort tuples, samples and failures by our topics; those of unknown topics are problems."""
    topics: dict[str, _Topic] = {}
    files = checkpoint.files
    for number, (topic_id, cycle) in enumerate(checkpoint.completed):
        where = f"{files.facts}: completed[{number}]"
        if (uuid := resolve(topic_id)) is None:
            problems.append(_unknown(where, f"the tuple [{topic_id!r}, {cycle}]"))
        elif topics.setdefault(uuid, _Topic()).cycles.setdefault(cycle, number) != number:
            detail = f"cycle {cycle} of topic {uuid} stands here under a second ID and counts once"
            problems.append(Problem("info", where, "duplicate-tuples", detail))
    for line, found in checkpoint.sample_topics.items():
        if (uuid := found and resolve(found)) is None:
            problems.append(_unknown(f"{files.samples}:{line}", f"a sample of topic {found!r}"))
        else:
            topics.setdefault(uuid, _Topic()).lines.append(line)
    for failure in checkpoint.failures:
        if (uuid := failure.topic_id and resolve(failure.topic_id)) is None:
            problems.append(_unknown(f"{files.failures}:{failure.line}", f"a failure of {failure.topic_id!r}"))
        else:
            topics.setdefault(uuid, _Topic()).failures.append(failure)
    return topics


def _unknown(where: str, what: str) -> Problem:
    return Problem("error", where, "unknown-topic", f"{what}: no such topic is known")


def _settle(checkpoint: Checkpoint, uuid: str, topic: _Topic, placements: Placements) -> None:
    """Place one topic's samples and failures on its completed cycles, lowest first."""
    told = {f.cycle: f for f in topic.failures if f.cycle is not None and f.cycle in topic.cycles}
    silent = [failure for failure in topic.failures if failure.cycle is None]
    free = sorted(topic.cycles.keys() - told.keys())
    good, rest = free[: len(topic.lines)], free[len(topic.lines) :]
    bad, missing = rest[: len(silent)], rest[len(silent) :]
    for line, cycle in zip(topic.lines, good, strict=False):
        placements.samples[line] = PlacedSample(uuid, cycle, inferred=bool(rest))
    doubt = bool(good or missing)
    placements.failed.extend(FailedTask(uuid, cycle, False, told[cycle]) for cycle in sorted(told))
    placements.failed.extend(
        FailedTask(uuid, cycle, doubt, failure) for cycle, failure in zip(bad, silent, strict=False)
    )
    report = _Report(checkpoint, uuid, placements.problems)
    if good and rest:
        report.inferred(len(good))
    report.without_sample([topic.cycles[cycle] for cycle in missing])
    report.without_cycle(topic.lines[len(good) :], silent[len(bad) :])
    report.strays(topic.failures, told)


@dataclass(frozen=True, slots=True)
class _Report:
    """Puts what is doubtful or left over of one topic into words."""

    checkpoint: Checkpoint
    uuid: str
    problems: list[Problem]

    def inferred(self, samples: int) -> None:
        """Failures without a cycle leave a choice."""
        where = str(self.checkpoint.files.facts)
        detail = f"topic {self.uuid}: which cycles failed is not told; {samples:,} samples take the lowest"
        self.problems.append(Problem("warning", where, "cycle-inferred", detail))

    def without_sample(self, places: list[int]) -> None:
        """Completed tuples that have neither a sample nor a failure: not done, for want of a text."""
        for place in places:
            where = f"{self.checkpoint.files.facts}: completed[{place}]"
            detail = f"{list(self.checkpoint.completed[place])}: no sample and no failure"
            self.problems.append(Problem("error", where, "completion-without-sample", detail))

    def without_cycle(self, lines: list[int], failures: list[Failure]) -> None:
        """Samples and failures beyond the completed tuples of their topic."""
        files, detail = self.checkpoint.files, f"topic {self.uuid} has no completed cycle left for it"
        for line in lines:
            self.problems.append(Problem("error", f"{files.samples}:{line}", "sample-without-cycle", detail))
        for failure in failures:
            where = f"{files.failures}:{failure.line}"
            self.problems.append(Problem("error", where, "failure-without-cycle", detail))

    def strays(self, failures: list[Failure], told: dict[int, Failure]) -> None:
        """Failures whose cycle is not completed, or told twice."""
        for failure in failures:
            if failure.cycle is None or told.get(failure.cycle) is failure:
                continue
            code = "failure-told-twice" if failure.cycle in told else "failure-not-completed"
            where = f"{self.checkpoint.files.failures}:{failure.line}"
            detail = f"topic {self.uuid}, cycle {failure.cycle}: {failure.error[:80]}"
            self.problems.append(Problem("warning", where, code, detail))
