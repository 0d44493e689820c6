"""Greedy group commit: whatever waits goes into the next transaction, without a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from workbench.record.ledger import Receipt
from workbench.store import Database, sqlite3, transaction

T = TypeVar("T")
_Act = tuple[Callable[[Database], Any], "asyncio.Future[Any]"]
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR")
PASSES = 3  # of the event loop from an answer's last bytes to its act
PATIENCE = 60  # tries, half a second apart, to write paid answers to a disk without room


class Desk:
    """Where all of a run's writing is done, in the event loop's own thread.

    While one transaction is written, answers pile up; the next one takes them all. A measured commit takes
    0.4 ms, less than handing the work to another thread and back costs.
    """

    def __init__(
        self, db: Database, add_up: Callable[[Database, list[Receipt]], None], on_no_room: Callable[[], None]
    ) -> None:
        """Write to `db`; `add_up` gets the receipts of each transaction, `on_no_room` is called on a full disk."""
        self._db, self._add_up, self._on_no_room = db, add_up, on_no_room
        self.receipts: list[Receipt] = []  # of the calls that end in the present transaction
        self.troubled = False  # acts were run again, so what they counted in memory is not to be trusted
        self._acts: list[_Act] = []
        self._tries = 0

    async def do(self, act: Callable[[Database], T]) -> T:
        """Run `act` inside the next transaction and give its result once that is committed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if not self._acts:
            loop.call_soon(self._gather, 0, PASSES)
        self._acts.append((act, future))
        return await future

    def _gather(self, seen: int, passes: int) -> None:
        """Let answers that have arrived already join: write when so many passes of the loop in a row bring no more."""
        if len(self._acts) > seen:
            passes = PASSES
        if passes == 0:
            self._flush()
        else:
            asyncio.get_running_loop().call_soon(self._gather, len(self._acts), passes - 1)

    def _flush(self) -> None:
        acts, self._acts = self._acts, []
        try:
            self._together(acts)
            self._tries = 0
        except sqlite3.OperationalError as error:
            if not self._wait_for_room(acts, error):
                self._one_by_one(acts)
        except Exception:
            self._one_by_one(acts)

    def _together(self, acts: list[_Act]) -> None:
        with transaction(self._db):
            self.receipts.clear()
            results = [act(self._db) for act, _ in acts]
            self._add_up(self._db, self.receipts)
        for (_, future), result in zip(acts, results, strict=True):
            if not future.done():
                future.set_result(result)

    def _one_by_one(self, acts: list[_Act]) -> None:
        """One act's fault is its own: the others are written all the same."""
        self.troubled = True
        for act, future in acts:
            try:
                with transaction(self._db):
                    self.receipts.clear()
                    result = act(self._db)
                    self._add_up(self._db, self.receipts)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

    def _wait_for_room(self, acts: list[_Act], error: sqlite3.OperationalError) -> bool:
        """Keep what was paid for and try again soon; False when it is something else, or has taken too long."""
        self._tries += 1
        if not (getattr(error, "sqlite_errorname", "") or "").startswith(_NO_ROOM) or self._tries > PATIENCE:
            return False
        self.troubled = True
        self._on_no_room()
        self._acts = acts + self._acts
        asyncio.get_running_loop().call_later(0.5, self._flush)
        return True
