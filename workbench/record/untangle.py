"""Members that are in the record already, and those whose ID stands there for another signature."""

from __future__ import annotations

from typing import Final, NamedTuple

from workbench.events import record_alert
from workbench.ids import STAGES, Scheme
from workbench.store import Database

SAME, SUFFIXED, OTHER = 1, 0, -1  # what `known.same` says of an ID in the record
TANGLED: Final = f"select exists (select 1 from known where same <> {SAME})"
_HEAD: Final = "insert into known select i.place, g.id, g.status, g.outcome, g.origin_cohort_id,"
_FROM: Final = " from incoming i cross join kinds k on k.id = i.kind and k.stage = :stage"
_BY_SIGNATURE: Final = {
    "draft": " cross join generations g on g.stage = 'draft' and g.legacy = 0 and g.combo_id = i.owner"
    " and g.template_id = k.template_id and g.model_id = k.model_id and g.replicate = k.replicate",
    "essay": " cross join known p on p.place = i.owner"
    " cross join generations g on g.stage = 'essay' and g.legacy = 0 and g.parent_id = p.id"
    " and g.template_id = k.template_id and g.replicate = k.replicate",
    "evaluation": " cross join known p on p.place = i.owner"
    " cross join generations g on g.stage = 'evaluation' and g.legacy = 0 and g.parent_id = p.id"
    " and g.template_id = k.template_id and g.model_id = k.model_id and g.replicate = k.replicate",
}
_BY_ID: Final = (
    " left join known n on n.place = i.place cross join generations g on g.gen_id = i.gen_id where n.place is null"
)


def match(db: Database, stage: str) -> None:
    """Note which members of a stage are in the record: by signature, which goes along its index, else by ID.

    A legacy row is what its ID says. Any other that has a member's ID but not its signature is noted as OTHER.
    """
    if db.execute("select exists (select 1 from kinds where stage = ?)", (stage,)).fetchone()[0]:
        db.execute(f"{_HEAD} g.gen_id = i.gen_id{_FROM}{_BY_SIGNATURE[stage]}", {"stage": stage})
        db.execute(f"{_HEAD} iif(g.legacy, {SAME}, {OTHER}){_FROM}{_BY_ID}", {"stage": stage})


def untangle(db: Database, scheme: Scheme) -> None:
    """Give every member the ID that is its own: of two signatures with one ID the later gets the suffix -1, -2, ….

    Later is what is not in the record, then what comes later by its canonical string. What hangs below a member
    whose ID changes is named anew.
    """
    db.execute("delete from known where place > 0")
    db.execute("create index if not exists temp.incoming_gen_id on incoming (gen_id)")
    db.execute("create index temp.incoming_owner on incoming (owner)")
    db.execute("create temp table suffixed (place integer primary key, shares text not null, canonical text not null)")
    for stage in STAGES:
        match(db, stage)
        for place, gen_id in _known_otherwise(db) + _named_anew(db, stage, scheme):
            _rename(db, stage, place, gen_id, scheme)
        db.execute("update known set same = ?", (SAME,))


def _known_otherwise(db: Database) -> list[tuple[int, str]]:
    """List the members that the record has under another ID than their signature's own."""
    rows = db.execute(
        "select n.place, g.gen_id from known n join generations g on g.id = n.id where n.same = ?", (SUFFIXED,)
    )
    return rows.fetchall()


class _Member(NamedTuple):
    canonical: str
    place: int
    gen_id: str


def _named_anew(db: Database, stage: str, scheme: Scheme) -> list[tuple[int, str]]:
    """Find a free ID for each new member whose own is another's."""
    db.execute("delete from known where same = ?", (OTHER,))
    found: list[tuple[int, str]] = []
    taken: set[str] = set()
    for member in sorted(_contested(db, stage, scheme)):
        number, gen_id = 0, member.gen_id
        while gen_id in taken or db.execute("select 1 from generations where gen_id = ?", (gen_id,)).fetchone():
            number += 1
            gen_id = scheme.id_of(stage, member.canonical, number)
        taken.add(gen_id)
        if number:
            db.execute("insert into suffixed values (?, ?, ?)", (member.place, member.gen_id, member.canonical))
            found.append((member.place, gen_id))
    return found


def _contested(db: Database, stage: str, scheme: Scheme) -> list[_Member]:
    """List the new members of a stage whose ID is in the record, or that of another new member."""
    rows = db.execute(
        f"select i.place, i.gen_id {_FROM} left join known n on n.place = i.place where n.place is null and ("
        " exists (select 1 from generations g where g.gen_id = i.gen_id)"
        " or exists (select 1 from incoming o where o.gen_id = i.gen_id and o.place <> i.place))",
        {"stage": stage},
    ).fetchall()
    return [_Member(_canonical(db, place, scheme), place, gen_id) for place, gen_id in rows]


def _canonical(db: Database, place: int, scheme: Scheme) -> str:
    """Give the string that a member's ID is the hash of, as its parents are named now."""
    stage, owner, template, model, replicate = db.execute(
        "select k.stage, i.owner, k.template, k.model, k.replicate from incoming i join kinds k on k.id = i.kind"
        " where i.place = ?",
        (place,),
    ).fetchone()
    if stage == "draft":
        first = db.execute("select lower(combo_id) from combos where id = ?", (owner,)).fetchone()[0]
    elif owner < 0:
        (first,) = db.execute("select gen_id from generations where id = ?", (-owner,)).fetchone()
    else:
        (first,) = db.execute("select gen_id from incoming where place = ?", (owner,)).fetchone()
    fields = (first, template) if stage == "essay" else (first, template, model)
    return scheme.canonical(stage, fields, replicate)


def _rename(db: Database, stage: str, place: int, gen_id: str, scheme: Scheme) -> None:
    """Give a member its ID, and what hangs right below it the IDs that follow."""
    db.execute("update incoming set gen_id = ? where place = ?", (gen_id, place))
    children = db.execute(
        "select i.place, k.stage from incoming i join kinds k on k.id = i.kind"
        " where i.owner = ? and k.stage <> 'draft'",
        (place,),
    ).fetchall()
    for child, below in children:
        _rename(db, below, child, scheme.id_of(below, _canonical(db, child, scheme)), scheme)


def flag_collisions(db: Database, base: int) -> None:
    """Block the new members that share an ID with another signature, and say so in an alert for each."""
    rows = db.execute(
        "select s.place, s.shares, s.canonical, i.gen_id from suffixed s join incoming i on i.place = s.place"
        " order by s.place"
    ).fetchall()
    for place, shares, canonical, gen_id in rows:
        number = base + place
        db.execute(
            "update generations set status = 'blocked', outcome = 'collision', ready = 0 where id = ?", (number,)
        )
        facts = {"gen_id": gen_id, "shares": shares, "signature": canonical}
        record_alert(db, "id_collision", facts, blocking=True, generation_id=number)
    db.execute("drop table temp.suffixed")
