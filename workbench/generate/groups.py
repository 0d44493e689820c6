"""Cycles, steps and stages as they start and complete: the events that tell how far a run has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workbench.record.selection import GroupCount, Row

Notice = Callable[[str, Mapping[str, object]], None]


class Grouping(Protocol):
    """How tasks fall into groups, and what is said of a group. Groups are numbered from 1; 0 is none of them."""

    def key(self, stage: str, replicate: int) -> int:
        """Give the group of a task."""
        ...

    def size(self, key: int) -> int:
        """Give how many tasks a group has."""
        ...

    def start(self, key: int) -> tuple[str, dict[str, object]]:
        """Give the event of a group's first call."""
        ...

    def complete(self, key: int, done: int, failed: int, skipped: int) -> tuple[str, dict[str, object]]:
        """Give the event of a group's last settled task."""
        ...


@dataclass(frozen=True, slots=True)
class Cycles:
    """Unique topics × cycles; the last cycle may be partial."""

    total: int
    topics: int
    final: int

    def key(self, stage: str, replicate: int) -> int:
        """Give the cycle, counted from 1."""
        return replicate

    def size(self, key: int) -> int:
        """Give how many topics the cycle has."""
        return self.final if key == self.total else self.topics

    def start(self, key: int) -> tuple[str, dict[str, object]]:
        """Give `cycle_start`."""
        return "cycle_start", {"cycle": key, "total_cycles": self.total, "topics_in_cycle": self.size(key)}

    def complete(self, key: int, done: int, failed: int, skipped: int) -> tuple[str, dict[str, object]]:
        """Give `cycle_complete`."""
        facts = {"samples_in_cycle": done, "failures_in_cycle": failed, "skipped": skipped}
        return "cycle_complete", {"cycle": key, "total_cycles": self.total, **facts}


@dataclass(frozen=True, slots=True)
class CohortCycles:
    """The cycles of a cohort whose drafts go through the topics of a topic model; sizes by replicate."""

    sizes: Mapping[int, int]

    def key(self, stage: str, replicate: int) -> int:
        """Give the cycle of a draft, counted from 1."""
        return replicate if stage == "draft" else 0

    def size(self, key: int) -> int:
        """Give how many topics the cycle has."""
        return self.sizes.get(key, 0)

    def start(self, key: int) -> tuple[str, dict[str, object]]:
        """Give `cycle_start`."""
        total = max(self.sizes, default=0)
        return "cycle_start", {"cycle": key, "total_cycles": total, "topics_in_cycle": self.size(key)}

    def complete(self, key: int, done: int, failed: int, skipped: int) -> tuple[str, dict[str, object]]:
        """Give `cycle_complete`."""
        facts = {"samples_in_cycle": done, "failures_in_cycle": failed, "skipped": skipped}
        return "cycle_complete", {"cycle": key, "total_cycles": max(self.sizes, default=0), **facts}


@dataclass(frozen=True, slots=True)
class Steps:
    """Plain samples in steps of as many as are asked for at once."""

    samples: int
    width: int

    def key(self, stage: str, replicate: int) -> int:
        """Give the step, counted from 1."""
        return (replicate - 1) // self.width + 1

    def size(self, key: int) -> int:
        """Give how many samples the step has."""
        return min(self.width, self.samples - (key - 1) * self.width)

    def start(self, key: int) -> tuple[str, dict[str, object]]:
        """Give `step_start`."""
        return "step_start", {"step": key, "total_steps": self.key("", self.samples), "samples_in_step": self.size(key)}

    def complete(self, key: int, done: int, failed: int, skipped: int) -> tuple[str, dict[str, object]]:
        """Give `step_complete`."""
        facts = {"samples_generated": done, "failed_samples": failed, "skipped": skipped}
        return "step_complete", {"step": key, "total_steps": self.key("", self.samples), **facts}


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of a cohort."""

    sizes: Mapping[str, int]
    names: tuple[str, ...] = ("draft", "essay", "evaluation")

    def key(self, stage: str, replicate: int) -> int:
        """Give the stage's number, from 1."""
        return self.names.index(stage) + 1

    def size(self, key: int) -> int:
        """Give how many tasks of the stage the cohort has."""
        return self.sizes.get(self.names[key - 1], 0)

    def start(self, key: int) -> tuple[str, dict[str, object]]:
        """Give `stage_start`."""
        return "stage_start", {"stage": self.names[key - 1], "tasks": self.size(key)}

    def complete(self, key: int, done: int, failed: int, skipped: int) -> tuple[str, dict[str, object]]:
        """Give `stage_complete`."""
        return "stage_complete", {"stage": self.names[key - 1], "done": done, "failed": failed, "skipped": skipped}


@dataclass(slots=True)
class Groups:
    """Counts what a run settles, group by group, and tells when one starts and completes."""

    grouping: Grouping
    notice: Notice
    _before: Counter[int] = field(default_factory=Counter)
    _running: dict[int, Counter[str]] = field(default_factory=dict)

    def skip(self, found: list[GroupCount], statuses: tuple[str, ...]) -> None:
        """Count what was settled before this run."""
        for group in found:
            if group.status in statuses:
                self._before[self.grouping.key(group.stage, group.replicate)] += group.count

    def started(self, row: Row) -> None:
        """Note that a task is sent."""
        key = self.grouping.key(row.stage, row.replicate)
        if key and key not in self._running:
            self._running[key] = Counter()
            self.notice(*self.grouping.start(key))

    def settled(self, row: Row, *, done: bool) -> None:
        """Note that a task is done or failed; the last of its group completes the group."""
        key = self.grouping.key(row.stage, row.replicate)
        if not key:
            return
        counter = self._running.setdefault(key, Counter())
        counter["done" if done else "failed"] += 1
        if counter.total() + self._before[key] >= self.grouping.size(key):
            self._complete(key)

    def _complete(self, key: int) -> None:
        counter = self._running.pop(key)
        self.notice(*self.grouping.complete(key, counter["done"], counter["failed"], self._before[key]))
        self._before[key] += counter.total()

    def finish(self) -> None:
        """Complete what other processes completed meanwhile: nothing is left of any group."""
        for key in sorted(self._running):
            self._complete(key)
