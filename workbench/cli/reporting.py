"""The options by which a report is narrowed, and which of its columns people see first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import click

from workbench.cli.complete import names
from workbench.cli.output import Form, Row

F = Callable[..., Any]


def choice_options(*stages: str, of: str = "template") -> Callable[[F], F]:
    """Add `--cohort`, `--template`, `--model` and `--stage` of some; the command gets `choice`, to be called."""
    judge = "evaluator" if of == "rubric" else "model"

    def decorate(function: F) -> F:
        @click.option("--cohort", shell_complete=names("cohorts"), help="Only what belongs to this cohort.")
        @click.option("--template", "templates", multiple=True, shell_complete=names("templates"), help=_many(of))
        @click.option("--model", "models", multiple=True, shell_complete=names("models"), help=_many(judge))
        @wraps(function)
        def call(*args: Any, cohort: Any, templates: Any, models: Any, stage: str | None = None, **options: Any) -> Any:
            def choice() -> Any:
                from workbench.report.narrow import Choice

                return Choice(cohort, stage, templates, models)

            return function(*args, choice=choice, **options)

        return click.option("--stage", type=click.Choice(stages), help="Only this stage.")(call) if stages else call

    return decorate


def leading(rows: Iterable[Row], form: Form, *names: str) -> Iterator[Row]:
    """Put some columns first for people, whose terminals leave out the last ones; programs get rows as they are."""
    for row in rows:
        yield {name: row[name] for name in names if name in row} | dict(row) if form.kind == "text" else row


def _many(noun: str) -> str:
    return f"Only this {noun}; repeatable."
