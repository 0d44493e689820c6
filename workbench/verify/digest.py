"""One hash over all facts of a project, whatever the order of its rows and pages."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.ids import FactDigest, content_hash
from workbench.store import Database
from workbench.verify.check import snapshot
from workbench.verify.facts import FACTS, WITHOUT_IDS


def digest(db: Database, *, without_ids: bool = False) -> str:
    """Give one BLAKE2b (64 hex digits) over the sorted canonical JSON lines of the facts.

    `without_ids` leaves out public IDs, the scheme that makes them and the mark of those that it did not make, so
    that a migration of IDs keeps it. No text is read: its hash stands for it.
    Source: "Digest" in docs/architecture.md.
    """
    found = FactDigest()
    with snapshot(db):
        found.add_sorted(lines(db, without_ids=without_ids))
    return found.hexdigest()


def lines(db: Database, *, without_ids: bool = False) -> Iterator[str]:
    """Stream the lines that are hashed, sorted; useful to see in what two projects differ."""
    db.conn.create_function("short_number", 1, _short_number, deterministic=True)
    db.conn.create_function("text_hash", 1, _text_hash, deterministic=True)
    facts = WITHOUT_IDS if without_ids else FACTS
    for sql in facts.values():
        for (line,) in db.execute(f"{sql} order by 1"):
            yield line


def _short_number(value: float | None) -> str | None:
    """Write a number with nine digits: SQLite's own printf rounds differently from version to version."""
    return None if value is None else format(value, ".9g")


def _text_hash(text: str | None) -> str | None:
    return None if text is None else content_hash(text)
