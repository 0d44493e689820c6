"""`workbench rename`: another name, carried through every ID below it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from workbench.cli.complete import names
from workbench.cli.frame import Verbs
from workbench.cli.migrate import described, told
from workbench.cli.options import STAGES, dry_run_option, json_option, needless_yes_option, project_option
from workbench.cli.output import Form, document


@click.group(cls=Verbs)
def rename() -> None:
    """Give a template, model, combo or cohort another name; every ID below it follows.

    \b
    Example:
      workbench rename template essay-draft essay-plain
    """


@rename.command()
@click.argument("old", shell_complete=names("templates"))
@click.argument("new")
@click.option("--stage", type=click.Choice(STAGES), help="Which of several of that name.")
@dry_run_option
@needless_yes_option
@project_option
@json_option
def template(old: str, new: str, stage: str | None, dry_run: bool, project: Path, form: Form) -> None:
    """Give a template another name, and everything made with it the ID that follows.

    \b
    Example:
      workbench rename template plain plain-v1 --stage draft
    """
    _rename("template", old, new, stage, dry_run, project, form)


@rename.command()
@click.argument("old", shell_complete=names("models"))
@click.argument("new")
@dry_run_option
@needless_yes_option
@project_option
@json_option
def model(old: str, new: str, dry_run: bool, project: Path, form: Form) -> None:
    """Give a model another name, and everything that it wrote or judged the ID that follows.

    \b
    Example:
      workbench rename model gemini_25_pro gemini-2.5-pro
    """
    _rename("model", old, new, None, dry_run, project, form)


@rename.command()
@click.argument("old", shell_complete=names("combos"))
@click.argument("new")
@dry_run_option
@needless_yes_option
@project_option
@json_option
def combo(old: str, new: str, dry_run: bool, project: Path, form: Form) -> None:
    """Give a combo another ID, with its topic where it is one, and everything below it the ID that follows.

    \b
    Example:
      workbench rename combo combo_v1_45d8da220a8a flywheel-and-moat
    """
    _rename("combo", old, new, None, dry_run, project, form)


@rename.command()
@click.argument("old", shell_complete=names("cohorts"))
@click.argument("new")
@dry_run_option
@needless_yes_option
@project_option
@json_option
def cohort(old: str, new: str, dry_run: bool, project: Path, form: Form) -> None:
    """Give a cohort another name; its members stay what they are.

    \b
    Example:
      workbench rename cohort pilot pilot-2025
    """
    _rename("cohort", old, new, None, dry_run, project, form)


def _rename(
    kind: Literal["template", "model", "combo", "cohort"],
    old: str,
    new: str,
    stage: str | None,
    dry_run: bool,
    project: Path,
    form: Form,
) -> None:
    from workbench.migrate import rename as renaming
    from workbench.migrate.frame import alone
    from workbench.store import open_project

    with open_project(project, write=True) as db, alone(db):
        report = renaming.rename(db, kind, old, new, stage=stage, keep=not dry_run)
    document(described(report), form, lambda: told(report))
