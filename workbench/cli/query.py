"""`workbench query`: read-only SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from workbench.cli.options import Amount, project_option, rows_options
from workbench.cli.output import Form, Row, many, note, table


def _questions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from workbench.queries import questions

    return [name for name in questions() if name.startswith(incomplete)]


@click.command()
@click.argument("sql", required=False)
@click.option("--named", shell_complete=_questions, help="One of the shipped questions; --list shows them.")
@click.option("--list", "list_them", is_flag=True, help="List the shipped questions.")
@click.option("-P", "--param", "given", multiple=True, metavar="NAME=VALUE", help="Value of :NAME; repeatable.")
@click.option("--limit", type=click.IntRange(0), default=10_000, show_default=True, help="Most rows; 0 for no limit.")
@click.option("--seconds", type=Amount(0.01), default=30, show_default=True, help="Longest time it may take.")
@project_option
@rows_options
def query(
    sql: str | None,
    named: str | None,
    list_them: bool,
    given: tuple[str, ...],
    limit: int,
    seconds: float,
    project: Path,
    form: Form,
) -> None:
    """Run read-only SQL, or one of the named questions.

    SQL may use gen_id(stage, field…, replicate), gen_id_in(scheme, …), content_hash(text) and word_count(text).

    \b
    Example:
      workbench query "select stage, count(*) as n from generations group by 1"
      workbench query --named failures --json
    """
    from workbench.store import open_project
    from workbench.store.ask import ask

    if list_them:
        _list_questions(form)
        return
    statement = _statement(sql, named)
    with open_project(project) as db, ask(db, statement, _values(given), seconds=seconds) as rows:
        table(_at_most(rows, limit), form, empty="no rows")


def _list_questions(form: Form) -> None:
    from workbench.queries import questions

    table([{"name": q.name, "asks": q.prose, "parameters": " ".join(q.parameters)} for q in questions().values()], form)


def _statement(sql: str | None, named: str | None) -> str:
    if (sql is None) == (named is None):
        raise click.UsageError("give SQL, or --named NAME")
    if sql is not None and not sql.strip():
        raise click.UsageError("the SQL is empty; write a select")
    if named is None:
        return str(sql)
    from workbench.queries import question

    return question(named).sql


def _values(given: Iterable[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.isidentifier():
            raise click.UsageError(f"-P wants NAME=VALUE, got {one!r}")
        found[name] = _value(value)
    return found


def _value(text: str) -> int | float | str:
    """Read a parameter: plain numbers as numbers, everything else as text."""
    if re.fullmatch(r"-?(?:0|[1-9][0-9]{0,17})", text):
        return int(text)
    if re.fullmatch(r"-?(?:0|[1-9][0-9]*)\.[0-9]+", text):
        return float(text)
    return text


def _at_most(rows: Iterator[Row], limit: int) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        if limit and number > limit:
            note(f"only the first {many(limit, 'row')}; --limit 0 for all")
            return
        yield row
