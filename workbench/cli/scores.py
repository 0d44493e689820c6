"""`workbench scores`."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.complete import names
from workbench.cli.options import project_option, rows_options
from workbench.cli.output import Form, table
from workbench.cli.reporting import leading


@click.command()
@click.argument("gen_id", metavar="[ID]", required=False, shell_complete=names("generations"))
@click.option("--cohort", shell_complete=names("cohorts"), help="Only evaluations that belong to this cohort.")
@project_option
@rows_options
def scores(gen_id: str | None, cohort: str | None, project: Path, form: Form) -> None:
    """List scores with the essay and evaluator of each.

    With an ID: those of one evaluation, or of all evaluations of an essay or draft.

    \b
    Example:
      workbench scores --cohort spring --csv
    """
    from workbench.report.scores import scores as all_scores
    from workbench.store import open_project

    with open_project(project) as db:
        rows = leading(all_scores(db, cohort=cohort, gen_id=gen_id), form, "gen_id", "score", "essay_gen_id")
        table(rows, form, empty="no scores yet")
