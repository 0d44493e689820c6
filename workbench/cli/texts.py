"""`workbench diff` and `workbench search`: texts compared and found."""

from __future__ import annotations

import os
from pathlib import Path

import click

from workbench.cli.complete import names
from workbench.cli.options import json_option, project_option, rows_options
from workbench.cli.output import Form, document, many, note, table


@click.command()
@click.argument("a", shell_complete=names("generations"))
@click.argument("b", shell_complete=names("generations"))
@click.option(
    "--text",
    "kind",
    type=click.Choice(["parsed", "raw", "prompt"]),
    default="parsed",
    show_default=True,
    help="Which text to compare; raw stands in where nothing was parsed.",
)
@click.option("--words", is_flag=True, help="Mark single words: [-gone-] {+new+}.")
@project_option
@json_option
def diff(a: str, b: str, kind: str, words: bool, project: Path, form: Form) -> None:
    """Compare the texts of two generations.

    \b
    Example:
      workbench diff e_5k0w9d2m7c1qax3p e_1c8r4t6y2b9mzq0d --words
    """
    from workbench.lineage import text_of
    from workbench.report.compare import compared, line_diff, word_diff
    from workbench.store import open_project

    with open_project(project) as db:
        (first, left), (second, right) = text_of(db, a, kind), text_of(db, b, kind)
    lines, pieces = line_diff(left, right, (first, second)), list(word_diff(left, right))
    found = {"a": first, "b": second, "text": kind, **compared(pieces), "diff": lines}
    document(found | ({"words": pieces} if words else {}), form, lambda: [_marked(pieces)] if words else lines)


def _marked(pieces: list[tuple[str, str]]) -> str:
    shapes = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    return "".join(shapes[sign].format(piece) for sign, piece in pieces)


@click.command()
@click.argument("text", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many matches.")
@project_option
@rows_options
def search(text: tuple[str, ...], limit: int, project: Path, form: Form) -> None:
    """Search prompts and answers by words.

    Words, "a phrase", AND OR NOT, prefix*, and `prompt:`, `raw:` or `parsed:` before one.

    \b
    Example:
      workbench search 'lighthouse AND "last keeper"'
    """
    from workbench.report import search as searching
    from workbench.store import open_project

    with open_project(project) as db:
        behind = searching.behind(db)
    if behind:
        _catch_up(project, behind)
    with open_project(project) as db:
        table(searching.search(db, " ".join(text), limit=limit), form, empty="nothing found")


def _catch_up(project: Path, behind: int) -> None:
    """Bring the index up to date where the file can be written; else say what it does not know."""
    from workbench.errors import Refused
    from workbench.record.search import catch_up
    from workbench.store import open_project

    try:
        if not os.access(project, os.W_OK) or not os.access(project.absolute().parent, os.W_OK):
            raise Refused("the file is read-only")
        with open_project(project, write=True) as db:
            catch_up(db)
    except Refused:
        note(f"the index does not know the last {many(behind, 'answer')}: the project cannot be written to")
