"""The other project: checked as every foreign file is, then attached beside ours for reading alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.errors import Conflict, DamagedFile
from workbench.merge.numbers import THEIRS
from workbench.store import Database, open_copy, open_project, scheme_of, sqlite3


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
    from workbench.store.steps import step_names

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
            mend=f"bring a copy of it to this scheme first: workbench -p {name} migrate apply --to-scheme {mine}",
        )


def attach(db: Database, path: Path) -> None:
    """Attach the other project as `theirs`, inside the transaction: one that begins later would lock it too."""
    db.execute(f"attach ? as {THEIRS}", (str(path),))


@contextmanager
def reading(db: Database, path: Path, name: str) -> Iterator[None]:
    """Around a transaction in which the other project is attached: detach it behind, and say whose file is damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _blamed(path, name, error) from error
    finally:
        if THEIRS in [name for _, name, _ in db.execute("pragma database_list").fetchall()]:
            db.execute(f"detach {THEIRS}")


def _blamed(path: Path, name: str, error: sqlite3.DatabaseError) -> Exception:
    """Say whose file is damaged, if one is."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if not code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return error
    with open_project(path) as other:
        try:
            found = other.execute("pragma quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as worse:
            found = str(worse)
    return error if found == "ok" else DamagedFile(str(found)[:200], where=name, mend="merge a snapshot of it")
