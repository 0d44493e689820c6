"""Cohorts by name: what defines one, and its members, which are a set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workbench.merge.members import drop_ours, leave_theirs
from workbench.merge.numbers import bring, number, ours
from workbench.merge.report import Clashes, Prefer
from workbench.store import Database

_MEMBERS: Final = f"""
select r.id as theirs, o.id as ours from theirs.cohort_members r cross join main.cohort_members o
on o.cohort_id = {ours("cohorts", "r.cohort_id")} and o.generation_id = {ours("generations", "r.generation_id")}
"""
_FILES: Final = """
(select json_group_array(json_array(path, hash)) from (
  select path, hash from {schema}.cohort_files where cohort_id = {row} order by path))
"""
_DEFINED: Final = "json_array({0}.mode, {0}.spec, {0}.settings, {1})"
_COHORTS: Final = f"""
select o.id, r.id, o.name, {_DEFINED.format("o", _FILES.format(schema="main", row="o.id"))},
  {_DEFINED.format("r", _FILES.format(schema="theirs", row="r.id"))},
  (select count(*) from main.cohort_members m where m.cohort_id = o.id),
  (select count(*) from theirs.cohort_members m where m.cohort_id = r.id),
  (select count(*) from theirs.cohort_members m cross join temp.number_cohort_members n on n.theirs = m.id
    where m.cohort_id = r.id and not n.made)
from temp.number_cohorts k cross join main.cohorts o on o.id = k.ours cross join theirs.cohorts r on r.id = k.theirs
where not k.made order by o.id
"""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A cohort that both have: its row in either file, how either defines it, and how many members are whose."""

    here: int
    there: int
    name: str
    ours: str
    theirs: str
    members: int
    others: int
    shared: int


def number_cohorts(db: Database) -> None:
    """Number cohorts by name, before the generations that name them."""
    same = "theirs.cohorts r cross join main.cohorts o on o.name = r.name"
    number(db, "cohorts", f"select r.id as theirs, o.id as ours from {same}")


def settle_cohorts(db: Database, clashes: Clashes) -> int:
    """Number members, and settle what both define differently; gives how many rows changed.

    Of two cohorts of one definition, one of which has all members of the other, the larger stands.
    """
    number(db, "cohort_members", _MEMBERS)
    changed = _origins(db)
    for row in db.execute(_COHORTS).fetchall():
        pair = _Pair(*row)
        if pair.ours != pair.theirs:
            prefer = clashes.note("cohort", pair.name, "definition", pair.ours, pair.theirs)
            if prefer == "theirs" or (prefer == "both" and pair.theirs > pair.ours):
                changed += _define(db, pair.here, pair.there)
        else:
            prefer = _whose_members(pair, clashes)
        changed += _enlist(db, pair, prefer)
    return changed


def _whose_members(pair: _Pair, clashes: Clashes) -> Prefer:
    """Say whose members and order stand where both define a cohort alike."""
    if pair.shared < min(pair.members, pair.others):
        only = [f"{size - pair.shared:,} of {size:,} that stand only" for size in (pair.members, pair.others)]
        return clashes.note("cohort", pair.name, "members", *only)
    if clashes.prefer == "both" or pair.members == pair.others:
        return "both"
    return "ours" if pair.members > pair.others else "theirs"


_DEFINE: Final = """
update main.cohorts set (mode, spec, settings) = (select mode, spec, settings from theirs.cohorts where id = :there)
where id = :here
"""
_OTHER_FILES: Final = "delete from main.cohort_files where cohort_id = :here"
_TAKE_FILES: Final = """
insert into main.cohort_files (cohort_id, path, text, hash)
select :here, path, text, hash from theirs.cohort_files where cohort_id = :there order by id
"""


def _define(db: Database, here: int, there: int) -> int:
    """Let a cohort of ours be what theirs says, with its files."""
    for sql in (_DEFINE, _OTHER_FILES, _TAKE_FILES):
        db.execute(sql, {"here": here, "there": there})
    return 1


_PLACES: Final = """
update main.cohort_members set place = k.place from (
  select n.ours, m.place from theirs.cohort_members m cross join temp.number_cohort_members n on n.theirs = m.id
  where m.cohort_id = :there and not n.made) k
where k.ours = cohort_members.id and k.place {differs} cohort_members.place
"""


def _enlist(db: Database, pair: _Pair, prefer: Prefer) -> int:
    """Settle who is a member and at which place: the first of both, or what the preferred one says."""
    if prefer == "ours":
        leave_theirs(db, "cohort", pair.there)
        return 0
    dropped = drop_ours(db, "cohort", pair.here) if prefer == "theirs" else 0
    differs = "<>" if prefer == "theirs" else "<"
    return dropped + db.execute(_PLACES.format(differs=differs), {"there": pair.there}).rowcount


_ORIGINS: Final = """
update main.generations set origin_cohort_id = k.origin from (
  select n.ours, c.ours as origin, q.name from temp.number_generations n
  cross join theirs.generations r on r.id = n.theirs and not n.made and r.origin_cohort_id is not null
  cross join temp.number_cohorts c on c.theirs = r.origin_cohort_id
  cross join theirs.cohorts q on q.id = r.origin_cohort_id) k
where k.ours = generations.id and (generations.origin_cohort_id is null
  or lower(k.name) < (select lower(o.name) from main.cohorts o where o.id = generations.origin_cohort_id))
"""


def _origins(db: Database) -> int:
    """Let a generation come from the first by name of the cohorts that it came from."""
    return db.execute(_ORIGINS).rowcount


_NEW_FILES: Final = """
insert into main.cohort_files (cohort_id, path, text, hash)
select k.ours, r.path, r.text, r.hash from temp.number_cohorts k cross join theirs.cohort_files r
where k.made and r.cohort_id = k.theirs order by r.id
"""


def bring_cohorts(db: Database) -> dict[str, int]:
    """Copy cohorts that only they have, with their files; gives how many."""
    rows = {"cohorts": bring(db, "cohorts")}
    return rows | {"cohort_files": db.execute(_NEW_FILES).rowcount}


def bring_members(db: Database) -> dict[str, int]:
    """Copy members that only they have; gives how many."""
    return {"cohort_members": bring(db, "cohort_members")}


_REPLICATION: Final = """
select stage, o.replicates, r.replicates from main.replication o join theirs.replication r using (stage)
where o.replicates <> r.replicates order by stage
"""


def settle_replication(db: Database, clashes: Clashes) -> int:
    """Take limits of replicates that only they set, and settle differing ones; gives how many changed."""
    changed = db.execute(
        "insert into main.replication (stage, replicates) select stage, replicates from theirs.replication r"
        " where not exists (select 1 from main.replication o where o.stage = r.stage) order by r.id"
    ).rowcount
    for stage, here, there in db.execute(_REPLICATION).fetchall():
        prefer = clashes.note("replication", stage, "limit", here, there)
        wanted = {"ours": here, "theirs": there, "both": max(here, there)}[prefer]
        db.execute("update main.replication set replicates = ? where stage = ?", (wanted, stage))
        changed += wanted != here
    return changed
