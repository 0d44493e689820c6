"""Topic models in the project: stored as nodes and edges, and loaded back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.clock import now
from workbench.errors import Conflict, DamagedFile, UnknownName
from workbench.ids import fold
from workbench.store import Database, insert
from workbench.store.json_columns import told_facts
from workbench.topics import Node, TopicModel
from workbench.topics.model import topological


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing a topic model did: its number, and how many topics were new or known."""

    topic_model_id: int
    added: int
    unchanged: int


def store_topics(db: Database, model: TopicModel, *, growth: str | None = None) -> Stored:
    """Keep a topic model; what is there already stays, what is new is added. The caller holds the transaction.

    `growth` is the JSON of how a model grows it. Raises Conflict when a uuid means another topic here.
    """
    model_id = _model_row(db, model, growth)
    known = _known(db, model_id)
    _refuse_conflicts(db, model, model_id, known)
    fresh = [node for node in model.nodes if node.uuid not in known]
    first = db.execute("select coalesce(max(place) + 1, 0) from topics where topic_model_id = ?", (model_id,))
    place = int(first.fetchone()[0])
    db.conn.executemany(
        "insert into topics (topic_model_id, uuid, title, depth, leaf, place) values (?, ?, ?, ?, 0, ?)",
        [(model_id, node.uuid, node.title, node.depth, place + n) for n, node in enumerate(fresh)],
    )
    numbers = {uuid: number for uuid, (number, _) in _known(db, model_id).items()}
    _store_edges(db, model, numbers)
    _store_aliases(db, model.nodes, numbers)
    _store_failures(db, model, model_id)
    refresh_leaves(db, model_id)
    return Stored(model_id, len(fresh), len(model.nodes) - len(fresh))


def _model_row(db: Database, model: TopicModel, growth: str | None) -> int:
    fold(model.name, "topic model")
    name = model.name.strip()
    row = db.execute("select id, kind from topic_models where name = ?", (name,)).fetchone()
    if row is None:
        values = {"name": name, "kind": model.kind, "leaves_only": int(model.leaves_only), "growth": growth}
        return insert(db, "topic_models", values | {"created": now()})
    if row[1] != model.kind:
        raise Conflict(f"{model.name!r} is a {row[1]} here, not a {model.kind}", mend="use another --name")
    return int(row[0])


def _known(db: Database, model_id: int) -> dict[str, tuple[int, str]]:
    rows = db.execute("select uuid, id, title from topics where topic_model_id = ?", (model_id,))
    return {uuid: (number, title) for uuid, number, title in rows}


def _refuse_conflicts(db: Database, model: TopicModel, model_id: int, known: dict[str, tuple[int, str]]) -> None:
    """A uuid names one topic everywhere: another title under it here would change what IDs mean."""
    elsewhere = db.execute("select exists (select 1 from topics where topic_model_id <> ?)", (model_id,))
    other = {}
    if elsewhere.fetchone()[0]:
        rows = db.execute("select uuid, title from topics where topic_model_id <> ?", (model_id,))
        other = dict(rows.fetchall())
    for node in model.nodes:
        title = known[node.uuid][1] if node.uuid in known else other.get(node.uuid, node.title)
        if title != node.title:
            raise Conflict(
                f"the uuid {node.uuid} is {title!r} here and {node.title!r} in {model.name!r}",
                mend="give the topic another uuid",
            )


def _store_edges(db: Database, model: TopicModel, numbers: dict[str, int]) -> None:
    nodes = model.nodes
    rows = [
        (numbers[nodes[parent].uuid], numbers[nodes[child].uuid], place, int(model.parents[child] == parent))
        for place, (parent, child) in enumerate(model.edges)
    ]
    db.conn.executemany(
        "insert into topic_edges (parent_id, child_id, place, main)"
        " select ?1, ?2, ?3, ?4 and not exists (select 1 from topic_edges where child_id = ?2 and main = 1)"
        " where not exists (select 1 from topic_edges where parent_id = ?1 and child_id = ?2)",
        rows,
    )


