"""Which processes are alive: each holds one locked byte of a file beside the project.

The kernel drops the lock when a process ends in whatever way, so no clock is asked. The last process removes
the file. The lock is never on the database file itself.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import Refused, RunIsOn
from workbench.store.beside import SHARDS, is_led, shards_folder
from workbench.store.sqlite import Database
from workbench.store.transaction import transaction

MAX_SLOTS = 256
ROOM = 256 * 1024  # bytes set aside for each call in flight: its answer, and what is indexed of it
MOST_ROOM = 32 * 2**20
_USED = (
    "select slot from claims union select slot from runs where status = 'running'"
    " union select slot from batches where slot is not null"
)
# Of a batch that was still being filled nothing was sent; the others go on, whoever looks after them.
_BATCHES = (
    "delete from batch_lines where batch_id in (select id from batches where slot = ? and state = 'filling')",
    "update batches set state = 'given up', error = 'never sent', requests = 0 where slot = ? and state = 'filling'",
    "update batches set slot = null where slot = ?",
)
_held: dict[str, int] = {}  # lock files of this process: POSIX locks are the process's, not the handle's


@dataclass(slots=True)
class Slot:
    """The place of this process among those that work on a project."""

    number: int
    handle: int

    def is_alive(self, number: int) -> bool:
        """Say whether a live process, this one or another, holds a slot."""
        return number == self.number or not _lock(self.handle, number, keep=False)

    @property
    def is_alone(self) -> bool:
        """Whether no other process works on the project."""
        return not any(self.is_alive(number) for number in range(1, MAX_SLOTS) if number != self.number)

    def reserve_room(self, calls: int) -> None:
        """Set room on the disk aside in the lock file, so that answers that were paid for can be written when it is
        full: as much as so many calls may need, but never more than half of what is free.
        """
        with suppress(OSError, AttributeError):  # not every system and file system can
            disk = os.fstatvfs(self.handle)
            size = min(calls * ROOM, MOST_ROOM, disk.f_bavail * disk.f_frsize // 2)
            if size > 0:
                os.posix_fallocate(self.handle, 0, size)

    def give_room(self) -> None:
        """Give the room that was set aside back to the disk."""
        with suppress(OSError):
            os.ftruncate(self.handle, 0)


def lock_path(db: Database) -> Path:
    """Give the path of the lock file that stands beside a project."""
    return Path(f"{_path(db)}.lock")


def _path(db: Database) -> Path:
    return Path(db.execute("pragma database_list").fetchone()[2])


def refuse_led(db: Database) -> None:
    """Raise RunIsOn while a command leads workers on a project, or left answers of theirs in shards beside it."""
    folder = shards_folder(_path(db))
    if is_led(folder):
        raise RunIsOn("a command leads workers on it", mend="let that end, or stop it")
    if any(folder.glob(SHARDS)):
        mend = "bring them home with `workbench recover`"
        raise RunIsOn("workers of a command that was killed left answers beside it", where=str(folder), mend=mend)


def _lock(handle: int, number: int, *, keep: bool) -> bool:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except OSError:
        return False
    if not keep:
        fcntl.lockf(handle, fcntl.LOCK_UN, 1, number)
    return True


def _is_current(handle: int, path: Path) -> bool:
    """Say whether the path still names the open file: the last process may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _refuse_strangers(handle: int, path: Path) -> None:
    """Leave a file alone that somebody else wrote to: ours hold nothing, and are removed in the end."""
    if not stat.S_ISREG(os.fstat(handle).st_mode) or os.pread(handle, 4096, 0).strip(b"\0"):
        os.close(handle)
        raise Refused("it is no lock file of the workbench", where=str(path), mend="move it away")


def _take(path: Path) -> Slot:
    for _ in range(200):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        _refuse_strangers(handle, path)
        number = next((n for n in range(1, MAX_SLOTS) if _lock(handle, n, keep=True)), None)
        if number is not None and _is_current(handle, path):
            return Slot(number, handle)
        os.close(handle)
        time.sleep(0.01)  # a process that is leaving holds all places for an instant
    raise RunIsOn(f"{MAX_SLOTS - 1} processes work on it", mend="wait until one ends")


def _leave(slot: Slot, path: Path) -> None:
    others = any(not _lock(slot.handle, n, keep=True) for n in range(1, MAX_SLOTS) if n != slot.number)
    if not others and _is_current(slot.handle, path):
        with suppress(OSError):
            path.unlink()
    os.close(slot.handle)


@contextmanager
def slot(db: Database) -> Iterator[Slot]:
    """Hold a slot while working; what dead processes left is released first. Raises RunIsOn in a second use."""
    path = lock_path(db)
    key = str(path)
    if key in _held:
        raise RunIsOn("this process works on it already", mend="let that run end first")
    taken = _take(path)
    _held[key] = taken.number
    try:
        _release(db, [taken.number], itself=True)
        release_dead(db, taken)
        yield taken
    finally:
        del _held[key]
        with suppress(Exception):
            _release(db, [taken.number], itself=False)
        _leave(taken, path)


def release_dead(db: Database, mine: Slot | None = None) -> int:
    """Free the claims of processes that are gone; their unanswered calls become `unknown`. Gives how many.

    Without a slot of one's own the lock file is looked at, and removed when nobody holds it.
    """
    used = [n for (n,) in db.execute(_USED)]
    numbers = [n for n in used if n is not None]
    if mine is not None:
        return _release(db, [n for n in numbers if not mine.is_alive(n)], itself=True)
    path = lock_path(db)
    if str(path) in _held or (not numbers and not path.exists()):
        return 0
    seen = _take(path)
    try:
        return _release(db, [n for n in numbers if n == seen.number or not seen.is_alive(n)], itself=True)
    finally:
        _leave(seen, path)


def _release(db: Database, numbers: list[int], *, itself: bool) -> int:
    """Drop the claims of some slots; `itself`: what they left running is lost."""
    freed = 0
    for number in numbers:
        with transaction(db):
            db.execute(
                "update calls set status = 'unknown', outcome = 'unknown' where status = 'sent' and (generation_id in"
                " (select generation_id from claims where slot = ?) or topic_id in"
                " (select topic_id from claims where slot = ?))",
                (number, number),
            )
            freed += db.execute("delete from claims where slot = ?", (number,)).rowcount
            for statement in _BATCHES:
                db.execute(statement, (number,))
            if itself:
                db.execute(
                    "update runs set status = 'lost', slot = null where status = 'running' and slot = ?", (number,)
                )
    return freed
