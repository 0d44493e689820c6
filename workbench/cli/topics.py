"""`workbench topics`: topic models read, listed, shown, pruned, written; `build` grows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.complete import names
from workbench.cli.frame import Noun
from workbench.cli.options import confirmed, dry_run_option, json_option, project_option, rows_options, yes_option
from workbench.cli.output import Form, document, many, note, table
from workbench.cli.topics_build import build, in_words
from workbench.cli.topics_show import show
from workbench.cli.trial import trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.catalogue.topics import Stored
    from workbench.store import Database
    from workbench.topics import Node, TopicModel

LISTED = 12  # topics that a question names


@click.group(cls=Noun)
def topics() -> None:
    """Trees and graphs of topics: read from files or grown by a model.

    \b
    Example:
      workbench topics import topics.jsonl --name garden
      workbench topics show garden
      workbench topics
    """


topics.add_command(build)
topics.add_command(show)


@topics.command("list")
@project_option
@rows_options
def list_topics(project: Path, form: Form) -> None:
    """List the topic models with their counts.

    \b
    Example:
      workbench topics list --json
    """
    from workbench.catalogue.outline import topic_models
    from workbench.store import open_project

    with open_project(project) as db:
        table(
            topic_models(db),
            form,
            empty="no topics yet; see `workbench topics import --help` and `topics build --help`",
        )


@topics.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the topic model; the file's own name when left out.")
@click.option("--strict", is_flag=True, help="Refuse topics that come without a UUID.")
@click.option("--leaves-only", is_flag=True, help="Graphs: samples are about leaves only, not about every node.")
@click.option("--create", is_flag=True, help="Make the project when it is not there yet.")
@dry_run_option
@project_option
@json_option
def import_topics(
    file: Path,
    name: str | None,
    strict: bool,
    leaves_only: bool,
    create: bool,
    dry_run: bool,
    project: Path,
    form: Form,
) -> None:
    """Read a topic tree (JSON Lines, Markdown, CSV, nested JSON) or a topic graph (JSON).

    JSON Lines hold one path a row: {"path": ["Garden", "Soil", "Compost"]}. In Markdown headings and the items of lists
    are topics, in a .txt the lines, by their indentation; CSV has a column for each level, and a first row that names
    them. The same path is the same topic in each form. Reading a file again adds only what is new.

    \b
    Example:
      workbench topics import topics_tree.jsonl --name garden
      workbench topics import outline.md --name garden --dry-run
      workbench topics import topic_graph.json --leaves-only
    """
    from workbench.topics import read_topics

    model = read_topics(file, name=name or name_from(file), strict=strict, leaves_only=leaves_only)
    stored = _stored(project, model, create=create, dry_run=dry_run)
    _report_import(model, stored, form, dry_run=dry_run)


def name_from(file: Path) -> str:
    """Make a name that an ID can hold from a file's name; raises BadInput when nothing of it can stay."""
    from workbench.errors import BadInput

    name = re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._")[:100]
    if not name:
        raise BadInput(f"no name can be made from {file.name!r}", mend="give one with --name")
    return name


def _stored(project: Path, model: TopicModel, *, create: bool, dry_run: bool) -> Stored:
    from workbench.catalogue.topics import Stored, store_topics
    from workbench.store import open_project

    if create and not project.exists():
        if dry_run:
            return Stored(0, len(model.nodes), 0)
        _create(project)
    with open_project(project, write=True) as db, trial(db, dry_run):
        stored = store_topics(db, model)
        _refuse_other_width(db, stored.topic_model_id, model)
    return stored


def _create(project: Path) -> None:
    from workbench.catalogue.starters import install_starters
    from workbench.store import create_project, open_project, transaction

    create_project(project)
    with open_project(project, write=True) as db, transaction(db):
        install_starters(db)
    note(f"made {project} with the starter templates")


def _refuse_other_width(db: Database, model_id: int, model: TopicModel) -> None:
    from workbench.errors import Conflict

    (narrow,) = db.execute("select leaves_only from topic_models where id = ?", (model_id,)).fetchone()
    if bool(narrow) != model.leaves_only:
        how = "with" if narrow else "without"
        raise Conflict(f"{model.name!r} was read {how} --leaves-only", mend="say the same, or use another --name")


