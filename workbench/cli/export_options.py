"""Options that the verbs of `workbench export` share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from workbench.cli.complete import names
from workbench.cli.options import STAGES, dry_run_option
from workbench.cli.output import Form, document

TEXTS: Final = ("messages", "system", "prompt", "raw", "parsed")
CHOICE: Final = ("stage", "topics", "template", "model", "cohort", "where", "cycle")
NO_TEXTS: Final = "none"


def topics_option(help: str) -> Callable[..., Any]:
    """Add `--topics NAME`."""
    return click.option("--topics", shell_complete=names("topic_models"), help=help)


def out_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add OUT (or `-o/--out OUT`) and `--force`; the command gets `out`, a Path."""

    @click.argument("out", required=False, type=click.Path(path_type=Path))
    @click.option("-o", "--out", "option", type=click.Path(path_type=Path), help="Another way to name the file.")
    @click.option("--force", is_flag=True, help="Write over a file that is there.")
    @wraps(function)
    def call(*args: Any, out: Path | None, option: Path | None, **options: Any) -> Any:
        if (out is None) == (option is None):
            raise click.UsageError("name one file to write")
        return function(*args, out=out or option, **options)

    return call


def written(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--dry-run` to a command that gives its report, and write that: with it, all is made and thrown away."""

    @dry_run_option
    @wraps(function)
    def call(*args: Any, dry_run: bool, form: Form, **options: Any) -> None:
        from workbench.store.rehearsal import rehearsal

        with rehearsal(dry_run):
            report = function(*args, **options)
        document({**report, "dry_run": True} if dry_run else report, form)

    return call


def narrowing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what narrows an export within a stage, by names of the project."""
    for option in (
        click.option("--where", metavar="SQL", help="Only rows of generation_texts for which this condition holds."),
        click.option("--cycle", type=click.IntRange(0), help="Only this cycle, counted from 0 as in `completions`."),
        click.option("--cohort", shell_complete=names("cohorts"), help="Only members of this cohort."),
        click.option("--model", shell_complete=names("models"), help="Only texts of this model."),
        click.option("--template", shell_complete=names("templates"), help="Only texts of this template."),
        topics_option("Only samples about this topic model."),
    ):
        function = option(function)
    return function


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--stage` and what narrows it; the command gets `choice`, a Choice of any stage where none is named."""

    @click.option("--stage", type=click.Choice(STAGES), help="Only this stage; else all of them.")
    @narrowing_options
    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        from workbench.exports.selection import Choice

        return function(*args, choice=Choice(**{name: options.pop(name) for name in CHOICE}), **options)

    return call


def texts_option(default: str) -> Callable[..., Any]:
    """Add `--texts`; the command gets `texts`, a tuple of names."""
    return click.option(
        "--texts",
        default=default,
        show_default=True,
        metavar="LIST",
        callback=_texts,
        help=f"Which texts go along, of {','.join(TEXTS)}; or {NO_TEXTS}.",
    )


def _texts(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    given = tuple(name.strip() for name in value.split(","))
    if given == (NO_TEXTS,):
        return ()
    if unknown := [name for name in given if name not in TEXTS]:
        raise click.BadParameter(f"there is no text {unknown[0]!r}; use some of {','.join(TEXTS)}, or {NO_TEXTS}.", ctx)
    return given
