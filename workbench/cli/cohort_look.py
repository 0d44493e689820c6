"""`workbench cohort list`, `show` and `members`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from workbench.cli.complete import names
from workbench.cli.options import STAGES, json_option, project_option, rows_options
from workbench.cli.output import Form, document, table

COLUMNS = (
    *("stage", "gen_id", "parent_gen_id", "combo_id", "template_id", "llm_model_id", "replicate"),
    *("status", "outcome", "origin_cohort_id", "allocated"),
)


@click.command("list")
@project_option
@rows_options
def list_cohorts(project: Path, form: Form) -> None:
    """List the cohorts with their members and how far they are.

    \b
    Example:
      workbench cohort list --json
    """
    from workbench.catalogue.cohorts import list_cohorts as stored
    from workbench.store import open_project

    with open_project(project) as db:
        table(stored(db), form, empty="no cohorts yet; see `workbench cohort compile --help`")


@click.command()
@click.argument("name", metavar="ID", shell_complete=names("cohorts"))
@project_option
@json_option
def show(name: str, project: Path, form: Form) -> None:
    """Show a cohort: its members by stage and status, and what selects them.

    \b
    Example:
      workbench cohort show pilot
    """
    from workbench.catalogue.cohorts import cohort_facts
    from workbench.plan.cohorts import cohort_number
    from workbench.store import open_project

    with open_project(project) as db:
        found = cohort_facts(db, cohort_number(db, name))
    document(found, form, lambda: _told(found))


def _told(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['cohort']}: {found['mode']}, made {found['created']}"
    for stage, of in found["members"].items():
        parts = ", ".join(f"{count:,} {status}" for status, count in of.items())
        yield f"  {stage:<10}  {sum(of.values()):>9,}  {parts}"
    settings = {key: value for key, value in found["settings"].items() if value not in (None, False, [])}
    for key, value in settings.items():
        yield f"  {key}: {value}"
    for path, text in {"spec": found["spec"] or "", **found["files"]}.items():
        if text:
            yield ""
            yield f"{path}:"
            yield from (f"  {one}" for one in text.splitlines()[:40])
            if text.count("\n") > 40:
                yield "  … and more; see --json"


@click.command()
@click.argument("name", metavar="ID", shell_complete=names("cohorts"))
@click.option("--stage", type=click.Choice(STAGES), help="Only members of this stage.")
@project_option
@rows_options
def members(name: str, stage: str | None, project: Path, form: Form) -> None:
    """List a cohort's members: drafts, then essays, then evaluations, each in order.

    \b
    Example:
      workbench cohort members pilot --csv > membership.csv
    """
    from workbench.catalogue.cohorts import cohort_members
    from workbench.plan.cohorts import cohort_number
    from workbench.store import open_project

    with open_project(project) as db:
        number = cohort_number(db, name)
        rows = cohort_members(db, number, (stage,) if stage else STAGES)
        table(rows, form, COLUMNS, empty="it has no members of that stage" if stage else "it has no members")
