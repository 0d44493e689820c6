"""`migrate plan` and `migrate apply`: the same work, taken back at the end or kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from workbench.errors import Conflict
from workbench.ids import scheme_named
from workbench.migrate import legacy, mapping
from workbench.migrate.books import Problem, Report
from workbench.migrate.frame import recorded
from workbench.migrate.rewrite import rewrite_ids
from workbench.migrate.sheets import Sheets
from workbench.migrate.statements import statements
from workbench.migrate.validate import check, standing
from workbench.store import Database, scheme_of
from workbench.verify import digest

SHOWN: Final = 10  # blocked rows that a refusal names


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for: the scheme to end under (None: the project's), legacy rows made ready, blocked ones left."""

    legacy: bool = False
    to_scheme: str | None = None
    lenient: bool = False


def plan(db: Database, request: Request, sheets: Sheets | None = None) -> Report:
    """Say what `apply` would do: the same work, taken back at its end. Raises what it would, but for blocked rows."""
    return _carry_out(db, request, sheets or Sheets(), keep=False)


def apply(db: Database, request: Request, sheets: Sheets | None = None, *, snapshot: str | None = None) -> Report:
    """Rewrite every ID that is not the function of its signature under a scheme, in one recorded transaction.

    Raises Conflict when rows are blocked and not to be left as they are; then nothing was changed.
    """
    return _carry_out(db, request, sheets or Sheets(), keep=True, snapshot=snapshot)


def _carry_out(db: Database, request: Request, sheets: Sheets, *, keep: bool, snapshot: str | None = None) -> Report:
    old = scheme_of(db)
    new = scheme_named(request.to_scheme) if request.to_scheme else old
    told = asdict(request) | {"from_scheme": old.name, "to_scheme": new.name}
    kind = "legacy" if request.legacy else "ids"
    with recorded(db, kind, told, keep=keep, snapshot=snapshot) as (number, report):
        report.digest_before = digest(db)
        before = standing(db, texts=request.legacy)
        if request.legacy:
            legacy.look(db)
        mapping.block(db, numbered=request.legacy)
        _report_blocked(db, report)
        if request.legacy:
            _make_ready(db, report)
        middle = digest(db) if request.legacy else report.digest_before
        rewrite_ids(db, number, new, report, scope=mapping.ALL, all_rows=True)
        if keep and not request.lenient:
            _refuse_blocked(report)
        report.digest_after = check(db, number, before, old.name, middle)
        sheets.write(db)
    return report


def _make_ready(db: Database, report: Report) -> None:
    legacy.fill_fields(db, report)
    legacy.number_replicates(db, report)
    legacy.add_drafts(db, report)
    legacy.number_replicates(db, report, synthetic=True)


def _report_blocked(db: Database, report: Report) -> None:
    """List the rows that stay as they are, with what the import said of each."""
    for stage, gen_id, reason, detail in db.execute(statements("ids")["blocked"]).fetchall():
        report.problems.append(Problem("error", gen_id, reason, detail or "", stage))


def _refuse_blocked(report: Report) -> None:
    if not report.blocked:
        return
    rows = [problem for problem in report.problems if problem.severity == "error"]
    listed = ", ".join(f"{row.where} ({row.code})" for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    raise Conflict(
        f"{report.blocked} rows cannot be migrated: {listed}{more}",
        mend="mend them, or leave them as they are with --lenient; `workbench migrate plan` lists them all",
    )
