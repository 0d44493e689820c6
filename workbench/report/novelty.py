"""How many different runs of words steps of a work bring, and how many of them are new; in bounded memory. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 2**18  # runs of words that are remembered


@dataclass(slots=True)
class Novelty:
    """Runs of words, each with the steps that have it, in any order of coming.

    Beyond `most` different ones, only those are counted whose number ends in k zero bits, times 2^k; k grows as it
    must, and depends on the set alone. Then figures are good to about 1 in sqrt(most / 4), 0.4 %, while up to `most`
    they are exact. Source: P. Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries",
    VLDB 2001.
    """

    most: int = MOST
    _steps: dict[int, int] = field(default_factory=dict)  # a bit for each step
    _mask: int = 0

    def add(self, step: int, grams: Iterable[int]) -> None:
        """Note the runs of a text of a step; their numbers are spread evenly over 64 bits."""
        mask, bit, steps = self._mask, 1 << step, self._steps
        for gram in [gram for gram in grams if not gram & mask] if mask else grams:
            steps[gram] = steps.get(gram, 0) | bit
        while len(self._steps) > self.most:
            self._mask = self._mask * 2 + 1
            self._steps = {gram: bits for gram, bits in self._steps.items() if not gram & self._mask}

    def all(self) -> int:
        """Say how many different ones there are."""
        return len(self._steps) * (self._mask + 1)

    def counts(self, steps: int) -> list[tuple[int, int]]:
        """Give for each of so many steps: how many different ones it has, and how many no step before it had."""
        different, new = [0] * steps, [0] * steps
        for bits in self._steps.values():
            new[(bits & -bits).bit_length() - 1] += 1
            while bits:
                low = bits & -bits
                different[low.bit_length() - 1] += 1
                bits ^= low
        scale = self._mask + 1
        return [(one * scale, other * scale) for one, other in zip(different, new, strict=True)]
