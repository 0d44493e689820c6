"""Reading a file that is not to be trusted: known columns of real tables, row by row, and nothing else.

The file is opened read only and immutable, so that nothing beside it is read or made. An authorizer lets through
plain reads of known tables alone: no function, view, trigger, virtual table or generated column is ever used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from workbench.clock import ticks
from workbench.errors import DamagedFile, ForeignFile, RunIsOn, UnknownName
from workbench.rescue.stepping import UNREADABLE, Found, Walk
from workbench.store import header, sqlite3

MAX_OBJECTS = 10_000  # tables, views, indexes and triggers of a foreign file that are looked at
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 256 * 2**20,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 200,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}


@dataclass(frozen=True, slots=True)
class Stranger:
    """An open foreign file: its connection, its real tables with the columns that may be read, and problems.

    `end` is when its time is up, in ticks of the clock.
    """

    conn: sqlite3.Connection
    end: float
    columns: Mapping[str, Sequence[str]]
    found: Found


@contextmanager
def opened(path: Path, known: Mapping[str, Sequence[str]], found: Found, seconds: float) -> Iterator[Stranger]:
    """Open a foreign file for reading the `known` tables and columns, for at most `seconds`.

    Raises ForeignFile or DamagedFile when it is no SQLite file or nothing known is in it.
    """
    _check_kind(path)
    for side in ("-journal", "-wal"):
        if Path(f"{path}{side}").exists():
            found.note(path.name + side, "not read", "unfinished work lies beside the file; it is not read")
    conn = _connect(path)
    try:
        end = ticks() + seconds
        try:
            _guard(conn, known, end)
        except UNREADABLE as error:
            raise DamagedFile(" ".join(str(error).split())[:200], where=str(path)) from None
        columns = _readable(conn, known, end, found)
        if not columns:
            _refuse(path, found)
        yield Stranger(conn, end, columns, found)
    finally:
        conn.close()


def _refuse(path: Path, found: Found) -> NoReturn:
    for problem in found.problems:
        if problem.where.startswith("sqlite_master"):
            raise DamagedFile(f"no table can be read ({problem.detail[:200]})", where=str(path))
    raise ForeignFile("no table of a project is in it", where=str(path), mend="name a project file")


def _check_kind(path: Path) -> None:
    if header.is_open(path):
        raise RunIsOn("this process has it open", where=str(path), mend="close it first")
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise UnknownName(f"no file {path}", mend="name a file") from None
    except OSError as error:
        raise ForeignFile(error.strerror or "", where=str(path), mend="name a regular file") from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ForeignFile("not a regular file", where=str(path), mend="name a regular file")
        if os.read(handle, 16) != b"SQLite format 3\0":
            raise ForeignFile("not an SQLite file", where=str(path), mend="name an SQLite file")
    finally:
        os.close(handle)


def _connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    for limit, value in _LIMITS.items():
        conn.setlimit(limit, value)
    conn.text_factory = _text
    return conn


def _text(data: bytes) -> str | bytes:
    """Give text, or the bytes when they are none: a strict table then refuses the row instead of the file."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _guard(conn: sqlite3.Connection, known: Mapping[str, Sequence[str]], end: float) -> None:
    # With writable_schema SQLite goes on reading where the schema or the page count is damaged; nothing can be
    # written to an immutable file.
    for pragma in ("trusted_schema=off", "cell_size_check=on", "writable_schema=on", "query_only=on", "mmap_size=0"):
        conn.execute(f"pragma {pragma}")
    conn.set_progress_handler(lambda: int(ticks() > end), 10_000)
    readable = {*known, "sqlite_master", "sqlite_schema"}

    def allow(action: int, first: str | None, second: str | None, schema: str | None, inner: str | None) -> int:
        plain = action == sqlite3.SQLITE_SELECT
        read = action == sqlite3.SQLITE_READ and (first or "").lower() in readable and inner is None
        shape = action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo"
        return sqlite3.SQLITE_OK if plain or read or shape else sqlite3.SQLITE_DENY

    conn.set_authorizer(allow)


def _readable(
    conn: sqlite3.Connection, known: Mapping[str, Sequence[str]], end: float, found: Found
) -> dict[str, Sequence[str]]:
    """Find which known tables are real ones, and which known columns of them are plain."""
    select = "select rowid, type, name, rootpage, sql from sqlite_master where rowid > ? order by rowid"
    rows = list(islice(Walk(conn, "sqlite_master", select, end, found).rows(), MAX_OBJECTS))
    columns: dict[str, Sequence[str]] = {}
    for table in known:
        named = [row[1:] for row in rows if str(row[2]).lower() == table]
        if reason := _unusable(named):
            found.note(table, "not taken", reason)
        elif present := _plain_columns(conn, table, known[table], found):
            columns[table] = present
    return columns


def _unusable(named: Sequence[tuple[Any, ...]]) -> str:
    if not named:
        return "there is no such table"
    kind, _, page, sql = named[0]
    if len(named) > 1:
        return "several objects have its name"
    virtual = str(sql).lower().split()[:2] == ["create", "virtual"]
    if kind != "table" or virtual or not isinstance(page, int) or page < 2:
        return "it is no plain table"
    return ""


def _plain_columns(conn: sqlite3.Connection, table: str, wanted: Sequence[str], found: Found) -> Sequence[str]:
    try:
        rows = conn.execute(f'pragma table_xinfo("{table}")').fetchall()
    except UNREADABLE as error:
        found.note(table, "not taken", error)
        return ()
    plain = {str(row[1]).lower() for row in rows if row[6] == 0}
    missing = [name for name in wanted if name not in plain]
    if "id" in missing:
        found.note(table, "not taken", "it has no plain column id")
        return ()
    if missing:
        found.note(table, "columns missing", ", ".join(missing))
    return [name for name in wanted if name in plain]


def rows_of(stranger: Stranger, table: str) -> Iterator[tuple[Any, ...]]:
    """Stream a table's rows in order of their numbers, the number first, then the other columns."""
    names = ", ".join(f'"{name}"' for name in ("id", *(c for c in stranger.columns[table] if c != "id")))
    # A foreign index may say something else than its table.
    select = f'select {names} from "{table}" not indexed where "id" > ? order by "id"'
    yield from Walk(stranger.conn, table, select, stranger.end, stranger.found).rows()
