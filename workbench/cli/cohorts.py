"""`workbench cohort`: named sets of generations, made by specs or from chosen essays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.cohort_design import design
from workbench.cli.cohort_look import list_cohorts, members, show
from workbench.cli.complete import names
from workbench.cli.frame import Noun
from workbench.cli.options import confirmed, dry_run_option, json_option, project_option, yes_option
from workbench.cli.output import Form, document, many, note
from workbench.cli.trial import trial

if TYPE_CHECKING:
    from workbench.plan.compiling import Compiled
    from workbench.plan.curating import Choice

MODES = click.Choice(["regenerate", "reuse-drafts", "reuse-essays"])


@click.group(cls=Noun)
def cohort() -> None:
    """Named sets of generations, made by specs or from chosen essays.

    A cohort only selects: what another one, or a run without one, has made already is reused, never made twice.

    \b
    Example:
      workbench cohort design spec.yaml --limit 5
      workbench cohort compile pilot spec.yaml
      workbench generate --cohort pilot
    """


for _command in (design, list_cohorts, show, members):
    cohort.add_command(_command)


@cohort.command("compile")
@click.argument("name", metavar="ID", shell_complete=names("cohorts"))
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@dry_run_option
@project_option
@json_option
def compile_spec(name: str, spec: Path | None, dry_run: bool, project: Path, form: Form) -> None:
    """Make a cohort from a spec, or compile it again from what the project keeps.

    The spec and the files that it includes are kept in the project. Compiling again gives the same IDs and changes
    nothing, unless topics or essays that the spec takes from the project have come or gone. A spec that lists essays
    selects their evaluations only.

    \b
    Example:
      workbench cohort compile pilot spec.yaml --dry-run
      workbench cohort compile pilot
    """
    from workbench.cohorts import read_spec
    from workbench.plan.compiling import compile_cohort
    from workbench.plan.curating import rebuild_cohort
    from workbench.store import open_project

    read = read_spec(spec) if spec else None
    with open_project(project, write=True) as db:
        if read is None:
            found = rebuild_cohort(db, name, dry_run=dry_run)
        else:
            found = compile_cohort(db, name, read, dry_run=dry_run)
    _report(found, form, dry_run)


@cohort.command()
@click.argument("name", metavar="ID", shell_complete=names("cohorts"))
@click.option("--essays", type=click.Path(path_type=Path), help="File of essay IDs: one a line, or CSV with gen_id.")
@click.option("--top", type=click.IntRange(1), help="The essays with the best scores instead.")
@click.option("--mode", type=MODES, required=True, help="What is made anew; the rest is reused.")
@click.option("--fill-up", is_flag=True, help="reuse-essays: only evaluations missing up to the replication limit.")
@click.option(
    "--evaluation-template",
    "templates",
    multiple=True,
    metavar="NAME",
    shell_complete=names("templates"),
    help="Judge by this rubric; repeatable.",
)
@click.option(
    "--evaluation-model",
    "models",
    multiple=True,
    metavar="ID",
    shell_complete=names("models"),
    help="Judge with this model; repeatable.",
)
@dry_run_option
@project_option
@json_option
def curate(
    name: str,
    essays: Path | None,
    top: int | None,
    mode: str,
    fill_up: bool,
    templates: tuple[str, ...],
    models: tuple[str, ...],
    dry_run: bool,
    project: Path,
    form: Form,
) -> None:
    """Make a cohort from chosen essays: drafts, essays or evaluations of theirs anew.

    Fresh replicates get the lowest number above every one that exists, as many as `replication` allows (else 1).
    The cohort remembers essays and numbers: the same command again changes nothing. The best have the highest mean of
    their evaluators' best scores. Without rubrics named, all that judged any of the chosen essays judge again.

    \b
    Example:
      workbench cohort curate second --top 10 --mode regenerate
      workbench cohort curate rejudged --essays best.txt --mode reuse-essays --fill-up
    """
    from workbench.plan.curating import curate_cohort
    from workbench.store import open_project

    choice = _choice(mode, essays, top, templates, models, fill_up)
    with open_project(project, write=True) as db:
        found = curate_cohort(db, name, choice, dry_run=dry_run)
    _report(found, form, dry_run)


def _choice(
    mode: str, essays: Path | None, top: int | None, templates: tuple[str, ...], models: tuple[str, ...], fill_up: bool
) -> Choice:
    from workbench.plan.curating import Choice
    from workbench.plan.essays import listed_essays

    if (essays is None) == (top is None):
        raise click.UsageError("say which essays: --essays FILE or --top N")
    if bool(templates) != bool(models):
        raise click.UsageError("--evaluation-template and --evaluation-model go together")
    rubrics = [(template.strip(), model.strip()) for template in templates for model in models]
    return Choice(mode, list(listed_essays(essays)) if essays else (), top, rubrics, fill_up)


def _report(found: Compiled, form: Form, dry_run: bool) -> None:
    facts = {**found.as_dict(), "dry_run": dry_run}
    document(facts, form, lambda: _told(facts))
    for problem in found.problems if form.kind == "text" else ():
        note(problem)


def _told(facts: Mapping[str, Any]) -> Iterator[str]:
    head = f"{facts['new']:,} new, {facts['reused']:,} reused"
    yield f"{facts['cohort']}: {head}{_tried(facts['dry_run'])}"
    for stage, count in facts["members"].items():
        new, reused = facts["new_by_stage"][stage], facts["reused_by_stage"][stage]
        yield f"  {stage:<10}  {count:>9,}  {new:,} new, {reused:,} reused"
    for origin, count in facts["origins"].items():
        yield f"  {count:,} of them first {f'by cohort {origin}' if origin else 'without a cohort'}"
    if facts["dropped"]:
        yield f"  {facts['dropped']:,} former members are no longer selected; they stay in the project"


@cohort.command()
@click.argument("name", metavar="ID", shell_complete=names("cohorts"))
@click.argument("other", metavar="NEW")
@dry_run_option
@project_option
@json_option
def copy(name: str, other: str, dry_run: bool, project: Path, form: Form) -> None:
    """Give a cohort's spec and members a second name.

    \b
    Example:
      workbench cohort copy pilot pilot-2
    """
    from workbench.catalogue.cohorts import cohort_facts, copy_cohort
    from workbench.plan.cohorts import cohort_number
    from workbench.store import open_project

    with open_project(project, write=True) as db, trial(db, dry_run):
        facts = cohort_facts(db, copy_cohort(db, cohort_number(db, name), other))
    members, total = _sizes(facts)
    found = {"cohort": facts["cohort"], "members": members, "new": 0, "reused": total, "dry_run": dry_run}
    document(found, form, lambda: [f"{facts['cohort']}: {many(total, 'member')}, as {name} has them{_tried(dry_run)}"])


def _sizes(facts: Mapping[str, Any]) -> tuple[dict[str, int], int]:
    members = {stage: sum(of.values()) for stage, of in facts["members"].items()}
    return members, sum(members.values())


def _tried(dry_run: bool) -> str:
    return "; nothing is kept, this was a dry run" if dry_run else ""


@cohort.command()
@click.argument("name", metavar="ID", shell_complete=names("cohorts"))
@dry_run_option
@yes_option
@project_option
@json_option
def delete(name: str, dry_run: bool, yes: bool, project: Path, form: Form) -> None:
    """Forget a cohort and its spec; every generation stays.

    \b
    Example:
      workbench cohort delete pilot --yes
    """
    from workbench.catalogue.cohorts import cohort_facts, delete_cohort
    from workbench.plan.cohorts import cohort_number
    from workbench.store import open_project

    with open_project(project, write=True) as db:
        number = cohort_number(db, name)
        facts = cohort_facts(db, number)
        members, total = _sizes(facts)
        kept = f"the project keeps {many(total, 'member')}"
        confirmed(f"Forget cohort {facts['cohort']} ({kept})?", yes or dry_run)
        with trial(db, dry_run):
            delete_cohort(db, number)
    found = {"cohort": facts["cohort"], "members": members, "dry_run": dry_run}
    document(found, form, lambda: [f"{facts['cohort']} is forgotten; {kept}{_tried(dry_run)}"])
