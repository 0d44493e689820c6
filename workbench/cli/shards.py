"""`workbench generate` in shards: one shard into a file of its own, or all of them by workers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from workbench.cli.output import note
from workbench.cli.progress import progress


def shard_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--shard`, `--into`, `--workers`, `--engine`, `--scheduler`; the command gets `shards`, what was said."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        said = {name: options.pop(name) for name in _SHARDS}
        return function(
            *args, shards={name: value for name, value in said.items() if value not in (None, False)}, **options
        )

    for option in (
        click.option("--leash", is_flag=True, hidden=True, help="Tell events in JSON Lines; end when input ends."),
        click.option("--scheduler", metavar="ADDRESS|local", help="With --engine dask: where its scheduler is."),
        click.option(
            "--engine", type=click.Choice(["local", "dask"]), help="What the workers are: processes, or dask."
        ),
        click.option("--workers", type=click.IntRange(1, 256), help="Work in so many shards at once, then merge."),
        click.option("--into", type=click.Path(path_type=Path, dir_okay=False), help="With --shard: its file."),
        click.option("--shard", metavar="I/N", help="Do only part I of N, into a file of its own; `merge` it later."),
    ):
        call = option(call)
    return call


_SHARDS = ("shard", "into", "workers", "engine", "scheduler", "leash")


def checked_shards(shards: dict[str, Any], *, reparse: bool, dry_run: bool) -> dict[str, Any]:
    """Refuse options that do not go together, and empty ones: a variable that is not set chooses nothing."""
    if empty := [f"--{name}" for name, value in shards.items() if value == ""]:
        raise click.UsageError(f"{' and '.join(empty)} said, but empty")
    if shards and reparse:
        raise click.UsageError("--reparse needs no shards and no workers")
    if "shard" in shards and dry_run:
        raise click.UsageError("--dry-run plans the whole; leave out --shard")
    for name, needed in (("shard", "into"), ("into", "shard"), ("engine", "workers"), ("scheduler", "engine")):
        if name in shards and needed not in shards:
            raise click.UsageError(f"--{name} goes with --{needed}")
    if "shard" in shards and "workers" in shards:
        raise click.UsageError("--shard is one worker's part; leave it out with --workers")
    if "scheduler" in shards and shards["engine"] != "dask":
        raise click.UsageError("--scheduler goes with --engine dask")
    return shards


def run_shards(
    project: Path, shards: dict[str, Any], what: tuple[Any, str | None, str | None], terms: dict[str, Any], force: bool
) -> Any:
    """Do a shard, or all by workers, and give the summary; `what` is an order, or a cohort and its stage."""
    from workbench.generate import Terms
    from workbench.shards.asked import Asked

    asked = Asked(*what)
    agreed = Terms(force=force, **terms)
    if "shard" in shards:
        return _one(project, shards, asked, agreed)
    from workbench.shards.together import generate_together

    _foretell(project, asked, agreed, elsewhere=shards.get("scheduler", "local") != "local")
    with progress() as listen:
        return generate_together(
            project,
            shards["workers"],
            asked,
            agreed,
            lambda drain_file: _crew(shards, drain_file),
            listen,
            width=terms.get("concurrency"),
        )


def _foretell(project: Path, asked: Any, terms: Any, *, elsewhere: bool) -> None:
    from workbench.cli.generate import foretell, plan_line
    from workbench.store import open_project

    with open_project(project) as db:
        plan = asked.forecast(db, () if terms.force else ("done",) if terms.retry_failed else None)
    note(plan_line(plan)) if elsewhere else foretell(plan)  # keys of other machines are not ours to look for


def take_leftovers(project: Path) -> None:
    """Merge what workers of a killed command left beside a project, so that it is not made again.

    Raises RunIsOn while a command leads workers on it.
    """
    from workbench.store.beside import shards_folder

    if shards_folder(project).exists():
        from workbench.shards.folder import bring_leftovers, left_over

        with progress() as listen:
            bring_leftovers(project, lambda path: listen("shard_home", left_over(path)))


def _one(project: Path, shards: dict[str, Any], asked: Any, terms: Any) -> Any:
    from workbench.shards.share import Share
    from workbench.shards.work import generate_shard

    share = Share.parse(shards["shard"])
    if "leash" in shards:
        return _leashed(
            lambda listen: generate_shard(project, shards["into"], share, asked, terms, listen, as_made=True)
        )
    with progress() as listen:
        return generate_shard(project, shards["into"], share, asked, terms, listen)


def _leashed(work: Callable[[Any], Any]) -> Any:
    """Work for a leader: what happens is told in JSON Lines, and when the leader is gone the work drains."""
    from workbench.errors import WorkbenchError
    from workbench.shards.leash import ERROR, SUMMARY, drain_when_released, error_facts, tell

    drain_when_released()
    try:
        summary = work(lambda event, facts: tell(sys.stdout, event, facts))
    except WorkbenchError as error:
        tell(sys.stdout, ERROR, error_facts(error))
        raise
    tell(sys.stdout, SUMMARY, summary.as_dict())
    return summary


def _crew(shards: dict[str, Any], drain_file: Path) -> Any:
    if shards.get("engine") == "dask":
        from workbench.shards.dask import DaskWorkers

        return DaskWorkers.open(shards.get("scheduler", "local"), shards["workers"], drain_file)
    from workbench.shards.crew import Processes

    return Processes()
