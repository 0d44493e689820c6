"""`workbench topics build`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.complete import names
from workbench.cli.generate import print_summary
from workbench.cli.options import Amount, concurrency_option, dry_run_option, json_option, project_option
from workbench.cli.output import Form, document, many, note
from workbench.cli.progress import progress

if TYPE_CHECKING:
    from workbench.generate import Summary
    from workbench.grow import Growth, GrowthForecast
    from workbench.store import Database

Listener = Callable[[str, Mapping[str, Any]], None]


@click.command()
@click.argument("name", shell_complete=names("topic_models"))
@click.option("--prompt", required=True, help="What the topics are about: the root of the tree or graph.")
@click.option(
    "--model", required=True, metavar="ID", shell_complete=names("models"), help="Model that proposes topics."
)
@click.option("--mode", type=click.Choice(["tree", "graph"]), default="tree", show_default=True, help="What is grown.")
@click.option("--depth", type=click.IntRange(1, 20), default=2, show_default=True, help="Levels below the root.")
@click.option("--degree", type=click.IntRange(1, 100), default=3, show_default=True, help="Subtopics of each topic.")
@click.option(
    "--template", metavar="NAME", shell_complete=names("templates"), help="Default: topics-tree or topics-graph."
)
@click.option("--system", default="", help="System prompt for the template.")
@concurrency_option
@click.option("--rpm", type=click.IntRange(1), help="Calls a minute.")
@click.option("--tpm", type=click.IntRange(1), help="Tokens a minute.")
@click.option("--limit", type=click.IntRange(1), help="Grow at most this many topics now.")
@click.option("--max-cost", type=Amount(), help="Stop before this much money, over all builds of NAME.")
@click.option("--max-calls", type=click.IntRange(1), help="Stop before this many calls, over all builds of NAME.")
@dry_run_option
@project_option
@json_option
def build(
    name: str,
    mode: str,
    template: str | None,
    dry_run: bool,
    concurrency: int | None,
    limit: int | None,
    rpm: int | None,
    tpm: int | None,
    max_cost: float | None,
    max_calls: int | None,
    project: Path,
    form: Form,
    **growth: Any,
) -> int:
    """Grow a tree or a graph of topics by a model.

    Breadth-first, one call a topic. The same command again grows what is missing and tries failures anew; a larger
    --depth just continues. Every answer is kept as it arrives.

    \b
    Example:
      workbench topics build garden --prompt "Keeping a small garden" --depth 2 --degree 4 --model offline
      workbench topics build orchard --prompt "Fruit trees" --mode graph --model offline --dry-run
    """
    from workbench.generate import Terms
    from workbench.grow import Growth

    wanted = Growth(mode=mode, template=template or f"topics-{mode}", **growth)
    if dry_run:
        return _foresee(project, name, wanted, form)
    terms = Terms(concurrency or 4, rpm, tpm, limit, max_cost, max_calls)
    return _grow(project, name, wanted, terms, form)


def _foresee(project: Path, name: str, growth: Growth, form: Form) -> int:
    from workbench.grow import forecast_growth
    from workbench.store import open_project

    with open_project(project) as db:
        found = forecast_growth(db, name, growth)
    document(found.as_dict(), form, lambda: [_plan(found)])
    return 0


def _plan(found: GrowthForecast) -> str:
    cost = "no price known" if found.cost is None else f"cost about {found.cost:.4g}"
    much = f"at most {many(found.calls, 'call')} for {many(found.topics, 'topic')}"
    tokens = f"about {found.tokens_in + found.tokens_out:,} tokens"
    return f"{found.name}: {many(found.grown, 'topic')} grown, {found.pending:,} to grow now; {much}, {tokens}, {cost}"


def _grow(project: Path, name: str, growth: Growth, terms: Any, form: Form) -> int:
    from workbench.grow import build_topics, forecast_growth
    from workbench.store import open_project

    with open_project(project, write=True) as db:
        note(_plan(forecast_growth(db, name, growth)))
        with told() as listen:
            summary = build_topics(db, name, growth, terms, listen)
        return _report(db, name, summary, form)


@contextmanager
def told() -> Iterator[Listener]:
    """Give a listener that shows how far the topics have grown, and says how many came with each level."""
    found: dict[int, int] = {}
    with progress() as listen:

        def hear(event: str, facts: Mapping[str, Any]) -> None:
            if event == "topic_grown":
                level = facts["depth"] + 1
                found[level] = found.get(level, 0) + facts["subtopics"]
                _say(found, before=level - 1)  # a call of the level before may still be in flight
            listen(event, facts)

        yield hear
        _say(found)


def _say(found: dict[int, int], before: int = 10**9) -> None:
    for level in sorted(level for level in found if level < before):
        note(f"Level {level}: +{many(found.pop(level), 'topic')}")


def _report(db: Database, name: str, summary: Summary, form: Form) -> int:
    from workbench.catalogue.outline import unique_count
    from workbench.catalogue.topics import load_topics

    model = load_topics(db, name)
    counts = {**model.counts()._asdict(), "unique_topics": unique_count(db, name)}
    if form.kind == "json":
        document({**summary.as_dict(), "name": model.name, "kind": model.kind, **counts}, form)
        return summary.exit_code
    code = print_summary(summary, form)
    document({}, form, lambda: [f"{model.name}: {in_words(counts)}"])
    return code


def in_words(counts: Mapping[str, int]) -> str:
    """Say how large a topic model is: nodes, paths, leaves, and the topics that samples are made of."""
    size = many(counts["nodes"], "node"), many(counts["paths"], "path"), many(counts["leaves"], "leaf", "leaves")
    return f"{', '.join(size)}; {many(counts['unique_topics'], 'topic')} to write about"
