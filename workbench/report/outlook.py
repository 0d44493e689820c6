"""What the figures of cycles say about one more cycle, in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Row = Mapping[str, Any]

FEW: Final = 5  # texts; fewer say little
HARDLY: Final = 0.05  # share of new runs of three words below which another cycle hardly brings more
LITTLE: Final = 0.2
STEADY: Final = 0.9  # of what the first cycle after the first brought: no sign of an end


def outlook(cycles: Sequence[Row]) -> str:
    """Say what the last cycle brought and what that says of another, from rows of `diversity` by cycle.

    Cycles count from 1, as everywhere on screen. It foretells nothing from one cycle, or from fewer than 5 texts.
    """
    if not cycles:
        return ""
    last, share = cycles[-1], cycles[-1]["new_trigrams_0_to_1"]
    if share is None:
        why = "it is the only one" if len(cycles) == 1 else "its texts are too short"
        return f"{name(last)}: nothing to compare, {why}"
    text = f"{name(last)} brought {percent(share)} new trigrams{_before(cycles)}; {_again(last)}"
    if last["samples"] < FEW:
        return f"{text}; too few samples to say what another would bring"
    return f"{text}; {_another([row['new_trigrams_0_to_1'] for row in cycles[1:]])}"


def _before(cycles: Sequence[Row]) -> str:
    before = cycles[-2]["new_trigrams_0_to_1"]
    return "" if before is None else f" ({name(cycles[-2])}: {percent(before)})"


def _again(last: Row) -> str:
    count = f"{last['repeated']:,} of its {last['samples']:,} samples"
    return f"{count} ({percent(last['repeated_0_to_1'])}) repeat earlier ones"


def _another(shares: Sequence[float | None]) -> str:
    known = [share for share in shares if share is not None]
    last = known[-1]
    if last < HARDLY:
        return "another cycle will hardly bring more"
    if last < LITTLE:
        return "another cycle will bring little"
    if len(known) < 2:
        return "one more cycle would show whether that falls"
    if last < STEADY * known[0]:
        return "another cycle will bring something new, but less than the first ones"
    return "nothing here says that another cycle would bring less"


def name(row: Row) -> str:
    """Name a row's cycles as people count them, from 1."""
    return f"cycle {numbered(row)}" if row["cycle"] == row["last_cycle"] else f"cycles {numbered(row)}"


def numbered(row: Row) -> str:
    """Give the number of a row's cycle, or of its first and last, from 1; `all` for the row of everything."""
    if row["cycle"] is None:
        return "all"
    first, last = row["cycle"] + 1, row["last_cycle"] + 1
    return str(first) if first == last else f"{first}-{last}"


def percent(share: float) -> str:
    """Write a share as people read it: whole per cent, one digit below 10."""
    return f"{share * 100:.1f} %" if 0 < share < 0.0995 else f"{share * 100:.0f} %"
