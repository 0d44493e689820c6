"""How long a provider wants to be left alone: `Retry-After` in seconds or as a date, and `retry-after-ms`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 366 * 86_400.0  # seconds; what asks for more is cut to this
_SECONDS: Final = re.compile(r"\d{1,300}(?:\.\d{1,30})?", re.ASCII)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Give the seconds to wait, or None where the headers say nothing usable.

    `headers` have lower-case names. A date is counted from the answer's own Date, else from `now` (Unix time).
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return min(milliseconds / 1000, LONGEST)
    wanted = headers.get("retry-after", "")
    seconds = _number(wanted)
    if seconds is None:
        seconds = _until(wanted, _moment(headers.get("date", "")) or now)
    return None if seconds is None else min(seconds, LONGEST)


def _number(text: str) -> float | None:
    text = text.strip()
    return float(text) if _SECONDS.fullmatch(text) else None


def _until(text: str, now: float) -> float | None:
    moment = _moment(text)
    return None if moment is None else max(0.0, moment - now)


def _moment(text: str) -> float | None:
    if not text or len(text) > 64:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
