"""Members enter the record in sets: new tasks are planned, known ones reused, all of them enrolled in a cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from workbench.clock import now
from workbench.cohorts import Member
from workbench.ids import STAGES, Scheme
from workbench.record.seed import Seed, seed_tasks
from workbench.store import Database, sqlite3, transaction

CHUNK = 20_000  # members handed to SQLite at a time


@dataclass(frozen=True, slots=True)
class Names:
    """From a name to its number, for templates of a stage, models and combos; unknown names are made."""

    template: Callable[[str, str], int]
    model: Callable[[str], int | None]
    combo: Callable[[str], int | None]


@dataclass(slots=True)
class Enrolled:
    """How many members a cohort has by stage, how many of them were new, and where the others came from."""

    members: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)
    origins: dict[str, int] = field(default_factory=dict)


_INCOMING = (
    "create temp table incoming (place integer primary key, stage text not null, gen_id text not null,"
    " parent text not null, combo_id integer, template_id integer, model_id integer, replicate integer,"
    " allocated integer not null, generation_id integer)"
)


def gather(db: Database, found: Iterable[tuple[Member, bool]], names: Names) -> None:
    """Put members into the temporary table `incoming`, streaming; the flag says: its replicate was allocated."""
    db.execute("drop table if exists temp.incoming")
    db.execute(_INCOMING)
    rows = (_row(member, allocated, names) for member, allocated in found)
    while chunk := list(islice(rows, CHUNK)):
        db.conn.executemany(
            "insert into incoming (stage, gen_id, parent, combo_id, template_id, model_id, replicate, allocated)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            chunk,
        )


def _row(member: Member, allocated: bool, names: Names) -> tuple[object, ...]:
    stage, gen_id, parent, combo, template, model, replicate = member
    combo_id = names.combo(combo) if stage == "draft" else None
    return stage, gen_id, parent, combo_id, names.template(stage, template), names.model(model), replicate, allocated


def enrol(db: Database, cohort_id: int, scheme: Scheme) -> Enrolled:
    """Plan what is new among the incoming and make all of them members of a cohort, in order.

    The caller holds the transaction. A second enrolment of the same members changes nothing.
    """
    done = Enrolled()
    for stage in STAGES:
        before = _count(db, stage)
        _match(db, stage)
        new = before - _count(db, stage, "and generation_id is not null")
        if new:
            _plan_new(db, stage, cohort_id, scheme)
            _match(db, stage)
        if before:
            done.members[stage], done.new[stage], done.reused[stage] = before, new, before - new
    db.execute(
        "insert or ignore into cohort_members (cohort_id, generation_id, place, allocated)"
        " select ?, generation_id, place, allocated from incoming where generation_id is not null order by place",
        (cohort_id,),
    )
    done.origins = _origins(db, cohort_id)
    db.execute("drop table temp.incoming")
    return done


def _count(db: Database, stage: str, more: str = "") -> int:
    return int(db.execute(f"select count(*) from incoming where stage = ? {more}", (stage,)).fetchone()[0])


_SIGNATURE = {
    "draft": "g.combo_id = incoming.combo_id and g.template_id = incoming.template_id"
    " and g.model_id = incoming.model_id and g.replicate = incoming.replicate",
    "essay": "g.parent_id = (select p.id from generations p where p.gen_id = incoming.parent)"
    " and g.template_id = incoming.template_id and g.replicate = incoming.replicate",
    "evaluation": "g.parent_id = (select p.id from generations p where p.gen_id = incoming.parent)"
    " and g.template_id = incoming.template_id and g.model_id = incoming.model_id"
    " and g.replicate = incoming.replicate",
}


def _match(db: Database, stage: str) -> None:
    """Find the incoming that are in the record: by ID where that is their signature's, else by signature."""
    db.execute(
        "update incoming set generation_id = (select g.id from generations g where g.gen_id = incoming.gen_id"
        f" and g.stage = incoming.stage and {_SIGNATURE[stage]}) where stage = ? and generation_id is null",
        (stage,),
    )
    db.execute(
        "update incoming set generation_id = (select g.id from generations g where g.stage = incoming.stage"
        f" and g.legacy = 0 and {_SIGNATURE[stage]}) where stage = ? and generation_id is null and exists"
        " (select 1 from generations g where g.gen_id = incoming.gen_id)",
        (stage,),
    )


_PLAN = (
    "insert into generations (gen_id, stage, combo_id, parent_id, template_id, model_id, replicate, status, ready,"
    " origin_cohort_id, place, created)"
    " select i.gen_id, i.stage, i.combo_id, p.id, i.template_id, i.model_id, i.replicate,"
    " case when p.status = 'failed' or p.outcome = 'parent_failed' then 'blocked' else 'planned' end,"
    " coalesce(p.status = 'done', i.stage = 'draft'), :cohort, i.place, :now"
    " from incoming i left join generations p on p.gen_id = i.parent and i.parent <> ''"
    " where i.stage = :stage and i.generation_id is null order by i.place"
)


def _plan_new(db: Database, stage: str, cohort_id: int, scheme: Scheme) -> None:
    try:
        with transaction(db):
            db.execute(_PLAN, {"cohort": cohort_id, "now": now(), "stage": stage})
            db.execute(
                "update generations set outcome = 'parent_failed' where origin_cohort_id = ? and stage = ?"
                " and status = 'blocked' and outcome is null",
                (cohort_id, stage),
            )
    except sqlite3.IntegrityError:  # two signatures share an ID: one by one, in canonical order
        seed_tasks(db, list(_seeds(db, stage, cohort_id)), scheme)


def _seeds(db: Database, stage: str, cohort_id: int) -> Iterator[Seed]:
    rows = db.execute(
        "select c.combo_id, i.parent, lower(t.name), lower(m.llm_model_id), i.replicate, i.template_id, i.model_id,"
        " i.combo_id, p.id, i.place, coalesce(p.status = 'done', i.stage = 'draft')"
        " from incoming i left join combos c on c.id = i.combo_id left join templates t on t.id = i.template_id"
        " left join models m on m.id = i.model_id left join generations p on p.gen_id = i.parent and i.parent <> ''"
        " where i.stage = ? and i.generation_id is null",
        (stage,),
    )
    for combo, parent, template, model, replicate, template_id, model_id, combo_id, parent_id, place, ready in rows:
        fields = {
            "draft": (str(combo).lower(), template, model),
            "essay": (parent, template),
            "evaluation": (parent, template, model),
        }[stage]
        yield Seed(stage, fields, replicate, template_id, model_id, combo_id, parent_id, cohort_id, place, ready)


def _origins(db: Database, cohort_id: int) -> dict[str, int]:
    """Count members that another cohort, or a run without one, made first."""
    rows = db.execute(
        "select coalesce(o.name, ''), count(*) from incoming i join generations g on g.id = i.generation_id"
        " left join cohorts o on o.id = g.origin_cohort_id where g.origin_cohort_id is not ? group by 1",
        (cohort_id,),
    )
    return dict(rows.fetchall())
