"""A look at what a file holds, while the new IDs are being made: two cores do what one would take twice as long for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from workbench.store import Database, open_project

T = TypeVar("T")


@contextmanager
def meanwhile(db: Database, look: Callable[[Database], T]) -> Iterator[Callable[[], T]]:
    """Begin to look at the file over a connection of its own, and give the function that waits for what is found.

    The caller holds the write lock, has changed next to nothing yet, and calls the function before it writes: then
    no other process and nothing uncommitted is in the way.
    """
    path = Path(db.execute("pragma database_list").fetchone()[2])
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_looked, path, look).result


def _looked(path: Path, look: Callable[[Database], T]) -> T:
    with open_project(path) as db:
        return look(db)
