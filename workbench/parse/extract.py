"""JSON in a model's answer: the whole of it, or the largest object or list among its words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from workbench.parse.outcome import Unreadable
from workbench.reading.strict_json import DECODER

# Only what can begin a JSON value is tried: every failed attempt counts the lines before it.
_OPENING: Final = re.compile(r"\{(?=\s{0,99}[\"}])|\[(?=\s{0,99}[\[{\"\]tfn\d-])")
_MEANT: Final = re.compile(r"\{\s{0,99}\"|\[\s{0,99}\{")  # no brace of prose, but JSON that was begun
_SCALAR: Final = frozenset('"-0123456789tfn')
_ATTEMPTS: Final = 1000  # values looked at in one answer
_FAILURES: Final = 50
_THOUGHT: Final = "</think>"
_THOUGHTS: Final = 20  # after so many of them the last one counts
_FENCED: Final = re.compile(r"```[a-z]{0,10}\s+(.*)```", re.DOTALL)


def answered(raw: str) -> str:
    """Drop what a reasoning model thought aloud before its answer, up to the last </think>.

    A </think> within the texts of an answer that is JSON as a whole, in a code fence or not, belongs to the answer.
    """
    if _THOUGHT not in raw:
        return raw
    start = 0
    for _ in range(_THOUGHTS):
        if _is_json(raw[start:]):
            return raw[start:]
        at = raw.find(_THOUGHT, start)
        if at < 0:
            break
        start = at + len(_THOUGHT)
    return raw[raw.rfind(_THOUGHT) + len(_THOUGHT) :]


def _is_json(text: str) -> bool:
    plain = text.strip()
    fenced = _FENCED.fullmatch(plain)
    plain = fenced[1] if fenced else plain
    if plain[:1] not in ("{", "["):
        return False
    try:
        DECODER.decode(plain)
    except (ValueError, RecursionError):
        return False
    return True


def found_json(raw: str) -> Any:
    """Give the JSON value of an answer: strict, without duplicate keys, NaN or numbers beyond a float.

    It is the whole answer, or the largest object or list in it. Raises Unreadable.
    """
    text = answered(raw).strip()
    if not text:
        raise Unreadable("empty", "the answer is empty")
    if text[0] in _SCALAR:
        with suppress(ValueError):
            return DECODER.decode(text)
    found = max(_embedded(text), key=lambda span: span[0], default=None)
    if found is None:
        raise Unreadable("bad_json", "the answer holds no JSON object or list")
    return found[1]


def _embedded(text: str) -> Iterator[tuple[int, Any]]:
    """Yield (length, value) of each outermost JSON value; one that was begun and breaks off is an error.

    What a failed attempt has read is not read again, so that hostile text takes linear time.
    """
    at = failures = 0
    for _ in range(_ATTEMPTS):
        if failures > _FAILURES or (opening := _OPENING.search(text, at)) is None:
            return
        start = opening.start()
        try:
            value, at = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            if not isinstance(error, json.JSONDecodeError) or _MEANT.match(text, start):
                raise Unreadable("bad_json", _reason(error)) from None
            at, failures = max(error.pos, start + 1), failures + 1
        else:
            yield at - start, value


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"the JSON cannot be read: {error.msg} at line {error.lineno}, column {error.colno}"
    return f"the JSON cannot be read: {'nested too deeply' if isinstance(error, RecursionError) else error}"
