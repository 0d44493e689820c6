"""A growing topic model in the record: which topic is next, and what an answer hangs below it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workbench.clock import now
from workbench.errors import Conflict
from workbench.ids import fold, node_uuid, path_uuid
from workbench.store import Database


@dataclass(frozen=True, slots=True)
class Growth:
    """How a topic model is grown: `depth` levels below the root, up to `degree` subtopics for each topic."""

    prompt: str
    mode: str  # tree or graph
    depth: int
    degree: int
    model: str
    template: str
    system: str = ""

    def as_json(self) -> str:
        """Give it as it is kept with the topic model."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def plant(db: Database, name: str, growth: Growth) -> int:
    """Begin a topic model with its root, or go on with one that was begun alike; gives its number.

    A larger depth or another degree just continues. Raises Conflict when the name stands for something else.
    """
    fold(name, "topic model")
    row = db.execute("select id, kind, growth from topic_models where name = ?", (name,)).fetchone()
    if row is None:
        return _begin(db, name, growth)
    before = json.loads(row[2]) if row[2] else None
    if before is None or row[1] != growth.mode or before["prompt"] != growth.prompt:
        raise Conflict(f"topic model {name!r} is there and was made otherwise", mend="build under another name")
    db.execute("update topic_models set growth = ? where id = ?", (growth.as_json(), row[0]))
    db.execute(
        "update topics set growth = 'pending', leaf = 0 where topic_model_id = ? and (growth = 'failed'"
        " or (depth < ? and not exists (select 1 from topic_edges e where e.parent_id = topics.id)))",
        (row[0], growth.depth),
    )
    return int(row[0])


def _begin(db: Database, name: str, growth: Growth) -> int:
    cursor = db.execute(
        "insert into topic_models (name, kind, growth, created) values (?, ?, ?, ?)",
        (name, growth.mode, growth.as_json(), now()),
    )
    model_id = int(cursor.lastrowid or 0)
    root = path_uuid([growth.prompt]) if growth.mode == "tree" else node_uuid(growth.prompt, "0")
    _add_topic(db, model_id, root, growth.prompt, 0, growth)
    return model_id


def _add_topic(db: Database, model_id: int, uuid: str, title: str, depth: int, growth: Growth) -> int:
    pending = depth < growth.depth
    cursor = db.execute(
        "insert into topics (topic_model_id, uuid, title, depth, leaf, place, growth) select ?, ?, ?, ?, ?,"
        " coalesce(max(place) + 1, 0), ? from topics where topic_model_id = ?",
        (model_id, uuid, title, depth, int(not pending), "pending" if pending else "done", model_id),
    )
    return int(cursor.lastrowid or 0)


def next_topic(db: Database, model_id: int) -> tuple[int, str, int] | None:
    """Give the next topic to grow, breadth-first, that nobody works on: number, title, depth."""
    row = db.execute(
        "select id, title, depth from topics t where topic_model_id = ? and growth = 'pending'"
        " and not exists (select 1 from claims k where k.topic_id = t.id) order by depth, place limit 1",
        (model_id,),
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def neighbours(db: Database, model_id: int, topic_id: int, depth: int, most: int = 40) -> list[dict[str, Any]]:
    """Give other topics that may be linked above the new ones: none deeper, so that no cycle can arise."""
    rows = db.execute(
        "select id, title from topics where topic_model_id = ? and id <> ? and depth between 1 and ?"
        " order by depth desc, place limit ?",
        (model_id, topic_id, depth, most),
    )
    return [{"id": number, "title": title} for number, title in rows]


def siblings(db: Database, topic_id: int) -> list[str]:
    """Give the titles of the topics beside one, below the same parent."""
    rows = db.execute(
        "select t.title from topic_edges e join topic_edges f on f.parent_id = e.parent_id and f.child_id <> e.child_id"
        " join topics t on t.id = f.child_id where e.child_id = ? and e.main = 1 order by f.place limit 50",
        (topic_id,),
    )
    return [title for (title,) in rows]


def hang(
    db: Database, growth: Growth, model_id: int, topic_id: int, path: Sequence[str], found: Sequence[dict[str, Any]]
) -> int:
    """Hang the answer's subtopics below a topic and mark it as grown; gives how many are new.

    `found` holds {topic, connections}; titles that stand there already are linked, not doubled.
    """
    added = 0
    for place, entry in enumerate(found[: growth.degree]):
        child, is_new = _child(db, growth, model_id, path, str(entry["topic"]))
        if child != topic_id:
            _link(db, topic_id, child, place)
        if is_new:
            added += 1
            for parent in entry.get("connections", ()):
                _cross_link(db, model_id, parent, child, len(path))
    db.execute("update topics set growth = 'done', leaf = 0 where id = ?", (topic_id,))
    return added


def _child(db: Database, growth: Growth, model_id: int, path: Sequence[str], title: str) -> tuple[int, bool]:
    uuid = path_uuid([*path, title]) if growth.mode == "tree" else node_uuid(growth.prompt, title.casefold())
    row = db.execute("select id from topics where topic_model_id = ? and uuid = ?", (model_id, uuid)).fetchone()
    if row is not None:
        return int(row[0]), False
    return _add_topic(db, model_id, uuid, title, len(path), growth), True


def _link(db: Database, parent: int, child: int, place: int) -> None:
    """Add an edge unless it is there or would close a cycle."""
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


def _cross_link(db: Database, model_id: int, parent: object, child: int, depth: int) -> None:
    known = db.execute(
        "select id from topics where id = ? and topic_model_id = ? and depth between 1 and ?",
        (parent if isinstance(parent, int) else -1, model_id, depth - 1),
    ).fetchone()
    if known:
        _link(db, known[0], child, 10_000)


def give_up(db: Database, model_id: int, topic_id: int, detail: dict[str, object]) -> None:
    """Keep a topic that could not be grown, with the reason; building again tries it anew."""
    db.execute("update topics set growth = 'failed' where id = ?", (topic_id,))
    db.execute(
        "insert into topic_failures (topic_model_id, topic_id, detail, at) values (?, ?, ?, ?)",
        (model_id, topic_id, json.dumps(detail, ensure_ascii=False), now()),
    )
