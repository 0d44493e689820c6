"""What is to be seen of stored topic models: the list of them, and for each topic its growth and its samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workbench.catalogue.topics import topic_model_id
from workbench.store import Database
from workbench.store.rows import streamed


@dataclass(frozen=True, slots=True)
class State:
    """How a topic stands: its growth (None when it was read), samples that are done, and why it failed."""

    growth: str | None = None
    samples: int = 0
    why: str = ""


def topic_models(db: Database) -> Iterator[dict[str, Any]]:
    """Give every topic model with its counts, by name; `left` is how many topics are still to be grown."""
    return streamed(
        db,
        "select m.name, m.kind, count(t.id) as topics,"
        " (select count(*) from unique_topics u where u.topic_model_id = m.id) as unique_topics,"
        " max(t.depth) as depth,"
        " (select count(*) from topics x join combos c on c.combo_id = x.uuid join generations g on g.combo_id = c.id"
        "  where x.topic_model_id = m.id and g.stage = 'draft' and g.status = 'done') as samples,"
        " count(*) filter (where t.growth = 'failed') as failed,"
        " count(*) filter (where t.growth in ('pending', 'failed')) as 'left', m.created"
        " from topic_models m left join topics t on t.topic_model_id = m.id group by m.id order by m.name",
    )


def topic_states(db: Database, name: str) -> dict[str, State]:
    """Give how each topic of a model stands, by uuid; raises UnknownName."""
    rows = db.execute(
        "select t.uuid, t.growth,"
        " (select count(*) from combos c join generations g on g.combo_id = c.id"
        "  where c.combo_id = t.uuid and g.stage = 'draft' and g.status = 'done'),"
        " (select f.detail from topic_failures f where f.topic_id = t.id order by f.id desc limit 1)"
        " from topics t where t.topic_model_id = ?",
        (topic_model_id(db, name),),
    )
    return {uuid: State(growth, samples, why or "") for uuid, growth, samples, why in rows}


def unique_count(db: Database, name: str) -> int:
    """Count the topics of a model that samples are made of, as it stands now."""
    sql = "select count(*) from unique_topics where topic_model_id = ?"
    return int(db.execute(sql, (topic_model_id(db, name),)).fetchone()[0])
