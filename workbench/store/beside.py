"""What lies beside a project. Some of it is looked at before SQLite opens it, since SQLite would do what it says.

A link in place of a log or journal has SQLite write to the file behind it. A journal whose end names another file has
SQLite delete that file, as one that several databases wrote to together; the workbench never writes to two at once.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from workbench.errors import ForeignFile, Refused

SHARDS: Final = "*-of-*.db"  # in their folder
SIDES: Final = ("-journal", "-wal", "-shm")
OURS: Final = (*SIDES, ".lock", ".shards")
_MEND: Final = "move it away, or take the rows safely with `workbench import-data FILE`"
_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")  # where SQLite has it, a name stands before it


def refuse_traps(path: Path) -> None:
    """Raise ForeignFile when something beside a project would have SQLite touch any other file.

    Source: https://sqlite.org/fileformat2.html#the_rollback_journal and SQLite's own reader of super-journal names.
    """
    whole = path.resolve()  # SQLite looks beside the file, not beside a link to it
    for side in (whole.with_name(whole.name + ending) for ending in SIDES):
        try:
            info = side.lstat()  # never opened: closing a descriptor would drop this process's locks on it
        except OSError:
            continue
        if not stat.S_ISREG(info.st_mode):
            raise ForeignFile("what lies beside it is no regular file", where=str(side), mend=_MEND)
    if _end_of(whole.with_name(f"{whole.name}{SIDES[0]}")) == _MAGIC:
        where = f"{whole}{SIDES[0]}"
        raise ForeignFile("this journal names another file, which SQLite would delete", where=where, mend=_MEND)


def refuse_place(path: Path, *, project: bool = True) -> None:
    """Raise Refused where a new file would be taken for a part of a project, which deletes it or reads it as its own.

    For a new project also where such a part lies already, left by another one of that name.
    """
    for end in OURS:
        owner = path.with_name(path.name.removesuffix(end) or path.name)
        if owner != path and owner.is_file():
            raise Refused(f"it would be taken for a part of {owner.name}", where=str(path), mend="choose another name")
    for end in SIDES if project else ():
        if os.path.lexists(f"{path}{end}"):
            what = f"{path.name}{end} lies there, and would be taken for a part of it"
            raise Refused(what, where=str(path), mend="move that away, or choose another name")


def shards_folder(path: Path) -> Path:
    """Name the folder beside a project where its workers' shards lie until their work is brought home."""
    whole = path.resolve()
    return whole.with_name(f"{whole.name}.shards")


def is_led(folder: Path) -> bool:
    """Say whether a live command holds a folder of shards."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _end_of(journal: Path) -> bytes:
    """Give the last bytes of a journal, which SQLite never locks; none where there is no journal."""
    try:
        handle = os.open(journal, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(handle, len(_MAGIC), max(0, os.fstat(handle).st_size - len(_MAGIC)))
    finally:
        os.close(handle)
