"""From old IDs to new ones: level by level with the registered `gen_id`, collisions told apart in canonical order."""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from typing import Final, NamedTuple

from workbench.ids import STAGES, Scheme, canonical
from workbench.imports.legacy import REASONS
from workbench.migrate.statements import statements
from workbench.store import Database, scheme_of

_SCRATCH: Final = ("mapping", "blocked", "synthetic", "scope", "filled", "orphans")


class Scope(NamedTuple):
    """Which rows may move: the SQL that gives them as `g`, and a condition on them."""

    rows: str
    scope: str


ALL: Final = Scope("generations g", "not exists (select 1 from temp.blocked b where b.generation_id = g.id)")
CHOSEN: Final = Scope("temp.scope s cross join generations g on g.id = s.generation_id", "1")


class _Sharer(NamedTuple):
    """A row whose ID, as computed, is not its alone."""

    number: int
    base: str
    old_id: str
    signature: str
    keeps: bool


def prepare(db: Database) -> None:
    """Make the empty temporary tables that a migration of IDs works with."""
    forget(db)
    sql = statements("ids")
    for table in _SCRATCH:
        db.execute(sql[f"{table} table"])


def forget(db: Database) -> None:
    """Drop the temporary tables."""
    for table in _SCRATCH:
        db.execute(f"drop table if exists temp.{table}")


def block(db: Database, *, numbered: bool) -> None:
    """List the legacy rows that cannot move: unplaced ones, those that lack a field, and what hangs below them.

    `numbered`: every row will be given a replicate that is its alone.
    """
    sql = statements("ids")
    db.execute(sql["block"], {"reasons": f" {' '.join(sorted(REASONS))} ", "numbered": numbered})
    db.execute(sql["block twins"], {"numbered": numbered})
    db.execute(sql["block children"])


def compute(db: Database, scheme: Scheme, scope: Scope, *, careful: bool) -> list[dict[str, str]]:
    """Add the rows in scope to `temp.mapping`; gives the collisions. Only a `careful` one looks for them, row by row.

    `gen_id` must be registered under `scheme`. Parents come first: a child's ID is made of its parent's new one.
    """
    sql = statements("ids")
    collisions: list[dict[str, str]] = []
    for stage in STAGES:
        db.execute(sql[stage].format(**scope._asdict()))
        if careful:
            collisions += _settle(db, scheme, stage, scope)
    return collisions


def _settle(db: Database, scheme: Scheme, stage: str, scope: Scope) -> list[dict[str, str]]:
    """Give each of the rows that share an ID one of its own: who has a right one keeps it, then canonical order.

    Under another scheme nobody has a right one.
    """
    same = scheme_of(db) == scheme
    shared: dict[str, list[_Sharer]] = defaultdict(list)
    rows = db.execute(statements("ids")["shared"].format(**scope._asdict()), {"stage": stage}).fetchall()
    for number, base, old_id, *values in rows:
        fields = [value for value in values if value is not None]
        signature = canonical(stage, fields, scheme)
        keeps = same and _is_right(old_id, stage, signature, scheme)
        shared[base].append(_Sharer(number, base, old_id, signature, keeps))
    everyone = [sharer for sharers in shared.values() for sharer in sharers]
    for sharer in everyone:  # no row holds an ID that is still to be given away
        db.execute(statements("ids")["settle"], {"id": f"settling {sharer.number}", "number": sharer.number})
    found = []
    for sharers in shared.values():
        for sharer in sorted(sharers, key=lambda one: (not one.keeps, one.signature)):
            if fact := _settle_one(db, scheme, stage, sharer):
                found.append(fact)
    return found


def _is_right(gen_id: str, stage: str, signature: str, scheme: Scheme) -> bool:
    """Whether an ID is the function of a signature, with its suffix if it has one."""
    suffix = gen_id.partition("-")[2]
    number = int(suffix) if suffix.isdecimal() and len(suffix) < 10 else 0
    return scheme.id_of(stage, signature, number) == gen_id


def _settle_one(db: Database, scheme: Scheme, stage: str, sharer: _Sharer) -> dict[str, str] | None:
    sql = statements("ids")
    new_id = sharer.old_id if sharer.keeps else ""
    if not new_id:
        for collision in count():
            new_id = scheme.id_of(stage, sharer.signature, collision)
            if not db.execute(sql["taken"], {"id": new_id, "number": sharer.number}).fetchone()[0]:
                break
    db.execute(sql["settle"], {"id": new_id, "number": sharer.number})
    if "-" not in new_id:
        return None
    return {
        "stage": stage,
        "old_id": sharer.old_id,
        "new_id": new_id,
        "shares": sharer.base,
        "signature": sharer.signature,
    }


class Counts(NamedTuple):
    """By stage what becomes of the rows; how many are mapped in all, and how many of these are written."""

    changes: dict[str, dict[str, int]]
    mapped: int
    written: int


def counts(db: Database) -> Counts:
    """Count the rows by stage: migrate, unchanged, synthetic, blocked."""
    sql = statements("ids")
    found = {stage: map(int, db.execute(sql["counts"], {"stage": stage}).fetchone()) for stage in STAGES}
    blocked = dict(db.execute(sql["counts of blocked"]).fetchall())
    (made,) = db.execute("select count(*) from temp.synthetic").fetchone()
    done = Counts({}, 0, 0)
    for stage, (moving, rows, written) in found.items():
        new = made if stage == "draft" else 0
        change = {"migrate": moving - new, "unchanged": rows - moving, "synthetic": new}
        change["blocked"] = blocked.get(stage, 0)
        done = Counts(done.changes | {stage: change}, done.mapped + rows, done.written + written)
    return done
