"""Topics taken out of a stored topic model: what hangs on them goes too, what was written about stays."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workbench.catalogue.paths import store_paths
from workbench.catalogue.topics import load_topics, refresh_leaves, topic_model_id
from workbench.errors import Conflict, RunIsOn, raise_all
from workbench.store import Database
from workbench.store.slots import release_dead
from workbench.topics import Node, TopicModel, pruned

SHOWN = 10  # topics that a refusal names
_GONE = "(select t.id from json_each(?) j join topics t on t.uuid = j.value where t.topic_model_id = ?)"
_REMOVED = (
    f"delete from topic_edges where parent_id in {_GONE}",
    f"delete from topic_edges where child_id in {_GONE}",
    f"delete from topic_aliases where topic_id in {_GONE}",
    f"delete from topic_failures where topic_id in {_GONE}",
    f"delete from combos where topic_id in {_GONE}",
    f"delete from import_rows where topic_id in {_GONE}",
    f"update calls set topic_id = null where topic_id in {_GONE}",
    f"delete from topics where id in {_GONE}",
)


def prune(
    db: Database, name: str, depth: int | None = None, uuids: Sequence[str] = ()
) -> tuple[TopicModel, list[Node]]:
    """Remove the topics below a depth (the root's is 0) and the named ones; gives what stays, and what went.

    The caller holds the transaction. Raises UnknownName, BadInput when nothing would be left, Conflict when something
    was written about a topic that would go, RunIsOn while the model is grown.
    """
    model_id = topic_model_id(db, name)
    kept, removed = pruned(load_topics(db, name), depth=depth, uuids=[uuid.strip().lower() for uuid in uuids])
    _refuse_growing(db, model_id)
    _refuse_written(db, model_id, removed)
    if removed:
        _remove(db, model_id, removed)
        store_paths(db, model_id, kept)
    if depth is not None:
        cut(db, model_id, depth)
        refresh_leaves(db, model_id)
    return kept, removed


def _refuse_growing(db: Database, model_id: int) -> None:
    release_dead(db)
    growing = "select exists (select 1 from claims k join topics t on t.id = k.topic_id where t.topic_model_id = ?)"
    if db.execute(growing, (model_id,)).fetchone()[0]:
        raise RunIsOn("it grows these topics", mend="let it end, or stop it with Ctrl-C")


def _refuse_written(db: Database, model_id: int, removed: Sequence[Node]) -> None:
    rows = db.execute(
        "select t.uuid, t.title, count(*) from generations g join combos c on c.id = g.combo_id"
        " join topics t on t.id = c.topic_id where t.topic_model_id = ? group by t.id order by t.place",
        (model_id,),
    )
    gone = {node.uuid for node in removed}
    used = [(title, count) for uuid, title, count in rows if uuid in gone]
    mend = "keep that topic, or prune others"
    errors = [Conflict(f"there are {count:,} samples about {title!r}", mend=mend) for title, count in used[:SHOWN]]
    if len(used) > SHOWN:
        errors.append(Conflict(f"and about {len(used) - SHOWN:,} more topics", mend=mend))
    raise_all(errors)


def _remove(db: Database, model_id: int, removed: Sequence[Node]) -> None:
    gone = json.dumps([node.uuid for node in removed])
    for statement in _REMOVED:
        db.execute(statement, (gone, model_id))
    refresh_leaves(db, model_id)


def cut(db: Database, model_id: int, depth: int) -> None:
    """Let nothing more be grown at a depth and below; the caller says anew which topics are leaves."""
    db.execute(
        "update topics set growth = 'done' where topic_model_id = ? and depth >= ? and growth in ('pending', 'failed')",
        (model_id, depth),
    )
    db.execute(
        "delete from topic_failures where topic_id in"
        " (select id from topics where topic_model_id = ? and growth = 'done')",
        (model_id,),
    )
