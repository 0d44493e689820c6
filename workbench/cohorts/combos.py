"""Combos of concepts: which sets there are, counted before any is made, and the ID of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

from workbench.errors import BadInput
from workbench.ids import combo_id


@dataclass(frozen=True, slots=True)
class Combo:
    """A set of concepts at a description level; `k` is its size, or the larger limit it was drawn under."""

    combo_id: str
    level: str
    k: int
    members: tuple[str, ...]


def parse_k(text: str) -> tuple[int, ...]:
    """Read set sizes: `2`, `2..4`, `2,3` or a mix, each once and in rising order. Raises BadInput."""
    sizes: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([1-9][0-9]{0,3})(?:\.\.([1-9][0-9]{0,3}))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise BadInput(f"--k {text[:40]!r}", mend="write 2, 2..4 or 2,3")
        sizes.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return tuple(sorted(sizes))


def count_subsets(concepts: int, ks: Iterable[int]) -> int:
    """Count the sets of these sizes among so many concepts, without making one."""
    return sum(comb(concepts, k) for k in ks)


def k_subsets(concept_ids: Iterable[str], ks: Iterable[int]) -> Iterator[tuple[str, ...]]:
    """Stream every set of these sizes: smaller ones first, then in the order of the concepts, each listed once."""
    known = tuple(dict.fromkeys(concept_ids))
    for k in ks:
        yield from combinations(known, k)


def combo(members: Sequence[str], level: str, k: int | None = None) -> Combo:
    """Give the combo of these concepts at a level; `k` (default: how many they are) goes into its ID.

    Raises BadInput for no members or a repeated one.
    """
    if not members or len(set(members)) < len(members):
        raise BadInput(f"a combo of {', '.join(members)[:140] or 'nothing'}", mend="name each concept once")
    size = len(members) if k is None else k
    return Combo(combo_id(members, level, size), level, size, tuple(sorted(members)))


def combos(concept_ids: Iterable[str], ks: Iterable[int], level: str) -> Iterator[Combo]:
    """Stream the combos of all sets of these sizes at a level, as `k_subsets` orders them."""
    return (combo(members, level) for members in k_subsets(concept_ids, ks))
