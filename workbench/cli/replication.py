"""`workbench replication`: how many replicates one build of a cohort may use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.frame import Noun
from workbench.cli.options import STAGES, dry_run_option, project_option, rows_options
from workbench.cli.output import Form, table
from workbench.cli.trial import trial

if TYPE_CHECKING:
    from workbench.store import Database


@click.group(cls=Noun)
def replication() -> None:
    """How many replicates one build of a cohort may use, by stage.

    It does not concern cycles, imports and migrations.

    \b
    Example:
      workbench replication set evaluation 2
      workbench replication
    """


@replication.command("list")
@project_option
@rows_options
def list_replication(project: Path, form: Form) -> None:
    """List the limits by stage; a stage without one may use any number.

    \b
    Example:
      workbench replication list --json
    """
    from workbench.store import open_project

    with open_project(project) as db:
        _print(db, form)


@replication.command("set")
@click.argument("stage", type=click.Choice(STAGES))
@click.argument("replicates", metavar="N", type=click.IntRange(1, 1_000_000))
@dry_run_option
@project_option
@rows_options
def set_limit(stage: str, replicates: int, dry_run: bool, project: Path, form: Form) -> None:
    """Limit the replicates of a stage that one build may use for a signature.

    Cohorts that are there stay as they are.

    \b
    Example:
      workbench replication set evaluation 2
    """
    from workbench.catalogue.cohorts import set_replication
    from workbench.store import open_project

    with open_project(project, write=True) as db, trial(db, dry_run):
        set_replication(db, stage, replicates)
        _print(db, form)


def _print(db: Database, form: Form) -> None:
    from workbench.catalogue.cohorts import replication as stored

    limits = stored(db)
    rows = [{"stage": stage, "replicates": limits.get(stage)} for stage in STAGES]
    table(rows, form)
