"""Members enter the record in sets: new tasks are planned, known ones reused, all of them enrolled in a cohort."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from workbench.clock import now
from workbench.ids import STAGES, Scheme
from workbench.record.incoming import Names, forget, gather, place_strays
from workbench.record.untangle import TANGLED, flag_collisions, match, untangle
from workbench.store import Database, sqlite3, transaction

__all__ = ["Enrolled", "Names", "enrol", "gather"]
MANY = 50_000  # new members for which indexes are worth rebuilding


@dataclass(slots=True)
class Enrolled:
    """How many members a cohort has by stage, how many of them were new, and where the others came from.

    `dropped` counts members that an earlier build of the cohort had and this one has not; `other_writers` known
    essays that another model writes than the one asked for, which their signature does not tell apart.
    """

    members: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    other_writers: int = 0


def enrol(db: Database, cohort_id: int, scheme: Scheme) -> Enrolled:
    """Plan what is new among the gathered members and make exactly them a cohort's members, in order.

    The caller holds the transaction. A second enrolment of the same members changes nothing.
    """
    place_strays(db)
    base = _last_number(db)
    if not _planned(db, cohort_id, base):
        untangle(db, scheme)
        _plan(db, cohort_id, base)
        flag_collisions(db, base)
    done = _counted(db, cohort_id)
    done.dropped = _enlist(db, cohort_id, base)
    forget(db)
    return done


def _last_number(db: Database) -> int:
    """Give the highest number that a generation ever had; that of a new one is this plus its place."""
    row = db.execute("select seq from sqlite_sequence where name = 'generations'").fetchone()
    return int(row[0]) if row else 0


def _planned(db: Database, cohort_id: int, base: int) -> bool:
    """Plan what is new, unless two signatures share an ID: then False, and nothing was planned."""
    for stage in STAGES if base else ():
        match(db, stage)
        if db.execute(TANGLED).fetchone()[0]:
            return False
    try:
        with transaction(db):
            _plan(db, cohort_id, base)
    except sqlite3.IntegrityError:
        return False
    return True


_PLAN = """
insert into generations (id, gen_id, stage, combo_id, parent_id, template_id, model_id, replicate, status, ready,
  outcome, origin_cohort_id, place, created)
select :base + i.place, i.gen_id, k.stage, iif(k.stage = 'draft', i.owner, null),
  iif(k.stage = 'draft', null, coalesce(p.id, :base + i.owner)), k.template_id, k.model_id, k.replicate,
  iif(p.status = 'failed' or p.outcome = 'parent_failed', 'blocked', 'planned'),
  coalesce(p.status = 'done', k.stage = 'draft'),
  iif(p.status = 'failed' or p.outcome = 'parent_failed', 'parent_failed', null), :cohort, {place}, :now
from incoming i cross join kinds k on k.id = i.kind
left join known n on n.place = i.place
left join known p on k.stage <> 'draft' and p.place = i.owner
where n.place is null order by i.place
"""
_TOPIC_PLACE = """iif(k.stage = 'draft', coalesce((
    select t.place from combos c join topics t on t.id = c.topic_id where c.id = i.owner), i.place), i.place)"""
_PLAN_BLOCKED = """
update generations set status = 'blocked', ready = 0, outcome = 'parent_failed'
where id > :base and stage = 'evaluation' and status = 'planned'
  and parent_id in (select id from generations where id > :base and stage = 'essay' and status = 'blocked')
"""
_FAILED = "select exists (select 1 from known where status = 'failed' or outcome = 'parent_failed')"


def _plan(db: Database, cohort_id: int, base: int) -> None:
    """Plan the members that are not known; a draft of a topic has the topic's place, as in cycles."""
    (topics,) = db.execute("select exists (select 1 from combos where topic_id is not null)").fetchone()
    sql = _PLAN.format(place=_TOPIC_PLACE if topics else "i.place")
    with _id_index_at_once(db, base):
        db.execute(sql, {"base": base, "cohort": cohort_id, "now": now()})
    if db.execute(_FAILED).fetchone()[0]:
        db.execute(_PLAN_BLOCKED, {"base": base})


@contextmanager
def _id_index_at_once(db: Database, base: int) -> Iterator[None]:
    """Build the index of IDs when all is planned, if most of the record is new.

    An ID falls anywhere into it: kept row by row it takes a third of the time of planning a million members.
    """
    (new,) = db.execute("select (select count(*) from incoming) - (select count(*) from known)").fetchone()
    if new < max(base, MANY):
        yield
        return
    (sql,) = db.execute("select sql from sqlite_master where name = 'generations_gen_id'").fetchone()
    db.execute("drop index generations_gen_id")
    yield
    db.execute(sql)


def _counted(db: Database, cohort_id: int) -> Enrolled:
    """Count members by stage, new and known, and the known ones by the cohort that made them first."""
    sums = ", ".join(f"sum(k.stage = '{stage}'), sum(k.stage = '{stage}' and n.place is not null)" for stage in STAGES)
    found = db.execute(
        f"select {sums} from incoming i cross join kinds k on k.id = i.kind left join known n on n.place = i.place"
    ).fetchone()
    done = Enrolled()
    for stage, total, known in zip(STAGES, found[::2], found[1::2], strict=True):
        if total:
            done.members[stage], done.new[stage], done.reused[stage] = total, total - known, known
    rows = db.execute(
        "select coalesce(o.name, ''), x.count from (select origin, count(*) as count from known"
        " where place > 0 and origin is not ? group by origin) x left join cohorts o on o.id = x.origin order by 1",
        (cohort_id,),
    )
    done.origins = dict(rows.fetchall())
    if done.reused.get("essay"):
        done.other_writers = int(db.execute(_OTHER_WRITERS).fetchone()[0])
    return done


_OTHER_WRITERS = """
select count(*) from known n join incoming i on i.place = n.place
cross join kinds k on k.id = i.kind and k.stage = 'essay' cross join generations g on g.id = n.id
join templates t on t.id = g.template_id left join template_versions v on v.id = t.version_id
where k.model_id is not g.model_id and v.mode is not 'copy'
"""


_NUMBERS = "select coalesce(n.id, :base + i.place) from incoming i left join known n on n.place = i.place"
_ENLIST = """
insert into cohort_members (cohort_id, generation_id, place, allocated)
select :cohort, coalesce(n.id, :base + i.place), i.place, k.allocated
from incoming i cross join kinds k on k.id = i.kind left join known n on n.place = i.place
where true order by i.place
on conflict (cohort_id, generation_id) do update set place = excluded.place, allocated = excluded.allocated
where (place, allocated) <> (excluded.place, excluded.allocated)
"""


def _enlist(db: Database, cohort_id: int, base: int) -> int:
    """Make all gathered a cohort's members, and nothing else; gives how many others it had."""
    values = {"cohort": cohort_id, "base": base}
    db.execute(_ENLIST, values)
    extra = db.execute(
        "select (select count(*) from cohort_members where cohort_id = ?) - (select count(*) from incoming)",
        (cohort_id,),
    ).fetchone()[0]
    if extra <= 0:
        return 0
    return int(
        db.execute(
            f"delete from cohort_members where cohort_id = :cohort and generation_id not in ({_NUMBERS})", values
        ).rowcount
    )
