"""`workbench init`."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@project_option
@click.option("--scheme", default="v1", show_default=True, help="How IDs are made: v1, or daydreaming.")
@json_option
def init(file: Path | None, project: Path, scheme: str, form: Form) -> None:
    """Make a new project with the starter templates.

    FILE is another way to name it; without a name it is project.db.

    \b
    Example:
      workbench init
      workbench init stories.db
    """
    from workbench.catalogue.starters import install_starters
    from workbench.ids import scheme_named
    from workbench.store import create_project, open_project

    project = file or project
    create_project(project, scheme=scheme_named(scheme))
    try:
        with open_project(project, write=True) as db:
            templates = install_starters(db)
    except BaseException:
        project.unlink()
        raise
    document({"project": str(project), "scheme": scheme, "templates": templates}, form)
