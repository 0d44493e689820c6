"""`workbench combos`: sets of concepts that drafts are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from workbench.cli.complete import names
from workbench.cli.frame import Noun
from workbench.cli.options import dry_run_option, json_option, project_option, rows_options, yes_option
from workbench.cli.output import Form, document, heading, line, many, note, table
from workbench.cli.trial import trial

if TYPE_CHECKING:
    from workbench.cohorts import Combo
    from workbench.store import Database

MANY: Final = 1_000_000  # combos that are not made without --yes
LEVELS: Final = click.Choice(["sentence", "paragraph", "article"])


@click.group(cls=Noun)
def combos() -> None:
    """Sets of concepts at a description level. A topic is a combo of one, and made by itself.

    \b
    Example:
      workbench combos create --k 2 --dry-run
      workbench combos create --concepts mind-wandering,default-mode-network
      workbench combos
    """


@combos.command()
@click.option("--concepts", "sets", metavar="A,B,…", multiple=True, help="One combo of these concepts; repeatable.")
@click.option("--k", "sizes", metavar="N|N..M", help="All sets of so many of all concepts.")
@click.option("--level", type=LEVELS, default="paragraph", show_default=True, help="Descriptions that prompts see.")
@dry_run_option
@yes_option
@project_option
@json_option
def create(
    sets: tuple[str, ...], sizes: str | None, level: str, dry_run: bool, yes: bool, project: Path, form: Form
) -> None:
    """Make combos: of listed concepts, or of every set of a size.

    How many it will be is said before any is made; --dry-run counts what of it is new (of up to a million). A concept
    without a description at the level shows its paragraph, its sentence, or its name.

    \b
    Example:
      workbench combos create --concepts mind-wandering,default-mode-network
      workbench combos create --k 2..4 --level sentence --dry-run
    """
    from workbench.catalogue.concept_sets import store_combos
    from workbench.store import open_project

    if bool(sets) == bool(sizes):
        raise click.UsageError("say which combos: --concepts A,B or --k N")
    with open_project(project, write=True) as db:
        number, found = _listed(db, sets, level) if sets else _subsets(db, str(sizes), level)
        note(f"{many(number, 'combo')} at level {level}")
        if number > MANY and dry_run and not yes:
            changes: dict[str, int | None] = dict.fromkeys(("added", "changed", "unchanged"))
        else:
            _refuse_many(number, yes)
            with trial(db, dry_run):
                changes = {**store_combos(db, found)}
    facts = {"count": number, "level": level, **changes, "dry_run": dry_run}
    document(facts, form, lambda: _told(changes, dry_run))
    if form.kind == "text" and not dry_run:
        note("for a spec: `workbench combos list --sets --csv > combos.csv`, and there: combo_id: '@file:combos.csv'")


def _told(changes: Mapping[str, int | None], dry_run: bool) -> Iterator[str]:
    counted = ", ".join(f"{n:,} {change}" for change, n in changes.items() if n is not None)
    yield "; ".join(filter(None, (counted, "nothing is made, as asked" if dry_run else "")))


def _listed(db: Database, sets: tuple[str, ...], level: str) -> tuple[int, Iterator[Combo]]:
    from workbench.catalogue.concept_sets import named_concepts
    from workbench.cohorts.combos import combo

    made = [combo(named_concepts(db, [name for name in one.split(",") if name.strip()]), level) for one in sets]
    found = {one.combo_id: one for one in made}
    return len(found), iter(found.values())


def _subsets(db: Database, sizes: str, level: str) -> tuple[int, Iterator[Combo]]:
    from workbench.catalogue.concepts import concept_ids
    from workbench.cohorts import combos as all_combos
    from workbench.cohorts import count_subsets, parse_k
    from workbench.errors import BadInput

    ks, known = parse_k(sizes), concept_ids(db)
    number = count_subsets(len(known), ks)
    if not number:
        detail = f"there are {len(known)} concepts, no set of {sizes}"
        raise BadInput(detail, mend="read some with `workbench concepts import`, or ask for smaller sets")
    return number, all_combos(known, ks, level)


def _refuse_many(number: int, yes: bool) -> None:
    from workbench.errors import Refused

    if number > MANY and not yes:
        raise Refused(f"{number:,} combos are more than {MANY:,}", mend="ask for smaller sets, or add --yes")


@combos.command("list")
@click.option("--limit", type=click.IntRange(1), help="List at most so many.")
@click.option("--sets", is_flag=True, help="Only sets of concepts, no topics.")
@project_option
@rows_options
def list_combos(limit: int | None, sets: bool, project: Path, form: Form) -> None:
    """List the combos with their concepts, or the topic that one is.

    A cohort's spec takes the sets from a file: combo_id: '@file:combos.csv'.

    \b
    Example:
      workbench combos list --limit 20
      workbench combos list --sets --csv > combos.csv
    """
    from workbench.catalogue.concept_sets import list_combos as stored
    from workbench.store import open_project

    with open_project(project) as db:
        table(stored(db, limit or -1, sets=sets), form, empty="no combos yet; see `workbench combos create --help`")


@combos.command()
@click.argument("combo_id", metavar="ID", shell_complete=names("combos"))
@project_option
@json_option
def show(combo_id: str, project: Path, form: Form) -> None:
    """Show a combo as a draft's prompt sees it.

    \b
    Example:
      workbench combos show combo_v1_f5f405307bce
    """
    from workbench.catalogue.concept_sets import show_combo
    from workbench.store import open_project

    with open_project(project) as db:
        found = show_combo(db, combo_id)
    if form.kind == "json":
        document(found, form)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    number = len(found["concepts"])
    about = f"{many(number, 'concept')} at level {found['level']}" if number else "no concepts"
    path = " › ".join(found["topic_path"])
    line(f"{found['combo_id']}: {path or about}, {many(found['drafts'], 'draft')}")
    for concept in found["concepts"]:
        line("")
        heading(concept["name"])
        line(concept["content"])
