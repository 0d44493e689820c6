"""Which of many texts are looked at closely: evenly spread, by chance within each part, the same ones every time. Pure.

Source: stratified random sampling as in W. Cochran, "Sampling Techniques", chapter 5. The generator is seeded.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from random import Random
from typing import Final

SEED: Final = 1


def spread(count: int, most: int, rng: Random) -> frozenset[int] | None:
    """Choose `most` of the numbers from 0 to below `count`, one from each of as many equal parts; None: take all."""
    if count <= most:
        return None
    return frozenset(int((part + rng.random()) * count / most) for part in range(most))


def mean_and_error(values: Iterable[float]) -> tuple[float | None, float | None]:
    """Give the mean of some values and its standard error; None without values, no error of one alone."""
    known = list(values)
    if not known:
        return None, None
    mean = sum(known) / len(known)
    if len(known) == 1:
        return mean, None
    return mean, sqrt(sum((value - mean) ** 2 for value in known) / (len(known) - 1) / len(known))
