"""Texts as words, and runs of words: what duplicates and diversity are measured on. Pure.

A text is what it says: of JSON (a chat, a question with its answer) the texts and numbers in it, without keys and
roles. It is brought to Unicode's form NFKC and lower case; a word is a run of letters, digits, marks and underscores.
Scripts that put no blanks between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) give a word for each letter.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from workbench.ids import content_hash

SHINGLE: Final = 3  # words in a shingle
LONGEST: Final = 20_000  # words of a text that shingles are made of
_FACTOR: Final = 0x9E3779B97F4A7C15  # odd, so that no two words of a place fall together
_MASK: Final = 2**64 - 1
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSAID: Final = frozenset({"role"})  # keys whose values are no part of what a text says

Shingle = tuple[str, ...]


@cache
def _word() -> re.Pattern[str]:
    marks = "".join(re.escape(chr(code)) for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")
    letter = rf"[^\W{_UNSPACED}]"
    return re.compile(rf"[{_UNSPACED}][{marks}]*|{letter}+(?:[{marks}]+{letter}*)*")


def said(text: str) -> str:
    """Give what a parsed text says: the texts and numbers of a JSON object or list, in order; else the text itself."""
    if text[:1] not in ("{", "["):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return "\n".join(_leaves(value))


def _leaves(value: object) -> Iterator[str]:
    left = [value]
    while left:
        match left.pop():
            case dict() as found:
                left.extend(reversed([item for key, item in found.items() if key not in _UNSAID]))
            case list() as found:
                left.extend(reversed(found))
            case bool() | None:
                pass
            case leaf:
                yield str(leaf)


def words(text: str) -> list[str]:
    """Give the words of what a text says; of one without any, its signs."""
    plain = unicodedata.normalize("NFKC", said(text)).lower()
    return _word().findall(plain) or [sign for sign in plain if not sign.isspace()]


def words_hash(found: Sequence[str]) -> str:
    """Hash words in their order: equal for texts that differ in case, blanks and punctuation only."""
    return content_hash(" ".join(found))


def shingles(found: Sequence[str]) -> set[Shingle]:
    """Give the runs of three words; of fewer words, the one run that they are. Of a text's first 20,000 words."""
    known = found[:LONGEST]
    return set(zip(known, known[1:], known[2:], strict=False)) if len(known) >= SHINGLE else {tuple(known)}


@lru_cache(maxsize=2**16)
def _numbers(word: str) -> tuple[int, int, int]:
    """A word's number of 64 bits, and what it counts in a run before one other word and before two."""
    number = int(content_hash(word)[:16], 16)
    return number, number * _FACTOR & _MASK, number * _FACTOR * _FACTOR & _MASK


def runs(found: Sequence[str]) -> tuple[list[int], list[int], list[int]]:
    """Give each run of one, two and three words as a number of 64 bits; two runs share one by a chance of 2^-64."""
    if not found:
        return [], [], []
    last, middle, first = zip(*map(_numbers, found), strict=True)
    pairs = [(a + b) & _MASK for a, b in zip(middle, last[1:], strict=False)]
    triples = [(a + b + c) & _MASK for a, b, c in zip(first, middle[1:], last[2:], strict=False)]
    return list(last), pairs, triples


def shingle_numbers(found: Sequence[str]) -> set[int]:
    """Give the shingles as numbers of 64 bits."""
    known = found[:LONGEST]
    return set(runs(known)[-1]) if len(known) >= SHINGLE else {int(words_hash(known)[:16], 16)}


def jaccard(one: set[Any], other: set[Any]) -> float:
    """Give the share of what two sets hold together that both hold, 0 to 1; source: P. Jaccard, 1912."""
    both = len(one & other)
    together = len(one) + len(other) - both
    return both / together if together else 1.0
