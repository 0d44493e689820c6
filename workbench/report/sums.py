"""Figures of a cycle, a topic, or everything, summed up text by text. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from math import sqrt
from random import Random
from typing import Any, Final

from workbench.report.novelty import Novelty
from workbench.report.outlook import FEW
from workbench.report.pieces import SIZES, Pieces
from workbench.report.sampling import SEED, spread
from workbench.report.similarity import Later, Pairs

Row = dict[str, Any]
IN_PIECES: Final = 256  # texts of a row that are cut into pieces


class Sum:
    """What is summed up over texts: all runs of 1, 2 and 3 words, pieces of equal length, pairs of one topic."""

    def __init__(self, texts: int) -> None:
        """Begin with so many texts to come."""
        self.samples = self.synthetic = 0
        self.runs = [0, 0, 0]
        self.pieces, self.pairs = Pieces(), Pairs()
        self._in_pieces = spread(texts, IN_PIECES, Random(SEED))

    def add(self, runs: Sequence[array[int]], synthetic: int, before: int) -> None:
        """Note a text by its runs; `before`: texts of its topic that come before it."""
        if self._in_pieces is None or self.samples in self._in_pieces:
            self.pieces.add(runs)
        self.samples += 1
        self.synthetic += synthetic
        self.pairs.all += before
        self.runs = [count + len(found) for count, found in zip(self.runs, runs, strict=True)]


class Scope:
    """One topic or everything: its texts by step, and all of them together."""

    def __init__(self, texts: Sequence[int]) -> None:
        """Begin with so many texts to come of each step."""
        self.steps = [Sum(count) for count in texts]
        self.whole = Sum(sum(texts))
        self._novelty = [Novelty() for _ in SIZES]

    def add(self, step: int, runs: Sequence[array[int]], synthetic: int, before: int) -> None:
        """Note a text, as `Sum.add` does."""
        for one in (self.steps[step], self.whole):
            one.add(runs, synthetic, before)
        for novelty, found in zip(self._novelty, runs, strict=True):
            novelty.add(step, found)

    def compare(self, step: int, later: Later) -> None:
        """Note how alike a text is to those before it."""
        self.steps[step].pairs.add(later)
        self.whole.pairs.add(later)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Give (step, figures) of the steps that have a text; `repeated` is null for the first, else not counted."""
        counts = [novelty.counts(len(self.steps)) for novelty in self._novelty]
        scales = [novelty.scale for novelty in self._novelty]
        earlier = False
        for step, one in enumerate(self.steps):
            if one.samples:
                different = [found[step][0] for found in counts]
                new = counts[-1][step][1] if earlier else None
                yield step, _figures(one, different, scales, new, 0 if earlier else None)
                earlier = True

    def row(self) -> Row:
        """Give the figures of all steps together."""
        different = [novelty.all() for novelty in self._novelty]
        scales = [novelty.scale for novelty in self._novelty]
        return _figures(self.whole, different, scales, None, 0)


def _figures(one: Sum, different: Sequence[int], scales: Sequence[int], new: int | None, repeated: int | None) -> Row:
    novel = None if new is None else _share(new, different[-1])
    figures = {
        "samples": one.samples,
        "few": one.samples < FEW,
        "synthetic": one.synthetic,
        "words": one.runs[0],
        **_distinct(one, different, scales),
        "new_trigrams_0_to_1": novel,
        "new_trigrams_error": _error_of_part(novel, different[-1], scales[-1]),
        **one.pieces.figures(),
        **one.pairs.figures(),
        "repeated": repeated,
        "repeated_0_to_1": repeated,
    }
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in figures.items()}


def _distinct(one: Sum, different: Sequence[int], scales: Sequence[int]) -> Row:
    """Give distinct-n, then the standard errors; 0 where every run was counted."""
    shares, errors = {}, {}
    for size, count, runs, scale in zip(SIZES, different, one.runs, scales, strict=True):
        share = shares[f"distinct_{size}"] = _share(count, runs)
        errors[f"distinct_{size}_error"] = share and share * sqrt((scale - 1) / max(count, 1))
    return shares | errors


def _error_of_part(share: float | None, count: int, scale: int) -> float | None:
    """Give the standard error of a share of `count` runs, of which one in `scale` was looked at."""
    return share if share is None else sqrt(share * (1 - share) * (scale - 1) / max(count, 1))


def _share(part: float, whole: int) -> float | None:
    return min(1.0, part / whole) if whole else None
