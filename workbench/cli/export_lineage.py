"""`workbench export parquet`, `huggingface`, `prov` and `openlineage`: texts with all that they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.export_options import choice_options, out_options, texts_option, written
from workbench.cli.options import json_option, project_option


@click.command()
@out_options
@choice_options
@texts_option("system,prompt,raw,parsed")
@project_option
@json_option
@written
def parquet(project: Path, out: Path, **options: Any) -> Any:
    """Write finished texts as one Parquet file, each with its whole lineage.

    Columns say what a text is about, its parents up to the draft, template and model with the hashes of what was
    used, cohorts and scores. `import dataset` takes the file back.

    \b
    Example:
      workbench export parquet garden.parquet --topics garden
    """
    from workbench.exports import export_parquet
    from workbench.store import open_project

    with open_project(project) as db:
        return export_parquet(db, out, **options)


@click.command()
@out_options
@choice_options
@texts_option("messages,system,prompt,raw,parsed")
@click.option(
    "--format",
    type=click.Choice(("parquet", "jsonl")),
    default="parquet",
    show_default=True,
    help="What the shards are.",
)
@click.option(
    "--test",
    "test_percent",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    metavar="PERCENT",
    help="Share of topics that goes to a split `test`, with all about them.",
)
@click.option(
    "--shard-rows", type=click.IntRange(1), default=100_000, show_default=True, help="Most rows of one shard."
)
@click.option("--title", help="Title of the card; else the project's name.")
@click.option("--license", help="License that the card names, as apache-2.0.")
@project_option
@json_option
@written
def huggingface(project: Path, out: Path, **options: Any) -> Any:
    """Write finished texts as a dataset folder with a card, which `datasets.load_dataset` loads.

    Each stage is a configuration: load_dataset("OUT", "draft"). Nothing is sent anywhere. --force replaces such a
    folder, and spares one that holds anything else.

    \b
    Example:
      workbench export huggingface garden-dataset --topics garden --test 10
    """
    from workbench.exports import export_huggingface
    from workbench.store import open_project

    with open_project(project) as db:
        return export_huggingface(db, out, **options)


@click.command()
@out_options
@choice_options
@texts_option("none")
@project_option
@json_option
@written
def prov(project: Path, out: Path, **options: Any) -> Any:
    """Write where finished texts come from as W3C PROV-JSON.

    Entities are generations, templates, topics and cohorts, activities calls and runs, agents models; wasDerivedFrom
    leads from each text up to its topic.

    \b
    Example:
      workbench export prov garden.prov.json --cohort pilot
    """
    from workbench.exports import export_prov
    from workbench.store import open_project

    with open_project(project) as db:
        return export_prov(db, out, **options)


@click.command()
@out_options
@choice_options
@texts_option("none")
@project_option
@json_option
@written
def openlineage(project: Path, out: Path, **options: Any) -> Any:
    """Write where finished texts come from as OpenLineage run events, JSON Lines; nothing is sent anywhere.

    Each text has a START and a COMPLETE event with what went in and what came out; the run of the workbench that
    made it is its parent run.

    \b
    Example:
      workbench export openlineage garden.events.jsonl --topics garden
    """
    from workbench.exports import export_openlineage
    from workbench.store import open_project

    with open_project(project) as db:
        return export_openlineage(db, out, **options)
