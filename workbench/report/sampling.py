"""Which of many texts are looked at closely: some drawn by chance, the same ones every time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from random import Random
from typing import Final

SEED: Final = 1


def drawn(count: int, most: int, rng: Random) -> frozenset[int] | None:
    """Draw `most` of the numbers from 0 to below `count`, each set of so many as likely; None: take all.

    Source: selection sampling, algorithm S in D. Knuth, "The Art of Computer Programming" 3.4.2. It needs nothing of
    the generator but what Python promises to keep the same for a seed.
    """
    if count <= most:
        return None
    found: list[int] = []
    for number in range(count):
        if rng.random() * (count - number) < most - len(found):
            found.append(number)
    return frozenset(found)


def mean_and_error(values: Iterable[float]) -> tuple[float | None, float | None]:
    """Give the mean of some values and its standard error; None without values, no error of one alone."""
    known = list(values)
    if not known:
        return None, None
    mean = sum(known) / len(known)
    if len(known) == 1:
        return mean, None
    return mean, sqrt(sum((value - mean) ** 2 for value in known) / (len(known) - 1) / len(known))
