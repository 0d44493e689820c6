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
from zlib import crc32

from workbench.ids import bytes_hash

SHINGLE: Final = 3  # words in a shingle
LONGEST: Final = 20_000  # words of a text that shingles are made of
_FACTORS: Final = (0x2545F491, 0x3C6EF373, 0x1B873593)  # odd and below 2^30: of a run's last word, those before it
# Bytes of words in ASCII as they are, in lower case; all others as blanks.
_LETTERS: Final = bytes(ord(chr(code).lower()) if re.match(r"[a-zA-Z0-9_]", chr(code)) else 32 for code in range(256))
_SIGNS: Final = "\u2019\u2014\u2013\u201c\u201d\u2018\u2026\u2022\u00a0\u2011\u2192"  # no letters in any form of theirs
_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSAID: Final = frozenset({"role"})  # keys whose values are no part of what a text says

Shingle = tuple[bytes, ...]


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


def words(text: str) -> list[bytes]:
    """Give the words of what a text says, in UTF-8; of one without any, its signs."""
    plain = said(text)
    if (usual := _in_ascii(plain)) is not None and (found := usual.translate(_LETTERS).split()):
        return found
    plain = unicodedata.normalize("NFKC", plain).lower()
    parts = _word().findall(plain) or [sign for sign in plain if not sign.isspace()]
    return [part.encode("utf-8", "surrogatepass") for part in parts]


def _in_ascii(text: str) -> bytes | None:
    """Give a text whose only letters are ASCII's, with blanks for the commonest other signs; None of any other."""
    if not text.isascii():
        for sign in _SIGNS:
            text = text.replace(sign, " ")
    return text.encode() if text.isascii() else None


def words_hash(found: Sequence[bytes]) -> str:
    """Hash words in their order: equal for texts that differ in case, blanks and punctuation only."""
    return bytes_hash(b" ".join(found))


def shingles(found: Sequence[bytes]) -> set[Shingle]:
    """Give the runs of three words; of fewer words, the one run that they are. Of a text's first 20,000 words."""
    known = found[:LONGEST]
    return set(zip(known, known[1:], known[2:], strict=False)) if len(known) >= SHINGLE else {tuple(known)}


def runs(found: Sequence[bytes]) -> tuple[array[int], array[int], array[int]]:
    """Give each run of one, two and three words as a number below 2^64, made of the words' checksums.

    Two runs of different words share one by a chance of about 2^-62; two words, and runs of them, by one of 2^-32.
    """
    sums = array("Q", map(crc32, found))
    if sys.byteorder == "big":
        sums.byteswap()
    # A whole text is added at once: its numbers are the digits, to the base 2^64, of a long one, and none overflows.
    text, length = int.from_bytes(sums.tobytes(), "little"), 8 * len(sums)
    last, middle, first = (text * factor for factor in _FACTORS)
    pairs = middle + (last >> 64)
    triples = first + (middle >> 64) + (last >> 128)
    return _numbers(last, length, 0), _numbers(pairs, length, 1), _numbers(triples, length, 2)


def _numbers(text: int, length: int, short: int) -> array[int]:
    """Take a long number apart into its digits to the base 2^64, lowest first, but for some last ones."""
    numbers = array("Q", text.to_bytes(length, "little")[: max(0, length - 8 * short)])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def shingle_array(found: Sequence[bytes], triples: array[int] | None = None) -> array[int]:
    """Give a text's shingles as numbers below 2^64, in order; `triples`: its runs of three, where they are known."""
    if len(found) < SHINGLE:
        return array("Q", [int(words_hash(found)[:16], 16)])
    return runs(found[:LONGEST])[-1] if triples is None else triples[: LONGEST - SHINGLE + 1]


def shingle_numbers(found: Sequence[bytes]) -> set[int]:
    """Give the different shingles as numbers below 2^64."""
    return set(shingle_array(found))


def jaccard(one: set[Any], other: set[Any]) -> float:
    """Give the share of what two sets hold together that both hold, 0 to 1; source: P. Jaccard, 1912."""
    both = len(one & other)
    together = len(one) + len(other) - both
    return both / together if together else 1.0
