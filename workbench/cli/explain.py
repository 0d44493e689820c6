"""`workbench explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.complete import names
from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document, table


@click.command()
@click.argument("gen_id", required=False, metavar="[ID]", shell_complete=names("generations"))
@click.option("--cohort", metavar="ID", shell_complete=names("cohorts"), help="Explain every member of a cohort.")
@project_option
@json_option
def explain(project: Path, form: Form, gen_id: str | None, cohort: str | None) -> None:
    """Say why a task is new, reused, stale, blocked or failed, field by field, and what making it would cost.

    One that stands in a batch at its provider is waiting, and the batch is named.

    \b
    Example:
      workbench explain d_1uebvk8svcsa39ro
      workbench explain --cohort pilot
    """
    from workbench.lineage import resolve
    from workbench.plan import explain as reasons
    from workbench.store import open_project

    if (gen_id is None) == (cohort is None):
        raise click.UsageError("give one ID, or --cohort")
    with open_project(project) as db:
        if gen_id is not None:
            found = reasons.explain(db, resolve(db, gen_id)).as_dict()
            document(found, form, lambda: _reasons(found))
            return
        from workbench.plan.cohorts import cohort_number

        rows = (one.as_dict() for one in reasons.explain_cohort(db, cohort_number(db, str(cohort))))
        table(rows, form, ["gen_id", "stage", "verdict", "why", "cost"] if form.kind != "json" else None)


def _reasons(found: dict[str, Any]) -> Any:
    yield f"{found['gen_id']} ({found['stage']}): {found['verdict']}"
    yield found["why"]
    for one in found["differences"]:
        yield f"  {one['field']}: was {one['was']!r}, is {one['now']!r}"
    if found["cost"] is not None:
        yield f"making it anew would cost about {found['cost']:.4g}"
