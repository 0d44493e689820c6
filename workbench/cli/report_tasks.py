"""`workbench report coverage|cohort|cost`: tasks and calls counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.complete import names
from workbench.cli.options import STAGES, project_option, rows_options
from workbench.cli.output import Form, many, note, table
from workbench.cli.reporting import choice_options

if TYPE_CHECKING:
    from workbench.report.narrow import Choice

COUNTS = ("tasks", "done", "planned", "failed", "blocked")


@click.command()
@click.option("--holes", is_flag=True, help="Only what is missing: no task at all, or tasks that are not done.")
@click.option("--wide", is_flag=True, help="A row for each combo, a column for each stage|template|model.")
@click.option("--value", type=click.Choice(COUNTS), default="done", show_default=True, help="In the cells of --wide.")
@choice_options(*STAGES)
@project_option
@rows_options
def coverage(holes: bool, wide: bool, value: Any, choice: Callable[[], Choice], project: Path, form: Form) -> None:
    """Set combos against templates and models, stage by stage, with the tasks by status.

    Every combo of the cohort (without --cohort: of the record) meets every template and model that its tasks name; a
    row without a task is a hole.

    \b
    Example:
      workbench report coverage --cohort spring --holes
      workbench report coverage --cohort spring --wide --csv
    """
    from workbench.report import progress
    from workbench.store import open_project

    with open_project(project) as db:
        rows = progress.matrix(db, choice(), holes=holes)
        table(progress.wide(rows, value) if wide else rows, form, empty="nothing is missing" if holes else "no tasks")


@click.command()
@click.option("--cohort", shell_complete=names("cohorts"), help="Only this cohort.")
@click.option("--stage", type=click.Choice(STAGES), help="Only this stage.")
@project_option
@rows_options
def cohort(cohort: str | None, stage: str | None, project: Path, form: Form) -> None:
    """Say how complete cohorts are, stage by stage.

    \b
    Example:
      workbench report cohort --cohort spring
    """
    from workbench.report.narrow import Choice
    from workbench.report.progress import cohorts
    from workbench.store import open_project

    with open_project(project) as db:
        table(cohorts(db, Choice(cohort, stage)), form, empty="no cohorts yet")


@click.command()
@choice_options(*STAGES, "topics")
@project_option
@rows_options
def cost(choice: Callable[[], Choice], project: Path, form: Form) -> None:
    """Say what was paid, by stage, template and model; failed but billed calls count.

    With --cohort: every call for a generation of the cohort, whichever run made it. An empty cost: no known price.

    \b
    Example:
      workbench report cost --stage essay --json
    """
    from workbench.report.progress import costs
    from workbench.store import open_project

    with open_project(project) as db:
        rows = list(costs(db, choice()))
    table(rows, form, empty="no calls yet")
    if form.kind == "text" and rows:
        paid = sum(row["cost"] or 0 for row in rows)
        note(f"together {paid:.6g} for {many(sum(row['calls'] for row in rows), 'call')}")
