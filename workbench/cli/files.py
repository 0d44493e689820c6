"""`workbench pack`, `recover` and `import-data`: the project file as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.export_options import written
from workbench.cli.options import dry_run_option, json_option, project_option
from workbench.cli.output import Form, Row, document

if TYPE_CHECKING:
    from workbench.rescue import Taken


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--no-raw", is_flag=True, help="Leave out the bodies of calls as they came.")
@click.option("--no-prompts", is_flag=True, help="Leave out prompt texts; their hashes stay.")
@project_option
@json_option
@written
def pack(out: Path, no_raw: bool, no_prompts: bool, project: Path) -> Row:
    """Write a clean copy of the project to share.

    \b
    Example:
      workbench pack share.db --no-raw
    """
    from workbench.pack import pack as write_copy
    from workbench.store import open_project

    with open_project(project) as db:
        size = write_copy(db, out, raw=not no_raw, prompts=not no_prompts)
    return {"path": str(out), "bytes": size}


@click.command()
@project_option
@json_option
def recover(project: Path, form: Form) -> int:
    """Deal with what a killed process left behind.

    Brings the file to rest; calls without an answer become unknown; what workers left in shards beside it is merged.
    Exits 1 when the file is not sound, or not at
    rest because another process has it open.

    \b
    Example:
      workbench recover -p stories.db
    """
    from dataclasses import asdict

    from workbench.rescue import recover as settle

    found = asdict(settle(project)) | {"shards": _brought_home(project)}
    document(found, form, lambda: _settled(found))
    return 0 if found["sound"] and found["at_rest"] else 1


def _brought_home(project: Path) -> list[str]:
    """Merge what workers of a killed command left beside a project; those of a live one are its own."""
    from workbench.store.beside import is_led, shards_folder

    home: list[str] = []
    folder = shards_folder(project)
    if folder.exists() and not is_led(folder):
        from workbench.shards.folder import bring_leftovers

        bring_leftovers(project, lambda path: home.append(path.name))
    return home


def _settled(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"settled  {found['claims']} claims, {found['calls_unknown']} calls, {found['runs_lost']} runs"
    yield "at rest  " + ("yes" if found["at_rest"] else f"no: {', '.join(found['remaining'])}; another process has it")
    yield "sound    " + ("yes" if found["sound"] else "no: restore a snapshot, or try `workbench import-data`")
    if found["shards"]:
        yield f"merged   what workers left: {', '.join(found['shards'])}"
    if found["leftovers"]:
        yield f"beside   unfinished files that nobody may need: {', '.join(found['leftovers'])}"


@click.command("import-data")
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@project_option
@dry_run_option
@json_option
def import_data(file: Path, project: Path, dry_run: bool, form: Form) -> int:
    """Take a stranger's file safely into a new project.

    Copies known columns only, each row judged anew; what is not taken is listed. Exits 1 when a rule does not hold
    for what was taken.

    \b
    Example:
      workbench import-data found.db -p mine.db
    """
    from dataclasses import asdict

    from workbench.rescue import import_data as take
    from workbench.store.rehearsal import rehearsal

    with rehearsal(dry_run):
        taken = take(file, project)
    sound = all(check.ok for check in taken.checks)
    found = asdict(taken)
    found = {"project": str(project), "ok": taken.ok, "added": found.pop("counts"), **found, "dry_run": dry_run}
    document(found, form, lambda: _taken(taken, project, dry_run=dry_run))
    return 0 if sound else 1


def _taken(taken: Taken, project: Path, *, dry_run: bool) -> Iterator[str]:
    verb = "would take" if dry_run else "took"
    yield f"{project}: {verb} {sum(taken.counts.values()):,} rows of {len(taken.counts)} tables"
    if taken.total:
        yield f"not taken: {taken.total:,}"
    for problem in taken.problems[:20]:
        yield f"  {problem.where}: {problem.detail}"
    for check in taken.checks:
        if not check.ok:
            yield f"does not hold: {check.name}, {check.broken:,} rows: {', '.join(check.examples)}"
