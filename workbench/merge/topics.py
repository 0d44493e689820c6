"""Topic models: nodes by uuid, edges by their ends; the order of the union is a pure function of both orders."""

from __future__ import annotations

from typing import Final

from workbench.catalogue.topics import refresh_leaves
from workbench.errors import Conflict
from workbench.merge.numbers import bring, made, number, ours
from workbench.merge.report import Clashes
from workbench.store import Database

_SAME: Final = {
    "topic_models": "theirs.topic_models r cross join main.topic_models o on o.name = r.name",
    "topics": "theirs.topics r cross join main.topics o"
    f" on o.topic_model_id = {ours('topic_models', 'r.topic_model_id')} and o.uuid = r.uuid",
    "topic_edges": "theirs.topic_edges r cross join main.topic_edges o"
    f" on o.parent_id = {ours('topics', 'r.parent_id')} and o.child_id = {ours('topics', 'r.child_id')}",
    "topic_aliases": "theirs.topic_aliases r cross join main.topic_aliases o"
    f" on o.topic_id = {ours('topics', 'r.topic_id')} and o.alias = r.alias",
    "topic_failures": "theirs.topic_failures r cross join main.topic_failures o"
    f" on o.topic_model_id = {ours('topic_models', 'r.topic_model_id')}"
    f" and o.topic_id is {ours('topics', 'r.topic_id')} and o.detail = r.detail",
}


def number_topics(db: Database) -> None:
    """Number topic models, topics, and what hangs on them."""
    for table, joined in _SAME.items():
        number(db, table, f"select r.id as theirs, min(o.id) as ours from {joined} group by r.id")


def bring_topics(db: Database, clashes: Clashes) -> dict[str, int]:
    """Copy what only they have and settle depths, growth and order; gives how many rows changed, by table.

    Raises Conflict when the edges of both together would close a circle.
    """
    changed = _changed_models(db)
    rows = {table: bring(db, table) for table in ("topic_models", "topics")}
    rows["topics"] += _settle_topics(db)
    _settle_titles(db, clashes)
    rows["topics"] += _order(db, changed)
    rows["topic_edges"] = _bring_edges(db)
    rows |= {table: bring(db, table) for table in ("topic_aliases", "topic_failures")}
    for model in changed:
        refresh_leaves(db, model)
    for (model,) in db.execute(_LINKED).fetchall():
        _refuse_circles(db, model)
    db.execute(_GROWN)
    return rows


_CHANGED: Final = """
select k.ours from temp.number_topic_models k where not k.made and (
  (select count(*) from main.topics o where o.topic_model_id = k.ours)
    <> (select count(*) from theirs.topics r where r.topic_model_id = k.theirs)
  or exists (
    select 1 from theirs.topics r cross join temp.number_topics n on n.theirs = r.id
    left join main.topics o on o.id = n.ours
    where r.topic_model_id = k.theirs
      and (n.made or (r.depth, r.place, r.growth) is not (o.depth, o.place, o.growth)))
  or exists (
    select 1 from theirs.topic_edges e cross join temp.number_topic_edges n on n.theirs = e.id
    cross join theirs.topics r on r.id = e.child_id
    left join main.topic_edges o on o.id = n.ours
    where r.topic_model_id = k.theirs and (n.made or (e.main, e.place) is not (o.main, o.place))))
"""


def _changed_models(db: Database) -> list[int]:
    """Give the topic models that both have and that differ in nodes, edges or order."""
    return [model for (model,) in db.execute(_CHANGED).fetchall()]


_RANK: Final = "case {0} when 'done' then 3 when 'failed' then 2 when 'pending' then 1 else 0 end"
_SETTLE: Final = f"""
update main.topics set depth = min(topics.depth, k.depth),
  growth = iif({_RANK.format("k.growth")} > {_RANK.format("topics.growth")}, k.growth, topics.growth)
from (select n.ours, r.depth, r.growth from temp.number_topics n cross join theirs.topics r on r.id = n.theirs
  where not n.made) k
where k.ours = topics.id
  and (k.depth < topics.depth or {_RANK.format("k.growth")} > {_RANK.format("topics.growth")})
"""
_GROWN: Final = """
delete from main.topic_failures where topic_id in (
  select t.id from temp.number_topics n cross join main.topics t on t.id = n.ours where t.growth = 'done')
"""


def _settle_topics(db: Database) -> int:
    """Let a topic be as near to the root as either file has it, and as far grown."""
    return db.execute(_SETTLE).rowcount


_TITLES: Final = """
select uuid, (select title from main.topics where id = k.first), (select title from main.topics where id = k.last)
from (
  select t.uuid, min(t.id) as first, max(t.id) as last, count(distinct t.title) as titles from main.topics t
  where t.uuid in (
    select q.uuid from temp.number_topics n cross join main.topics q on q.id = n.ours where n.made)
  group by t.uuid) k
where titles > 1
"""


def _settle_titles(db: Database, clashes: Clashes) -> None:
    """A uuid names one topic everywhere: in another topic model too it has one title."""
    if not made(db, "topics"):
        return
    for uuid, here, there in db.execute(_TITLES).fetchall():
        prefer = clashes.note("topic", uuid, "title", here, there)
        title = {"ours": here, "theirs": there, "both": max(here, there)}[prefer]
        db.execute("update main.topics set title = ? where uuid = ? and title <> ?", (title, uuid, title))


