"""`workbench import`: other programs' files into a project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from workbench.cli.complete import names
from workbench.cli.frame import Noun
from workbench.cli.options import dry_run_option, json_option, project_option, rows_options
from workbench.cli.output import Form, document, note, table

if TYPE_CHECKING:
    from workbench.imports import ImportReport, Problem

F = TypeVar("F", bound=Callable[..., Any])
SHOWN: Final = 20  # problems that people see, the worst first; JSON has all of them
FEW: Final = 3  # of a file of which nothing could be placed: they are all alike
SEVERITIES: Final = ("error", "warning", "info")


def _filing_options(function: F) -> F:
    """Add what every import of texts asks: under which names they are filed, and in which project."""
    for option in (
        click.option("--create", is_flag=True, help="Make the project when there is none."),
        click.option("--model", shell_complete=names("models"), help="Model that wrote them, if not the file's."),
        click.option("--template", shell_complete=names("templates"), help="Draft template to file them under."),
        click.option("--topics", shell_complete=names("topic_models"), help="Topic model they are about; else any."),
    ):
        function = option(function)
    return function


@click.group("import", cls=Noun)
def imports() -> None:
    """Take other programs' files over; without a verb, list what was taken.

    \b
    Example:
      workbench import checkpoint ckpt/dataset.checkpoint.json --topics garden
    """


@imports.command("list")
@project_option
@rows_options
def list_them(project: Path, form: Form) -> None:
    """List the imports with their sources and problems.

    \b
    Example:
      workbench import list --json
    """
    from workbench.imports import list_imports
    from workbench.store import open_project

    with open_project(project) as db:
        table(list_imports(db), form, empty="nothing was imported")


@imports.command()
@click.argument("file", type=click.Path(path_type=Path))
@_filing_options
@dry_run_option
@project_option
@json_option
def checkpoint(file: Path, form: Form, **options: Any) -> None:
    """Take a DeepFabric checkpoint over: `….checkpoint.json` with the samples and failures beside it.

    Samples become drafts of their topics, so that `generate` with the same template and model goes on where the
    checkpoint stopped. Read its topics first. Only version 4 is taken; anything else is refused whole.

    \b
    Example:
      workbench topics import topics_tree.jsonl --name garden
      workbench import checkpoint ckpt/dataset.checkpoint.json --topics garden
    """
    from workbench.imports import import_checkpoint

    _take(import_checkpoint, file, form, **options)


@imports.command()
@click.argument("file", type=click.Path(path_type=Path))
@_filing_options
@dry_run_option
@project_option
@json_option
def dataset(file: Path, form: Form, **options: Any) -> None:
    """Take the samples of a JSON Lines or Parquet file over: chat, ShareGPT, Alpaca, prompt and response, or our own.

    Samples that name a topic become drafts of it, in the lowest free cycle where the file tells none; the others
    become samples without topic. A sample that is there already adds nothing. Rows of `export parquet` and `export
    dataset --format jsonl` keep stage, names, parents and scores where the project knows their templates and models.

    \b
    Example:
      workbench import dataset dataset.jsonl --topics garden --dry-run
      workbench import dataset garden.parquet
    """
    from workbench.imports import import_dataset

    _take(import_dataset, file, form, **options)


@imports.command()
@click.argument("data_root", type=click.Path(path_type=Path))
@click.option(
    "--lenient", is_flag=True, help="Take damaged files as far as they can be read, instead of refusing them."
)
@click.option("--create", is_flag=True, help="Make the project when there is none.")
@dry_run_option
@project_option
@json_option
def store(data_root: Path, form: Form, **options: Any) -> None:
    """Take a DayDreaming data root over, of any era: generations, cohorts, catalogues.

    DATA_ROOT holds `gens`, or `data` in it. Rows keep the IDs and metadata that they have there; those that cannot
    be placed are blocked and listed, and `migrate` goes on from there. Taking a store over again adds what is new.
    Damaged files are refused without --lenient, and then nothing is changed.

    \b
    Example:
      workbench import store daydreaming/data --dry-run
      workbench import store daydreaming/data --create -p essays.db
    """
    from workbench.imports import import_store

    _take(import_store, data_root, form, **options)


def _take(
    take: Callable[..., ImportReport],
    file: Path,
    form: Form,
    *,
    project: Path,
    create: bool,
    dry_run: bool,
    **names: Any,
) -> None:
    from workbench.store import open_project

    made = create and _created(project)
    keep = False
    try:
        with open_project(project, write=True) as db:
            report = take(db, file, dry_run=dry_run, **names)
        keep = not dry_run
    finally:
        if made and not keep:
            project.unlink()
    facts = _facts(report, dry_run)
    document(facts, form, lambda: _lines(report, facts))
    if form.kind == "text" and (hint := _next(take.__name__, report, names.get("topics"))):
        note(hint)


def _next(taken: str, report: ImportReport, topics: str | None) -> str | None:
    """Say what a person would do next."""
    found = sum(report.added.values()) + sum(report.unchanged.values())
    if not found and any(problem.code == "unknown-topic" for problem in report.problems):
        return "none of its topics is known here: read them with `workbench topics import FILE`, then this file again"
    if taken == "import_store" and found:
        return "rows have the IDs that they had: `workbench migrate plan --legacy` says what gives them this project's"
    if taken == "import_checkpoint" and found:
        names = f"--topics {topics or 'NAME'} --template {report.template} --model {report.model}"
        return f"to go on with it: workbench generate {names} -n N"
    return None


def _created(project: Path) -> bool:
    """Make the project with the starter templates, unless it is there."""
    from workbench.catalogue.starters import install_starters
    from workbench.store import create_project, open_project, transaction

    if project.exists():
        return False
    create_project(project)
    with open_project(project, write=True) as db, transaction(db):
        install_starters(db)
    return True


def _facts(report: ImportReport, dry_run: bool) -> dict[str, Any]:
    return {
        "source": report.source,
        "added": report.added,
        "unchanged": report.unchanged,
        "completions": report.completions,
        "failures": report.failures,
        "template": report.template,
        "model": report.model,
        "migration": report.migration,
        "catalogue": report.catalogue,
        "gaps": report.gaps,
        "dry_run": dry_run,
        "problems": [problem._asdict() for problem in report.problems],
    }


def _lines(report: ImportReport, facts: dict[str, Any]) -> Iterator[str]:
    from workbench.cli.output import facts as aligned

    counts = {name: sum(facts[name].values()) for name in ("added", "unchanged", "catalogue")}
    shown = facts | counts | {"problems": len(report.problems), "gaps": len(report.gaps)}
    yield from aligned({name: value for name, value in shown.items() if name not in ("catalogue", "gaps") or value})
    worst = sorted(report.problems, key=lambda problem: SEVERITIES.index(problem.severity))
    shown_of = SHOWN if any(report.added.values()) or any(report.unchanged.values()) else FEW
    yield from map(_line, worst[:shown_of])
    if len(report.problems) > shown_of:
        yield f"and {len(report.problems) - shown_of:,} more; --json has them all"
    if report.gaps:
        yield f"named, but nothing describes them: {', '.join(report.gaps[:SHOWN])}"


def _line(problem: Problem) -> str:
    what = f"{problem.detail} ({problem.code})" if problem.detail else problem.code
    return f"{problem.severity}: {problem.where}: {what}"
