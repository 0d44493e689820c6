"""Verbs of `workbench export` that other packages add: text files, made line by line from rows with their lineage."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from workbench.cli.export_options import choice_options, out_options, texts_option, written
from workbench.cli.frame import Verbs
from workbench.cli.options import json_option, project_option
from workbench.cli.visible import visible
from workbench.plugins import plugin_names


class Exports(Verbs):
    """The verbs of `export`: ours, then those of other packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name them all."""
        ours = super().list_commands(ctx)
        return [*ours, *(name for name in plugin_names("exports") if name not in ours)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Find a verb; another package's is loaded only when it is asked for."""
        return super().get_command(ctx, name) or _theirs(name)


def _theirs(name: str) -> click.Command | None:
    """Make a verb of a function of rows (columns by name) and column names that gives lines of text."""
    from workbench.errors import BadConfig
    from workbench.plugins import plugin

    try:
        lines = plugin("exports", name)
    except BadConfig as error:
        return _broken(name, error)
    return None if lines is None else _verb(name, lines)


def _verb(name: str, lines: Any) -> click.Command:
    @click.command(name, help=cleandoc(getattr(lines, "__doc__", None) or "Added by another package."))
    @out_options
    @choice_options
    @texts_option("prompt,parsed")
    @project_option
    @json_option
    @written
    def export(project: Path, out: Path, **options: Any) -> Any:
        from workbench.exports import export_table
        from workbench.exports.theirs import guarded
        from workbench.store import open_project

        with open_project(project) as db:
            return export_table(db, out, guarded(name, lines), **options)

    return export


def _broken(name: str, error: Exception) -> click.Command:
    """Stand for a verb that cannot be had, so that the others can: its help says why, and using it fails."""

    def refuse() -> None:
        raise error

    class Refusing(click.Command):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            raise error

    return Refusing(name, callback=refuse, help=visible(" ".join(f"Broken. {error}".split()), 200))
