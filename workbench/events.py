"""What happened, kept in the project: names and facts of events, in the order of their numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.clock import now
from workbench.store import Database
from workbench.store.json_columns import told_facts


def record_event(db: Database, run_id: int | None, event: str, facts: Mapping[str, object]) -> None:
    """Keep one event of a run; the caller holds the transaction."""
    db.execute(
        "insert into events (run_id, at, event, data) values (?, ?, ?, ?)",
        (run_id, now(), event, json.dumps(facts, ensure_ascii=False)),
    )


def read_events(db: Database, *, run_id: int | None = None, after: int = 0) -> Iterator[dict[str, Any]]:
    """Give events in order as flat dicts {event, at, run, id, …facts}; of one run, or all after a number."""
    rows = db.execute(
        "select id, run_id, at, event, data from events where id > ? and (? is null or run_id = ?) order by id",
        (after, run_id, run_id),
    )
    for number, run, at, event, data in rows:
        yield {"event": event, "at": at, "run": run, "id": number, **told_facts(data)}


def record_alert(
    db: Database, kind: str, facts: Mapping[str, object], *, blocking: bool, generation_id: int | None = None
) -> int:
    """Keep something a person must look at and give its number; the caller holds the transaction."""
    cursor = db.execute(
        "insert into alerts (kind, facts, blocking, generation_id, at) values (?, ?, ?, ?, ?)",
        (kind, json.dumps(facts, ensure_ascii=False), int(blocking), generation_id, now()),
    )
    return int(cursor.lastrowid or 0)
