"""Cohorts in the project: their specs with all included files, so that the file alone can compile them again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.clock import now
from workbench.errors import Conflict
from workbench.ids import STAGES, content_hash, fold
from workbench.store import Database, insert
from workbench.store.json_columns import told_facts
from workbench.store.rows import streamed


def store_cohort(
    db: Database, name: str, mode: str, spec: str | None, files: Mapping[str, str], settings: Mapping[str, object]
) -> int:
    """Keep a cohort's spec and files and give its number; the caller holds the transaction.

    The same again changes nothing. Raises Conflict when the name stands for another spec.
    """
    fold(name, "cohort")
    text = json.dumps(dict(settings), ensure_ascii=False, sort_keys=True)
    row = db.execute("select id, mode, spec, settings from cohorts where name = ?", (name.strip(),)).fetchone()
    if row is None:
        values = {"name": name.strip(), "mode": mode, "spec": spec, "settings": text, "created": now()}
        number = insert(db, "cohorts", values)
        for path, included in files.items():
            facts = {"cohort_id": number, "path": path, "text": included, "hash": content_hash(included)}
            insert(db, "cohort_files", facts)
        return number
    if (row[1], row[2], row[3]) != (mode, spec, text) or dict(files) != cohort_files(db, row[0]):
        raise Conflict(
            f"cohort {name!r} is there with another spec",
            mend="compile under another name, or delete it first with `workbench cohort delete` (no text is lost)",
        )
    return int(row[0])


def cohort_files(db: Database, cohort_id: int) -> dict[str, str]:
    """Give a cohort's included files by their paths relative to the spec."""
    return dict(db.execute("select path, text from cohort_files where cohort_id = ?", (cohort_id,)).fetchall())


def delete_cohort(db: Database, cohort_id: int) -> None:
    """Remove a cohort and its membership; generations stay. The caller holds the transaction."""
    db.execute("update generations set origin_cohort_id = null where origin_cohort_id = ?", (cohort_id,))
    db.execute("delete from cohort_members where cohort_id = ?", (cohort_id,))
    db.execute("delete from cohort_files where cohort_id = ?", (cohort_id,))
    db.execute("delete from cohorts where id = ?", (cohort_id,))


def copy_cohort(db: Database, cohort_id: int, name: str) -> int:
    """Give a cohort's spec and members another name too, and give its number; the caller holds the transaction.

    Raises Conflict when the name is taken.
    """
    fold(name, "cohort")
    if db.execute("select 1 from cohorts where name = ?", (name.strip(),)).fetchone():
        raise Conflict(f"there is a cohort {name!r} already", mend="choose another name")
    mode, spec, settings = db.execute("select mode, spec, settings from cohorts where id = ?", (cohort_id,)).fetchone()
    values = {"name": name.strip(), "mode": mode, "spec": spec, "settings": settings, "created": now()}
    number = insert(db, "cohorts", values)
    for table, columns in {"cohort_files": "path, text, hash", "cohort_members": _MEMBER}.items():
        db.execute(
            f"insert into {table} (cohort_id, {columns})"
            f" select ?, {columns} from {table} where cohort_id = ? order by id",
            (number, cohort_id),
        )
    return number


_MEMBER = "generation_id, place, allocated"


def list_cohorts(db: Database) -> Iterator[dict[str, Any]]:
    """Give every cohort by name: how it was made, its members by stage, and how far they are."""
    rows = db.execute(
        "select c.name as cohort, c.mode, count(g.id) as members, total(g.stage = 'draft'), total(g.stage = 'essay'),"
        " total(g.stage = 'evaluation'), total(g.status = 'done'), total(g.status = 'failed'),"
        " total(g.status in ('planned', 'blocked')), c.created from cohorts c"
        " left join cohort_members k on k.cohort_id = c.id left join generations g on g.id = k.generation_id"
        " group by c.id order by c.name"
    )
    for name, mode, members, *counts, created in rows:
        numbers = dict(zip((*STAGES, "done", "failed", "pending"), map(int, counts), strict=True))
        yield {"cohort": name, "mode": mode, "members": members, **numbers, "created": created}


def cohort_facts(db: Database, cohort_id: int) -> dict[str, Any]:
    """Give a cohort with its spec, settings, files, and its members by stage and status."""
    name, mode, spec, settings, created = db.execute(
        "select name, mode, spec, settings, created from cohorts where id = ?", (cohort_id,)
    ).fetchone()
    members: dict[str, dict[str, int]] = {}
    rows = db.execute(
        "select g.stage, g.status, count(*) from cohort_members k join generations g on g.id = k.generation_id"
        " where k.cohort_id = ? group by 1, 2 order by 1, 2",
        (cohort_id,),
    )
    for stage, status, count in rows:
        members.setdefault(stage, {})[status] = count
    return {
        "cohort": name,
        "mode": mode,
        "members": members,
        "created": created,
        "settings": told_facts(settings),
        "spec": spec,
        "files": cohort_files(db, cohort_id),
    }


def cohort_members(db: Database, cohort_id: int, stages: Sequence[str] = STAGES) -> Iterator[dict[str, Any]]:
    """Stream a cohort's members stage by stage, in order, with what they are and how far they are."""
    for stage in stages:
        sql = f"{_MEMBERS} where k.cohort_id = ? and g.stage = ? order by k.place, k.id"
        yield from streamed(db, sql, (cohort_id, stage))


_MEMBERS = (
    "select g.stage, g.gen_id, p.gen_id as parent_gen_id, c.combo_id, t.name as template_id, m.llm_model_id,"
    " g.replicate, g.status, g.outcome, o.name as origin_cohort_id, k.allocated"
    " from cohort_members k join generations g on g.id = k.generation_id left join generations p on p.id = g.parent_id"
    " left join generations d on d.id = p.parent_id"
    " left join combos c on c.id = coalesce(g.combo_id, p.combo_id, d.combo_id)"
    " left join templates t on t.id = g.template_id left join models m on m.id = g.model_id"
    " left join cohorts o on o.id = g.origin_cohort_id"
)


def replication(db: Database) -> dict[str, int]:
    """Give the most replicates that one cohort build may allocate, by stage; a stage without one has no limit."""
    return dict(db.execute("select stage, replicates from replication").fetchall())


def set_replication(db: Database, stage: str, replicates: int) -> None:
    """Limit the replicates of a stage."""
    db.execute(
        "insert into replication (stage, replicates) values (?1, ?2)"
        " on conflict (stage) do update set replicates = excluded.replicates",
        (stage, replicates),
    )
