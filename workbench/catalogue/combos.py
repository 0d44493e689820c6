"""Combos in the project: what drafts are about, and what a prompt sees of it."""

from __future__ import annotations

from typing import Final

from workbench.cohorts import Concept, describe
from workbench.errors import DamagedFile
from workbench.ids import NO_TOPIC
from workbench.store import Database

LONGEST_PATH: Final = 100_000  # edges from the root to a topic: more than a file of topics has levels
PATH: Final = """
with recursive up (id, title, distance) as (
  select id, title, 0 from topics where id = ?
  union all
  select t.id, t.title, up.distance + 1 from up
  join topic_edges e on e.child_id = up.id and e.main = 1 join topics t on t.id = e.parent_id where distance < ?
)
select title from up order by distance desc
"""


def ensure_plain_combo(db: Database) -> int:
    """Give the number of the reserved combo of samples without topics, making it when needed."""
    db.execute("insert or ignore into combos (combo_id) values (?)", (NO_TOPIC,))
    return int(db.execute("select id from combos where combo_id = ?", (NO_TOPIC,)).fetchone()[0])


def ensure_topic_combos(db: Database, topic_model_id: int) -> None:
    """Give every unique topic of a topic model its combo: a set of one, named by the topic's uuid."""
    db.execute(
        "insert or ignore into combos (combo_id, topic_id)"
        " select u.uuid, u.id from unique_topics u where u.topic_model_id = ?"
        " and not exists (select 1 from combos c where c.combo_id = u.uuid) order by u.place",
        (topic_model_id,),
    )


def topic_path(db: Database, topic_id: int) -> list[str]:
    """Give the titles from the root to a topic, by its main path: one indexed query.

    Raises DamagedFile where topics hang below each other, so that the path has no end.
    """
    rows = db.execute(PATH, (topic_id, LONGEST_PATH)).fetchall()
    if len(rows) > LONGEST_PATH:
        title = rows[-1][0]
        raise DamagedFile(f"the path above topic {title!r} has no end", mend="restore a snapshot, or prune the topic")
    return [title for (title,) in rows]


def concepts_of(db: Database, combo_id: int, level: str | None) -> list[dict[str, str]]:
    """Give a combo's concepts in order as {name, content}; a missing level falls back, at last to the name."""
    rows = db.execute(
        "select c.concept_id, c.name, coalesce(c.sentence, ''), coalesce(c.paragraph, ''), coalesce(c.article, '')"
        " from combo_members m join concepts c on c.id = m.concept_id where m.combo_id = ? order by m.place",
        (combo_id,),
    )
    return [{"name": one.name, "content": describe(one, level)} for one in (Concept(*row) for row in rows)]
