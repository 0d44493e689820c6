"""Opening, making and leaving a project file."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from traceback import clear_frames

from workbench import __version__
from workbench.clock import now
from workbench.errors import BadInput, DamagedFile, ForeignFile, OutputExists, Refused, UnknownName, WorkbenchError
from workbench.ids import V1, Scheme, scheme_named
from workbench.store import functions, header, steps
from workbench.store.beside import refuse_place
from workbench.store.putting import put_new
from workbench.store.snapshots import MARK
from workbench.store.sqlite import Database, sqlite3
from workbench.store.transaction import transaction
from workbench.store.upgrade import bring_up_to_date

PAGE_SIZE = 4096
BUSY_MS = 30_000
SHOWN = 12  # projects of a folder that an error names
MIN_SQLITE = (3, 37, 0)
_PRAGMAS = (
    "foreign_keys=on",
    "trusted_schema=off",
    "cell_size_check=on",
    "synchronous=full",
    "cache_size=-16000",  # KiB; the default of 2 MB makes a run read its own index pages again and again
)
_LIMITS = {0: 256 * 2**20, 1: 1_000_000, 7: 2, 10: 0}  # text, SQL, attached files, depth of triggers


def find_project(option: str | Path | None = None) -> Path:
    """Say which project is meant: the option, $WORKBENCH_PROJECT, the one project here, or project.db."""
    named = option or os.environ.get("WORKBENCH_PROJECT")
    if named:
        return Path(named)
    here = [p for p in sorted(Path.cwd().glob("*.db")) if MARK not in p.name and header.is_project(p)]
    if len(here) > 1 and Path("project.db") not in [Path(p.name) for p in here]:
        names = ", ".join(p.name for p in here[:SHOWN]) + (", …" if len(here) > SHOWN else "")
        raise BadInput(f"no project was named, and there are {len(here)} here: {names}", mend="say which with -p FILE")
    return Path(here[0].name) if len(here) == 1 else Path("project.db")


def _connect(path: Path, *, read_only: bool) -> Database:
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        raise Refused(f"SQLite {sqlite3.sqlite_version} is too old", mend="use a Python with SQLite 3.37 or newer")
    conn: sqlite3.Connection | None = None
    try:
        conn = sqlite3.connect(str(path), timeout=BUSY_MS / 1000)
        for limit, value in _LIMITS.items():
            if hasattr(conn, "setlimit"):  # not in every build that may stand in for Python's own
                conn.setlimit(limit, value)
        db = Database(conn, recursive_triggers=False, execute_plugins=False)
        for pragma in (*_PRAGMAS, "query_only=on") if read_only else _PRAGMAS:
            db.execute(f"pragma {pragma}")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if conn is not None:
            conn.close()
        raise _named(error, path) from None
    return db


def _prepare(db: Database, path: Path, version: int) -> None:
    """Compare the schema with ours, word by word, before anything of it is used."""
    try:
        differing = steps.shape_of(db.conn) ^ steps.shape_at(version)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _named(error, path) from None
    if differing:
        names = ", ".join(sorted({name for _, name, _, _ in differing})[:5])
        raise ForeignFile(
            f"its schema is not that of version {version} ({names})",
            where=str(path),
            mend="take its rows safely with `workbench import-data FILE`",
        )
    if db.execute(_ODD_COUNTERS).fetchone():
        raise DamagedFile("its counters of rows are no counters", where=str(path), mend=_RESCUE)
    functions.register(db.conn, scheme_of(db))


@contextmanager
def open_project(path: Path | str, *, write: bool = False) -> Iterator[Database]:
    """Open a project; on leaving, the file is at rest: one file, rollback journal.

    A write by a newer workbench first brings the schema up to date. Raises ForeignFile, NewerProject,
    DamagedFile or UnknownName; then nothing of the file was run.
    """
    path = Path(path)
    newest = len(steps.step_names())
    known = header.is_open(path)
    version = newest if known else header.checked_version(path, newest)
    db = _connect(path, read_only=not write)
    header.note_open(path, 1)
    try:
        if known:
            version = db.execute("pragma user_version").fetchone()[0]
        _prepare(db, path, version)
        if write and version < newest:
            bring_up_to_date(db)
        yield db
    except sqlite3.DatabaseError as error:
        if _code(error).startswith(_OF_THE_FILE):
            raise _named(error, path) from error
        if is_no_text(error):
            clear_frames(error.__traceback__)  # a cursor that lives on in one would go on locking the file
            raise DamagedFile("text that is no UTF-8", where=str(path), mend=_RESCUE) from error
        raise
    finally:
        settle(db)
        header.note_open(path, -1)
        db.close()


_ODD_COUNTERS = "select 1 from sqlite_sequence where typeof(seq) <> 'integer' or seq < 0 limit 1"
_RESCUE = "restore a snapshot, or try `workbench import-data` on it"


def _code(error: Exception) -> str:
    return getattr(error, "sqlite_errorname", "") or ""


def _named(error: Exception, path: Path) -> WorkbenchError:
    """Give an error of SQLite as one of ours, by its code."""
    code = _code(error)
    words = " ".join(str(error).split())[:300]
    for codes, kind, what, mend in _ERRORS:
        if code.startswith(codes):
            return kind(f"{words}{what}", where=str(path), mend=mend)
    return DamagedFile(words, where=str(path), mend=_RESCUE)


def is_no_text(error: Exception) -> bool:
    """Say whether Python refused a text of the file, which is no UTF-8; SQLite itself takes any bytes."""
    return not _code(error) and str(error).startswith("Could not decode to UTF-8")


_ERRORS: tuple[tuple[tuple[str, ...], type[WorkbenchError], str, str], ...] = (
    (("SQLITE_FULL", "SQLITE_IOERR"), Refused, " (disk full or failing)", "make room and run it again"),
    (("SQLITE_BUSY", "SQLITE_LOCKED"), Refused, ": another process is writing to it", "wait and run it again"),
    (("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"), Refused, "", "make the file and its folder writable"),
)
_OF_THE_FILE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", *(code for codes, *_ in _ERRORS for code in codes))


def settle(db: Database) -> bool:
    """Bring the file to rest: one file, rollback journal. False while somebody else has it open."""
    with suppress(sqlite3.Error):
        if db.conn.in_transaction:
            db.rollback()
        if db.execute("pragma journal_mode").fetchone()[0] != "wal":
            return True
        db.execute("pragma query_only=off")
        db.execute("pragma busy_timeout=200")
        busy, _, _ = db.execute("pragma wal_checkpoint(truncate)").fetchone()
        return not busy and db.execute("pragma journal_mode=delete").fetchone()[0] == "delete"
    return False


@contextmanager
def running(db: Database) -> Iterator[None]:
    """Use the write-ahead log while a run is on, so that readers never wait."""
    db.execute("pragma journal_mode=wal").fetchone()
    db.execute("pragma wal_autocheckpoint=8000")
    yield
    settle(db)


def create_project(path: Path | str, *, scheme: Scheme = V1, name: str | None = None) -> None:
    """Make a new, empty project, whole or not at all; raises OutputExists when the file is there."""
    path = Path(path)
    if path.exists() or path.is_symlink():
        raise OutputExists(str(path), mend="choose another name, or go on with what is there")
    if not path.parent.is_dir():
        raise UnknownName(f"no folder {path.parent}", mend="make the folder first")
    refuse_place(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _fill(part, scheme, name or path.stem)
        put_new(part, path)
    except FileExistsError:
        raise OutputExists(str(path), mend="choose another name, or go on with what is there") from None
    except sqlite3.Error as error:
        raise _named(error, path) from None
    except OSError as error:
        raise Refused(f"{error.strerror}", where=str(path), mend="choose a folder you can write to") from None
    finally:
        part.unlink(missing_ok=True)


def _fill(path: Path, scheme: Scheme, name: str) -> None:
    db = _connect(path, read_only=False)
    try:
        db.execute(f"pragma page_size={PAGE_SIZE}")
        db.execute(f"pragma application_id={header.APPLICATION_ID}")
        steps.steps().apply(db)
        facts = {
            "name": name,
            "uuid": str(uuid.uuid4()),
            "scheme": scheme.name,
            "created": now(),
            "version": __version__,
        }
        with transaction(db):
            for key, value in facts.items():
                db.execute("insert into project (key, value) values (?, ?)", (key, value))
            db.execute(f"pragma user_version={len(steps.step_names())}")
    finally:
        db.close()


@contextmanager
def open_copy(path: Path | str, copy: Path | str) -> Iterator[Database]:
    """Copy a project by SQLite's backup (live or at rest) to a new file and open the copy for writing."""
    copy = Path(copy)
    if copy.exists() or copy.is_symlink():
        raise OutputExists(str(copy), mend="choose another name")
    refuse_place(copy)
    with open_project(path) as db:
        _back_up(db, copy)
    with open_project(copy, write=True) as opened:
        yield opened


def _back_up(db: Database, copy: Path) -> None:
    try:
        target = sqlite3.connect(str(copy))
    except sqlite3.Error as error:
        raise _named(error, copy) from None
    try:
        db.conn.backup(target)
    finally:
        target.close()


def setting(db: Database, key: str) -> str:
    """Give one value of the project table; raises DamagedFile when it is missing."""
    row = db.execute("select value from project where key = ?", (key,)).fetchone()
    if row is None:
        raise DamagedFile(f"the project has no {key!r}", mend="restore a snapshot")
    return str(row[0])


def scheme_of(db: Database) -> Scheme:
    """Give the scheme under which this project makes IDs."""
    return scheme_named(setting(db, "scheme"))
