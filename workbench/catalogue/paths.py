"""Paths of a stored topic model, written anew after its edges changed."""

from __future__ import annotations

from workbench.store import Database
from workbench.topics import TopicModel


def store_paths(db: Database, topic_model_id: int, model: TopicModel) -> None:
    """Write down the depths, the order of the edges and the main paths that a model has; it adds and removes nothing.

    `model` holds the topics that are stored under that number. The caller holds the transaction.
    """
    rows = db.execute("select uuid, id from topics where topic_model_id = ?", (topic_model_id,))
    numbers = dict(rows.fetchall())
    at = [numbers[node.uuid] for node in model.nodes]
    db.conn.executemany(
        "update topics set depth = ?1 where id = ?2 and depth <> ?1",
        [(node.depth, number) for node, number in zip(model.nodes, at, strict=True)],
    )
    db.execute(
        "update topic_edges set main = 0 where main = 1"
        " and child_id in (select id from topics where topic_model_id = ?)",
        (topic_model_id,),
    )
    db.conn.executemany(
        "update topic_edges set place = ?, main = ? where parent_id = ? and child_id = ?",
        [
            (place, int(model.parents[child] == parent), at[parent], at[child])
            for place, (parent, child) in enumerate(model.edges)
        ],
    )
