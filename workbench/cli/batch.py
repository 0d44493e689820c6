"""`workbench generate --batch` and `workbench batches`: calls handed over as files, at half the price."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from workbench.cli.frame import Noun
from workbench.cli.options import (
    Amount,
    confirmed,
    dry_run_option,
    json_option,
    project_option,
    rows_options,
    yes_option,
)
from workbench.cli.output import Form, document, many, note, table
from workbench.cli.progress import progress


def batch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--batch` and what goes with it; the command gets `batch`: nothing, or the driver of a run by batches."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        said = {name: options.pop(name) for name in _BATCH}
        return function(*args, batch=_driver(**said), **options)

    for option in (
        click.option("--file-bytes", type=click.IntRange(1000), help="With --batch: bytes in one file, at most."),
        click.option("--file-requests", type=click.IntRange(1), help="With --batch: tasks in one file, at most."),
        click.option(
            "--poll", type=Amount(0.01), help="With --batch: seconds to the second look; later ones are rarer."
        ),
        click.option(
            "--fallback",
            type=click.Choice(["later", "live"]),
            help="With --batch: what failed there waits for the next run (later), or is sent by single calls (live).",
        ),
        click.option("--wait/--no-wait", default=None, help="With --batch: stay until all is done, or only send."),
        click.option(
            "--batch", is_flag=True, help="Hand tasks over as files, answered within a day at half the price."
        ),
    ):
        call = option(call)
    return call


_BATCH = ("batch", "wait", "fallback", "poll", "file_requests", "file_bytes")


def _driver(batch: bool, **said: Any) -> dict[str, Any]:
    given = [f"--{name.replace('_', '-')}" for name, value in said.items() if value is not None]
    if not batch:
        if given:
            raise click.UsageError(f"{', '.join(given)} goes with --batch")
        return {}
    from workbench.batch.drive import BatchTerms, by_batches
    from workbench.batch.filling import Sizes

    terms = BatchTerms(wait=said["wait"] is not False, live=said["fallback"] == "live")
    sizes = Sizes(*(min(most, said[name] or most) for name, most in _most(terms.sizes)))
    return {"drive": by_batches(replace(terms, sizes=sizes, poll=said["poll"] or terms.poll))}


def _most(sizes: Any) -> Iterator[tuple[str, int]]:
    yield "file_requests", sizes.requests
    yield "file_bytes", sizes.bytes


def checked_batch(batch: dict[str, Any], **others: object) -> None:
    """Refuse options that do not go together."""
    if batch and (given := [f"--{name}" for name, value in others.items() if value]):
        raise click.UsageError(f"--batch goes without {', '.join(given)}")


def at_batch_price(plan: Any, batch: dict[str, Any]) -> Any:
    """Give a forecast at the price of batches, where they are asked for."""
    if not batch or plan.cost is None:
        return plan
    from workbench.batch.filling import FACTOR

    return replace(plan, cost=round(FACTOR * plan.cost, 6))


def tell_open(db: Any) -> None:
    """Say to people what is in flight without a process."""
    from workbench.batch.listing import list_batches

    rows = list_batches(db, everything=False)
    if tasks := sum(row["open"] for row in rows):
        where = many(len(rows), "open batch", "open batches")
        note(f"in {where}: {many(tasks, 'task')}, see `workbench batches`; with --batch the same command takes them")


@click.group(cls=Noun)
def batches() -> None:
    """Files of calls at a provider: listed, taken, cancelled.

    `generate --batch` makes them.

    \b
    Example:
      workbench batches
      workbench batches take
      workbench batches cancel 2
    """


@batches.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are over too.")
@project_option
@rows_options
def list_them(everything: bool, project: Path, form: Form) -> None:
    """List open batches: how far they are, the provider's word on them, tasks in flight and done.

    \b
    Example:
      workbench batches list --all --json
    """
    from workbench.batch.listing import list_batches
    from workbench.store import open_project

    with open_project(project) as db:
        rows = list_batches(db, everything=everything)
    shown = None if form.kind == "json" else _SHOWN
    table(rows, form, shown, empty="no open batches" if not everything else "no batches")


_SHOWN = ["batch", "state", "status", "model", "requests", "open", "done", "cost", "job", "submitted", "error"]


@batches.command()
@project_option
@json_option
def take(project: Path, form: Form) -> int:
    """Look once after every open batch and take what is over, without sending anything.

    \b
    Example:
      workbench batches take
    """
    from workbench.batch.looking import take_batches
    from workbench.cli.generate import print_summary
    from workbench.store import open_project

    with open_project(project, write=True) as db:
        with progress() as listen:
            summary = take_batches(db, listen)
        tell_open(db)
    return print_summary(summary, form)


@batches.command()
@click.argument("number", metavar="N", type=int)
@dry_run_option
@yes_option
@project_option
@json_option
def cancel(number: int, dry_run: bool, yes: bool, project: Path, form: Form) -> None:
    """Cancel an open batch at its provider; what is answered by then is paid and can be taken.

    \b
    Example:
      workbench batches cancel 2 --yes
    """
    _give_up(number, "cancel", dry_run, yes, project, form)


@batches.command()
@click.argument("number", metavar="N", type=int)
@dry_run_option
@yes_option
@project_option
@json_option
def forget(number: int, dry_run: bool, yes: bool, project: Path, form: Form) -> None:
    """Give an open batch up without asking its provider: its answers are lost, its tasks are sent and paid anew.

    For a batch that its provider no longer knows, or whose key is gone.

    \b
    Example:
      workbench batches forget 2 --yes
    """
    _give_up(number, "forget", dry_run, yes, project, form)


def _give_up(number: int, verb: str, dry_run: bool, yes: bool, project: Path, form: Form) -> None:
    from workbench.batch.listing import forget_batch, open_batch
    from workbench.store import open_project

    with open_project(project, write=not dry_run) as db:
        batch = open_batch(db, number)
        facts: dict[str, Any] = {"batch": number, "requests": batch.requests}
        if not dry_run:
            confirmed(f"{verb} batch {number} with {many(batch.requests, 'task')}?", yes)
            if verb == "forget":
                facts |= {"status": "forgotten", "free": forget_batch(db, number)}
            else:
                from workbench.batch.looking import cancel_batch

                facts["status"] = cancel_batch(db, number)
    document(facts, form)
