"""A rule as one SQL question, and what came of asking it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from workbench.store import Database, sqlite3

EXAMPLES = 10
# SQLite's own message may quote bytes of a damaged file that are no text.
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Check:
    """What one rule found: how many rows break it, the first ten by name, and how many exempt rows would."""

    name: str
    ok: bool
    broken: int
    examples: list[str]
    apart: int = 0
    about: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, what holds, and SQL that gives (name of a breaking row, 1 when it is exempt)."""

    name: str
    about: str
    sql: str


class Tally:
    """Counts of breaking rows while they stream past."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.broken = self.apart = 0

    def broken_names(self, rows: Iterable[tuple[object, object]]) -> Iterator[str]:
        """Count rows of (name, exempt) and pass on the names that are not exempt."""
        for name, exempt in rows:
            if exempt:
                self.apart += 1
            else:
                self.broken += 1
                yield str(name)


def examined(name: str, about: str, rows: Iterable[tuple[object, object]]) -> Check:
    """Make a check of streamed rows (name, exempt); a page that cannot be read breaks it too."""
    tally = Tally()
    try:
        examples = heapq.nsmallest(EXAMPLES, tally.broken_names(rows))
    except UNREADABLE as error:
        tally.broken += 1
        examples = [f"cannot be read: {' '.join(str(error).split())}"[:300]]
    return Check(name, not tally.broken, tally.broken, examples, tally.apart, about)


def examine(db: Database, rule: Rule) -> Check:
    """Ask one rule of a project."""

    def rows() -> Iterator[tuple[object, object]]:
        yield from db.execute(rule.sql)

    return examined(rule.name, rule.about, rows())


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """Let several questions see one state of the file, inside the caller's transaction or a read of its own."""
    if db.conn.in_transaction:
        yield
        return
    db.execute("begin")
    try:
        yield
    finally:
        db.rollback()
