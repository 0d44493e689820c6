"""Cycles taken together in steps, so that a report has no more rows than people read. Pure."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, Final

from workbench.errors import BadInput

STEPS: Final = 50  # rows of cycles, when nobody says how many cycles are in one
MOST_STEPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Steps:
    """Which step each cycle belongs to, and each step's first and last cycle."""

    step_of: dict[int, int]
    first: list[int]
    last: list[int]

    @classmethod
    def of(cls, cycles: array[int], size: int | None) -> Steps:
        """Take so many cycles together, or as many as make at most 50 steps; raises BadInput beyond 1,000."""
        known = sorted(set(cycles))
        span = known[-1] + 1 if known else 0
        size = size or max(1, -(-span // STEPS))
        bounds: dict[int, tuple[int, int]] = {}
        for cycle in known:
            bounds[cycle // size] = (bounds.get(cycle // size, (cycle,))[0], cycle)
        if len(bounds) > MOST_STEPS:
            mend = f"take {-(-span // MOST_STEPS)} or more together with --step"
            raise BadInput(f"{len(bounds):,} rows of cycles", mend=mend)
        place = {block: number for number, block in enumerate(bounds)}
        step_of = {cycle: place[cycle // size] for cycle in known}
        return cls(step_of, [first for first, _ in bounds.values()], [last for _, last in bounds.values()])

    def count(self, cycles: array[int]) -> list[int]:
        """Say how many of some cycles are in each step."""
        counts = [0] * len(self.first)
        for cycle in cycles:
            counts[self.step_of[cycle]] += 1
        return counts

    def label(self, step: int) -> dict[str, Any]:
        """Name a step by its cycles, from 0."""
        return {"cycle": self.first[step], "last_cycle": self.last[step]}
