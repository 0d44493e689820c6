"""`workbench migrate`: rewrites of what a project holds, planned, applied, taken back, looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from workbench.cli.frame import Noun
from workbench.cli.options import dry_run_option, json_option, needless_yes_option, project_option, rows_options
from workbench.cli.output import Form, Row, document, facts, many, note, table

if TYPE_CHECKING:
    from workbench.migrate.books import Report

F = TypeVar("F", bound=Callable[..., Any])
SHOWN: Final = 20  # problems that people see; JSON has all of them


@click.group(cls=Noun)
def migrate() -> None:
    """Rewrite IDs and what they hang on, reversibly; without a verb, list what was done.

    \b
    Example:
      workbench migrate plan --to-scheme daydreaming
      workbench migrate apply --to-scheme daydreaming
      workbench migrate rollback
    """


def _request_options(function: F) -> F:
    """Add what plan and apply ask alike."""
    file = click.Path(path_type=Path, dir_okay=False)
    for option in (
        click.option("--synthetic", type=file, help="Write the drafts that are made for copies to this CSV file."),
        click.option("--mapping", type=file, help="Write old ID, new ID, status and reason to this CSV file."),
        click.option("--strict/--lenient", default=True, help="Refuse, or leave as they are, rows that cannot move."),
        click.option("--to-scheme", metavar="SCHEME", help="End under this scheme: v1 or daydreaming."),
        click.option("--kind", metavar="NAME", help="A rewrite that an installed package adds, instead of IDs."),
        click.option("--legacy", is_flag=True, help="Make imported legacy rows ready first, then migrate."),
    ):
        function = option(function)
    return function


def _asked(
    legacy: bool, kind: str | None, to_scheme: str | None, strict: bool, mapping: Path | None, synthetic: Path | None
) -> Any:
    from workbench.migrate.apply import Request
    from workbench.migrate.sheets import Sheets

    if kind and (legacy or to_scheme or mapping or synthetic):
        raise click.UsageError("--kind goes without --legacy, --to-scheme, --mapping and --synthetic")
    return Request(legacy, to_scheme, not strict, kind), Sheets(mapping, synthetic)


_SAFETY: Final = (
    click.option("--no-snapshot", is_flag=True, help="Take no copy of the project before."),
    click.option("--stage-on", type=click.Path(path_type=Path), help="Try it on this new copy first, and verify that."),
)


@migrate.command()
@_request_options
@_SAFETY[0]
@_SAFETY[1]
@project_option
@json_option
def plan(project: Path, form: Form, no_snapshot: bool, stage_on: Path | None, **asked: Any) -> None:
    """Say what `apply` with the same options would do, by doing it and taking it back.

    \b
    Example:
      workbench migrate plan --legacy --mapping ids.csv
    """
    _plan(project, form, **asked)


def _plan(project: Path, form: Form, **asked: Any) -> None:
    from workbench.migrate.staging import plan_for

    request, sheets = _asked(**asked)
    report = plan_for(project, request, sheets)
    document(described(report), form, lambda: told(report))
    blocked = sum(counts.get("blocked", 0) for counts in report.changes.values())
    if blocked and form.kind == "text":
        ways = "--lenient leaves these as they are" if asked["legacy"] else "--legacy mends what old stores lack"
        note(f"{many(blocked, 'row')} cannot be migrated like this: {ways}")


@migrate.command()
@_request_options
@_SAFETY[0]
@_SAFETY[1]
@dry_run_option
@needless_yes_option
@project_option
@json_option
def apply(project: Path, form: Form, dry_run: bool, no_snapshot: bool, stage_on: Path | None, **asked: Any) -> None:
    """Give every generation the ID of its signature, whole or not at all; old IDs keep working.

    A snapshot is written beside the project first. Rows that cannot be migrated refuse it all, unless --lenient.
    With --dry-run it is `plan`.

    \b
    Example:
      workbench migrate apply --legacy --lenient --to-scheme v1
    """
    from workbench.migrate.staging import apply_to

    if dry_run:
        _plan(project, form, **asked)
        return
    request, sheets = _asked(**asked)
    report = apply_to(project, request, sheets, snapshot=not no_snapshot, stage_on=stage_on)
    document(described(report), form, lambda: told(report))
    if report.snapshot:
        note(f"the project as it was: {project.with_name(report.snapshot)}")


@migrate.command()
@click.argument("number", metavar="[N]", type=int, required=False)
@dry_run_option
@needless_yes_option
@project_option
@json_option
def rollback(number: int | None, dry_run: bool, project: Path, form: Form) -> None:
    """Take the latest migration back, or every one down to N; what was made since is kept.

    Refused, with every reason, when a row was edited or deleted since, or something new hangs on what would go.

    \b
    Example:
      workbench migrate rollback
    """
    from dataclasses import asdict

    from workbench.migrate.frame import alone
    from workbench.migrate.rollback import rollback as take_back
    from workbench.store import open_project

    with open_project(project, write=True) as db, alone(db):
        taken = take_back(db, number, keep=not dry_run)
    facts_of = {"migration": taken.migration, **asdict(taken), "dry_run": dry_run}
    document(facts_of, form, lambda: _taken_back(facts_of))


def _taken_back(taken: Row) -> Iterator[str]:
    numbers = ", ".join(map(str, taken["migrations"]))
    done = "would be taken back" if taken["dry_run"] else "is taken back"
    yield f"migration {numbers} {done}{'; every fact is as it was before' if taken['exact'] else ''}"
    if taken["kept_since"]:
        yield f"{many(taken['kept_since'], 'generation')} made since stay; {taken['rekeyed']:,} of them get other IDs"
    yield f"digest {taken['digest']}"


@migrate.command()
@project_option
@rows_options
def log(project: Path, form: Form) -> None:
    """List every migration, import and rollback, oldest first, with counts and digests.

    \b
    Example:
      workbench migrate log --json
    """
    from workbench.migrate import books
    from workbench.store import open_project

    with open_project(project) as db:
        rows = books.log(db)
    columns = (
        None if form.kind == "json" else ("migration", "kind", "state", "at", "mapped", "problems", "digest_after")
    )
    table(rows, form, columns, empty="nothing was migrated")


migrate.add_command(log, "list")


@migrate.command()
@click.argument("number", metavar="N", type=int)
@project_option
@json_option
def show(number: int, project: Path, form: Form) -> None:
    """Show one migration: what was asked for, what it changed, its digests and problems.

    \b
    Example:
      workbench migrate show 1
    """
    from workbench.migrate import books
    from workbench.store import open_project

    with open_project(project) as db:
        found = books.show(db, number)
    document(found, form)


@migrate.command("map")
@click.argument("number", metavar="[N]", type=int, required=False)
@project_option
@rows_options
def show_map(number: int | None, project: Path, form: Form) -> None:
    """List old ID and new ID of every row that one migration, or any, looked at.

    \b
    Example:
      workbench migrate map 1 --csv
    """
    from workbench.migrate import books
    from workbench.store import open_project

    with open_project(project) as db:
        table(books.mapping(db, number), form, empty="no ID was migrated")


def described(report: Report) -> dict[str, Any]:
    """Give a migration's report as data, as the contract of the command line names it."""
    return {
        "migration": report.migration,
        "kind": report.kind,
        "steps": report.steps,
        "changes": report.changes,
        "collisions": report.collisions,
        "problems": [problem._asdict() for problem in report.problems],
        "digest_before": report.digest_before,
        "digest_after": report.digest_after,
        "snapshot": report.snapshot,
    }


def told(report: Report) -> Iterator[str]:
    """Give a migration's report in lines for people."""
    if report.is_idle:
        yield "nothing to do"
    steps = ", ".join(f"{step['step']} {step['rows']:,}" for step in report.steps if step["rows"])
    yield from facts({"migration": report.migration, "rows": steps})
    for stage, counts in report.changes.items():
        known = ", ".join(f"{rows:,} {status}" for status, rows in counts.items() if rows)
        if known:
            yield f"{stage}: {known}"
    yield from facts({"digest before": report.digest_before, "digest after": report.digest_after})
    for problem in report.problems[:SHOWN]:
        yield f"{problem.severity}: {problem.stage} {problem.where}: {problem.code} {problem.detail}".rstrip()
    if len(report.problems) > SHOWN:
        yield f"and {len(report.problems) - SHOWN:,} more; --json has them all"