def _store_aliases(db: Database, nodes: Sequence[Node], numbers: dict[str, int]) -> None:
    db.conn.executemany(
        "insert or ignore into topic_aliases (topic_id, alias) values (?, ?)",
        [(numbers[node.uuid], alias) for node in nodes for alias in node.aliases],
    )


def _store_failures(db: Database, model: TopicModel, model_id: int) -> None:
    for failure in model.failures:
        detail = json.dumps(failure, ensure_ascii=False)
        db.execute(
            "insert into topic_failures (topic_model_id, detail, at) select ?1, ?2, ?3 where not exists"
            " (select 1 from topic_failures where topic_model_id = ?1 and detail = ?2)",
            (model_id, detail, now()),
        )


def refresh_leaves(db: Database, model_id: int) -> None:
    """Say anew which topics of a model have nothing below them; one that is still to be grown is no leaf."""
    db.execute(
        "update topics set leaf = 1 - leaf where topic_model_id = ? and leaf <> (coalesce(growth, 'done') = 'done'"
        " and not exists (select 1 from topic_edges e where e.parent_id = topics.id))",
        (model_id,),
    )


def topic_model_id(db: Database, name: str) -> int:
    """Give the number of a topic model; raises UnknownName with the names there are."""
    row = db.execute("select id from topic_models where name = ?", (name.strip(),)).fetchone()
    if row is None:
        known = [n for (n,) in db.execute("select name from topic_models order by 1")]
        raise UnknownName(
            f"no topic model {name!r}",
            mend=f"there are {', '.join(known[:12])}" if known else "read one with `workbench topics import`",
        )
    return int(row[0])


def load_topics(db: Database, name: str) -> TopicModel:
    """Give a stored topic model whole, its nodes and edges in order.

    Raises UnknownName, and DamagedFile where topics hang below each other, so that no path above them has an end.
    """
    model_id = topic_model_id(db, name)
    title, kind, leaves_only = db.execute(
        "select name, kind, leaves_only from topic_models where id = ?", (model_id,)
    ).fetchone()
    aliases: dict[int, list[str]] = {}
    for topic_id, alias in db.execute(
        "select a.topic_id, a.alias from topic_aliases a join topics t on t.id = a.topic_id"
        " where t.topic_model_id = ? order by a.id",
        (model_id,),
    ):
        aliases.setdefault(topic_id, []).append(alias)
    rows = db.execute(
        "select id, uuid, title, depth from topics where topic_model_id = ? order by place", (model_id,)
    ).fetchall()
    at = {row[0]: n for n, row in enumerate(rows)}
    model = TopicModel(
        name=title,
        kind=kind,
        nodes=[Node(uuid, text, depth, tuple(aliases.get(n, ()))) for n, uuid, text, depth in rows],
        edges=_edges(db, model_id, at),
        failures=_failures(db, model_id),
        leaves_only=bool(leaves_only),
    )
    if len(topological(model.children)) < len(model.nodes):
        raise DamagedFile(f"a path in topic model {title!r} has no end", mend="restore a snapshot")
    return model


def _edges(db: Database, model_id: int, at: dict[int, int]) -> list[tuple[int, int]]:
    rows = db.execute(
        "select e.parent_id, e.child_id from topic_edges e join topics c on c.id = e.child_id"
        " join topics p on p.id = e.parent_id and p.topic_model_id = c.topic_model_id"
        " where c.topic_model_id = ? order by e.place, e.id",
        (model_id,),
    )
    return [(at[parent], at[child]) for parent, child in rows]


def _failures(db: Database, model_id: int) -> list[dict[str, object]]:
    rows = db.execute("select detail from topic_failures where topic_model_id = ? order by id", (model_id,))
    return [told_facts(detail) for (detail,) in rows]
