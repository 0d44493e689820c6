"""The time of day, for display only: order, leases and identity never depend on it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> str:
    """Give the present moment as ISO 8601 in UTC with milliseconds, as every timestamp in a project."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ticks() -> float:
    """Give seconds of a clock that never jumps, for latencies and deadlines."""
    return time.monotonic()
