"""`workbench alerts`."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.frame import Noun
from workbench.cli.options import dry_run_option, json_option, project_option, rows_options
from workbench.cli.output import Form, document, table
from workbench.cli.trial import trial


@click.group(cls=Noun)
def alerts() -> None:
    """List what a person must look at, and acknowledge it.

    \b
    Example:
      workbench alerts
      workbench alerts ack 3
    """


@alerts.command("list")
@click.option("--all", "everything", is_flag=True, help="Acknowledged ones too.")
@project_option
@rows_options
def list_alerts(everything: bool, project: Path, form: Form) -> None:
    """List open alerts; blocking ones stop the work that they concern.

    \b
    Example:
      workbench alerts list --all --json
    """
    from workbench.report import alerts as report
    from workbench.store import open_project

    with open_project(project) as db:
        table(report.alerts(db, acknowledged=everything), form, empty="no open alerts")


@alerts.command()
@click.argument("numbers", metavar="N…", type=int, nargs=-1, required=True)
@dry_run_option
@project_option
@json_option
def ack(numbers: tuple[int, ...], dry_run: bool, project: Path, form: Form) -> None:
    """Acknowledge alerts by their numbers, so that they block no more.

    \b
    Example:
      workbench alerts ack 3 4
    """
    from workbench.report import alerts as report
    from workbench.store import open_project

    with open_project(project, write=True) as db, trial(db, dry_run):
        changed = report.acknowledge(db, numbers)
    document({"acknowledged": changed}, form)
