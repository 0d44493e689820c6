"""Where one ID stands for two tasks: tasks are matched by signature, and a newcomer whose ID is taken gets a suffix.

With IDs of ten bytes this never happens; a scheme with a small digest proves it. IDs that stand are never changed, so
which of two tasks has the suffix depends on who was merged into whom; the facts without IDs do not.
"""

from __future__ import annotations

from itertools import count
from typing import Final

from workbench.events import record_alert
from workbench.ids import STAGES, Scheme, canonical
from workbench.merge.history import CAME_WITH
from workbench.merge.numbers import ours
from workbench.migrate.books import open_record
from workbench.store import Database, scheme_of
from workbench.verify.rules import COLLISION

_SUFFIXED: Final = """
select exists (select 1 from main.alerts where kind = :kind) or exists (select 1 from theirs.alerts where kind = :kind)
"""


def may_be(db: Database) -> bool:
    """Say whether either file had two tasks with one ID before."""
    return bool(db.execute(_SUFFIXED, {"kind": COLLISION}).fetchone()[0])


_LEGACY: Final = """
insert into temp.number_generations (theirs, ours, made)
select r.id, o.id, 0 from theirs.generations r cross join main.generations o on o.gen_id = r.gen_id
where (r.legacy or o.legacy) and r.stage = o.stage and r.stage = :stage
"""
_OURS: Final = {
    table: ours(table, f"r.{column}")
    for table, column in (
        ("combos", "combo_id"),
        ("templates", "template_id"),
        ("models", "model_id"),
        ("generations", "parent_id"),
    )
}
_OWNER: Final = {
    "draft": f"o.combo_id = {_OURS['combos']} and o.model_id = {_OURS['models']}",
    "essay": f"o.parent_id = {_OURS['generations']}",
    "evaluation": f"o.parent_id = {_OURS['generations']} and o.model_id = {_OURS['models']}",
}
_BY_SIGNATURE: Final = f"""
insert or ignore into temp.number_generations (theirs, ours, made)
select r.id, o.id, 0 from theirs.generations r cross join main.generations o
on o.stage = '{{stage}}' and o.legacy = 0 and {{owner}}
  and o.template_id = {_OURS["templates"]} and o.replicate = r.replicate
where r.stage = '{{stage}}' and r.legacy = 0
"""
_MADE: Final = """
insert into temp.number_generations (theirs, ours, made)
select r.id, :base + row_number() over (order by r.id), 1 from theirs.generations r
where r.stage = :stage and not exists (select 1 from temp.number_generations n where n.theirs = r.id)
"""
_LAST: Final = """
select max((select coalesce(max(seq), 0) from main.sqlite_sequence where name = 'generations'),
  (select coalesce(max(ours), 0) from temp.number_generations))
"""


def number_by_signature(db: Database) -> None:
    """Number their generations by what they are, parents first, into the empty `temp.number_generations`."""
    for stage in STAGES:
        db.execute(_LEGACY, {"stage": stage})
        db.execute(_BY_SIGNATURE.format(stage=stage, owner=_OWNER[stage]))
        (base,) = db.execute(_LAST).fetchone()
        db.execute(_MADE, {"stage": stage, "base": base})


_CONTESTED: Final = """
select r.id, r.gen_id, coalesce(c.combo_id, kp.gen_id, op.gen_id, rp.gen_id), t.name,
  iif(r.stage = 'essay', null, m.llm_model_id), r.replicate, coalesce(kp.gen_id, op.gen_id) is not rp.gen_id
from temp.number_generations n cross join theirs.generations r on r.id = n.theirs
left join theirs.combos c on c.id = r.combo_id
left join theirs.templates t on t.id = r.template_id
left join theirs.models m on m.id = r.model_id
left join theirs.generations rp on rp.id = r.parent_id
left join temp.number_generations np on np.theirs = rp.id
left join main.generations op on op.id = np.ours and not np.made
left join temp.number_names kp on kp.theirs = rp.id
where n.made and r.stage = :stage and r.legacy = 0 and (
  exists (select 1 from main.generations o where o.gen_id = r.gen_id)
  or (rp.id is not null and coalesce(kp.gen_id, op.gen_id, rp.gen_id) <> rp.gen_id))
"""
_TAKEN: Final = """
select exists (select 1 from main.generations where gen_id = :id)
  or exists (select 1 from temp.number_names where gen_id = :id)
  or exists (select 1 from theirs.generations r cross join temp.number_generations n on n.theirs = r.id and n.made
    where r.gen_id = :id and r.id <> :row)
"""


def prepare(db: Database) -> None:
    """Make the empty `temp.number_names`: IDs that newcomers get here, with whom they share one and their signature."""
    db.execute(
        "create temp table number_names (theirs integer primary key, gen_id text not null, shares text, told text)"
    )


def name_anew(db: Database) -> None:
    """Find an ID for each newcomer whose own is taken, or whose parent has another ID here: into `temp.number_names`.

    Of several the later by its canonical string gets the suffix.
    """
    scheme = scheme_of(db)
    for stage in STAGES:
        rows = db.execute(_CONTESTED, {"stage": stage}).fetchall()
        told = [(canonical(stage, [v for v in values if v is not None], scheme), row) for row, _, *values, _ in rows]
        for signature, row in sorted(told):
            _name(db, scheme, stage, signature, row)


def _name(db: Database, scheme: Scheme, stage: str, signature: str, row: int) -> None:
    for collision in count():
        gen_id = scheme.id_of(stage, signature, collision)
        if not db.execute(_TAKEN, {"id": gen_id, "row": row}).fetchone()[0]:
            break
    shares = scheme.id_of(stage, signature) if collision else None
    db.execute("insert into temp.number_names values (?, ?, ?, ?)", (row, gen_id, shares, signature))


GEN_ID: Final = "coalesce((select k.gen_id from temp.number_names k where k.theirs = r.id), r.gen_id)"
_BLOCK: Final = """
update main.generations set status = 'blocked', outcome = 'collision', ready = 0
where id = :id and status = 'planned'
"""
_KNOWN: Final = "select 1 from main.alerts where kind = ? and generation_id = ?"
_KEEP: Final = """
insert into main.migration_map (migration_id, generation_id, stage, old_id, new_id, status)
select :record, g.id, g.stage, r.gen_id, g.gen_id, 'migrate' from temp.number_generations n
cross join theirs.generations r on r.id = n.theirs cross join main.generations g on g.id = n.ours
where g.gen_id <> r.gen_id and not exists (
  select 1 from main.migration_map k where k.generation_id = g.id and k.old_id = r.gen_id)
order by g.id
"""


def tell(db: Database, migration: int) -> int:
    """Let a person look at each new suffix, and keep from which ID to which; gives how many IDs are others here."""
    sql = (
        "select n.ours, k.gen_id, k.shares, k.told from temp.number_names k"
        " cross join temp.number_generations n on n.theirs = k.theirs where k.shares is not null order by n.ours"
    )
    for number, gen_id, shares, signature in db.execute(sql).fetchall():
        db.execute(_BLOCK, {"id": number})
        if db.execute(_KNOWN, (COLLISION, number)).fetchone() is None:
            facts = {"gen_id": gen_id, "shares": shares, "signature": signature}
            record_alert(db, COLLISION, facts, blocking=True, generation_id=number)
    record = open_record(db, "ids", {"collisions": True, CAME_WITH.removeprefix("$."): migration})
    kept = db.execute(_KEEP, {"record": record}).rowcount
    if not kept:
        db.execute("delete from main.migrations where id = ?", (record,))
    return kept
