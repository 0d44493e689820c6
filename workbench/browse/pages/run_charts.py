"""The pictures of a run: over time, and how long its calls took."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import charts
from workbench.browse.charts import Column
from workbench.browse.links import Links
from workbench.browse.page import Facts

Row = dict[str, Any]

TICKS: Final = 10


def draw(facts: Facts, links: Links) -> Mapping[str, Markup]:
    """Draw a run: calls in flight, calls by outcome, tokens and cost over time, and a histogram of latencies."""
    line, latency = facts["timeline"], facts["latency"]
    steps, each = line["steps"], line["seconds"]
    if not steps:
        return {}
    drawn = {
        "in_flight": charts.area(_columns(steps, each, _flying), "Calls in flight over time"),
        "calls": charts.columns(_columns(steps, each, _called), "Calls by outcome over time"),
        "tokens": charts.columns(_columns(steps, each, _tokens), "Tokens over time"),
        "cost": charts.area(_columns(_summed(steps), each, _spent), "Cost, summed up over time"),
    }
    if latency["steps"]:
        drawn["latency"] = charts.columns([_took(step) for step in latency["steps"]], "Calls by latency")
    return drawn


def _columns(steps: list[Row], each: float, shown: Any) -> list[Column]:
    apart = max(1, len(steps) // TICKS)
    columns = []
    for place, step in enumerate(steps):
        shares, said = shown(step)
        tick = charts.duration(step["at"]) if place % apart == 0 else ""
        columns.append(Column(shares, f"from {charts.duration(step['at'])}, {charts.duration(each)}: {said}", tick))
    return columns


def _flying(step: Row) -> tuple[list[tuple[str, float]], str]:
    return [("area", step["in_flight"])], f"{step['in_flight']:g} calls in flight on average"


def _called(step: Row) -> tuple[list[tuple[str, float]], str]:
    shares = [("s-done", step["ok"]), ("s-failed", step["failed"]), ("s-planned", step["waiting"])]
    return shares, f"{step['calls']:,} calls, {step['ok']:,} ok, {step['failed']:,} failed"


def _tokens(step: Row) -> tuple[list[tuple[str, float]], str]:
    shares = [("s-in", float(step["tokens_in"])), ("s-out", float(step["tokens_out"]))]
    return shares, f"{step['tokens_in']:,} tokens in, {step['tokens_out']:,} out"


def _summed(steps: list[Row]) -> list[Row]:
    sums = accumulate(step["cost"] for step in steps)
    return [step | {"sum": total} for step, total in zip(steps, sums, strict=True)]


def _spent(step: Row) -> tuple[list[tuple[str, float]], str]:
    return [("area", step["sum"])], f"{step['sum']:.4f} spent by then"


def _took(step: Row) -> Column:
    upto = "any" if step["below"] is None else charts.duration(step["below"] / 1000)
    said = f"{charts.duration(step['from'] / 1000)} to {upto}: {step['calls']:,} calls, {step['ok']:,} ok"
    shares = [("s-done", float(step["ok"])), ("s-failed", float(step["calls"] - step["ok"]))]
    return Column(shares, said, charts.duration(step["from"] / 1000))
