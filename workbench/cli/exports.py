"""`workbench export`: the project's work as other programs' files."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from workbench.cli.complete import names
from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document

FORMATS: Final = ("chat", "sharegpt", "alpaca", "jsonl")


def _topics(help: str) -> Callable[..., Any]:
    return click.option("--topics", shell_complete=names("topic_models"), help=help)


def _out_options(function: Callable[..., Any]) -> Callable[..., Any]:
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


@click.group("export")
def exports() -> None:
    """Write samples, topics or a checkpoint as files; nothing is written over without --force.

    \b
    Example:
      workbench export dataset garden.jsonl --topics garden
    """


@exports.command()
@_out_options
@click.option("--format", type=click.Choice(FORMATS), default="chat", show_default=True, help="Shape of a row.")
@_topics("Only samples about this topic model.")
@click.option("--template", shell_complete=names("templates"), help="Only texts of this template.")
@click.option("--model", shell_complete=names("models"), help="Only texts of this model.")
@click.option("--cohort", shell_complete=names("cohorts"), help="Only members of this cohort.")
@click.option("--stage", default="draft", show_default=True, help="draft, essay or evaluation.")
@click.option("--cycle", type=click.IntRange(0), help="Only this cycle, counted from 0 as in `completions`.")
@click.option("--where", metavar="SQL", help="Only rows of generation_texts for which this condition holds.")
@click.option("--system/--no-system", default=True, show_default=True, help="Keep system messages.")
@project_option
@json_option
def dataset(project: Path, out: Path, form: Form, **options: Any) -> None:
    """Write finished samples as JSON Lines, by cycle and topic.

    chat is DeepFabric's shape, with topic and ID in each row's metadata; jsonl has every text with its lineage.
    Rows that the offline model wrote say `synthetic`.

    \b
    Example:
      workbench export dataset garden.jsonl --topics garden --where "word_count(parsed) > 50"
    """
    from workbench.exports import export_dataset
    from workbench.store import open_project

    with open_project(project) as db:
        document(export_dataset(db, out, **options), form)


@exports.command()
@_out_options
@_topics("Topic model to write; can be left out when there is only one.")
@click.option("--no-failures", is_flag=True, help="Leave out topics that could not be grown.")
@project_option
@json_option
def topics(project: Path, out: Path, topics: str | None, no_failures: bool, force: bool, form: Form) -> None:
    """Write a tree as JSON Lines, or a graph as JSON, in DeepFabric's form.

    \b
    Example:
      workbench export topics topics_tree.jsonl --topics garden
    """
    from workbench.exports import export_topics
    from workbench.store import open_project

    with open_project(project) as db:
        document(export_topics(db, topics, out, with_failures=not no_failures, force=force), form)


@exports.command()
@_out_options
@_topics("Topic model of the completions; can be left out when there is one choice.")
@click.option("--template", shell_complete=names("templates"), help="Draft template; likewise.")
@click.option("--model", shell_complete=names("models"), help="Model; likewise.")
@project_option
@json_option
def checkpoint(project: Path, out: Path, form: Form, **options: Any) -> None:
    """Write a DeepFabric checkpoint of version 4: OUT.checkpoint.json with samples and failures beside it.

    \b
    Example:
      workbench export checkpoint ckpt/dataset --topics garden --template deepfabric-basic --model gpt-4o-mini
    """
    from workbench.exports import export_checkpoint
    from workbench.store import open_project

    with open_project(project) as db:
        document(export_checkpoint(db, out, **options), form)


@exports.command()
@click.argument("out", type=click.Path(path_type=Path))
@project_option
@json_option
def store(project: Path, out: Path, form: Form) -> None:
    """Write the project as a DayDreaming data root: gens, 1_raw, combo_mappings.csv, cohorts.

    OUT is a new folder; `import store OUT` into an empty project of the same scheme gives the same digest. Topic
    models have their own export; what was left out is told.

    \b
    Example:
      workbench export store data
    """
    from workbench.exports import export_store
    from workbench.store import open_project

    with open_project(project) as db:
        document(export_store(db, out), form)
