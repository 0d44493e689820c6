"""A shard's file is filled: the catalogue of the whole project, and of its generations what the shard needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from workbench.catalogue.combos import ensure_plain_combo, ensure_topic_combos
from workbench.clock import now
from workbench.errors import Conflict
from workbench.plan.orders import Shape
from workbench.record.selection import Selection
from workbench.shards.share import Share
from workbench.store import Database, sqlite3

# Row numbers are those of the project, so whole tables are copied as they are.
_CATALOGUE: Final = (
    *("topic_models", "topics", "topic_edges", "topic_aliases", "concepts"),
    *("templates", "template_versions", "models", "model_versions", "replication"),
)
_CHOSEN: Final = {
    "generations": "id in (select id from wanted)",
    "contents": "generation_id in (select id from wanted)",
    "scores": "content_id in (select id from main.contents)",
    "alerts": "generation_id in (select id from wanted)",
    "prompts": "hash in (select prompt_hash from main.contents)",
    "cohorts": "id = :cohort or id in (select origin_cohort_id from main.generations)",
    "cohort_files": "cohort_id in (select id from main.cohorts)",
    "cohort_members": "generation_id in (select id from wanted) and cohort_id in (select id from main.cohorts)",
    "combos": "id in (select combo_id from main.generations)",
}
_COMBOS_OF_TOPICS: Final = (
    "insert or ignore into main.combos select c.* from whole.combos c"
    " where c.combo_id in (select uuid from unique_topics where topic_model_id = :topics)"
)
_ELSEWHERE: Final = {"contents": {"call_id": "null"}}  # calls stay where they were made


def copy_rows(db: Database, wanted: Iterable[int], *, cohort: int | None, topics: int | None) -> None:
    """Copy the catalogue, and generations by number with all their texts, from the attached `whole`.

    The caller holds the transaction, with foreign keys deferred.
    """
    db.execute("create temp table wanted (id integer primary key)")
    db.conn.executemany("insert or ignore into wanted values (?)", ((number,) for number in wanted))
    for table in _CATALOGUE:
        db.execute(f"insert into main.{table} select * from whole.{table}")
    for table, where in _CHOSEN.items():
        _copy(db, table, where, {"cohort": cohort} if ":cohort" in where else {})
    if topics is not None:
        db.execute(_COMBOS_OF_TOPICS, {"topics": topics})
    _copy(db, "combo_members", "combo_id in (select id from main.combos)", {})
    db.execute(
        "update contents set parent_content_id = null where parent_content_id is not null"
        " and parent_content_id not in (select id from main.contents)"
    )
    db.execute("drop table temp.wanted")


def _copy(db: Database, table: str, where: str, values: dict[str, object]) -> None:
    columns = [name for _, name, *_ in db.execute(f"pragma main.table_info({table})").fetchall()]
    instead = _ELSEWHERE.get(table, {})
    taken = ", ".join(instead.get(name, name) for name in columns)
    db.execute(
        f"insert into main.{table} ({', '.join(columns)}) select {taken} from whole.{table} where {where}", values
    )


def numbers_of(db: Database, gen_ids: Iterable[str]) -> Iterator[int]:
    """Give the numbers of those generations that are in a record, and of what they are made from."""
    for gen_id in gen_ids:
        row = db.execute(
            "select g.id, p.id, p.parent_id from generations g left join generations p on p.id = g.parent_id"
            " where g.gen_id = ?",
            (gen_id,),
        ).fetchone()
        yield from filter(None, row or ())


_FAMILIES: Final = (
    "select g.id, p.id, q.id, coalesce(q.gen_id, p.gen_id, g.gen_id),"
    " case when g.status = 'done' then 'done' when g.outcome = 'collision' or exists (select 1 from batch_lines b"
    " where b.generation_id = g.id and b.open = 1) then 'not ours' end from generations g"
    " left join generations p on p.id = g.parent_id left join generations q on q.id = p.parent_id where "
)


class Families:
    """The tasks of a selection whose family is in one shard, read from the project."""

    def __init__(self, db: Database, selection: Selection, share: Share, *, again: bool) -> None:
        """`again`: those that are done are to be made again."""
        self._db, self._selection, self._share, self._again = db, selection, share, again
        self.done = 0  # tasks of the shard that the project has done

    def __iter__(self) -> Iterator[int]:
        """Give the number of every task that is not done, and of what it is made from.

        Tasks that wait for a person, or for a provider's batch, are left to the project.
        """
        for stage in self._selection.stages:
            condition, parameters = self._selection.where(stage)
            for number, parent, grandparent, root, settled in self._db.execute(_FAMILIES + condition, parameters):
                if not self._share.holds(root):
                    continue
                self.done += settled == "done"
                if settled == "not ours" or (settled and not self._again):
                    continue
                yield from filter(None, (number, parent, grandparent))


_UNIVERSE: Final = {
    True: "select u.uuid, u.place, r.replicate from replicates r join unique_topics u"
    " where u.topic_model_id = :topics and (r.replicate < :cycles or u.place < :end)",
    False: "select 'none' as uuid, 0 as place, r.replicate from replicates r",
}
_PLANT: Final = (
    "with recursive replicates (replicate) as (select 1 union all"
    " select replicate + 1 from replicates where replicate < :cycles),"
    " fresh as materialized (select gen_id('draft', u.uuid, t.name, m.llm_model_id, u.replicate) as gen_id,"
    " c.id as combo_id, u.replicate, u.place from ({universe}) u join templates t on t.id = :template"
    " join models m on m.id = :model join main.combos c on c.combo_id = u.uuid"
    " where not exists (select 1 from whole.combos k join whole.generations g on g.combo_id = k.id"
    " where k.combo_id = u.uuid and g.stage = 'draft' and g.legacy = 0 and g.template_id = :template"
    " and g.model_id = :model and g.replicate = u.replicate))"
    " insert into main.generations"
    " (gen_id, stage, combo_id, template_id, model_id, replicate, status, ready, place, created)"
    " select gen_id, 'draft', combo_id, :template, :model, replicate, 'planned', 1, place, :now from fresh"
    " where shard_of(gen_id, :count) = :number order by replicate, place"
)
_CONTESTED: Final = (
    "select s.gen_id from main.generations s join whole.generations g on g.gen_id = s.gen_id where s.id > ? limit 1"
)


def plant(db: Database, order_shape: Shape, share: Share) -> None:
    """Plan the drafts of an order that are in this shard and in no record yet; `shard_of` is known to SQL.

    Raises Conflict where two tasks share an ID.
    """
    last = db.execute("select coalesce(max(id), 0) from main.generations").fetchone()[0]
    if order_shape.topic_model_id is None:
        ensure_plain_combo(db)
    else:
        ensure_topic_combos(db, order_shape.topic_model_id)
    values = {"topics": order_shape.topic_model_id, "template": order_shape.template_id, "model": order_shape.model_id}
    values |= {"cycles": order_shape.cycles_needed, "end": order_shape.end_place}
    values |= {"count": share.count, "number": share.number}
    about_topics = order_shape.topic_model_id is not None
    try:
        db.execute(_PLANT.format(universe=_UNIVERSE[about_topics]), values | {"now": now()})
    except sqlite3.IntegrityError:
        raise _contested("an ID") from None
    if taken := db.execute(_CONTESTED, (last,)).fetchone():
        raise _contested(taken[0])


def _contested(what: str) -> Conflict:
    return Conflict(
        f"{what} stands for two tasks", mend="generate without shards, which tells them apart with an alert"
    )
