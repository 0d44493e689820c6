"""`workbench generate` and `workbench validate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from workbench.cli.batch import at_batch_price, batch_options, checked_batch, tell_open
from workbench.cli.complete import names
from workbench.cli.options import STAGES, Amount, concurrency_option, dry_run_option, json_option, project_option
from workbench.cli.output import Form, document, many, note
from workbench.cli.progress import progress
from workbench.cli.shards import checked_shards, run_shards, shard_options, take_leftovers

F = TypeVar("F", bound=Callable[..., Any])


def order_options(function: F) -> F:
    """Add what is to be made: `--topics`, `--num-samples`, `--template`, `--model`."""
    for option in (
        click.option(
            "--model",
            metavar="ID",
            shell_complete=names("models"),
            help="Model of the catalogue that writes the samples.",
        ),
        click.option(
            "--template", metavar="NAME", shell_complete=names("templates"), help="Draft template of the catalogue."
        ),
        click.option(
            "-n",
            "--num-samples",
            metavar="N|auto|P%",
            help="How many samples in all: a number, every unique topic once (auto), or a share of the topics.",
        ),
        click.option(
            "--topics",
            metavar="NAME",
            shell_complete=names("topic_models"),
            help="Topic model to go through, cycle by cycle.",
        ),
    ):
        function = option(function)
    return function


def terms_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add how a run goes about it; the command gets `terms`, the options that were said."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        said = {name: options.pop(name) for name in _TERMS}
        terms = {name: value for name, value in said.items() if value is not None}
        return function(*args, terms=terms, **options)

    for option in (
        click.option("--retry-failed", is_flag=True, help="Send failed tasks again."),
        click.option("--max-calls", type=click.IntRange(1), help="Stop before this many calls, over all runs."),
        click.option("--max-cost", type=Amount(), help="Stop before this much money, over all runs."),
        click.option("--limit", type=click.IntRange(1), help="Do at most this many tasks now."),
        click.option("--tpm", type=click.IntRange(1), help="Tokens a minute, for each provider."),
        click.option("--rpm", type=click.IntRange(1), help="Calls a minute, for each provider."),
    ):
        call = option(call)
    return concurrency_option(call)


_TERMS = ("concurrency", "rpm", "tpm", "limit", "max_cost", "max_calls", "retry_failed")


def order_of(topics: str | None, num_samples: str | None, template: str | None, model: str | None) -> Any:
    """Put the order together; raises a usage error that says what is missing."""
    from workbench.config.amounts import checked_amount
    from workbench.plan.orders import Order

    missing = [
        name
        for name, value in (("--num-samples", num_samples), ("--template", template), ("--model", model))
        if not value
    ]
    if missing:
        mend = "say how many samples, from which of `workbench templates`, by which of `workbench models`"
        raise click.UsageError(f"{', '.join(missing)} missing: {mend}")
    return Order(str(template), str(model), checked_amount(num_samples), topics)


@click.command()
@order_options
@terms_options
@click.option(
    "--cohort",
    metavar="ID",
    shell_complete=names("cohorts"),
    help="Do a cohort's tasks instead, through all its stages.",
)
@click.option("--stage", type=click.Choice(STAGES), help="With --cohort: this stage only.")
@click.option("--force", is_flag=True, help="Make a new text for every task; the old ones stay in history.")
@click.option("--reparse", is_flag=True, help="Parse failed answers again, without a call.")
@shard_options
@batch_options
@dry_run_option
@project_option
@json_option
def generate(
    project: Path, form: Form, reparse: bool, dry_run: bool, force: bool, terms: dict[str, Any], **what: Any
) -> int:
    """Make the samples that are not there yet.

    The same command again does only what is missing; a larger N just continues. Every answer is kept as it
    arrives: a kill loses at most the calls in flight. Ctrl-C lets them end.

    With --workers the limits and caps that are said hold for all workers together; without --concurrency each has
    four calls in flight. With --shard they hold for that shard alone, and its file keeps the work until `merge`.

    With --batch tasks go out as files and are answered within a day, at half the price. Until then nobody else sends
    them; the same command takes the answers and goes on.

    \b
    Example:
      workbench generate --topics garden -n 40 --template qa-sample --model offline
      workbench generate -n 100 --template short-essay --model offline --concurrency 16
      workbench generate --cohort pilot --stage draft
      workbench generate --cohort pilot --workers 4
      workbench generate --cohort pilot --shard 1/8 --into shard-1.db
      workbench generate --cohort pilot --batch --no-wait
    """
    from workbench.generate import Terms
    from workbench.store import open_project

    shards = checked_shards(what.pop("shards"), reparse=reparse, dry_run=dry_run)
    checked_batch(batch := what.pop("batch"), reparse=reparse, **shards)
    if shards and not dry_run:
        summary = run_shards(project, shards, (what_is_asked(**what), what["cohort"], what["stage"]), terms, force)
        return int(summary.exit_code) if "leash" in shards else print_summary(summary, form)
    if not dry_run:
        take_leftovers(project)
    with open_project(project, write=not dry_run) as db:
        task = _task(db, () if force else ("done",) if terms["retry_failed"] else None, **what)
        if reparse:
            return _reparse(db, task.selection(), form)
        if dry_run:
            document(at_batch_price(task.plan(), batch).as_dict(), form)
            return 0
        foretell(at_batch_price(task.plan(), batch))
        with progress() as listen:
            summary = task.run(Terms(force=force, **terms), listen, **batch)
        if summary.left:
            tell_open(db)
        blocked = task.plan().problems if summary.left else []
    return print_summary(summary, form, blocked=bool(blocked))


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be made, an order or a cohort: its plan, its selection, and how it is run."""

    plan: Callable[[], Any]
    selection: Callable[[], Any]
    run: Callable[..., Any]


