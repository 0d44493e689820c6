"""Combos of concepts in the project: stored whole with their members in order, listed, shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from workbench.catalogue.combos import concepts_of, topic_path
from workbench.catalogue.concepts import concept_ids, unknown_concept
from workbench.cohorts import Combo
from workbench.errors import Conflict, UnknownName, raise_all
from workbench.store import Database
from workbench.store.rows import streamed

CHUNK = 5000  # combos handed to SQLite at a time


def named_concepts(db: Database, names: Sequence[str]) -> tuple[str, ...]:
    """Give concepts as the project spells them; raises UnknownName, or Problems with all that are not there."""
    known = {concept_id.lower(): concept_id for concept_id in concept_ids(db)}
    raise_all([unknown_concept(db, name) for name in names if name.strip().lower() not in known])
    return tuple(known[name.strip().lower()] for name in names)


def store_combos(db: Database, found: Iterable[Combo]) -> dict[str, int]:
    """Keep combos of concepts that are in the project, streaming; gives counts of added, changed and unchanged.

    A combo that was only named until now gets its concepts: it is changed. The caller holds the transaction. Raises
    Conflict when an ID stands for another set here.
    """
    numbers = dict(db.execute("select concept_id, id from concepts").fetchall())
    counts = {"added": 0, "changed": 0, "unchanged": 0}
    combos = iter(found)
    while chunk := list(islice(combos, CHUNK)):
        known, fresh = _known(db, chunk), dict[str, Combo]()
        for combo in chunk:
            change = _compared(combo, known.get(combo.combo_id), fresh.get(combo.combo_id))
            counts[change] += 1
            if change != "unchanged":
                fresh[combo.combo_id] = combo
        _add(db, list(fresh.values()), numbers)
    return counts


class _Known(NamedTuple):
    level: str | None
    topic_id: int | None
    members: tuple[str, ...]


def _known(db: Database, combos: Sequence[Combo]) -> dict[str, _Known]:
    """Give what the project knows of these combos, by ID."""
    rows = db.execute(
        "select c.combo_id, c.level, c.topic_id, (select json_group_array(x.concept_id) from"
        " (select n.concept_id from combo_members m join concepts n on n.id = m.concept_id where m.combo_id = c.id"
        " order by m.place) x) from json_each(?) j cross join combos c on c.combo_id = j.value",
        (json.dumps([combo.combo_id for combo in combos]),),
    )
    return {name: _Known(level, topic_id, tuple(json.loads(members))) for name, level, topic_id, members in rows}


def _compared(combo: Combo, known: _Known | None, fresh: Combo | None) -> str:
    if known is None and fresh is None:
        return "added"
    if known is not None and known == (None, None, ()):
        return "changed"
    state = (known.level, known.members) if known else (fresh.level, fresh.members) if fresh else (None, ())
    if state != (combo.level, combo.members):
        detail = f"the ID {combo.combo_id} of {', '.join(combo.members)} at level {combo.level} stands for another set"
        raise Conflict(detail, mend="leave one of the sets out")
    return "unchanged"


def _add(db: Database, combos: Sequence[Combo], numbers: dict[str, int]) -> None:
    db.conn.executemany(
        "insert into combos (combo_id, level, k) values (?, ?, ?)"
        " on conflict (combo_id) do update set level = excluded.level, k = excluded.k",
        [(combo.combo_id, combo.level, combo.k) for combo in combos],
    )
    db.conn.executemany(
        "insert into combo_members (combo_id, concept_id, place) select id, ?, ? from combos where combo_id = ?",
        [(numbers[member], place, combo.combo_id) for combo in combos for place, member in enumerate(combo.members)],
    )


_LIST = (
    "select c.combo_id, c.level, c.k, t.title as topic, (select group_concat(x.concept_id, ', ') from"
    " (select n.concept_id from combo_members m join concepts n on n.id = m.concept_id where m.combo_id = c.id"
    " order by m.place) x) as concepts, (select count(*) from generations g where g.combo_id = c.id) as drafts"
    " from combos c left join topics t on t.id = c.topic_id"
)


def list_combos(db: Database, limit: int = -1, *, sets: bool = False) -> Iterator[dict[str, Any]]:
    """Give combos in the order in which they came: their concepts or their topic, and how many drafts there are.

    `sets` leaves out all but sets of concepts.
    """
    only = "where c.level is not null" if sets else ""
    return streamed(db, f"{_LIST} {only} order by c.id limit ?", (limit,))


def show_combo(db: Database, name: str) -> dict[str, Any]:
    """Give a combo with the texts that a draft's prompt sees of it. Raises UnknownName."""
    row = db.execute(
        "select id, combo_id, level, k, topic_id from combos where combo_id = ?", (name.strip(),)
    ).fetchone()
    if row is None:
        known = [n for (n,) in db.execute("select combo_id from combos order by id limit 6")]
        mend = f"there are {', '.join(known)}" if known else "make some with `workbench combos create`"
        raise UnknownName(f"no combo {name[:60]!r}", mend=mend)
    number, combo_id, level, k, topic_id = row
    drafts = db.execute("select count(*) from generations where combo_id = ?", (number,)).fetchone()[0]
    return {
        "combo_id": combo_id,
        "level": level,
        "k": k,
        "topic_path": [] if topic_id is None else topic_path(db, topic_id),
        "concepts": concepts_of(db, number, level),
        "drafts": drafts,
    }
