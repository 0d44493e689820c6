"""The time of day, for display only: order, leases and identity never depend on it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_FIRST: Final = -62_135_596_800_000  # ms of the year 1, and of the end of 9999: what ISO 8601 can say
_LAST: Final = 253_402_300_799_999


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def now() -> str:
    """Give the present moment as ISO 8601 in UTC with milliseconds, as every timestamp in a project."""
    seconds, milliseconds = divmod(min(max(time.time_ns() // 1_000_000, _FIRST), _LAST), 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def unix() -> float:
    """Give the time of day in seconds since 1970, only to set dates against that others tell; it may jump."""
    return time.time()


def ticks() -> float:
    """Give seconds of a clock that never jumps, for latencies and deadlines."""
    return time.monotonic()
