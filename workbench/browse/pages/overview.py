"""What is in the project and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import svg
from workbench.browse.alive import note_alive
from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.report.status import status
from workbench.store import Database
from workbench.store.rows import rows_of

MOST: Final = 12  # charts on the page
WIDE: Final = 640  # of a chart with as many cycles as fit, or of more
COLUMNS: Final = 80  # cycles in a chart; more are summed up side by side
EVERY: Final = 15  # seconds between two looks while something runs
STATES: Final = ("done", "failed", "blocked", "planned")
_SQL = "select * from coverage order by topic_model, template_id, llm_model_id, cycle"
_MIGRATIONS = "select id, kind, state, at, rolled_back_at from migrations order by id desc limit 5"
_RUNNING = "select id, status, slot from runs where status = 'running'"
_COST = """
select coalesce(sum(calls), 0) as calls, coalesce(sum(tokens_in), 0) as tokens_in,
  coalesce(sum(tokens_out), 0) as tokens_out, coalesce(sum(cost), 0) as cost from runs
"""


def gather(db: Database, asked: Asked) -> Found:
    """Give what `workbench status --json` gives, with `migrations_latest` and `spent` (sums over all runs).

    `last_runs` say, too, whether they are `alive`; while any run is, the page is read anew now and then."""
    path = Path(db.execute("pragma database_list").fetchone()[2])
    state = status(db, path)
    state["project"] = path.name
    state["spent"] = rows_of(db, _COST)[0]
    state["migrations_latest"] = rows_of(db, _MIGRATIONS)
    running = rows_of(db, _RUNNING)
    live = note_alive(db, running)
    alive = {run["id"]: run["alive"] for run in running}
    state["last_runs"] = [run | {"alive": alive.get(run["id"], False)} for run in state["last_runs"]]
    return Found(state["name"], state, _SQL, refresh=EVERY if live else 0)


def draw(facts: Facts, links: Links) -> Mapping[str, Any]:
    """Draw stages and cohorts as bars, and a chart of the cycles of each series, the largest first."""
    series = [(key, list(rows)) for key, rows in groupby(facts["coverage"], _series)]
    series.sort(key=lambda one: -sum(row["done"] + row["failed"] + row["pending"] for row in one[1]))
    return {
        "stages": {stage: _stage(stage, counts) for stage, counts in facts["generations"].items()},
        "cohorts": [_cohort(row) for row in facts["cohort_progress"]],
        "charts": [_chart(key, rows) for key, rows in series[:MOST]],
        "left": len(series) - MOST if len(series) > MOST else 0,
    }


def _series(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["topic_model"], row["template_id"], row["llm_model_id"]


def _stage(stage: str, counts: Mapping[str, int]) -> Markup:
    shares = [(f"s-{state}", float(counts.get(state, 0))) for state in STATES]
    return svg.meter(shares, sum(counts.values()), f"{stage}: {_said(counts)}", width=320, height=12)


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts.get(state)) or "none"


def _cohort(row: Mapping[str, Any]) -> Markup:
    shares = [("s-done", float(row["done"])), ("s-failed", float(row["failed"])), ("s-planned", float(row["pending"]))]
    return svg.meter(shares, row["members"], f"{row['done']:,} of {row['members']:,} done", width=240, height=10)


def _chart(key: tuple[str, str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(row[name] for row in rows) for name in ("done", "failed", "pending")}
    topics = rows[0]["topics"]
    return {
        "topic_model": key[0],
        "template_id": key[1],
        "llm_model_id": key[2],
        "cycles": len(rows),
        "topics": topics,
        **sums,
        "picture": _columns(rows, topics),
    }


def _columns(rows: list[dict[str, Any]], topics: int) -> Markup:
    each = -(-len(rows) // COLUMNS)
    groups = [rows[start : start + each] for start in range(0, len(rows), each)]
    wide, tall, gap = WIDE / max(len(groups), 16), 64.0, 2.0
    whole = wide * max(len(groups), 4)
    parts = [svg.element("line", x1=0, y1=64.5, x2=whole, y2=64.5, class_="rule")]
    for number, group in enumerate(groups):
        parts.extend(_column(group, number * wide, wide - gap, tall, topics))
    return svg.picture(whole, 84, parts, f"{len(rows)} cycles of {topics} topics")


def _column(group: list[dict[str, Any]], x: float, width: float, tall: float, topics: int) -> list[Markup]:
    sums = {name: float(sum(row[name] for row in group)) for name in ("done", "failed", "pending")}
    total = max(topics * len(group), sum(sums.values()))
    first, last = group[0]["cycle"] + 1, group[-1]["cycle"] + 1
    name = f"cycle {first}" if first == last else f"cycles {first} to {last}"
    said = f"{name}: {sums['done']:.0f} of {total:.0f} done, {sums['failed']:.0f} failed, {sums['pending']:.0f} pending"
    shares = [("s-done", sums["done"]), ("s-failed", sums["failed"]), ("s-planned", sums["pending"])]
    bars = [svg.box(x, 0, width, tall, "s-none"), *svg.pile(x, 0, width, tall, shares, total)]
    label = [svg.text(x + width / 2, tall + 15, first, class_="tick", text_anchor="middle")] if width > 16 else []
    return [svg.element("g", svg.element("title", said), *bars, *label)]


OVERVIEW: Final = Page("", gather, draw, label="Overview")
