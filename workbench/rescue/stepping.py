"""Streaming rows of a damaged table: what cannot be read is stepped over and listed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workbench.clock import ticks
from workbench.store import sqlite3

MAX_PROBLEMS = 1000
FARTHEST = 2**62
# SQLite's own message may quote bytes of the file that are no text.
UNREADABLE = (sqlite3.Error, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be taken: the row or table, a code for programs, and the reason."""

    where: str
    code: str
    detail: str


@dataclass(slots=True)
class Found:
    """Problems in the order in which they were met; all are counted, the first thousand are kept."""

    problems: list[Problem] = field(default_factory=list)
    total: int = 0

    def note(self, where: str, code: str, detail: object) -> None:
        """Add a problem, in one line."""
        self.total += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(where, code, " ".join(str(detail).split())[:500]))


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk over one table: `select` gives rows whose first value is the number, for numbers > ? in order.

    `end` is when its time is up, in ticks of the clock.
    """

    conn: sqlite3.Connection
    table: str
    select: str
    end: float
    found: Found

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Stream the rows; each stretch that cannot be read is listed with its ends and stepped over."""
        last: int | None = -FARTHEST
        while last is not None:
            try:
                for row in self.conn.execute(self.select, (last,)):
                    last = self._checked(row[0], last)
                    yield row
                return
            except (*UNREADABLE, Impossible) as error:
                upto = self._next_readable(last)
                gap = f"after this row up to {'the end' if upto is None else upto}: {error}"
                self.found.note(f"{self.table} {max(last, 0)}", "unreadable", gap)
                last = upto

    def _checked(self, number: object, last: int) -> int:
        if ticks() > self.end:
            raise Impossible("time is up")
        if not isinstance(number, int) or number <= last:
            raise Impossible(f"numbers out of order ({number!r:.40})")
        return number

    def _next_readable(self, after: int) -> int | None:
        """Find the least number behind which a row can be read, or None; by doubling, then by halving."""
        start = max(after, 0)
        bad, step = start, 1
        while not self._reads(start + step):
            bad, step = start + step, step * 2
            if step > FARTHEST:
                return None
        good = start + step
        while good - bad > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if self._reads(middle) else (good, middle)
        return good

    def _reads(self, after: int) -> bool:
        try:
            row = self.conn.execute(f"{self.select} limit 1", (after,)).fetchone()
            return row is None or self._checked(row[0], after) > after
        except (*UNREADABLE, Impossible):
            return False


class Impossible(Exception):
    """Rows that SQLite gives but that cannot be."""
