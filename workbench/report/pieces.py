"""How varied pieces of equal length are: the distinct-n of every 1,000 words, and how sure its mean is. Pure.

A share of different words falls as a text grows, so that only pieces of one length can be compared: the mean segmental
type-token ratio (W. Johnson, "Studies in language behavior", 1944), here of runs of one, two and three words.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from workbench.report.sampling import mean_and_error

PIECE: Final = 1_000  # words
SIZES: Final = (1, 2, 3)


@dataclass(slots=True)
class Pieces:
    """Texts one after the other, cut into pieces of 1,000 words; of a text its first 1,000 count.

    A run lies within one text and one piece. `shares` has for each piece the different runs as a share of all.
    """

    shares: list[tuple[float, ...]] = field(default_factory=list)
    _left: int = PIECE
    _runs: list[int] = field(default_factory=lambda: [0, 0, 0])
    _different: list[set[int]] = field(default_factory=lambda: [set(), set(), set()])

    def add(self, runs: Sequence[array[int]]) -> None:
        """Go on with a text, given by its runs of one, two and three words."""
        begin, length = 0, min(len(runs[0]), PIECE)
        while begin < length:
            end = min(length, begin + self._left)
            for place, (found, different) in enumerate(zip(runs, self._different, strict=True)):
                part = found[begin : max(begin, end - place)]
                self._runs[place] += len(part)
                different.update(part)
            self._left -= end - begin
            begin = end
            if not self._left:
                self._close()

    def _close(self) -> None:
        counted = zip(self._different, self._runs, strict=True)
        self.shares.append(tuple(len(different) / max(1, count) for different, count in counted))
        self._left, self._runs, self._different = PIECE, [0, 0, 0], [set(), set(), set()]

    def figures(self) -> dict[str, float | int | None]:
        """Give `pieces`, and for each size of run mean and standard error over them; null without a piece."""
        found: dict[str, float | int | None] = {"pieces": len(self.shares)}
        for place, size in enumerate(SIZES):
            mean, error = mean_and_error(share[place] for share in self.shares)
            found[f"distinct_{size}_in_1000"], found[f"distinct_{size}_in_1000_error"] = mean, error
        return found
