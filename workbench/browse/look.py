"""Reading for a page: only files of this schema, one snapshot, bounded in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from workbench.clock import ticks
from workbench.errors import ForeignFile, Incomplete, NewerProject, Refused
from workbench.ids import scheme_named
from workbench.store import Database, functions, header, sqlite3, steps

SECONDS: Final = 10.0
STEPS: Final = 20_000  # of SQLite's machine between two looks at the clock
SAFE: Final = ("trusted_schema=off", "cell_size_check=on", "query_only=on")
UPDATE: Final = "any command that writes brings the project's schema up to date"
T = TypeVar("T")


def is_project(conn: sqlite3.Connection) -> bool:
    """Say whether a connection's file calls itself a project."""
    return bool(conn.execute("pragma application_id").fetchone()[0] == header.APPLICATION_ID)


def prepare(conn: sqlite3.Connection) -> None:
    """Make a connection to a project unable to write, and teach it the workbench's functions."""
    if not is_project(conn):
        return
    for pragma in SAFE:
        conn.execute(f"pragma {pragma}")
    try:
        (scheme,) = conn.execute("select value from project where key = 'scheme'").fetchone()
        functions.register(conn, scheme_named(str(scheme)))
    except (sqlite3.Error, TypeError, Refused):
        return  # no project after all: its pages say so


def checked(conn: sqlite3.Connection) -> bool:
    """Say whether a project has our newest schema; an older one may be looked at as well.

    Raises ForeignFile or NewerProject unless the file is a project of a schema that we know.
    """
    newest = len(steps.step_names())
    version = conn.execute("pragma user_version").fetchone()[0]
    if not is_project(conn):
        raise ForeignFile("this database is none", mend="look at it with Datasette's own pages")
    if version > newest:
        raise NewerProject(f"schema version {version}, this workbench knows {newest}", mend="upgrade")
    if version < 1 or steps.shape_of(conn) != steps.shape_at(version):
        raise ForeignFile("its schema is not the workbench's", mend="take its rows with `workbench import-data`")
    return bool(version == newest)


@contextmanager
def _bounded(conn: sqlite3.Connection, seconds: float) -> Iterator[None]:
    end = ticks() + seconds
    conn.set_progress_handler(lambda: int(ticks() > end), STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if str(error) != "interrupted":
            raise
        raise Incomplete(f"it took longer than {seconds:g} s", mend="narrow the page, or ask in SQL") from None
    finally:
        conn.set_progress_handler(None, 0)


def look(conn: sqlite3.Connection, ask: Callable[[Database], T], seconds: float = SECONDS) -> T:
    """Ask in one snapshot of the file, bounded in time; raises Incomplete, and what `checked` and `ask` raise."""
    with _bounded(conn, seconds):
        theirs, conn.row_factory, newest = conn.row_factory, None, True
        conn.execute("begin")
        try:
            newest = checked(conn)
            return ask(Database(conn, recursive_triggers=False, execute_plugins=False))
        except sqlite3.OperationalError as error:
            if newest or not str(error).startswith("no such"):
                raise
            raise Refused(f"this page asks for more: {error}", mend=UPDATE) from None
        finally:
            conn.row_factory = theirs
            if conn.in_transaction:
                conn.rollback()
