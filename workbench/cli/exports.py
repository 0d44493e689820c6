"""`workbench export`: the project's work as other programs' files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from workbench.cli.complete import names
from workbench.cli.export_lineage import huggingface, openlineage, parquet, prov
from workbench.cli.export_options import narrowing_options, out_options, topics_option, written
from workbench.cli.export_plugins import Exports
from workbench.cli.options import STAGES, json_option, project_option
from workbench.cli.spreadsheet import csv_lines

FORMATS: Final = ("chat", "sharegpt", "alpaca", "jsonl", "csv")


@click.group("export", cls=Exports)
def exports() -> None:
    """Write samples, topics, a checkpoint or provenance as files; nothing is written over without --force.

    \b
    Example:
      workbench export dataset garden.jsonl --topics garden
    """


for _command in (parquet, huggingface, prov, openlineage):
    exports.add_command(_command)


@exports.command()
@out_options
@click.option("--format", type=click.Choice(FORMATS), help="Shape of a row: csv for a file of that name, else chat.")
@narrowing_options
@click.option("--stage", type=click.Choice(STAGES), default="draft", show_default=True, help="Texts of this stage.")
@click.option("--system/--no-system", default=True, show_default=True, help="Keep system messages.")
@click.option("--raw", is_flag=True, help="With csv: exact cells, without the ' before what a spreadsheet would run.")
@project_option
@json_option
@written
def dataset(project: Path, out: Path, format: str | None, raw: bool, **options: Any) -> Any:
    """Write finished samples as JSON Lines or CSV, by cycle and topic.

    chat is DeepFabric's shape, with topic and ID in each row's metadata; jsonl and csv have every text with its
    lineage. Rows that the offline model wrote say `synthetic`.

    \b
    Example:
      workbench export dataset garden.jsonl --topics garden --where "word_count(parsed) > 50"
    """
    from workbench.exports import export_dataset
    from workbench.store import open_project

    format = format or _format_of(out)
    if raw and format != "csv":
        raise click.UsageError("--raw goes with --format csv; the other formats are always exact")
    with open_project(project) as db:
        if format == "csv":
            return _csv(db, out, raw, **options)
        return export_dataset(db, out, format=format, **options)


def _format_of(out: Path) -> str:
    """Tell the shape of rows from a file's name, where nobody says it."""
    suffix = out.suffix.lower()
    if suffix == ".parquet":
        raise click.UsageError(f"this writes JSON Lines or CSV; for Parquet: `workbench export parquet {out}`")
    return "csv" if suffix == ".csv" else "chat"


def _csv(db: Any, out: Path, raw: bool, *, system: bool, force: bool, **named: Any) -> dict[str, object]:
    from workbench.exports import Choice, export_table

    texts = ("system", "prompt", "raw", "parsed")[not system :]
    return export_table(db, out, partial(csv_lines, raw=raw), Choice(**named), texts=texts, force=force)


@exports.command()
@out_options
@topics_option("Topic model to write; can be left out when there is only one.")
@click.option("--no-failures", is_flag=True, help="Leave out topics that could not be grown.")
@project_option
@json_option
@written
def topics(project: Path, out: Path, topics: str | None, no_failures: bool, force: bool) -> Any:
    """Write a tree as JSON Lines, or a graph as JSON, in DeepFabric's form.

    \b
    Example:
      workbench export topics topics_tree.jsonl --topics garden
    """
    from workbench.exports import export_topics
    from workbench.store import open_project

    with open_project(project) as db:
        return export_topics(db, topics, out, with_failures=not no_failures, force=force)


@exports.command()
@out_options
@topics_option("Topic model of the completions; can be left out when there is one choice.")
@click.option("--template", shell_complete=names("templates"), help="Draft template; likewise.")
@click.option("--model", shell_complete=names("models"), help="Model; likewise.")
@project_option
@json_option
@written
def checkpoint(project: Path, out: Path, **options: Any) -> Any:
    """Write a DeepFabric checkpoint of version 4: OUT.checkpoint.json with samples and failures beside it.

    \b
    Example:
      workbench export checkpoint ckpt/dataset --topics garden --template deepfabric-basic --model gpt-4o-mini
    """
    from workbench.exports import export_checkpoint
    from workbench.store import open_project

    with open_project(project) as db:
        return export_checkpoint(db, out, **options)


@exports.command()
@click.argument("out", type=click.Path(path_type=Path))
@project_option
@json_option
@written
def store(project: Path, out: Path) -> Any:
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
        return export_store(db, out)
