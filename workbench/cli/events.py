"""`workbench events` and `workbench runs`: what happened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from workbench.cli.complete import names
from workbench.cli.options import json_option, project_option, rows_options
from workbench.cli.output import Form, Row, shown, stream, table

if TYPE_CHECKING:
    from workbench.store import Database

POLL: Final = 0.3  # seconds between two looks at a project that is followed


@click.command()
@click.option("--run", "run_id", type=int, shell_complete=names("runs"), help="Only the events of this run.")
@click.option("--follow", is_flag=True, help="Wait for more; with --run, until that run has ended.")
@project_option
@json_option
def events(run_id: int | None, follow: bool, project: Path, form: Form) -> None:
    """Print what happened, event by event.

    With --json: JSON Lines. Cycles count from 1 here.

    \b
    Example:
      workbench events --run 3 --json
    """
    from workbench.store import open_project

    with open_project(project) as db:
        _check_run(db, run_id)
        stream(_events(db, run_id, follow), form, _said)


def _check_run(db: Database, run_id: int | None) -> None:
    from workbench.errors import UnknownName

    if run_id is not None and _state(db, run_id) is None:
        raise UnknownName(f"no run {run_id}", mend="see `workbench runs`")


def _state(db: Database, run_id: int) -> str | None:
    row = db.execute("select status from runs where id = ?", (run_id,)).fetchone()
    return row and str(row[0])


def _events(db: Database, run_id: int | None, follow: bool) -> Iterator[Row]:
    from workbench.events import read_events

    last = 0
    while True:
        ended = run_id is not None and _state(db, run_id) != "running"  # asked first: its last events count
        for event in read_events(db, run_id=run_id, after=last):
            last = event["id"]
            yield event
        if not follow or ended:
            return
        time.sleep(POLL)


def _said(event: Row) -> str:
    rest = {key: value for key, value in event.items() if key not in ("id", "at", "event", "run")}
    run = "" if event["run"] is None else f"run {event['run']}  "
    return f"{event['at']}  {run}{event['event']}  " + ", ".join(f"{k} {shown(v, 200)}" for k, v in rest.items())


@click.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@project_option
@rows_options
def runs(limit: int, project: Path, form: Form) -> None:
    """List the runs with their counts.

    \b
    Example:
      workbench runs --json
    """
    from workbench.report.runs import last_runs
    from workbench.store import open_project

    with open_project(project) as db:
        table(last_runs(db, limit), form, empty="no runs yet")
