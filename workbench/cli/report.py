"""`workbench report`: scores summed up; the matrix of tasks, cohorts and costs stand in `report_tasks`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.frame import Noun
from workbench.cli.options import no_project_option, project_option, rows_options
from workbench.cli.output import Form, table
from workbench.cli.report_diversity import diversity, duplicates
from workbench.cli.report_tasks import cohort, cost, coverage
from workbench.cli.reporting import choice_options, leading

if TYPE_CHECKING:
    from workbench.report.narrow import Choice

NO_SCORES = "no scores yet"
LEVELS = ("nominal", "ordinal", "interval", "ratio")


@click.group(cls=Noun)
def report() -> None:
    """Scores, coverage and costs summed up: as a table, --csv or --json.

    Scores are in their rubric's points, with the scale beside; columns that say 0_to_1 or 0..1 are shares of the
    scale, the only numbers that are ever taken over several rubrics. The views behind the reports are in the file:
    pivot_long, top_essays, agreement, task_matrix, cohort_progress, costs.

    \b
    Example:
      workbench report pivot --cohort spring --csv > pivot.csv
      workbench report
    """


for command in (coverage, cohort, cost, duplicates, diversity):
    report.add_command(command)


@report.command("list")
@no_project_option
@rows_options
def list_reports(form: Form) -> None:
    """List the reports.

    \b
    Example:
      workbench report list
    """
    commands = [one for one in report.commands.values() if one.name != "list"]
    table([{"report": one.name, "says": one.get_short_help_str(100)} for one in commands], form)


@report.command()
@click.option("--value", type=click.Choice(["mean", "max", "n"]), default="mean", show_default=True, help="In cells.")
@click.option("--normalised", is_flag=True, help="Shares of the scales, 0..1, instead of points.")
@choice_options(of="rubric")
@project_option
@rows_options
def pivot(value: Any, normalised: bool, choice: Callable[[], Choice], project: Path, form: Form) -> None:
    """Set essays against evaluators: a row each, a column for each rubric|model.

    \b
    Example:
      workbench report pivot --value max --csv
    """
    from workbench.report.essays import pivot as pivoted
    from workbench.store import open_project

    with open_project(project) as db:
        table(pivoted(db, choice(), value, normalised=normalised), form, empty=NO_SCORES)


@report.command()
@choice_options(of="rubric")
@project_option
@rows_options
def variance(choice: Callable[[], Choice], project: Path, form: Form) -> None:
    """Say how far replicates agree: n, mean, lowest, highest and stddev for each essay, rubric and model.

    The standard deviation is that of a sample (n - 1), and empty for one score.

    \b
    Example:
      workbench report variance --template novelty --json
    """
    from workbench.report.essays import variance as spread
    from workbench.store import open_project

    with open_project(project) as db:
        table(spread(db, choice()), form, empty=NO_SCORES)


@report.command()
@click.option("-n", "--top", "limit", type=click.IntRange(0), default=20, show_default=True, help="How many; 0: all.")
@choice_options(of="rubric")
@project_option
@rows_options
def top(limit: int, choice: Callable[[], Choice], project: Path, form: Form) -> None:
    """Rank essays by the mean of the best score that each evaluator gave; ties by ID.

    An evaluator is a rubric and a model. Ranked by shares of the scales; the points stand beside where all scores of
    an essay have one scale.

    \b
    Example:
      workbench report top --top 10 --cohort spring
    """
    from workbench.report.essays import top as best
    from workbench.store import open_project

    with open_project(project) as db:
        table(best(db, choice(), limit), form, empty=NO_SCORES)


@report.command()
@click.option("--across-rubrics", is_flag=True, help="All rubrics of an essay together, as shares of their scales.")
@click.option("--summary", "summed", is_flag=True, help="Only count the classes.")
@click.option("--alpha", "measured", is_flag=True, help="Krippendorff's alpha instead; needs the extra [agreement].")
@click.option("--level", type=click.Choice(LEVELS), default="interval", show_default=True, help="Of --alpha.")
@click.option("--each", "apart", is_flag=True, help="With --alpha: every replicate an observer, not models' means.")
@choice_options(of="rubric")
@project_option
@rows_options
def agreement(
    across_rubrics: bool,
    summed: bool,
    measured: bool,
    choice: Callable[[], Choice],
    project: Path,
    form: Form,
    **more: Any,
) -> None:
    """Say how far evaluators agree on each essay, or, with --alpha, altogether.

    The class goes by the range of the scores as a share of the scale: to 1/9 high, 2/9 moderate, 3/9 low, above poor.

    \b
    Example:
      workbench report agreement --summary
      workbench report agreement --alpha --level ordinal
    """
    from workbench.report import agreement as made
    from workbench.store import open_project

    if measured and summed:
        raise click.UsageError("--alpha and --summary exclude each other")
    with open_project(project) as db:
        if measured:
            facts = {"level": more["level"], "each_replicate": more["apart"]}
            rows: Any = made.alpha(db, choice(), across_rubrics=across_rubrics, **facts)
        else:
            rows = made.agreement(db, choice(), across_rubrics=across_rubrics)
        if summed:
            rows = made.summary(rows)
        elif not measured:
            rows = leading(rows, form, "essay_gen_id", "evaluation_template", "agreement")
        table(rows, form, empty=NO_SCORES)
