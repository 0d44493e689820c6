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
from workbench.report.sampling import SEED, drawn
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
        self._in_pieces = drawn(texts, IN_PIECES, Random(SEED))

    def add(self, runs: Sequence[array[int]], synthetic: int, before: int) -> None:
        """Note a text by its runs; `before`: texts of its topic that come before it."""
        self.cut(self.samples, runs)
        self.samples += 1
        self.synthetic += synthetic
        self.pairs.all += before
        for place, found in enumerate(runs):
            self.runs[place] += len(found)

    def cut(self, place: int, runs: Sequence[array[int]]) -> None:
        """Cut a text into pieces, if it is one of those that are."""
        if self._in_pieces is None or place in self._in_pieces:
            self.pieces.add(runs)

    def join(self, other: Sum) -> None:
        """Note all that another has noted but its pieces."""
        self.samples += other.samples
        self.synthetic += other.synthetic
        self.runs = [mine + its for mine, its in zip(self.runs, other.runs, strict=True)]
        self.pairs.join(other.pairs)


class Scope:
    """One topic or everything: its texts by step, and all of them together."""

    def __init__(self, texts: Sequence[int]) -> None:
        """Begin with so many texts to come of each step."""
        self._steps = [Sum(count) for count in texts]
        self._whole = Sum(sum(texts))
        self._novelty = [Novelty() for _ in SIZES]
        self._read = 0

    def add(self, step: int, runs: Sequence[array[int]], synthetic: int, before: int) -> None:
        """Note a text, as `Sum.add` does."""
        self._steps[step].add(runs, synthetic, before)
        self._whole.cut(self._read, runs)
        self._read += 1
        for novelty, found in zip(self._novelty, runs, strict=True):
            novelty.add(step, found)

    def compare(self, step: int, later: Later) -> None:
        """Note how alike a text is to those before it."""
        self._steps[step].pairs.add(later)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Give (step, figures) of the steps that have a text; `repeated` is null for the first, else not counted."""
        counts = [novelty.counts(len(self._steps)) for novelty in self._novelty]
        scales = [novelty.scale for novelty in self._novelty]
        earlier = False
        for step, one in enumerate(self._steps):
            if one.samples:
                different = [found[step][0] for found in counts]
                new = counts[-1][step][1] if earlier else None
                yield step, _figures(one, different, scales, new, 0 if earlier else None)
                earlier = True

    def row(self) -> Row:
        """Give the figures of all steps together."""
        whole = Sum(0)
        whole.pieces = self._whole.pieces
        for one in self._steps:
            whole.join(one)
        different = [novelty.all() for novelty in self._novelty]
        scales = [novelty.scale for novelty in self._novelty]
        return _figures(whole, different, scales, None, 0)


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
