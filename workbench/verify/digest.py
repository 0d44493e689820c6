"""One hash over all facts of a project, whatever the order of its rows and pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

from workbench.ids import FactDigest, FactSet, content_hash
from workbench.store import Database
from workbench.verify.check import snapshot
from workbench.verify.facts import BY_CHAIN, BY_ID, PLAIN, Naming, generations, named

SPAN: Final = 500  # lines, or row numbers, to a batch
_LAST: Final = 2**63 - 1  # the highest number that SQLite gives a row
_AHEAD: Final = 8  # batches that SQLite may be ahead of the hashing


def digest(db: Database, *, without_ids: bool = False) -> str:
    """Give one BLAKE2b (64 hex digits) over the sorted hashes of the canonical JSON lines of the facts.

    `without_ids` leaves out public IDs, the scheme that makes them and the mark of those that it did not make, so
    that a migration of IDs keeps it. No text is read: its hash stands for it. The lines come in the order of the
    rows; only 16 bytes of each are kept and sorted (16 MB for a million generations), so that neither row numbers
    nor pages count. While SQLite makes a batch of lines, another thread hashes the one before.
    Source: "Digest" in docs/architecture.md.
    """
    found = FactSet()
    _hash(db, BY_CHAIN if without_ids else BY_ID, found.add)
    return found.hexdigest()


class Reading(NamedTuple):
    """What a file holds: its digest, and one hash of everything beside public IDs, row by row in their order.

    There row numbers say which generation is meant: a rewrite of IDs keeps them, and so this hash.
    """

    digest: str
    beside_ids: str


def read_beside_ids(db: Database) -> Reading:
    """Give the digest, and in the same pass what tells whether anything but IDs changes from now on."""
    found, rest = FactSet(), FactDigest()

    def take(facts: str, ids: str = "", rows: str = "") -> None:
        found.add(facts, ids)
        rest.add_sorted((facts, rows))

    _hash(db, BY_ID, take, apart=True)
    return Reading(found.hexdigest(), rest.hexdigest())


def _hash(db: Database, naming: Naming, take: Callable[..., None], *, apart: bool = False) -> None:
    waiting: deque[Future[None]] = deque()
    with snapshot(db), ThreadPoolExecutor(1) as pool:
        for texts in _batches_of_all(db, naming, apart=apart):
            waiting.append(pool.submit(take, *texts))
            if len(waiting) > _AHEAD:
                waiting.popleft().result()
        for future in waiting:
            future.result()


def lines(db: Database, *, without_ids: bool = False) -> list[str]:
    """Give the lines that are hashed, sorted, all at once; useful to see in what two projects differ."""
    with snapshot(db):
        batches = list(_batches_of_all(db, BY_CHAIN if without_ids else BY_ID))
    return sorted(line for (batch,) in batches for line in batch.split("\n"))


def _batches_of_all(db: Database, naming: Naming, *, apart: bool = False) -> Iterator[tuple[str, ...]]:
    db.conn.create_function("text_hash", 1, _text_hash, deterministic=True)
    for sql in (*PLAIN.values(), *named(naming, apart=apart).values()):
        yield from _batches(db, sql)
    sql = generations(naming, apart=apart)
    for first in _starts(db):
        yield db.execute(sql, {"first": first, "last": min(first + SPAN - 1, _LAST)}).fetchone()


def _batches(db: Database, sql: str) -> Iterator[tuple[str, ...]]:
    rows = db.execute(sql)
    while batch := rows.fetchmany(SPAN):
        yield tuple("\n".join(map(str, column)) for column in zip(*batch, strict=True))


def _starts(db: Database) -> Iterator[int]:
    """Give the first row number of each batch of generations; numbers may have wide gaps."""
    last = 0
    while (first := db.execute("select min(id) from generations where id > ?", (last,)).fetchone()[0]) is not None:
        yield first
        last = min(first + SPAN - 1, _LAST)


def _text_hash(text: str | None) -> str | None:
    return None if text is None else content_hash(text)
