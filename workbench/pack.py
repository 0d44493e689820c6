"""A clean copy of a project to share: compact, at rest, on request without bodies or prompts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.batch.books import forget_all
from workbench.errors import OutputExists, Refused, UnknownName
from workbench.store import Database, open_project, sqlite3, transaction
from workbench.store.beside import refuse_place
from workbench.store.putting import put_new
from workbench.store.rehearsal import is_rehearsal
from workbench.store.slots import release_dead
from workbench.verify.full import PACKED


def pack(db: Database, out: Path | str, *, raw: bool = True, prompts: bool = True) -> int:
    """Write a copy of the project to `out`, whole or not at all, and give its bytes; the project itself is not touched.

    `raw=False` drops the bodies of calls, `prompts=False` the texts of prompts (their hashes stay, and templates and
    parents can make them again). Nothing runs in the copy: claims and open batches are dropped, open calls and runs
    closed.
    Raises OutputExists, or Refused when the folder cannot be written to.
    """
    out = Path(out)
    with unfinished(out) as part:
        _copy(db, part)
        with open_project(part, write=True) as copy:
            release_dead(copy)
            _drop(copy, raw=raw, prompts=prompts)
            copy.execute("vacuum")
        return part.stat().st_size


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """Give a name beside `out` to write to; when the block ends well, the file takes its name in one step."""
    if out.exists() or out.is_symlink():
        raise OutputExists(str(out), mend="choose another name")
    if not out.parent.is_dir():
        raise UnknownName(f"no folder {out.parent}", mend="make the folder first")
    refuse_place(out)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield part
        _publish(part, out)
    finally:
        for name in (part, *(Path(f"{part}{end}") for end in ("-journal", "-wal", "-shm"))):
            name.unlink(missing_ok=True)


def _publish(part: Path, out: Path) -> None:
    try:
        with part.open("rb") as file:
            os.fsync(file.fileno())
        if is_rehearsal():
            return
        put_new(part, out)
    except FileExistsError:
        raise OutputExists(str(out), mend="choose another name") from None
    except OSError as error:
        raise Refused(error.strerror or "", where=str(out), mend="choose a folder you can write to") from None


def _copy(db: Database, part: Path) -> None:
    """Let SQLite write the copy; it counts that as a write, though the project is only read."""
    read_only = db.execute("pragma query_only").fetchone()[0]
    db.execute("pragma query_only=off")
    try:
        db.execute("vacuum into ?", (str(part),))
    except sqlite3.OperationalError as error:
        raise Refused(str(error), where=str(part.parent), mend="make room, or choose another folder") from None
    finally:
        db.execute(f"pragma query_only={read_only}")


def _drop(copy: Database, *, raw: bool, prompts: bool) -> None:
    with transaction(copy):
        forget_all(copy)
        if not raw:
            copy.execute("update calls set body = null")
        if not prompts:
            copy.execute("update prompts set system = '', text = ''")
            _note(copy, PACKED, "1")
        copy.execute("insert into search (search) values ('rebuild')")
        _note(copy, "searched", str(copy.execute("select coalesce(max(id), 0) from contents").fetchone()[0]))


def _note(copy: Database, key: str, value: str) -> None:
    copy.execute(
        "insert into project (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
        (key, value),
    )
