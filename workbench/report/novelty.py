"""How many different runs of words steps of a work bring, and how many of them are new; in bounded memory. Pure."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import compress
from typing import Final

MOST: Final = 2**17  # runs of words that are remembered, each once for every step that has it
_LOWEST: Final = 0 if sys.byteorder == "little" else 7  # where in a number's eight bytes its lowest bits are
_RARE: Final = 16  # one number in so many is sooner found than all are looked at


@dataclass(slots=True)
class Novelty:
    """The runs of words that each step has, in any order of coming.

    Beyond `most` of them, those of all steps together, only those are kept whose number ends in k zero bits, and each
    stands for 2^k; k grows as it must, and depends on the sets alone. Then a count made of n kept ones has a relative
    standard error of at most 1 / sqrt(n); up to `most` counts are exact. Source: P. Gibbons, "Distinct sampling for
    highly-accurate answers to distinct values queries and event reports", VLDB 2001.
    """

    most: int = MOST
    _mask: int = 0
    _kept: int = 0
    _steps: dict[int, set[int]] = field(default_factory=dict)

    def add(self, step: int, grams: array[int]) -> None:
        """Note the runs of a text of a step; their numbers are spread evenly over 62 bits or more."""
        kept = self._steps.setdefault(step, set())
        before = len(kept)
        kept.update(_ending(grams, self._mask))
        self._kept += len(kept) - before
        while self._kept > self.most:
            self._mask = self._mask * 2 + 1
            self._steps = {one: {gram for gram in of if not gram & self._mask} for one, of in self._steps.items()}
            self._kept = sum(map(len, self._steps.values()))

    @property
    def scale(self) -> int:
        """How many different ones each that is kept stands for: 1 while all are."""
        return self._mask + 1

    def all(self) -> int:
        """Say how many different ones there are."""
        return len(set[int]().union(*self._steps.values())) * self.scale

    def counts(self, steps: int) -> list[tuple[int, int]]:
        """Give for each of so many steps: how many different ones it has, and how many no step before it had."""
        known, found = set[int](), []
        for step in range(steps):
            before, mine = len(known), self._steps.get(step, set())
            known |= mine
            found.append((len(mine) * self.scale, (len(known) - before) * self.scale))
        return found


def _ending(grams: array[int], mask: int) -> Iterable[int]:
    """Give the numbers that end in the zero bits of a mask, 2^k - 1."""
    if not mask:
        return grams
    fit = grams.tobytes()[_LOWEST::8].translate(_selector(mask & 255))
    if mask < _RARE:
        return compress(grams, fit)
    return [gram for place in _ones(fit) if not (gram := grams[place]) & mask]


def _ones(fit: bytes) -> Iterator[int]:
    """Give the places of ones."""
    place = fit.find(1)
    while place >= 0:
        yield place
        place = fit.find(1, place + 1)


@cache
def _selector(mask: int) -> bytes:
    return bytes(not byte & mask for byte in range(256))