def _report_import(model: TopicModel, stored: Stored, form: Form, *, dry_run: bool) -> None:
    found: dict[str, Any] = {
        "name": model.name,
        "kind": model.kind,
        **model.counts()._asdict(),
        "added": stored.added,
        "unchanged": stored.unchanged,
        "failures": len(model.failures),
        "notes": model.notes,
        "dry_run": dry_run,
    }

    def text() -> Sequence[str]:
        verb = "would add" if dry_run else "added"
        return [
            f"{model.name}: a {model.kind} with {in_words(found)}",
            f"{verb} {many(stored.added, 'topic')}, {stored.unchanged:,} already there",
        ]

    for one in model.notes if form.kind == "text" else ():
        note(one)
    document(found, form, text)


@topics.command()
@click.argument("name", shell_complete=names("topic_models"))
@click.option("--depth", type=click.IntRange(1), help="Keep so many levels below the root.")
@click.option(
    "--uuid", "uuids", metavar="UUID", multiple=True, help="Remove this topic and what hangs on it; repeatable."
)
@dry_run_option
@yes_option
@project_option
@json_option
def prune(
    name: str, depth: int | None, uuids: tuple[str, ...], dry_run: bool, yes: bool, project: Path, form: Form
) -> None:
    """Remove topics that nothing was written about.

    What is reached from the root no more goes too. Refused when there are samples about a topic that would go.

    \b
    Example:
      workbench topics prune garden --depth 2 --dry-run
      workbench topics prune garden --uuid 6f1d8a54-3c6b-5e0e-9a53-2b8f7a1c4e90 --yes
    """
    from workbench.catalogue.pruning import prune as prune_stored
    from workbench.store import open_project

    if depth is None and not uuids:
        raise click.UsageError("say what is to go: --depth N or --uuid UUID")
    with open_project(project, write=True) as db:
        with trial(db, True):
            kept, removed = prune_stored(db, name, depth, uuids)
        if removed and not dry_run:
            _ask(name, removed, yes, quiet=form.kind == "json")
        if not dry_run:
            with trial(db, False):
                kept, removed = prune_stored(db, name, depth, uuids)
    _report_pruning(name, kept, removed, form, dry_run=dry_run)


def _ask(name: str, removed: Sequence[Node], yes: bool, *, quiet: bool) -> None:
    if not yes and not quiet:
        for one in _lines(removed):
            note(one)
    confirmed(f"Remove {many(len(removed), 'topic')} from {name}?", yes)


def _lines(removed: Sequence[Node]) -> list[str]:
    lines = [f"  {'  ' * node.depth}{node.title}  {node.uuid}" for node in removed[:LISTED]]
    return [*lines, *([f"  … {len(removed) - LISTED:,} more"] if len(removed) > LISTED else [])]


def _report_pruning(name: str, kept: TopicModel, removed: Sequence[Node], form: Form, *, dry_run: bool) -> None:
    gone = [{"uuid": node.uuid, "topic": node.title, "depth": node.depth} for node in removed]
    found = {"name": name, "removed": len(gone), "left": len(kept.nodes), "topics": gone, "dry_run": dry_run}

    def text() -> Sequence[str]:
        verb = "would remove" if dry_run else "removed"
        return [f"{name}: {verb} {many(len(gone), 'topic')}; left {len(kept.nodes):,}", *_lines(removed)]

    document(found, form, text)


@topics.command()
@click.argument("name", shell_complete=names("topic_models"))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@dry_run_option
@project_option
@json_option
def export(name: str, out: Path, force: bool, dry_run: bool, project: Path, form: Form) -> None:
    """Write a topic model as a file: a tree as JSON Lines, a graph as JSON.

    Failed topics stand in a tree's file, or in `…_failed.jsonl` beside a graph's.

    \b
    Example:
      workbench topics export garden garden.jsonl
    """
    from workbench.catalogue.outline import topic_models
    from workbench.exports.topics import export_topics
    from workbench.store import open_project
    from workbench.store.rehearsal import rehearsal

    with rehearsal(dry_run), open_project(project) as db:
        written = export_topics(db, name, out, force=force)
        left = next((row["left"] for row in topic_models(db) if row["name"].lower() == name.strip().lower()), 0)
    if left:
        note(f"still to be grown and written as leaves: {many(left, 'topic')}; `workbench topics build` goes on")
    document(written, form, lambda: [f"{written['rows']:,} rows in {written['path']}"])
