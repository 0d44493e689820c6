"""What must hold before a migration may stay: checked inside its transaction, any failure takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workbench.errors import DamagedFile
from workbench.ids import STAGES, FactSet
from workbench.migrate.statements import statements
from workbench.store import Database
from workbench.verify.check import Rule, examine
from workbench.verify.digest import read_beside_ids
from workbench.verify.functions import register

SAMPLE: Final = 1000  # IDs that are computed a second time, by another way


@dataclass(frozen=True, slots=True)
class Standing:
    """What a project holds that no rewrite of IDs may change: rows by stage, cohort members, texts and scores."""

    counts: dict[str, int]
    members: tuple[int, ...]
    texts: str


def standing(db: Database, *, texts: bool) -> Standing:
    """Look at a project, before or after; `texts`: at every hash and score too."""
    sql = statements("validate")
    counts = dict(db.execute(sql["counts"]).fetchall())
    return Standing(counts, db.execute(sql["members"]).fetchone(), _hashed(db, sql["texts"]) if texts else "")


def _hashed(db: Database, sql: str) -> str:
    found, rows = FactSet(), db.execute(sql)
    while batch := rows.fetchmany(500):
        found.add("\n".join(line for (line,) in batch))
    return found.hexdigest()


def check(db: Database, number: int, before: Standing, beside_ids: str) -> str:
    """Check everything; gives the digest after. `beside_ids` is the hash of the rest, right before the rewrite.

    That every ID is the function of its signature follows from two facts: the mapping was made by it, and every row
    has the ID of the mapping; a sample is computed a second time. That nothing but IDs changed is seen by hashing
    everything else of every row again. Unique IDs, unique signatures and links are SQLite's to keep.
    Raises DamagedFile, so that the transaction is taken back.
    """
    after = standing(db, texts=bool(before.texts))
    now = read_beside_ids(db)
    found = [] if now.beside_ids == beside_ids else ["something else than IDs changed"]
    found += [f"{what} changed" for what in ("members", "texts") if getattr(before, what) != getattr(after, what)]
    for name, sql in statements("validate").items():
        if name.startswith("no "):
            found += [f"{name[3:]}: {row}" for (row,) in db.execute(sql, {"migration": number}).fetchmany(3)]
    _refuse([*found, *_counts(db, before, after), *_sample(db), *_links(db, number)])
    return now.digest


def check_rollback(db: Database, number: int) -> None:
    """Check a sample of IDs, and the links of what was restored. Raises DamagedFile."""
    _refuse([*_sample(db), *_links(db, number)])


def _refuse(found: list[str]) -> None:
    if found:
        raise not_kept(found)


def not_kept(found: list[str]) -> DamagedFile:
    """Give the error that says what a rewrite did not keep."""
    return DamagedFile(
        f"the rewrite did not keep what it must ({'; '.join(found)}), so it was taken back",
        mend="run `workbench verify --full`, and report what it says",
    )


def _counts(db: Database, before: Standing, after: Standing) -> list[str]:
    (added,) = db.execute("select count(*) from temp.synthetic").fetchone()
    expected = {stage: before.counts.get(stage, 0) + (added if stage == "draft" else 0) for stage in STAGES}
    found = {stage: after.counts.get(stage, 0) for stage in STAGES}
    return [] if found == expected else [f"rows by stage: {found}, not {expected}"]


def _sample(db: Database) -> list[str]:
    """Compute a sample of IDs again, evenly spread over the mapping."""
    register(db)
    rule = Rule("ids", "", statements("validate")["sample"].format(sample=SAMPLE))
    return [f"ID is not that of its signature: {name}" for name in examine(db, rule).examples]


def _links(db: Database, number: int) -> list[str]:
    """Let SQLite look for links that lead nowhere in the tables that the journal names; it refuses new ones itself."""
    tables = db.execute(statements("validate")["touched tables"], {"migration": number}).fetchall()
    return [
        f"{table} {row} names no row of {parent}"
        for (name,) in tables
        for table, row, parent, _ in db.execute(f"pragma foreign_key_check({name})").fetchmany(3)
    ]
