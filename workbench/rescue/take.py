"""The rows of a stranger's file are taken over into a fresh project, each judged by our own schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.batch.books import forget_all
from workbench.errors import UnknownName
from workbench.ids import V1, Scheme, scheme_named
from workbench.pack import unfinished
from workbench.rescue.links import drop_dangling
from workbench.rescue.recover import close_orphans
from workbench.rescue.stepping import Found, Problem
from workbench.rescue.stranger import Stranger, opened, rows_of
from workbench.store import Database, create_project, open_project, sqlite3, transaction
from workbench.verify import Check, verify
from workbench.verify.full import PACKED

SECONDS = 900.0
_LEFT = ("claims", "project")  # live processes are not taken; the project's facts are taken by name
_FACTS = ("name", "uuid", "created", PACKED)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken: rows by table, what was not (`total` counts all, `problems` the first thousand), and checks."""

    counts: dict[str, int]
    problems: list[Problem]
    total: int
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Whether every row was taken and every rule holds for them."""
        return not self.total and all(check.ok for check in self.checks)


def import_data(source: Path | str, target: Path | str, *, seconds: float = SECONDS) -> Taken:
    """Take what is good in any SQLite file, also a foreign or damaged one, into a new project.

    Only known columns of real tables are read; nothing of the file's schema is run and the file is not written to.
    Each row passes the types, checks and links of our schema or is listed; then the new project is verified in
    full. Raises OutputExists, ForeignFile or DamagedFile; then no project is made.
    """
    found = Found()
    with unfinished(Path(target)) as part:
        with opened(Path(source), known_columns(), found, seconds) as stranger:
            facts = _facts(stranger)
            create_project(part, scheme=_scheme(facts, found), name=facts.get("name", Path(target).stem))
            counts = _fill(part, stranger, facts)
        with open_project(part, write=True) as db:
            checks = verify(db, full=True)
    return Taken(counts, found.problems, found.total, checks)


def known_columns() -> dict[str, Sequence[str]]:
    """Give the plain tables of our schema with their columns."""
    from workbench.store.steps import shape_at, step_names

    conn = sqlite3.connect(":memory:")
    try:
        ours = shape_at(len(step_names()))
        tables = [(name, sql) for kind, name, _, sql in ours if kind == "table" and _is_plain(name, sql)]
        for _, sql in tables:
            conn.execute(sql)
        rows = {name: conn.execute(f'pragma table_info("{name}")').fetchall() for name, _ in sorted(tables)}
        return {name: [str(row[1]) for row in columns] for name, columns in rows.items()}
    finally:
        conn.close()


def _is_plain(name: str, sql: str) -> bool:
    return not name.startswith("search") and not sql.lower().startswith("create virtual")


def _facts(stranger: Stranger) -> dict[str, str]:
    if "project" not in stranger.columns:
        return {}
    names = ("id", *(c for c in stranger.columns["project"] if c != "id"))
    rows = [dict(zip(names, row, strict=True)) for row in islice(rows_of(stranger, "project"), 1000)]
    return {r["key"]: r["value"] for r in rows if isinstance(r.get("key"), str) and isinstance(r.get("value"), str)}


def _scheme(facts: Mapping[str, str], found: Found) -> Scheme:
    try:
        return scheme_named(facts["scheme"])
    except (KeyError, UnknownName):
        found.note("project scheme", "not taken", f"unknown scheme; {V1.name} is assumed and the check of IDs tells")
        return V1


def _fill(part: Path, stranger: Stranger, facts: Mapping[str, str]) -> dict[str, int]:
    with open_project(part, write=True) as db:
        db.execute("pragma foreign_keys=off")  # rows come in any order; links are judged when all are there
        with transaction(db):
            _take_facts(db, facts, stranger.found)
            counts = {table: _take(db, stranger, table) for table in stranger.columns if table not in _LEFT}
            for table in drop_dangling(db, stranger.found):
                counts[table] -= 1
            db.execute("update runs set slot = null where slot is not null")
            forget_all(db)
            close_orphans(db)
            _index(db)
    return counts


def _take_facts(db: Database, facts: Mapping[str, str], found: Found) -> None:
    for key, value in facts.items():
        if key in _FACTS:
            db.execute(
                "insert into project (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
                (key, value),
            )
        elif key not in ("scheme", "version", "searched"):
            found.note(f"project {key[:40]!r}", "not taken", "no fact that this version knows")


def _take(db: Database, stranger: Stranger, table: str) -> int:
    names = ("id", *(c for c in stranger.columns[table] if c != "id"))
    marks = ", ".join("?" * len(names))
    insert = f"insert into {table} ({', '.join(names)}) values ({marks})"
    taken = 0
    for row in _rows(stranger, table):
        try:
            db.execute(insert, row)
            taken += 1
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            stranger.found.note(f"{table} {row[0]}", "row refused", error)
    return taken


def _rows(stranger: Stranger, table: str) -> Iterator[tuple[Any, ...]]:
    for row in rows_of(stranger, table):
        if row[0] > 0:
            yield row
        else:
            stranger.found.note(f"{table} {row[0]}", "row refused", "row numbers start at 1")


def _index(db: Database) -> None:
    db.execute("insert into search (search) values ('rebuild')")
    db.execute(
        "insert into project (key, value) select 'searched', coalesce(max(id), 0) from contents where true"
        " on conflict (key) do update set value = excluded.value"
    )
