"""What an answer hangs below a topic: new topics, links to those that are there, never a cycle."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from workbench.catalogue.paths import store_paths
from workbench.catalogue.topics import load_topics
from workbench.grow.saplings import Growth, add_topic, title_of, wake
from workbench.store import Database
from workbench.topics import pruned


def hang(
    db: Database, growth: Growth, model_id: int, topic_id: int, path: Sequence[str], found: Sequence[dict[str, Any]]
) -> int | None:
    """Hang the answer's subtopics below a topic and mark it as grown; gives how many are new.

    `found` holds {topic, connections}; titles that stand there already are linked, not doubled. None, and nothing
    changed, when nothing can hang there. The caller holds the transaction.
    """
    (depth,) = db.execute("select depth from topics where id = ?", (topic_id,)).fetchone()
    places = _free_places(db, model_id)
    added, linked = 0, 0
    for entry in found[: growth.degree]:
        if not (title := title_of(str(entry["topic"]))):
            continue
        child, is_new = _child(db, growth, model_id, [*path, title], depth + 1)
        linked += _link(db, topic_id, child, next(places))
        if is_new:
            added += 1
            for parent in _shown(db, model_id, entry.get("connections", ()), depth):
                _link(db, parent, child, next(places))
    if not linked:
        return None
    db.execute("update topics set growth = 'done', leaf = 0 where id = ?", (topic_id,))
    db.execute("delete from topic_failures where topic_id = ?", (topic_id,))
    _shorten(db, growth, model_id, topic_id)
    return added


def _free_places(db: Database, model_id: int) -> Iterator[int]:
    """Give places behind all edges of a model: a topic's first edge, its main path, is the first one made."""
    (last,) = db.execute(
        "select coalesce(max(place), -1) from topic_edges"
        " where child_id in (select id from topics where topic_model_id = ?)",
        (model_id,),
    ).fetchone()
    return itertools.count(last + 1)


def _child(db: Database, growth: Growth, model_id: int, path: Sequence[str], depth: int) -> tuple[int, bool]:
    """Find the topic at the end of a path, or add it; says whether it is new."""
    uuid = growth.uuid_of(path)
    row = db.execute("select id from topics where topic_model_id = ? and uuid = ?", (model_id, uuid)).fetchone()
    if row is not None:
        return int(row[0]), False
    return add_topic(db, model_id, uuid, path[-1], depth, growth), True


def _link(db: Database, parent: int, child: int, place: int) -> bool:
    """Add an edge unless it would close a cycle; says whether it is there now."""
    closes = db.execute(
        "with recursive up (id) as (select ?1 union select e.parent_id from up"
        " join topic_edges e on e.child_id = up.id) select exists (select 1 from up where id = ?2)",
        (parent, child),
    ).fetchone()[0]
    if not closes:
        db.execute(
            "insert or ignore into topic_edges (parent_id, child_id, place, main) select ?1, ?2, ?3,"
            " not exists (select 1 from topic_edges where child_id = ?2 and main = 1)",
            (parent, child, place),
        )
    return not closes


def _shown(db: Database, model_id: int, connections: Iterable[object], depth: int) -> Iterator[int]:
    """Give the topics that an answer links to, of those that its prompt could show: none is below the new topic."""
    for node in connections:
        known = db.execute(
            "select id from topics where id = ? and topic_model_id = ? and depth between 1 and ?",
            (_number(node), model_id, depth),
        ).fetchone()
        if known:
            yield int(known[0])


def _number(node: object) -> int:
    text = str(node).strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1


def _shorten(db: Database, growth: Growth, model_id: int, topic_id: int) -> None:
    """Mend depths and main paths when a subtopic has a shorter way: a link to one above, or a late retry."""
    deeper = db.execute(
        "select exists (select 1 from topic_edges own join topic_edges e on e.child_id = own.child_id"
        " join topics c on c.id = e.child_id join topics p on p.id = e.parent_id"
        " where own.parent_id = ? and c.depth > p.depth + 1)",
        (topic_id,),
    ).fetchone()[0]
    if deeper:
        (name,) = db.execute("select name from topic_models where id = ?", (model_id,)).fetchone()
        store_paths(db, model_id, pruned(load_topics(db, name))[0])
        wake(db, model_id, growth.depth)
