"""Verbs of `workbench export` that other packages add: text files, made line by line from rows with their lineage."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from workbench.cli.export_options import choice_options, out_options, texts_option
from workbench.cli.frame import Verbs
from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document
from workbench.plugins import plugin, plugin_names


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
    lines = plugin("exports", name)
    if lines is None:
        return None

    @click.command(name, help=cleandoc(lines.__doc__ or "Added by another package."))
    @out_options
    @choice_options
    @texts_option("prompt,parsed")
    @project_option
    @json_option
    def export(project: Path, out: Path, form: Form, **options: Any) -> None:
        from workbench.exports import export_table
        from workbench.store import open_project

        with open_project(project) as db:
            document(export_table(db, out, lines, **options), form)

    return export
