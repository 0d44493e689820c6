"""Parsers of other packages: what one raises or gives is judged before it is kept, for the answer was paid for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any, Final

from workbench.errors import BadConfig
from workbench.parse.outcome import Options, Parsed, Unreadable
from workbench.plugins import BROKEN, MEND

Read = Callable[[str, Options], Parsed]
_OUTCOME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_LINE: Final = 300  # characters of a reason that are worth keeping


def guarded(name: str, read: Read) -> Read:
    """Wrap a parser, so that it gives a Parsed that can be stored, or raises Unreadable; raises BadConfig at once for
    what cannot be called."""
    if not callable(read):
        raise BadConfig(f"{name!r} of parsers is {type(read).__name__}, no function", mend=MEND)

    def judged(raw: str, options: Options) -> Parsed:
        try:
            return _sound(read(raw, options))
        except Unreadable as error:
            raise Unreadable(_outcome(error.outcome), _line(error.detail)) from None
        except BROKEN as error:
            raise Unreadable("parser_failed", _line(f"{name}: {type(error).__name__}: {error}")) from None

    return judged


def _sound(parsed: object) -> Parsed:
    """Check what is promised of a Parsed; raises TypeError or ValueError."""
    if not isinstance(parsed, Parsed):
        raise TypeError(f"it gave {type(parsed).__name__}, no Parsed")
    if parsed.ok and not isinstance(parsed.text, str):
        raise TypeError("its text is none")
    scale = parsed.scale if parsed.scale is None else _pair(parsed.scale)
    if parsed.score is not None and not (scale and scale[0] <= _finite(parsed.score) <= scale[1]):
        raise ValueError("its score is not on its scale")
    text = parsed.text.replace("\0", "?") if parsed.ok and parsed.text is not None else None
    return replace(parsed, text=text, outcome=_outcome(parsed.outcome), detail=_line(parsed.detail), scale=scale)


def _pair(scale: Any) -> tuple[float, float]:
    lowest, highest = map(_finite, scale)
    return lowest, highest


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{str(value)[:40]} is no number")
    return float(value)


def _outcome(outcome: object) -> str:
    return outcome if isinstance(outcome, str) and _OUTCOME.fullmatch(outcome) else "parser_failed"


def _line(text: object) -> str:
    return " ".join(str(text)[: 4 * _LINE].replace("\0", "?").encode("utf-8", "replace").decode().split())[:_LINE]
