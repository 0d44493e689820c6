"""Two texts side by side: what is common, gone and new. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher, unified_diff
from typing import Any


def line_diff(a: str, b: str, names: tuple[str, str]) -> list[str]:
    """Give a unified diff by line, without line ends; empty when the texts are equal."""
    return list(unified_diff(a.splitlines(), b.splitlines(), *names, lineterm=""))


def word_diff(a: str, b: str) -> Iterator[tuple[str, str]]:
    """Give pieces of both texts in order as (sign, text): `=` common, `-` only in a, `+` only in b."""
    left, right = (re.findall(r"\s+|\w+|[^\w\s]", text) for text in (a, b))
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    for _, start, end, begin, stop in matcher.get_opcodes():
        if left[start:end] == right[begin:stop]:
            yield "=", "".join(left[start:end])
            continue
        if start < end:
            yield "-", "".join(left[start:end])
        if begin < stop:
            yield "+", "".join(right[begin:stop])


def compared(a: str, b: str) -> dict[str, Any]:
    """Say how alike two texts are: equal, ratio (0 to 1, by word), and words common, removed and added."""
    counts = dict.fromkeys("=-+", 0)
    for sign, piece in word_diff(a, b):
        counts[sign] += len(piece.split())
    total = 2 * counts["="] + counts["-"] + counts["+"]
    ratio = 2 * counts["="] / total if total else float(a == b)
    return {"equal": a == b, "ratio": ratio, "common": counts["="], "removed": counts["-"], "added": counts["+"]}