def _task(
    db: Any, settled: tuple[str, ...] | None, *, cohort: str | None, stage: str | None, **order: str | None
) -> _Task:
    from workbench.generate import generate as run
    from workbench.generate import generate_cohort
    from workbench.plan.cohorts import cohort_selection
    from workbench.plan.forecast import forecast, forecast_cohort
    from workbench.plan.orders import shape

    found = what_is_asked(cohort, stage, **order)
    if found is not None:
        return _Task(
            lambda: forecast(db, found, settled),
            lambda: shape(db, found).selection,
            lambda terms, listen, **by: run(db, found, terms, listen, **by),
        )
    name = str(cohort)
    return _Task(
        lambda: forecast_cohort(db, cohort_selection(db, name, stage), settled),
        lambda: cohort_selection(db, name, stage),
        lambda terms, listen, **by: generate_cohort(db, name, stage, terms, listen, **by),
    )


def what_is_asked(cohort: str | None, stage: str | None, **order: str | None) -> Any:
    """Give the order, or None where a cohort is named instead; raises a usage error for both, or for neither."""
    if cohort is None:
        if stage is not None:
            raise click.UsageError("--stage goes with --cohort")
        return order_of(**order)
    if given := [f"--{name.replace('_', '-')}" for name, value in order.items() if value is not None]:
        raise click.UsageError(f"--cohort says what to make; leave out {', '.join(given)}")
    return None


def _reparse(db: Any, selection: Any, form: Form) -> int:
    from workbench.generate.reparse import reparse

    found = reparse(db, selection)
    counts = {"looked_at": found.looked_at, "done": found.done, "failed": found.looked_at - found.done}
    nothing = dict.fromkeys(("skipped", "calls", "tokens_in", "tokens_out"), 0) | {"cost": 0.0, "cost_known": True}
    document({"run": None, **counts, **nothing, "seconds": found.seconds} if form.kind == "json" else counts, form)
    return 0 if found.done == found.looked_at else 1


def plan_line(plan: Any) -> str:
    """Say a forecast in one line."""
    cost = "no price known" if plan.cost is None else f"about {plan.cost:.4g}"
    tokens = f"about {plan.tokens_in + plan.tokens_out:,} tokens"
    return f"{plan.pending:,} of {plan.total_samples:,} to do: {many(plan.calls, 'call')}, {tokens}, cost {cost}"


def foretell(plan: Any) -> None:
    """Say a forecast and what spoils it; raises what says why a provider that it needs cannot be used here."""
    from workbench.plan.forecast import refuse_unusable

    note(plan_line(plan))
    refuse_unusable(plan)
    for problem in plan.problems:
        note(problem)


def print_summary(summary: Any, form: Form, *, blocked: bool = False) -> int:
    """Write what came of a run and give its exit code; `blocked`: not all that is left can go on by itself."""
    facts = summary.as_dict()

    def text() -> Any:
        word = "not all done" if summary.status == "failed" and not summary.failed else summary.status
        counts = f"{summary.done:,} done, {summary.failed:,} failed, {summary.skipped:,} skipped"
        yield f"{word}: {counts}, {many(summary.calls, 'call')} in {summary.seconds:.1f} s (run {summary.run})"
        if summary.why:
            yield summary.why
        if summary.left:
            again = "`workbench explain` says of each why it is blocked" if blocked else "the same command goes on"
            yield f"{summary.left:,} left; {again}"

    document(facts, form, text)
    return int(summary.exit_code)


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@order_options
@click.option("--cohort", metavar="ID", shell_complete=names("cohorts"), help="Cohort to look at instead.")
@project_option
@json_option
def validate(project: Path, form: Form, config: Path | None, cohort: str | None, **order: str | None) -> int:
    """Say what a run would do, without a call: topics, cycles, what is done and pending, what is missing.

    \b
    Example:
      workbench validate --topics garden -n 40 --template qa-sample --model offline
      workbench validate config.yaml
    """
    from workbench.store import open_project

    if config is not None:
        from workbench.configured import validate_config

        facts = validate_config(project, config)
    else:
        with open_project(project) as db:
            facts = _forecast(db, cohort, order).as_dict()
    document(facts, form)
    return 1 if facts["problems"] else 0


def _forecast(db: Any, cohort: str | None, order: dict[str, str | None]) -> Any:
    """Forecast; template and model may be left out where topics are named: the only ones used so far, or any."""
    topics, count, template, model = (order[name] for name in ("topics", "num_samples", "template", "model"))
    if cohort is not None or not topics or not count or (template and model):
        return _task(db, None, cohort=cohort, stage=None, **order).plan()
    from workbench.config.amounts import checked_amount
    from workbench.plan.forecast import forecast, forecast_topics
    from workbench.plan.orders import Order, only_use

    amount = checked_amount(count)
    if (used := only_use(db, topics, template, model)) is None:
        note("what is done already is not counted: say --template and --model")
        return forecast_topics(db, topics, amount)
    note(f"with template {used[0]} and model {used[1]}, the only ones used so far")
    return forecast(db, Order(*used, amount, topics))
