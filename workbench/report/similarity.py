"""How alike the texts of one topic are: pairs, their mean and highest Jaccard index, and how sure the mean is. Pure.

Where a topic has more texts than are compared, the mean is an estimate, each pair measured standing for as many of its
topic (D. Horvitz, D. Thompson, 1952). Its standard error is told by leaving out one sixteenth of the compared texts
after the other: P. Kott, "The delete-a-group jackknife", Journal of Official Statistics 17, 2001.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import sqrt
from typing import Final

COMPARED: Final = 64  # texts of one topic that are compared with each other, at most
PAIRS: Final = 250_000  # pairs that are measured in all, if that is not less than one for each topic
GROUPS: Final = 16


def compared(sizes: Iterable[int]) -> int:
    """Say how many texts of one topic are compared, from the sizes of all topics: no more than make PAIRS pairs."""
    counts = Counter(sizes)
    for most in range(COMPARED, 2, -1):
        if sum(topics * pairs_of(min(size, most)) for size, topics in counts.items()) <= PAIRS:
            return most
    return 2


def pairs_of(count: int) -> int:
    """Count the pairs of so many texts."""
    return count * (count - 1) // 2


@dataclass(slots=True)
class Pairs:
    """Pairs summed up: how many there are, how many were measured, and what they say."""

    all: int = 0
    measured: int = 0
    highest: float | None = None
    _weights: float = 0.0
    _sum: float = 0.0
    _of_groups: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0] for _ in range(GROUPS)])

    def add(self, one: Later) -> None:
        """Note the pairs of a text with those before it."""
        if not one.pairs:
            return
        self.measured += one.pairs
        self.highest = max(self.highest or 0.0, one.highest)
        self._weights += one.weight * one.pairs
        self._sum += one.weight * one.similarity
        for group, pairs, similarity in one.groups:
            sums = self._of_groups[group]
            sums[0] += one.weight * pairs
            sums[1] += one.weight * similarity

    def join(self, other: Pairs) -> None:
        """Note all that another has noted."""
        self.all += other.all
        self.measured += other.measured
        if other.highest is not None:
            self.highest = max(self.highest or 0.0, other.highest)
        self._weights += other._weights
        self._sum += other._sum
        for mine, its in zip(self._of_groups, other._of_groups, strict=True):
            mine[0] += its[0]
            mine[1] += its[1]

    def figures(self) -> dict[str, float | int | None]:
        """Give mean and highest similarity, the mean's standard error (0 when all pairs are measured), and counts."""
        mean = self._sum / self._weights if self._weights else None
        error = None if mean is None else self._error(mean) if self.measured < self.all else 0.0
        return {
            "similarity": mean,
            "highest_similarity": self.highest,
            "similarity_error": error,
            "pairs": self.all,
            "pairs_measured": self.measured,
        }

    def _error(self, mean: float) -> float | None:
        """Leave out the pairs of each group in turn; None when hardly any would be left."""
        rest = [(self._weights - weights, self._sum - total) for weights, total in self._of_groups]
        if any(weights < self._weights / 2 for weights, _ in rest):
            return None
        means = [total / weights for weights, total in rest]
        return sqrt((GROUPS - 1) / GROUPS * sum((one - mean) ** 2 for one in means))


@dataclass(frozen=True, slots=True)
class Later:
    """A text beside those before it: how many, the sum and the highest of their similarities, what a pair stands for.

    `groups`: which group has how many of these pairs and what sum, its own group all.
    """

    pairs: int
    similarity: float
    highest: float
    weight: float
    groups: tuple[tuple[int, int, float], ...]


class Topic:
    """The texts of one topic that are compared, in order. A shingle leads to the texts that have it.

    So only what texts have in common is counted; pairs without anything in common cost nothing.
    """

    def __init__(self, size: int, most: int, first_group: int | None) -> None:
        """Begin a topic of so many texts, of which `most` are compared; `first_group`: its first text's, if any."""
        taken = min(size, most)
        self._weight = pairs_of(size) / pairs_of(taken) if taken > 1 else 1.0
        self._first_group = first_group
        self._lengths: list[int] = []
        self._holders: dict[int, tuple[int, ...]] = {}

    def add(self, shingles: set[int]) -> Later:
        """Compare a text with those before it."""
        place, holders = len(self._lengths), self._holders
        shared = holders.keys() & shingles
        common = Counter(chain.from_iterable(map(holders.__getitem__, shared)))
        alike = {one: both / (len(shingles) + self._lengths[one] - both) for one, both in sorted(common.items())}
        holders.update(dict.fromkeys(shingles - shared, (place,)))
        holders.update({gram: (*holders[gram], place) for gram in shared})
        self._lengths.append(len(shingles))
        groups = () if self._first_group is None else tuple(self._groups(self._first_group, place, alike))
        return Later(place, sum(alike.values()), max(alike.values(), default=0.0), self._weight, groups)

    def _groups(self, start: int, place: int, alike: Mapping[int, float]) -> Iterator[tuple[int, int, float]]:
        """Say what goes when a group is left out: all pairs of this text with its own, else those with the group."""
        mine, sums, pairs = (start + place) % GROUPS, [0.0] * GROUPS, [0] * GROUPS
        for earlier in range(place):
            pairs[(start + earlier) % GROUPS] += 1
        for earlier, similarity in alike.items():
            sums[(start + earlier) % GROUPS] += similarity
        yield mine, place, sum(alike.values())
        yield from ((group, pairs[group], sums[group]) for group in range(GROUPS) if group != mine and pairs[group])
