"""`migrate plan` and `migrate apply`: the same work, taken back at the end or kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from workbench.errors import Conflict
from workbench.ids import scheme_named
from workbench.migrate import legacy, mapping
from workbench.migrate.books import Problem, Report
from workbench.migrate.frame import recorded
from workbench.migrate.kinds import rewrite_by
from workbench.migrate.meanwhile import meanwhile
from workbench.migrate.rewrite import rewrite_ids
from workbench.migrate.sheets import Sheets
from workbench.migrate.statements import statements
from workbench.migrate.validate import check, standing
from workbench.store import Database, scheme_of
from workbench.verify.digest import Reading, read_beside_ids

SHOWN: Final = 10  # blocked rows that a refusal names


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: the scheme to end under (None: the project's), legacy rows made ready, blocked ones left.

    `kind` asks for a rewrite that another package adds instead.
    """

    legacy: bool = False
    to_scheme: str | None = None
    lenient: bool = False
    kind: str | None = None


def plan(db: Database, request: Request, sheets: Sheets | None = None) -> Report:
    """Say what `apply` would do: the same work, taken back at its end. Raises what it would, but for blocked rows."""
    return _carry_out(db, request, sheets or Sheets(), keep=False)


def apply(db: Database, request: Request, sheets: Sheets | None = None, *, snapshot: str | None = None) -> Report:
    """Rewrite every ID that is not the function of its signature under a scheme, in one recorded transaction.

    Raises Conflict when rows are blocked and not to be left as they are; then nothing was changed.
    """
    return _carry_out(db, request, sheets or Sheets(), keep=True, snapshot=snapshot)


def _carry_out(db: Database, request: Request, sheets: Sheets, *, keep: bool, snapshot: str | None = None) -> Report:
    if request.kind:
        return rewrite_by(db, request.kind, keep=keep, snapshot=snapshot)
    old = scheme_of(db)
    new = scheme_named(request.to_scheme) if request.to_scheme else old
    told = asdict(request) | {"from_scheme": old.name, "to_scheme": new.name}
    kind = "legacy" if request.legacy else "ids"
    frame = recorded(db, kind, told, keep=keep, snapshot=snapshot)
    with frame as (number, report), meanwhile(db, read_beside_ids) as read_before:
        before = standing(db, texts=request.legacy)
        if request.legacy:
            legacy.look(db)
        mapping.block(db, numbered=request.legacy)
        if _report_blocked(db, report) and keep and not request.lenient:
            raise _blocked(report.problems)
        middle = _make_ready(db, report, read_before) if request.legacy else None
        rewrite_ids(db, number, new, report, scope=mapping.ALL, all_rows=True, before_writing=read_before)
        report.digest_before = read_before().digest
        report.digest_after = check(db, number, before, (middle or read_before()).beside_ids)
        sheets.write(db)
    return report


def _make_ready(db: Database, report: Report, before_writing: Callable[[], object]) -> Reading:
    """Do to legacy rows all that comes before their IDs; gives what the file holds then."""
    before_writing()
    legacy.fill_fields(db, report)
    legacy.number_replicates(db, report)
    legacy.add_drafts(db, report)
    legacy.number_replicates(db, report, synthetic=True)
    return read_beside_ids(db)


def _report_blocked(db: Database, report: Report) -> int:
    """List the rows that stay as they are, with what the import said of each; gives how many."""
    rows = db.execute(statements("ids")["blocked"]).fetchall()
    for stage, gen_id, reason, detail in rows:
        report.problems.append(Problem("error", gen_id, reason, detail or "", stage))
    return len(rows)


def _blocked(rows: list[Problem]) -> Conflict:
    listed = ", ".join(f"{row.where} ({row.code})" for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return Conflict(
        f"{len(rows)} rows cannot be migrated: {listed}{more}",
        mend="mend them, or leave them as they are with --lenient; `workbench migrate plan` lists them all",
    )
