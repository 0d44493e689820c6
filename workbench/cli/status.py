"""`workbench status`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, Row, document, heading, line, many, table


@click.command()
@project_option
@json_option
def status(project: Path, form: Form) -> None:
    """Say what is in the project and what is left to do.

    \b
    Example:
      workbench status
      workbench status --json
    """
    from workbench.report.status import status as state_of
    from workbench.store import open_project

    with open_project(project) as db:
        state = state_of(db, project)
    if form.kind == "json":
        document(state, form)
    else:
        print_status(state)


def print_status(state: Mapping[str, Any]) -> None:
    """Write a state, as `workbench.report.status` gives it, for people."""
    line(f"{state['name']}: {state['project']}, scheme {state['scheme']}, {state['bytes'] / 2**20:.1f} MiB")
    for text in _counts(state):
        line(text)
    for title, rows in _parts(state):
        if rows:
            line("")
            heading(title)
            table(rows, Form())


def _counts(state: Mapping[str, Any]) -> Iterable[str]:
    topics = state["topics"]
    yield f"topics       {topics['unique']:,} unique in {many(topics['models'], 'topic model')}"
    for stage, counts in state["generations"].items():
        said = ", ".join(f"{n:,} {name}" for name, n in sorted(counts.items())) or "none"
        yield f"{stage + 's':<12} {said}"
    yield f"completions  {state['completions']:,}"
    for name in ("cohorts", "runs", "migrations", "alerts"):
        yield f"{name:<12} {state[name]:,}{' open' if name == 'alerts' else ''}"


_BATCH = ("batch", "state", "status", "model", "requests", "open", "submitted", "job")


def _parts(state: Mapping[str, Any]) -> Iterable[tuple[str, list[Row]]]:
    yield "Coverage by cycle", list(_cycles(state["coverage"]))
    yield "Cohorts", state["cohort_progress"]
    yield "Failures", state["failures"]
    yield (
        "Last runs",
        [{name: row[name] for name in row if name not in ("ended", "version")} for row in state["last_runs"]],
    )
    yield "Open batches", [{name: row[name] for name in _BATCH} for row in state["open_batches"]]
    yield "Alerts", state["open_alerts"]


def _cycles(coverage: Iterable[Row]) -> Iterator[Row]:
    """Put neighbouring cycles that stand alike in one row; cycles count from 1 on screen."""

    def alike(numbered: tuple[int, Row]) -> tuple[object, ...]:
        place, row = numbered
        return row["cycle"] - place, *(value for key, value in row.items() if key != "cycle")

    for _, numbered in groupby(enumerate(coverage), alike):
        rows = [row for _, row in numbered]
        first, last = rows[0]["cycle"] + 1, rows[-1]["cycle"] + 1
        yield dict(rows[0]) | {"cycle": str(first) if first == last else f"{first}-{last}"}
