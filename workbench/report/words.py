"""Texts as words, and runs of words: what duplicates and diversity are measured on. Pure.

A text is what it says: of JSON (a chat, a question with its answer) the texts and numbers in it, without keys and
roles. It is brought to Unicode's form NFKC and lower case; a word is a run of letters, digits, marks and underscores.
Scripts that put no blanks between words (Chinese, Japanese, Thai, Lao, Burmese, Khmer) give a word for each letter.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from workbench.ids import content_hash

SHINGLE: Final = 3  # words in a shingle
LONGEST: Final = 20_000  # words of a text that shingles are made of
_FACTOR: Final = 0x9E3779B97F4A7C15  # odd, so that no two words of a place fall together
_MASK: Final = 2**62 - 1
_KNOWN: Final = 2**17  # words whose numbers are in memory
_BLANKS: Final = {code: " " for code in range(128) if not re.match(r"\w", chr(code))}
_SIGNS: Final = "\u2019\u2014\u2013\u201c\u201d\u2018\u2026\u2022\u00a0\u2011\u2192"  # no letters in any form of theirs
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
    plain = said(text)
    if (ascii_only := _without_signs(plain)) is not None and (found := ascii_only.lower().translate(_BLANKS).split()):
        return found
    plain = unicodedata.normalize("NFKC", plain).lower()
    return _word().findall(plain) or [sign for sign in plain if not sign.isspace()]


def _without_signs(text: str) -> str | None:
    """Give a text whose only letters are ASCII's, with blanks for the commonest other signs; None of any other."""
    if not text.isascii():
        for sign in _SIGNS:
            text = text.replace(sign, " ")
    return text if text.isascii() else None


def words_hash(found: Sequence[str]) -> str:
    """Hash words in their order: equal for texts that differ in case, blanks and punctuation only."""
    return content_hash(" ".join(found))


def shingles(found: Sequence[str]) -> set[Shingle]:
    """Give the runs of three words; of fewer words, the one run that they are. Of a text's first 20,000 words."""
    known = found[:LONGEST]
    return set(zip(known, known[1:], known[2:], strict=False)) if len(known) >= SHINGLE else {tuple(known)}


class _Numbers(dict[str, bytes]):
    """Words' numbers of 62 bits, three of each: what it counts in a run as the last word, before one, before two.

    Three of them add up to less than 2^64.
    """

    def __missing__(self, word: str) -> bytes:
        if len(self) >= _KNOWN:
            self.clear()
        number = int(content_hash(word)[:16], 16)
        places = (number, number * _FACTOR, number * _FACTOR * _FACTOR)
        self[word] = packed = b"".join((one & _MASK).to_bytes(8, "little") for one in places)
        return packed


_NUMBERS: Final = _Numbers()


def runs(found: Sequence[str]) -> tuple[array[int], array[int], array[int]]:
    """Give each run of one, two and three words as a number below 2^64; two runs share one by a chance of 2^-62."""
    every, count = array("Q", b"".join(map(_NUMBERS.__getitem__, found))), len(found)
    planes = [every[place::3].tobytes() for place in range(3)]
    # A whole text is added at once: its numbers are the digits, to the base 2^64, of a long one, and none overflows.
    last, middle, first = (int.from_bytes(plane, "little") for plane in planes)
    pairs = (middle + (last >> 64)).to_bytes(8 * count, "little")
    triples = (first + (middle >> 64) + (last >> 128)).to_bytes(8 * count, "little")
    return _numbers(planes[0]), _numbers(pairs[:-8]), _numbers(triples[:-16])


def _numbers(data: bytes) -> array[int]:
    """Read numbers of eight bytes, lowest first."""
    numbers = array("Q", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def shingle_array(found: Sequence[str], triples: array[int] | None = None) -> array[int]:
    """Give a text's shingles as numbers below 2^64, in order; `triples`: its runs of three, where they are known."""
    if len(found) < SHINGLE:
        return array("Q", [int(words_hash(found)[:16], 16)])
    return runs(found[:LONGEST])[-1] if triples is None else triples[: LONGEST - SHINGLE + 1]


def shingle_numbers(found: Sequence[str]) -> set[int]:
    """Give the different shingles as numbers below 2^64."""
    return set(shingle_array(found))


def jaccard(one: set[Any], other: set[Any]) -> float:
    """Give the share of what two sets hold together that both hold, 0 to 1; source: P. Jaccard, 1912."""
    both = len(one & other)
    together = len(one) + len(other) - both
    return both / together if together else 1.0
