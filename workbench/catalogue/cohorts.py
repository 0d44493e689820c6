"""Cohorts in the project: their specs with all included files, so that the file alone can compile them again."""

from __future__ import annotations

import json
from collections.abc import Mapping

from workbench.clock import now
from workbench.errors import Conflict
from workbench.ids import content_hash, fold
from workbench.store import Database, insert


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