_SHIFT: Final = 32
_PLAIN: Final = f"iif({{0}} >= 1 << {_SHIFT}, ({{0}} >> {_SHIFT}) - 1, {{0}})"
_PLACES: Final = f"""
create temp table number_places as
select o.id, o.uuid, o.topic_model_id as model,
  min({_PLAIN.format("o.place")}, coalesce({_PLAIN.format("r.place")}, 1 << 62)) as place
from main.topics o
left join temp.number_topics_back b on b.ours = o.id
left join theirs.topics r on r.id = b.theirs
where o.topic_model_id = :model
"""
_TIES: Final = "select exists (select 1 from temp.number_places group by place having count(*) > 1)"
_PLACE: Final = f"""
update main.topics set place = k.place from (
  select id, iif(:ties, (place + 1 << {_SHIFT})
    | (row_number() over (partition by place order by lower(uuid)) - 1), place) as place
  from temp.number_places) k
where k.id = topics.id and k.place <> topics.place
"""
_FOLLOW: Final = """
update main.generations set place = t.place from main.combos c cross join main.topics t on t.id = c.topic_id
where t.topic_model_id = :model and c.id = generations.combo_id and generations.place <> t.place
"""


def _order(db: Database, changed: list[int]) -> int:
    """Give each topic of these models the first place that it has in either file; gives how many moved.

    Where two topics then have one place, all places are written wider, with the rank by uuid in the lower half. The
    first half can be read back, so that the order does not depend on the order in which files are merged.
    """
    moved = 0
    db.execute("create temp table number_topics_back as select ours, theirs from temp.number_topics")
    db.execute("create index temp.number_topics_back_ours on number_topics_back (ours)")
    for model in changed:
        db.execute(_PLACES, {"model": model})
        (ties,) = db.execute(_TIES).fetchone()
        moved += db.execute(_PLACE, {"ties": ties}).rowcount
        db.execute(_FOLLOW, {"model": model})
        db.execute("drop table temp.number_places")
    db.execute("drop table temp.number_topics_back")
    return moved


_MAINS: Final = """
select p.ours as mine, n.ours as yours from theirs.topic_edges e
cross join temp.number_topic_edges n on n.theirs = e.id
cross join temp.number_topics c on c.theirs = e.child_id and not c.made
cross join (select id as ours, child_id, parent_id from main.topic_edges where main = 1) p on p.child_id = c.ours
cross join main.topics o on o.id = p.parent_id cross join theirs.topics r on r.id = e.parent_id
where e.main = 1 and p.ours <> n.ours and lower(r.uuid) < lower(o.uuid)
"""
_PLACE_EDGES: Final = """
update main.topic_edges set place = k.place
from (select n.ours, e.place from temp.number_topic_edges n cross join theirs.topic_edges e on e.id = n.theirs) k
where k.ours = topic_edges.id and k.place < topic_edges.place
"""


def _bring_edges(db: Database) -> int:
    """Copy edges; of two main paths to one topic the parent with the smaller uuid has it."""
    mains = db.execute(_MAINS).fetchall()
    child = ours("topics", "r.child_id")
    free = f"not exists (select 1 from main.topic_edges q where q.child_id = {child} and q.main = 1)"
    rows = bring(db, "topic_edges", {"main": f"r.main and {free}"})
    for mine, yours in mains:
        db.execute("update main.topic_edges set main = 0 where id = ?", (mine,))
        db.execute("update main.topic_edges set main = 1 where id = ?", (yours,))
    return rows + len(mains) + db.execute(_PLACE_EDGES).rowcount


# Only an edge that is new to a topic that both had can close a circle, or a file that had one before: then some edge
# does not lead downwards.
_LINKED: Final = """
select distinct o.topic_model_id from temp.number_topic_edges k cross join theirs.topic_edges r on r.id = k.theirs
cross join temp.number_topics n on n.theirs = r.child_id cross join main.topics o on o.id = n.ours
where k.made and (not n.made or r.parent_id = r.child_id
  or o.depth <= (select p.depth from temp.number_topics q cross join main.topics p on p.id = q.ours
    where q.theirs = r.parent_id))
"""


def _refuse_circles(db: Database, model: int) -> None:
    """Raise Conflict when topics of a model hang below each other: no path would end."""
    rows = db.execute(
        "select e.parent_id, e.child_id from topic_edges e join topics c on c.id = e.child_id"
        " where c.topic_model_id = ?",
        (model,),
    ).fetchall()
    below: dict[int, list[int]] = {}
    open_: dict[int, int] = {}
    for parent, child in rows:
        below.setdefault(parent, []).append(child)
        open_[child] = open_.get(child, 0) + 1
    free = [parent for parent in below if parent not in open_]
    while free:
        for child in below.pop(free.pop(), ()):
            open_[child] -= 1
            if not open_[child]:
                free.append(child)
    if below:
        (title,) = db.execute("select title from topics where id = ?", (min(below),)).fetchone()
        (name,) = db.execute("select name from topic_models where id = ?", (model,)).fetchone()
        raise Conflict(
            f"topic model {name}: the edges of both close a circle through {title!r}",
            mend="prune one of the two with `workbench topics prune`, then merge",
        )
