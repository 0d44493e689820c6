"""Options that many commands share, so that they mean the same everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from workbench.cli.output import Form
from workbench.errors import Refused

F = TypeVar("F", bound=Callable[..., Any])
STAGES: Final = ("draft", "essay", "evaluation")  # those of workbench.ids, which help can do without


def _project(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if ctx.resilient_parsing:
        return value
    from workbench.store import find_project

    return find_project(value)


def project_option(function: F) -> F:
    """Add `-p/--project FILE`; the command gets `project`, a Path that need not exist."""
    return click.option(
        "-p",
        "--project",
        type=click.Path(path_type=Path, readable=False),
        callback=_project,
        help="Project file. Else $WORKBENCH_PROJECT, the one project here, or project.db.",
    )(function)


def no_project_option(function: F) -> F:
    """Take `-p/--project FILE` and leave it: programs may pass it to every command, and this one needs none."""
    return click.option("-p", "--project", expose_value=False, help="Not needed here; any command takes it.")(function)


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`; the command gets `form`."""

    @click.option("--json", "as_json", is_flag=True, help="Write one JSON document and nothing else.")
    @wraps(function)
    def call(*args: Any, as_json: bool, **options: Any) -> Any:
        return function(*args, form=Form("json" if as_json else "text"), **options)

    return call


def rows_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--json`, `--csv` and `--raw`; the command gets `form`."""

    @click.option("--json", "as_json", is_flag=True, help="Write a JSON list of objects and nothing else.")
    @click.option("--csv", "as_csv", is_flag=True, help="Write CSV; ' guards cells a spreadsheet would run.")
    @click.option("--raw", is_flag=True, help="With --csv: exact cells, without the guard.")
    @wraps(function)
    def call(*args: Any, as_json: bool, as_csv: bool, raw: bool, **options: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError("--json and --csv exclude each other")
        form = Form("json" if as_json else "csv" if as_csv else "text", raw)
        return function(*args, form=form, **options)

    return call


class Amount(click.FloatRange):
    """A number from 0, and a number indeed: `nan` is above no limit."""

    def __init__(self, low: float = 0.0, **rest: Any) -> None:
        super().__init__(low, **rest)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; refuses what is not finite."""
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def dry_run_option(function: F) -> F:
    """Add `--dry-run`; the command gets `dry_run`."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")(function)


def yes_option(function: F) -> F:
    """Add `--yes`; the command gets `yes` and passes it to `confirmed`."""
    return click.option("-y", "--yes", is_flag=True, help="Do it without asking.")(function)


def needless_yes_option(function: F) -> F:
    """Add `--yes` to a verb that can be taken back and so never asks: scripts may say it everywhere."""
    text = "Accepted and needless: this can be taken back."
    return click.option("-y", "--yes", is_flag=True, expose_value=False, help=text)(function)


def confirmed(question: str, yes: bool) -> None:
    """Ask a person, unless `yes`; raises Refused on a no, or when there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("nobody is there to be asked", mend="add --yes")
    if not click.confirm(question, err=True):
        raise Refused("you said no")


def _remember(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    ctx.meta["workbench.batch_size"] = value


def _agree(ctx: click.Context, param: click.Parameter, value: int | None) -> int | None:
    other = ctx.meta.get("workbench.batch_size")
    if value is not None and other is not None and value != other:
        raise click.UsageError(f"--concurrency {value} and --batch-size {other} mean the same; give one", ctx)
    return other if value is None else value


def concurrency_option(function: F) -> F:
    """Add `--concurrency N` and its alias `--batch-size`; the command gets `concurrency` (None: not said)."""
    alias = click.option(
        "--batch-size",
        type=click.IntRange(1, 1024),
        callback=_remember,
        is_eager=True,
        expose_value=False,
        help="Another name of --concurrency.",
    )
    option = click.option(
        "--concurrency", type=click.IntRange(1, 1024), callback=_agree, help="Calls in flight at once."
    )
    return option(alias(function))
