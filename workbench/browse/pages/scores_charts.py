"""The pictures of scores: distributions, and how far models agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import charts, svg
from workbench.browse.charts import Column, Frame
from workbench.browse.links import Links
from workbench.browse.page import Facts
from workbench.report.agreement import CLASSES

Row = dict[str, Any]

SMALL: Final = Frame(width=380, height=84)
NAMED: Final = Frame(width=380, height=84, centred=True)


def draw(facts: Facts, links: Links) -> Mapping[str, Any]:
    """Draw a distribution for each rubric and model, on one height for each rubric, and bars of agreement."""
    rows = facts["distributions"]
    highest: dict[Any, float] = {}
    for row in rows:
        highest[row["evaluation_template"]] = max(highest.get(row["evaluation_template"], 0), *row["bins"])
    return {
        "distributions": [_distribution(row, charts.nice(highest[row["evaluation_template"]])) for row in rows],
        "agreement": [_bands(row) for row in facts["agreement"]],
    }


def _distribution(row: Row, top: float) -> Markup:
    edges = [f"{edge:g}" for edge in row["edges"]]
    columns = [
        Column([("s-in", float(n))], f"{edges[place] if row['whole'] else _between(edges, place)}: {n:,}", edges[place])
        for place, n in enumerate(row["bins"])
    ]
    return charts.columns(
        columns, f"{row['evaluation_template']} by {row['evaluation_model']}", NAMED if row["whole"] else SMALL, top
    )


def _between(edges: list[str], place: int) -> str:
    return f"{edges[place]} to {edges[place + 1]}"


def _bands(row: Row) -> Markup:
    said = ", ".join(f"{row[name]:,} {name.replace('_', ' ')}" for name in CLASSES if row[name])
    shares = [(f"a-{name}", float(row[name])) for name in CLASSES]
    return svg.meter(shares, row["essays"], f"{row['evaluation_template']}: {said}", width=300, height=14)
