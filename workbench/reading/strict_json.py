"""JSON as strict as the standard: no duplicate keys, no NaN, no number that a float cannot hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from workbench.errors import BadFile
from workbench.reading.files import lines, text_file


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Give an object's pairs as a dict; raises ValueError when a key stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _bounded(digits: str) -> int:
    if len(digits) > 400:
        raise ValueError("a number of more than 400 digits")
    return int(digits)


def _finite(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise ValueError("a number is too large")
    return number


# Raises ValueError, or RecursionError for bottomless nesting.
DECODER = json.JSONDecoder(
    object_pairs_hook=unique_keys, parse_constant=_no_constant, parse_int=_bounded, parse_float=_finite
)


def json_text(text: str, where: str) -> Any:
    """Parse strict JSON: no duplicate keys, no NaN or Infinity, no bottomless nesting. Raises BadFile."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        at = where if error.lineno == 1 else f"{where}:{error.lineno}"
        raise BadFile(f"not JSON: {error.msg} at column {error.colno}", where=at, mend="mend the JSON") from None
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadFile(f"not plain JSON: {what}", where=where, mend="mend the JSON") from None


def json_file(path: Path | str) -> Any:
    """Parse a whole strict JSON file."""
    return json_text(text_file(path), str(path))


def jsonl(path: Path | str) -> Iterator[tuple[int, Any]]:
    """Stream the values of a JSON Lines file with their line numbers; blank lines are skipped."""
    for number, text in lines(path):
        yield number, json_text(text, f"{path}:{number}")
