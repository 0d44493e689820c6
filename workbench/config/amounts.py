"""How many samples are wanted, and how many cycles that takes. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from math import ceil
from typing import Final, NamedTuple

from workbench.errors import BadConfig

MOST_SAMPLES: Final = 1_000_000_000
AUTO: Final = "auto"
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,9}")
_SHARE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s?%")
WANTED: Final = f"a whole number from 1 to {MOST_SAMPLES:,}, auto, or a share such as 50%"


class Cycles(NamedTuple):
    """How often the unique topics are gone through, and how many topics the last cycle has."""

    cycles_needed: int
    final_cycle_size: int


def checked_amount(value: object) -> int | str:
    """Give a wanted number of samples as a whole number ≥ 1, `auto`, or a share above 0 as `P%`.

    Plain digits in text are a number, as on a command line. Raises BadConfig.
    """
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if type(value) is int and 1 <= value <= MOST_SAMPLES:
        return value
    if isinstance(value, str) and (value == AUTO or _share(value)):
        return value
    raise BadConfig(f"{value!r:.40} is no number of samples", mend=f"give {WANTED}")


def _share(text: str) -> Decimal:
    found = _SHARE.fullmatch(text)
    return Decimal(found[1]) if found else Decimal(0)


def samples_for(num_samples: int | str, unique_topics: int) -> int:
    """Give the number of samples wanted of so many unique topics.

    A whole number is that number, never rounded; `auto` is every unique topic once; `P%` is that share of the
    unique topics, rounded up, so that a share above 0 is at least one sample. Raises BadConfig for anything else,
    and where a share is asked of no topics.
    """
    amount = checked_amount(num_samples)
    if isinstance(amount, int):
        return amount
    if unique_topics < 1:
        raise BadConfig(f"{amount} of no topics", mend="name a topic model, or give a whole number")
    wanted = unique_topics if amount == AUTO else ceil(_share(amount) * unique_topics / 100)
    if wanted > MOST_SAMPLES:
        raise BadConfig(f"{amount} of {unique_topics:,} topics is {wanted:,} samples", mend=f"give {WANTED}")
    return wanted


def cycles(total: int, unique_topics: int) -> Cycles:
    """Give how many cycles so many samples take, and how many topics the last one has (all of them if it is whole).

    Raises BadConfig where samples are wanted of no topics.
    """
    if total < 1:
        return Cycles(0, 0)
    if unique_topics < 1:
        raise BadConfig(f"{total:,} samples of no topics", mend="name a topic model with topics")
    needed = -(-total // unique_topics)
    return Cycles(needed, total - (needed - 1) * unique_topics)
