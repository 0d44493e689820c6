"""What a file says it is, read from its first bytes before SQLite opens it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from workbench.errors import DamagedFile, ForeignFile, NewerProject, UnknownName
from workbench.store.beside import refuse_traps

APPLICATION_ID = 0x57424E43  # "WBNC", at byte 68 of every project
_opened: dict[tuple[int, int], int] = {}  # files that this process has open, by device and inode


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_dev, info.st_ino


def note_open(path: Path, change: int) -> None:
    """Count the connections of this process to a file.

    Closing any descriptor of a file drops this process's POSIX locks on it, SQLite's among them, so a file
    that is open through SQLite is never opened in another way.
    """
    if key := _identity(path):
        _opened[key] = _opened.get(key, 0) + change


def read_version(path: Path) -> int | None:
    """Give the project's schema version, None for an empty file; raises ForeignFile for anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise UnknownName(
            f"no project at {path}", mend="make one with `workbench init`, or name another file"
        ) from None
    except OSError as error:
        raise ForeignFile(error.strerror or "cannot be read", where=str(path)) from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ForeignFile("not a regular file", where=str(path), mend="name a project file")
        head = os.read(handle, 100)
    finally:
        os.close(handle)
    if not head:
        return None
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise ForeignFile("not an SQLite file", where=str(path), mend="name a project file with -p FILE")
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise ForeignFile("an SQLite file of another program", where=str(path), mend="name a project file with -p FILE")
    return int.from_bytes(head[60:64], "big")


def checked_version(path: Path, newest: int) -> int:
    """Give the schema version of a project that this workbench can open (1 to `newest`), with no trap beside it."""
    version = read_version(path)
    if version is None or version < 1:
        raise DamagedFile("it is empty", where=str(path), mend="make a project with `workbench init`")
    if version > newest:
        raise NewerProject(
            f"schema version {version}, this workbench knows {newest}",
            where=str(path),
            mend="upgrade generation-workbench",
        )
    refuse_traps(path)
    return version


def is_open(path: Path) -> bool:
    """Say whether this process has the file open through SQLite."""
    key = _identity(path)
    return key is not None and _opened.get(key, 0) > 0


def is_project(path: Path) -> bool:
    """Say whether a file is a project, by its header alone."""
    try:
        return path.is_file() and (is_open(path) or read_version(path) is not None)
    except (ForeignFile, UnknownName):
        return False
