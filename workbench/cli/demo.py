"""`workbench demo`."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.options import json_option
from workbench.cli.output import Form, document, line, note
from workbench.cli.progress import progress


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("-p", "--project", type=click.Path(path_type=Path), help="The project file to make (as FILE).")
@json_option
def demo(path: Path | None, project: Path | None, form: Form) -> None:
    """See the whole product work on bundled content with the embedded offline model: no key, no network.

    Makes a new project (demo.db when no FILE is named) and FILE-samples.jsonl beside it, which trainers read.

    \b
    Example:
      workbench demo
      workbench status -p demo.db
    """
    from shlex import quote

    from workbench.demo import demo as steps
    from workbench.demo import samples_beside
    from workbench.report.status import status
    from workbench.store import open_project

    target = path or project or Path("demo.db")
    with progress() as listen:
        for step in steps(target, listen):
            note(f"* {step}")
    if form.kind == "json":
        with open_project(target) as db:
            document(status(db, target), form)
        return
    for text in NEXT:
        line(text.format(project=quote(str(target)), samples=quote(str(samples_beside(target)))))


NEXT = (
    "",
    "Look at it:",
    "  workbench status -p {project}",
    "  workbench topics show garden -p {project}",
    "  workbench query --named coverage -p {project}",
    "  workbench query 'select gen_id, parsed from generation_texts limit 3' -p {project}",
    "  workbench report top -p {project}",
    "  workbench browse -p {project}",
    "  head -n 2 {samples}",
)
