"""`workbench concepts`: concepts read with all that stands beside them, listed, shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from workbench.cli.complete import names
from workbench.cli.frame import Noun
from workbench.cli.options import dry_run_option, json_option, project_option, rows_options
from workbench.cli.output import Form, document, heading, line, note, table
from workbench.cli.trial import trial

Changes = dict[str, dict[str, list[str]]]


@click.group(cls=Noun)
def concepts() -> None:
    """Named ideas with descriptions at up to three levels.

    \b
    Example:
      workbench concepts import ideas.csv
      workbench concepts show mind-wandering
      workbench concepts
    """


@concepts.command("import")
@click.argument("root", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
@click.option("--provider", metavar="ALIAS", help="Reach all of its models through this provider.")
@dry_run_option
@project_option
@json_option
def import_concepts(root: Path, provider: str | None, dry_run: bool, project: Path, form: Form) -> None:
    """Read concepts from a CSV or JSON Lines file, or a whole `1_raw` folder with templates, models and limits.

    A file has the columns name, sentence, paragraph, article and concept_id, of which only name is needed. In a folder
    concepts are `concepts_metadata.csv` with `concepts/descriptions-LEVEL/ID.txt`. Templates of all stages come with
    what their catalogues say, models from `llm_models.csv`, limits from `replication_config.csv`, where these are
    there. All of it or nothing; reading it again changes nothing.

    \b
    Example:
      workbench concepts import ideas.csv
      workbench concepts import data/1_raw --dry-run
      workbench concepts import data/1_raw --provider offline
    """
    from workbench.catalogue.drift import source_of
    from workbench.catalogue.raw_folder import read_raw, store_raw
    from workbench.store import open_project

    folder = read_raw(root, provider.strip() if provider else None)
    with open_project(project, write=True) as db, trial(db, dry_run):
        changes = store_raw(db, folder, lambda path: source_of(path, project))
    strays = [str(path) for path in folder.strays]
    document({**_counts(changes), "strays": strays, "dry_run": dry_run}, form, lambda: _told(changes, dry_run))
    for path in strays if form.kind == "text" else ():
        note(f"{path} belongs to no concept and was left out")


def _counts(changes: Changes) -> dict[str, Any]:
    kinds = {kind: {change: len(found) for change, found in of.items()} for kind, of in changes.items()}
    totals = {change: sum(of[change] for of in kinds.values()) for change in ("added", "changed", "unchanged")}
    return {**totals, **kinds}


def _told(changes: Changes, dry_run: bool) -> Iterator[str]:
    for kind, of in changes.items():
        if any(of.values()):
            yield f"{kind}: {', '.join(f'{len(found):,} {change}' for change, found in of.items())}"
        for name in of["changed"]:
            yield f"  changed  {name}"
    if dry_run:
        yield "nothing is kept, this was a dry run"


@concepts.command("list")
@project_option
@rows_options
def list_concepts(project: Path, form: Form) -> None:
    """List the concepts with the words of each description.

    \b
    Example:
      workbench concepts list --json
    """
    from workbench.catalogue.concepts import list_concepts as stored
    from workbench.store import open_project

    with open_project(project) as db:
        table(stored(db), form, empty="no concepts yet; see `workbench concepts import --help`")


@concepts.command()
@click.argument("concept_id", metavar="ID", shell_complete=names("concepts"))
@project_option
@json_option
def show(concept_id: str, project: Path, form: Form) -> None:
    """Show a concept with all its descriptions.

    \b
    Example:
      workbench concepts show mind-wandering
    """
    from dataclasses import asdict

    from workbench.catalogue.concepts import load_concept
    from workbench.store import open_project

    with open_project(project) as db:
        found = asdict(load_concept(db, concept_id))
    if form.kind == "json":
        document(found, form)
        return
    line(f"{found['concept_id']}: {found['name']}")
    for level in ("sentence", "paragraph", "article"):
        if found[level]:
            line("")
            heading(level)
            line(found[level])
