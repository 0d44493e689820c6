"""Two texts side by side: what is common, gone and new. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher, unified_diff
from typing import Any, Final

PIECES: Final = 6_000  # of both texts together: comparing more could take minutes, for it goes by their product
_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")
_SENTENCES: Final = re.compile(r"[^.!?\n]*(?:[.!?\n]+\s*|$)")
Piece = tuple[str, str]


def line_diff(a: str, b: str, names: tuple[str, str]) -> list[str]:
    """Give a unified diff by line, without line ends; empty when the texts are equal."""
    return list(unified_diff(a.splitlines(), b.splitlines(), *names, lineterm=""))


def is_long(a: str, b: str) -> bool:
    """Say whether two texts have too many words, blanks and signs to compare each with each."""
    return _are_many(_WORDS, a, b)


def _are_many(unit: re.Pattern[str], a: str, b: str) -> bool:
    return sum(1 for text in (a, b) for _ in unit.finditer(text)) > PIECES


def word_diff(a: str, b: str) -> Iterator[Piece]:
    """Give pieces of both texts in order as (sign, text): `=` common, `-` only in a, `+` only in b.

    Of long texts sentences are compared first, then the words of those that stand for each other; what is too long
    even so is given whole.
    """
    if not is_long(a, b):
        for pair in _pairs(_WORDS, a, b):
            yield from _signed(*pair)
        return
    for left, right in [(a, b)] if _are_many(_SENTENCES, a, b) else _pairs(_SENTENCES, a, b):
        yield from _signed(left, right) if left == right or is_long(left, right) else word_diff(left, right)


def _pairs(unit: re.Pattern[str], a: str, b: str) -> Iterator[tuple[str, str]]:
    """Cut both texts alike: parts that are equal, and parts that stand for each other."""
    left, right = unit.findall(a), unit.findall(b)
    for _, start, end, begin, stop in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        yield "".join(left[start:end]), "".join(right[begin:stop])


def _signed(a: str, b: str) -> list[Piece]:
    return [piece for piece in ([("=", a)] if a == b else [("-", a), ("+", b)]) if piece[1]]


def compared(pieces: Iterable[Piece]) -> dict[str, Any]:
    """Sum up what `word_diff` gives: equal, ratio (0 to 1, by word), and words common, removed and added.

    Of long texts that have no sentence in common, no word counts as common.
    """
    counts, equal = dict.fromkeys("=-+", 0), True
    for sign, piece in pieces:
        counts[sign] += len(piece.split())
        equal = equal and sign == "="
    total = 2 * counts["="] + counts["-"] + counts["+"]
    ratio = 2 * counts["="] / total if total else float(equal)
    return {"equal": equal, "ratio": ratio, "common": counts["="], "removed": counts["-"], "added": counts["+"]}
