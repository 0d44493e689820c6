"""The time of day, for display only: order, leases and identity never depend on it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def now() -> str:
    """Give the present moment as ISO 8601 in UTC with milliseconds, as every timestamp in a project."""
    moment = time.time()
    return f"{_second(int(moment))}.{int(moment * 1000) % 1000:03d}Z"


def ticks() -> float:
    """Give seconds of a clock that never jumps, for latencies and deadlines."""
    return time.monotonic()
