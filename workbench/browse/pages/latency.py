"""How long calls took: a histogram over steps that grow, and the usual shares."""

from __future__ import annotations

from typing import Any, Final

from workbench.browse.page import Facts
from workbench.lineage import rows_of
from workbench.store import Database

EDGES: Final = tuple(step * 10**power for power in range(6) for step in (1, 1.5, 2, 3, 5, 7))  # milliseconds
SHARES: Final = (50, 90, 99)
_STEP: Final = " ".join(f"when latency_ms < {edge:g} then {place}" for place, edge in enumerate(EDGES))
_HISTOGRAM: Final = f"""
select case {_STEP} else {len(EDGES)} end as step, count(*) as calls, total(outcome is 'ok') as ok
from calls where run_id = :run and latency_ms is not null group by 1 order by 1
"""
_COUNT = "select count(latency_ms), avg(latency_ms), max(latency_ms) from calls where run_id = :run"
_RANKED = """
select n, latency_ms from (select latency_ms, row_number() over (order by latency_ms) as n from calls
  where run_id = :run and latency_ms is not null) where n in (:p50, :p90, :p99)
"""


def latency(db: Database, named: dict[str, Any]) -> Facts:
    """Give the latencies of a run's calls in milliseconds: `steps` (from, below, calls, ok), mean, shares, longest.

    The steps reach from the shortest to the longest without a hole; the last may have no end.
    """
    count, mean, longest = db.execute(_COUNT, named).fetchone()
    if not count:
        return {"calls": 0, "steps": []}
    places = {f"p{share}": max(1, -(-count * share // 100)) for share in SHARES}
    ranked = {row["n"]: row["latency_ms"] for row in rows_of(db, _RANKED, named | places)}
    shares = {name: ranked.get(place) for name, place in places.items()}
    return {"calls": count, "mean": round(mean, 1), "longest": longest} | shares | {"steps": _steps(db, named)}


def _steps(db: Database, named: dict[str, Any]) -> list[dict[str, Any]]:
    known = {row["step"]: row for row in rows_of(db, _HISTOGRAM, named)}
    edges = (0, *EDGES, None)
    return [
        {"from": edges[n], "below": edges[n + 1]}
        | {"calls": known[n]["calls"] if n in known else 0, "ok": int(known[n]["ok"]) if n in known else 0}
        for n in range(min(known), max(known) + 1)
    ]
