"""Group commit: what has arrived goes into the next transaction, as far as it can be done in about a commit's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from workbench.clock import ticks
from workbench.record.ledger import Receipt
from workbench.store import Database, sqlite3, transaction

T = TypeVar("T")
_Act = tuple[Callable[[Database], Any], "asyncio.Future[Any]"]
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR")
PASSES = 3  # of the event loop, from an answer's last bytes to its act, and from a choice to the call's first bytes
SPAN = 0.002  # seconds of work in one transaction, or as long as the last commit took
PATIENCE = 60  # tries, half a second apart, to write paid answers to a disk without room


class Desk:
    """Where all of a run's writing is done, in the event loop's own thread.

    While one transaction is written, answers pile up; the next ones take them, some at a time: were a hundred
    answers written at once, all their next calls would go out together, come back together, and nothing would be
    sent meanwhile. A measured commit takes 0.4 ms, less than handing the work to another thread and back costs.
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
        self._span = SPAN

    async def do(self, act: Callable[[Database], T]) -> T:
        """Run `act` inside the next transaction and give its result once that is committed."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._acts.append((act, future))
        if len(self._acts) == 1:
            self._soon()
        return await future

    def _soon(self, passes: int = PASSES) -> None:
        """Write after some passes of the loop: answers that have arrived join, calls that were chosen go out first."""
        if passes:
            asyncio.get_running_loop().call_soon(self._soon, passes - 1)
        else:
            self._flush()

    def _flush(self) -> None:
        acts, self._acts = self._acts, []
        try:
            taken = self._together(acts)
            self._tries, self._acts = 0, acts[taken:] + self._acts
        except sqlite3.OperationalError as error:
            if self._wait_for_room(acts, error):
                return
            self._one_by_one(acts)
        except Exception:
            self._one_by_one(acts)
        if self._acts:
            self._soon()

    def _together(self, acts: list[_Act]) -> int:
        """Write as many acts as can be done while one commit takes, so that no call waits long; gives how many."""
        begun = ticks()
        results: list[Any] = []
        with transaction(self._db):
            self.receipts.clear()
            for act, _ in acts:
                results.append(act(self._db))
                if (done := ticks()) - begun > self._span:
                    break
            self._add_up(self._db, self.receipts)
        self._span = max(SPAN, ticks() - done)
        for (_, future), result in zip(acts, results, strict=False):
            if not future.done():
                future.set_result(result)
        return len(results)

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
