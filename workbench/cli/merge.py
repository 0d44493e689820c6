"""`workbench merge`: another project's work into this one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from workbench.cli.options import dry_run_option, json_option, needless_yes_option, project_option
from workbench.cli.output import Form, document, facts, many, note
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.merge import MergeReport

SHOWN: Final = 20  # conflicts and problems that people see; JSON has all of them


@click.command()
@click.argument("others", metavar="OTHER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--prefer",
    type=click.Choice(["ours", "theirs", "both"]),
    help="Whose stands where both say something else under one name; both keeps what can stand together.",
)
@click.option("--no-snapshot", is_flag=True, help="Take no copy of the project before.")
@dry_run_option
@needless_yes_option
@project_option
@json_option
def merge(
    others: tuple[Path, ...],
    prefer: Literal["ours", "theirs", "both"] | None,
    no_snapshot: bool,
    dry_run: bool,
    project: Path,
    form: Form,
) -> int:
    """Take over what other projects hold and this one does not; `migrate rollback` takes it back.

    Texts, scores, calls, topics, templates, models, cohorts and the log come along; nothing is lost and nothing is
    taken twice. What both have under one name and say differently is a conflict: all are listed and nothing is
    changed, unless --prefer says whose stands. The other files are only read.

    \b
    Example:
      workbench merge colleague.db --dry-run
      workbench merge colleague.db --prefer both
    """
    from workbench.merge import merge as unite
    from workbench.migrate.frame import alone
    from workbench.store import open_project

    with open_project(project, write=True) as db, alone(db), _listed(form):
        report = unite(db, others, prefer=prefer, dry_run=dry_run, snapshot=not no_snapshot)
    document(described(report) | {"dry_run": dry_run}, form, lambda: told(report))
    if report.snapshot:
        note(f"the project as it was: {project.with_name(report.snapshot)}")
    return 3 if report.is_undecided else 0


@contextmanager
def _listed(form: Form) -> Iterator[None]:
    """Let programs see the conflicts that refuse a merge as people do."""
    try:
        yield
    except WorkbenchError as error:
        clashes = [one.facts["clash"] for one in getattr(error, "errors", [error]) if "clash" in one.facts]
        if clashes and form.kind == "json":
            document({"added": {}, "same": {}, "conflicts": [clash._asdict() for clash in clashes]}, form)
        raise


def described(report: MergeReport) -> dict[str, Any]:
    """Give a merge's report as data, as the contract of the command line names it."""
    return {
        "migration": report.migration,
        "added": report.added,
        "same": report.same,
        "conflicts": [clash._asdict() for clash in report.conflicts],
        "rows": report.rows,
        "problems": [problem._asdict() for problem in report.problems],
        "digest_before": report.digest_before,
        "digest_after": report.digest_after,
        "snapshot": report.snapshot,
    }


def told(report: MergeReport) -> Iterator[str]:
    """Give a merge's report in lines for people."""
    if not report.rows and not report.is_undecided:
        yield "nothing to do"
    for what, counts in (("added", report.added), ("same", report.same)):
        yield f"{what}: " + (", ".join(many(count, stage) for stage, count in counts.items() if count) or "none")
    for clash in report.conflicts[:SHOWN]:
        settled = f" ({clash.decided})" if clash.decided else ""
        yield f"conflict{settled}: {clash.told}"
    if len(report.conflicts) > SHOWN:
        yield f"and {len(report.conflicts) - SHOWN:,} more; --json has them all"
    for problem in report.problems[:SHOWN]:
        yield f"{problem.severity}: {problem.where}: {problem.code} {problem.detail}".rstrip()
    rows = ", ".join(f"{count:,} {what}" for what, count in report.rows.items())
    yield from facts({"rows": rows, "migration": report.migration, "digest": report.digest_after})
