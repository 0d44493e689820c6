"""Runs in the record: begun, counted while they go, ended in one way or another."""

from __future__ import annotations

import json
from collections.abc import Mapping

from workbench import __version__
from workbench.clock import now
from workbench.store import Database

_UNPRICED = "select exists (select 1 from calls where run_id = ? and status = 'answered' and cost is null)"


def begin_run(db: Database, job: str, config: Mapping[str, object], slot: int) -> int:
    """Write a run down and give its number. In the caller's transaction."""
    cursor = db.execute(
        "insert into runs (job, config, status, slot, version, started) values (?, ?, 'running', ?, ?, ?)",
        (job, json.dumps(config, ensure_ascii=False), slot, __version__, now()),
    )
    return int(cursor.lastrowid or 0)


def end_run(db: Database, run_id: int, status: str, *, done: int, failed: int, skipped: int) -> None:
    """Write down how a run ended and what it settled."""
    db.execute(
        "update runs set status = ?, slot = null, ended = ?, done = ?, failed = ?, skipped = ? where id = ?",
        (status, now(), done, failed, skipped, run_id),
    )


def run_sums(db: Database, run_id: int) -> dict[str, object]:
    """Give what a run called and spent: calls, tokens_in, tokens_out, cost, and cost_known: whether that is all.

    It is not where a call was answered and its tokens or its model's prices are not known.
    """
    row = db.execute("select calls, tokens_in, tokens_out, cost from runs where id = ?", (run_id,)).fetchone()
    (unpriced,) = db.execute(_UNPRICED, (run_id,)).fetchone()
    sums = dict(zip(("calls", "tokens_in", "tokens_out", "cost"), row, strict=True))
    return sums | {"cost_known": not unpriced}
