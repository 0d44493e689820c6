"""What ran last."""

from __future__ import annotations

from typing import Any

from workbench.batch.listing import with_waiting
from workbench.store import Database
from workbench.store.rows import rows_of

_RUNS = """
select id, job, status, started, ended, done, failed, skipped, calls, tokens_in, tokens_out, cost, version
from runs order by id desc limit ?
"""


def last_runs(db: Database, limit: int) -> list[dict[str, Any]]:
    """Give the last runs, newest first, with what they work on, their counts, and whether they wait for a batch."""
    return with_waiting(db, rows_of(db, _RUNS, (limit,)))
