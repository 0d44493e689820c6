"""`rename`: another name for a template, model, combo or cohort, carried through every ID below it."""

from __future__ import annotations

from typing import Final, Literal

from workbench.errors import Conflict, UnknownName
from workbench.ids import NO_TOPIC, fold
from workbench.migrate import mapping
from workbench.migrate.books import Report
from workbench.migrate.frame import recorded
from workbench.migrate.rewrite import rewrite_ids
from workbench.migrate.statements import statements
from workbench.migrate.validate import check, standing
from workbench.store import Database, scheme_of
from workbench.verify import digest
from workbench.verify.digest import read_beside_ids

Kind = Literal["template", "model", "combo", "cohort"]
# Where each kind's names are: table and column.
_NAMES: Final = {
    "template": ("templates", "name"),
    "model": ("models", "llm_model_id"),
    "combo": ("combos", "combo_id"),
    "cohort": ("cohorts", "name"),
}


def rename(
    db: Database,
    kind: Kind,
    old: str,
    new: str,
    *,
    stage: str | None = None,
    keep: bool = True,
    snapshot: str | None = None,
) -> Report:
    """Give something another name, and every task below it the ID that follows, in one recorded migration.

    `stage` tells templates of one name apart. The same name again is nothing to do; another spelling of it (case)
    changes no ID. Raises UnknownName, InvalidSignature, or Conflict when the new name is taken.
    """
    fold(new, f"{kind} name")
    number, old, stage = _find(db, kind, old.strip(), stage)
    new = new.strip()
    _refuse_taken(db, kind, new, stage, number)
    plan = {"rename": kind, "old": old, "new": new} | ({"stage": stage} if stage else {})
    with recorded(db, "rename", plan, keep=keep, snapshot=snapshot) as (migration, report):
        report.digest_before = digest(db)
        before = standing(db, texts=False)
        report.step("rename", _write(db, kind, number, old, new))
        middle = read_beside_ids(db).beside_ids
        _choose(db, kind, number)
        rewrite_ids(db, migration, scheme_of(db), report, scope=mapping.CHOSEN, all_rows=False)
        report.digest_after = check(db, migration, before, middle)
    return report


def _find(db: Database, kind: Kind, name: str, stage: str | None) -> tuple[int, str, str | None]:
    """Give the number and the name as it stands, with a template's stage."""
    table, column = _NAMES[kind]
    of_stage = "stage" if kind == "template" else "null"
    sql = f"select id, {column}, {of_stage} from {table} where {column} = ?"
    rows = [row for row in db.execute(sql, (name,)).fetchall() if stage in (None, row[2])]
    if not rows:
        raise UnknownName(f"no {kind} {name!r}", mend=f"see `workbench {kind}s list`")
    if len(rows) > 1:
        stages = ", ".join(row[2] for row in rows)
        raise UnknownName(f"{name!r} is a template of {stages}", mend="say which with --stage")
    if kind == "combo" and rows[0][1].lower() == NO_TOPIC:
        raise Conflict(f"{NO_TOPIC!r} is the reserved combo of samples without topics", mend="rename another")
    number, found, its_stage = rows[0]
    return int(number), str(found), its_stage


def _refuse_taken(db: Database, kind: Kind, new: str, stage: str | None, number: int) -> None:
    table, column = _NAMES[kind]
    more = "and stage = :stage" if kind == "template" else ""
    sql = f"select {column} from {table} where {column} = :new and id <> :id {more}"
    taken = db.execute(sql, {"new": new, "id": number, "stage": stage}).fetchone()
    if kind == "combo":
        topic = "select uuid from topics where uuid = :new and uuid <> (select combo_id from combos where id = :id)"
        taken = taken or db.execute(topic, {"new": new, "id": number}).fetchone()
        taken = taken or ((NO_TOPIC,) if new.lower() == NO_TOPIC else None)
    if taken:
        raise Conflict(f"there is a {kind} {taken[0]!r} already", mend="choose another name")


def _write(db: Database, kind: Kind, number: int, old: str, new: str) -> int:
    if old == new:
        return 0
    sql = statements("rename")
    if kind == "combo":
        (topic,) = db.execute("select topic_id from combos where id = ?", (number,)).fetchone()
        for row, uuid in db.execute(sql["topics of combo"], {"old": old, "topic": topic}).fetchall():
            db.execute(sql["topic"], {"id": row, "new": new})
            db.execute(sql["topic alias"], {"id": row, "old": uuid})
    return db.execute(sql[kind], {"id": number, "new": new}).rowcount


def _choose(db: Database, kind: Kind, number: int) -> None:
    """Gather every task whose ID hangs on the name: two stages further down at most."""
    sql = statements("rename")
    db.execute(sql[f"below {kind}"], {"id": number})
    for _ in range(2):
        db.execute(sql["descend"])
