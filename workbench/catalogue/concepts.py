"""Concepts in the project: stored, listed, loaded."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from workbench.catalogue import Change
from workbench.cohorts import LEVELS, Concept
from workbench.errors import UnknownName
from workbench.store import Database, insert


def store_concept(db: Database, concept: Concept) -> Change:
    """Keep a concept with its descriptions as they are now; a level that it lacks is null."""
    texts = {level: getattr(concept, level) or None for level in LEVELS}
    values: dict[str, Any] = {"name": concept.name, **texts}
    row = db.execute(
        "select id, name, sentence, paragraph, article from concepts where concept_id = ?", (concept.concept_id,)
    ).fetchone()
    if row is None:
        insert(db, "concepts", {"concept_id": concept.concept_id, **values})
        return "added"
    if tuple(values.values()) == row[1:]:
        return "unchanged"
    db.execute(
        "update concepts set name = ?, sentence = ?, paragraph = ?, article = ? where id = ?",
        (*values.values(), row[0]),
    )
    return "changed"


def list_concepts(db: Database) -> Iterator[dict[str, Any]]:
    """Give every concept in the order in which it came: the words of each description, and how many combos hold it."""
    rows = db.execute(
        "select concept_id, name, word_count(sentence), word_count(paragraph), word_count(article),"
        " (select count(*) from combo_members m where m.concept_id = concepts.id) from concepts order by id"
    )
    for row in rows:
        yield dict(zip(("concept_id", "name", *LEVELS, "combos"), row, strict=True))


def load_concept(db: Database, name: str) -> Concept:
    """Give a concept by its ID in any case; raises UnknownName with the nearest."""
    row = db.execute(
        "select concept_id, name, coalesce(sentence, ''), coalesce(paragraph, ''), coalesce(article, '')"
        " from concepts where concept_id = ?",
        (name.strip(),),
    ).fetchone()
    if row is None:
        raise unknown_concept(db, name)
    return Concept(*row)


def concept_ids(db: Database) -> list[str]:
    """Give the IDs of all concepts, in the order in which they came."""
    return [concept_id for (concept_id,) in db.execute("select concept_id from concepts order by id")]


def unknown_concept(db: Database, name: str) -> UnknownName:
    """Make the error for a concept that is not there, naming the nearest."""
    known = concept_ids(db)
    near = get_close_matches(name.strip().lower(), known, 3, 0.4) or known[:6]
    mend = f"there are {', '.join(near)}" if near else "read some with `workbench concepts import`"
    return UnknownName(f"no concept {name[:60]!r}", mend=mend)
