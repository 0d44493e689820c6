"""The books of the migrations: what each one is, what it changed, and from which IDs to which."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from workbench import __version__
from workbench.clock import now
from workbench.errors import UnknownName
from workbench.store import Database, insert

Severity = Literal["error", "warning", "info"]
ROLLBACK: Final = "rollback"
_LOG: Final = """
select m.id as migration, m.kind, m.state, m.at, m.rolled_back_at, m.by, m.version, m.plan, m.changes,
  m.digest_before, m.digest_after, m.snapshot,
  (select count(*) from migration_map k where k.migration_id = m.id) as mapped,
  (select count(*) from migration_problems p where p.migration_id = m.id) as problems
from migrations m
"""
_MAP: Final = """
select migration_id as migration, stage, old_id, new_id, status, reason from migration_map
where (:migration is null or migration_id = :migration) order by id
"""


class Problem(NamedTuple):
    """What a person should know of a row: `where` is its ID, `code` is for programs."""

    severity: Severity
    where: str
    code: str
    detail: str = ""
    stage: str = ""


@dataclass(slots=True)
class Report:
    """What a migration did, or would do: counts of rows by stage and status, steps, collisions, problems.

    `migration` is its number in the log; None when it was only planned, or there was nothing to do.
    """

    kind: str
    steps: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    collisions: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    migration: int | None = None
    digest_before: str = ""
    digest_after: str = ""
    snapshot: str | None = None

    def step(self, name: str, rows: int) -> None:
        """Say how many rows a step changed."""
        self.steps.append({"step": name, "rows": rows})

    @property
    def blocked(self) -> int:
        """How many rows cannot be migrated."""
        return sum(counts["blocked"] for counts in self.changes.values())

    @property
    def is_idle(self) -> bool:
        """Whether nothing was to be done."""
        return not any(step["rows"] for step in self.steps)


def open_record(db: Database, kind: str, plan: Mapping[str, object]) -> int:
    """Enter a migration into the log and give its number; the caller holds the transaction."""
    facts = {"kind": kind, "plan": _json(plan), "state": "applied", "by": _user(), "at": now(), "version": __version__}
    return insert(db, "migrations", facts)


def close_record(db: Database, number: int, report: Report) -> None:
    """Write down what came of a migration."""
    db.execute(
        "update migrations set changes = ?, digest_before = ?, digest_after = ?, snapshot = ? where id = ?",
        (
            _json(report.changes),
            report.digest_before or None,
            report.digest_after or None,
            report.snapshot,
            number,
        ),
    )
    db.conn.executemany(
        "insert into migration_problems (migration_id, severity, place, code, detail, stage)"
        f" values ({number}, ?, ?, ?, ?, ?)",
        report.problems,
    )
    report.migration = number


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a process whose user has no name
        return ""


def log(db: Database) -> list[dict[str, Any]]:
    """Give every migration that was ever recorded, oldest first: kind, state, plan, counts, digests."""
    return [_entry(row) for row in _rows(db, f"{_LOG} order by m.id", {})]


def show(db: Database, number: int) -> dict[str, Any]:
    """Give one migration with its problems; raises UnknownName."""
    found = [_entry(row) for row in _rows(db, f"{_LOG} where m.id = :number", {"number": number})]
    if not found:
        raise UnknownName(f"no migration {number}", mend="see `workbench migrate log`")
    sql = (
        'select severity, place as "where", code, detail, stage from migration_problems'
        " where migration_id = :number order by id"
    )
    return found[0] | {"problems": list(_rows(db, sql, {"number": number}))}


def mapping(db: Database, number: int | None = None) -> Iterator[dict[str, Any]]:
    """Stream old ID → new ID of one migration, or of all; raises UnknownName."""
    if number is not None:
        show(db, number)
    return _rows(db, _MAP, {"migration": number})


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    return row | {key: json.loads(row[key]) for key in ("plan", "changes")}


def _rows(db: Database, sql: str, parameters: Mapping[str, object]) -> Iterator[dict[str, Any]]:
    cursor = db.execute(sql, dict(parameters))
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)
