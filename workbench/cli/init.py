"""`workbench init`."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.options import dry_run_option, json_option, project_option
from workbench.cli.output import Form, document


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@project_option
@click.option("--scheme", default="v1", show_default=True, help="How IDs are made: v1, or daydreaming.")
@dry_run_option
@json_option
def init(file: Path | None, project: Path, scheme: str, dry_run: bool, form: Form) -> None:
    """Make a new project with the starter templates.

    FILE is another way to name it; without a name it is project.db.

    \b
    Example:
      workbench init
      workbench init stories.db
    """
    from workbench.catalogue.starters import install_starters
    from workbench.ids import scheme_named
    from workbench.pack import unfinished
    from workbench.store import create_project, open_project
    from workbench.store.rehearsal import rehearsal

    project = file or project
    with rehearsal(dry_run), unfinished(project) as part:
        create_project(part, scheme=scheme_named(scheme), name=project.stem)
        with open_project(part, write=True) as db:
            templates = install_starters(db)
    done = {"project": str(project), "scheme": scheme, "templates": templates}
    document(done | ({"dry_run": True} if dry_run else {}), form)
