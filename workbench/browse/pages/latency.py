"""How long calls took: a histogram over steps that grow, and the usual shares."""

from __future__ import annotations

from bisect import bisect, bisect_left
from typing import Any, Final

from workbench.browse.page import Facts
from workbench.store import Database

EDGES: Final = tuple(step * 10**power for power in range(6) for step in (1, 1.5, 2, 3, 5, 7))  # milliseconds
SHARES: Final = (50, 90, 99)
_TOOK: Final = "select latency_ms, outcome is 'ok' from calls where run_id = :run and latency_ms is not null"


def latency(db: Database, named: dict[str, Any]) -> Facts:
    """Give the latencies of a run's calls in milliseconds: `steps` (from, below, calls, ok), mean, shares, longest.

    The steps reach from the shortest to the longest without a hole; the last may have no end.
    """
    took = sorted(db.execute(_TOOK, named))
    if not took:
        return {"calls": 0, "steps": []}
    count, all_of_them = len(took), [ms for ms, _ in took]
    shares = {f"p{share}": all_of_them[max(1, -(-count * share // 100)) - 1] for share in SHARES}
    facts: Facts = {"calls": count, "mean": round(sum(all_of_them) / count, 1), "longest": all_of_them[-1]}
    return facts | shares | {"steps": _steps(all_of_them, [ms for ms, ok in took if ok])}


def _steps(calls: list[float], ok: list[float]) -> list[dict[str, Any]]:
    first, last = (bisect(EDGES, calls[end]) for end in (0, -1))
    edges = (0, *EDGES, None)
    return [
        {"from": edges[n], "below": edges[n + 1]}
        | {"calls": _between(calls, edges[n], edges[n + 1]), "ok": _between(ok, edges[n], edges[n + 1])}
        for n in range(first, last + 1)
    ]


def _between(values: list[float], low: float | None, high: float | None) -> int:
    """Count the sorted values from `low` on and below `high`; None for no end."""
    return (len(values) if high is None else bisect_left(values, high)) - (bisect_left(values, low) if low else 0)
