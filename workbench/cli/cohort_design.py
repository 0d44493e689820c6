"""`workbench cohort design`: the rows that a spec describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from workbench.cli.options import dry_run_option, json_option, project_option
from workbench.cli.output import Form, Row, document, many, note, table
from workbench.cli.spreadsheet import csv_lines

if TYPE_CHECKING:
    from workbench.cohorts import Design, Spec

FORMATS: Final = click.Choice(["csv", "jsonl"])


@click.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write a file instead.")
@click.option("--format", "kind", type=FORMATS, default="csv", show_default=True, help="How rows are written.")
@click.option("--limit", type=click.IntRange(0), help="Stop after so many rows.")
@click.option("--seed", type=int, help="Shuffle by this seed; the same seed gives the same order.")
@click.option("--raw", is_flag=True, help="CSV: exact cells, without the spreadsheet guard.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@dry_run_option
@project_option
@json_option
def design(
    spec: Path,
    out: Path | None,
    kind: str,
    limit: int | None,
    seed: int | None,
    raw: bool,
    force: bool,
    dry_run: bool,
    project: Path,
    form: Form,
) -> None:
    """Give the design rows of a spec: the product of its axes under its rules.

    Needs no project, unless the spec takes topics or queried essays from one.

    \b
    Example:
      workbench cohort design spec.yaml --limit 5
      workbench cohort design spec.yaml --seed 7 --out design.csv
    """
    from workbench.cohorts import read_spec

    read = read_spec(spec)
    with ExitStack() as stack:
        found = _compiled(read, project, stack)
        shuffle = read.seed if seed is None else seed
        count = found.count if limit is None else min(limit, found.count)

        def rows() -> Iterator[Row]:
            return found.rows(seed=shuffle, limit=limit)

        if out is None:
            _print(rows, found.columns, kind, form, raw=raw)
            note(f"{count:,} of {many(found.count, 'row')}")
        else:
            _write(out, _lines(rows(), found.columns, kind, raw=raw), force=force, dry_run=dry_run)
            facts = {"rows": count, "of": found.count, "path": str(out)}
            document(facts, form, lambda: [f"{count:,} of {many(found.count, 'row')} in {out}"])


def _compiled(read: Spec, project: Path, stack: ExitStack) -> Design:
    from workbench.cohorts import compiled
    from workbench.plan.compiling import queried_essays, topic_uuids
    from workbench.store import open_project

    if read.topics is None and read.document.essays is None:
        return compiled(read)
    db = stack.enter_context(open_project(project))
    return compiled(read, topics=lambda s: topic_uuids(db, s), essays=lambda s: queried_essays(db, s, read))


def _print(rows: Callable[[], Iterator[Row]], columns: tuple[str, ...], kind: str, form: Form, *, raw: bool) -> None:
    if form.kind == "json":
        table(rows(), form, columns)
        return
    for one in _lines(rows(), columns, kind, raw=raw):
        click.echo(one)


def _lines(rows: Iterator[Row], columns: tuple[str, ...], kind: str, *, raw: bool) -> Iterator[str]:
    from workbench.cli.output import to_json

    return csv_lines(rows, columns, raw=raw) if kind == "csv" else map(to_json, rows)


def _write(path: Path, lines: Iterator[str], *, force: bool, dry_run: bool) -> None:
    from workbench.exports.files import new_file
    from workbench.store.rehearsal import rehearsal

    with rehearsal(dry_run), new_file(path, force=force) as file:
        file.writelines(f"{one}\n" for one in lines)
