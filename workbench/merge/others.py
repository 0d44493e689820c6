"""The other project: checked as every foreign file is, then attached beside ours for reading alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import clear_frames

from workbench.errors import Conflict, DamagedFile, ForeignFile
from workbench.merge.legible import refuse_what_is_no_text, whole_tables
from workbench.merge.numbers import THEIRS
from workbench.store import Database, open_copy, open_project, scheme_of, sqlite3
from workbench.store.connection import is_no_text
from workbench.store.steps import shape_at, shape_of, step_names


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """Give a path at which the other project can be read as a file of this version: itself, or a copy brought up.

    Raises what opening a project raises; the file itself is never changed.
    """
    with open_project(path) as db:
        behind = _version(db) < newest()
        if not behind:
            yield path
            return
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        copy = Path(folder) / "copy.db"
        with open_copy(path, copy):
            pass
        with open_project(copy):
            yield copy


def newest() -> int:
    """Give the version of the schema that this workbench writes."""
    return len(step_names())


def _version(db: Database) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def refuse_other_scheme(db: Database, path: Path, name: str) -> None:
    """Raise Conflict when the other project makes its IDs under another scheme."""
    with open_project(path) as other:
        theirs, mine = scheme_of(other).name, scheme_of(db).name
    if theirs != mine:
        raise Conflict(
            f"its IDs are of scheme {theirs}, here of {mine}",
            where=name,
            mend=f"bring a copy of it to this scheme first: `workbench migrate apply --to-scheme {mine} -p {name}`",
        )


def attach(db: Database, path: Path) -> None:
    """Attach the other project as `theirs`, inside the transaction: one that begins later would lock it too.

    Raises ForeignFile when another file has come to its place since it was checked.
    """
    db.execute(f"attach ? as {THEIRS}", (str(path),))
    if shape_of(db.conn, THEIRS) != shape_at(newest()):
        raise ForeignFile("it changed while it was read", where=str(path), mend="merge it again once nobody changes it")


@contextmanager
def reading(db: Database, path: Path, name: str) -> Iterator[None]:
    """Around a transaction in which the other project is attached: detach it behind, and say whose file is damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        clear_frames(error.__traceback__)  # a cursor that lives on in one would keep their file attached
        raise _blamed(db, path, name, error) from error
    finally:
        if THEIRS in [name for _, name, _ in db.execute("pragma database_list").fetchall()]:
            db.execute(f"detach {THEIRS}")


def _blamed(db: Database, path: Path, name: str, error: sqlite3.DatabaseError) -> Exception:
    """Say whose file is damaged, if one is; ours where theirs is not, for whoever has theirs open would say theirs."""
    mine = str(db.execute("pragma database_list").fetchone()[2])
    code = getattr(error, "sqlite_errorname", "") or ""
    with open_project(path) as other:
        if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            found = _soundness(other)
            where, what = (name, found) if found != "ok" else (mine, " ".join(str(error).split()))
            return DamagedFile(what[:200], where=where, mend="take a snapshot of it instead")
        if is_no_text(error) or code == "SQLITE_ERROR":  # the latter of a function that was given such a text
            refuse_what_is_no_text(other, name, "main", whole_tables(other))
    return DamagedFile("text that is no UTF-8", where=mine, mend="restore a snapshot") if is_no_text(error) else error


def _soundness(other: Database) -> str:
    try:
        return str(other.execute("pragma quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
