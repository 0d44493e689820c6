"""The folder beside a project where the shards of its workers lie until their work is brought home."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final

from workbench.errors import Refused, RunIsOn
from workbench.merge import merge
from workbench.record.runs import run_sums
from workbench.shards.making import PROJECT
from workbench.shards.share import Share
from workbench.store import Database, open_project, setting
from workbench.store.beside import SHARDS, shards_folder
from workbench.store.slots import slot

DRAIN: Final = "drain"  # a file whose being there tells workers far away to end
_POLL: Final = 0.2


@dataclass(frozen=True, slots=True)
class Spent:
    """What the runs in a shard's file took, whether they ended well or not; `tasks` were sent at least once."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    tasks: int = 0
    is_cost_known: bool = True

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
            self.tasks + other.tasks,
            self.is_cost_known and other.is_cost_known,
        )


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """A project's folder of shards, held by one process."""

    project: Path
    path: Path

    def file(self, share: Share) -> Path:
        """Give where a shard lies."""
        return self.path / f"{share.number}-of-{share.count}.db"

    @property
    def drain(self) -> Path:
        """The file that tells workers to end."""
        return self.path / DRAIN

    def leftovers(self, db: Database) -> list[Path]:
        """List the shards of this project that an earlier command left; raises Refused for other files."""
        found = sorted(path for path in self.path.glob(SHARDS))
        for path in found:
            with open_project(path) as shard:
                known = shard.execute("select value from project where key = ?", (PROJECT,)).fetchone()
            if known is None or known[0] != setting(db, "uuid"):
                raise Refused("no shard of this project", where=str(path), mend="move it away")
        return found

    def bring_leftovers(self, db: Database, heard: Callable[[Path], None]) -> None:
        """Bring home what an earlier command left, each told to `heard`; raises Refused for other files."""
        for path in self.leftovers(db):
            self.bring_home(path)
            heard(path)

    def bring_home(self, path: Path) -> Spent:
        """Merge a shard into the project once nobody works on it, then remove it; a kill in between does no harm."""
        with open_project(path, write=True) as shard:
            _await_others(shard)
            spent = spent_in(shard)
        with open_project(self.project, write=True) as db:
            merge(db, [path], snapshot=False, digests=False)
        path.unlink()
        return spent


def bring_leftovers(project: Path, heard: Callable[[Path], None]) -> None:
    """Bring home what workers of an earlier command left, each told to `heard`; waits while they end their calls.

    Raises RunIsOn while a command leads workers on the project, Refused for files that are no shards of it.
    """
    if not shards_folder(project).exists():
        return
    with shard_folder(project) as folder, open_project(project) as db:
        folder.bring_leftovers(db, heard)


def left_over(path: Path) -> dict[str, object]:
    """Give what is told of a shard that an earlier command left."""
    return {"shard": path.stem.replace("-of-", "/"), "left_over": True}


def spent_in(shard: Database) -> Spent:
    """Add up what a shard's own runs took."""
    (tasks,) = shard.execute("select count(distinct generation_id) from calls").fetchone()
    spent = Spent(tasks=int(tasks))
    for (run_id,) in shard.execute("select id from runs").fetchall():
        sums = run_sums(shard, run_id)
        is_cost_known = bool(sums.pop("cost_known"))
        spent += Spent(**sums, is_cost_known=is_cost_known)  # type: ignore[arg-type]
    return spent


def _await_others(shard: Database) -> None:
    """Wait while a worker whose leader is gone ends its calls in flight."""
    with slot(shard) as mine:
        while not mine.is_alone:
            time.sleep(_POLL)


@contextmanager
def shard_folder(project: Path) -> Iterator[ShardFolder]:
    """Hold a project's folder of shards, made when missing and removed when empty.

    Raises RunIsOn when another process holds it: the kernel drops the lock with its process.
    """
    project, path = project.resolve(), shards_folder(project)
    handle = _hold(path)
    try:
        held = ShardFolder(project, path)
        _clear(path)
        yield held
    finally:
        with suppress(OSError):
            _clear(path)
            path.rmdir()
        os.close(handle)


def _clear(path: Path) -> None:
    """Remove what is no shard: shards half made when their worker was killed, the locks of such, a word to drain."""
    for leaving in (*path.glob(".*"), path / DRAIN):
        if leaving.match(".*.making") and leaving.is_dir() and not leaving.is_symlink():
            rmtree(leaving)  # a shard was being brought up to date
        else:
            leaving.unlink(missing_ok=True)
    for lock in path.glob("*.lock"):
        if not lock.with_suffix("").exists():
            lock.unlink()


def _hold(path: Path) -> int:
    for _ in range(50):
        try:
            path.mkdir(exist_ok=True)
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            mend = "move what is there away, or make its folder writable"
            raise Refused(error.strerror or "", where=str(path), mend=mend) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except FileNotFoundError:  # its holder has just removed it
            pass
        except OSError:
            time.sleep(0.01)  # who only looks whether it is held, holds it for an instant
        os.close(handle)
    raise RunIsOn("another command has workers on it", mend="let it end, or stop it")
