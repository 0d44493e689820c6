"""Ad-hoc SQL that can only look: bounded in time, and unable to write, attach or set anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from workbench.clock import ticks
from workbench.errors import BadQuery, Incomplete
from workbench.store.sqlite import Database, sqlite3

STEPS: Final = 20_000  # of SQLite's machine between two looks at the clock
_ACTIONS: Final = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_FUNCTIONS: Final = {"load_extension", "fts3_tokenizer", "writefile", "readfile", "edit"}
# data_version: FTS5 asks for it when it reads its own tables.
_PRAGMAS: Final = {
    *("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"),
    *("database_list", "function_list", "collation_list", "compile_options", "data_version"),
}
_STATE: Final = {"user_version", "application_id", "page_count", "page_size", "journal_mode", "encoding"}


def _allowed(action: int, first: str | None, second: str | None, *_: object) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        name = (first or "").lower()
        fine = name in _PRAGMAS or (name in _STATE and second is None)
    elif action == sqlite3.SQLITE_UPDATE:
        # SQLite asks this when it declares a virtual table; a real update of it is refused without us.
        fine = first == "sqlite_master"
    elif action == sqlite3.SQLITE_FUNCTION:
        fine = (second or "").lower() not in _FUNCTIONS
    else:
        fine = action in _ACTIONS
    return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY


@contextmanager
def _only_looking(db: Database, seconds: float) -> Iterator[None]:
    end = ticks() + seconds
    db.conn.set_authorizer(_allowed)
    db.conn.set_progress_handler(lambda: int(ticks() > end), STEPS)
    try:
        yield
    except sqlite3.Error as error:
        raise _named(error, seconds) from None
    finally:
        db.conn.set_authorizer(None)
        db.conn.set_progress_handler(None, 0)


def _named(error: sqlite3.Error, seconds: float) -> Exception:
    text = str(error)
    if text == "interrupted":
        return Incomplete(f"it ran for {seconds:g} s", mend="narrow it, or give it longer with --seconds")
    if "not authorized" in text or "prohibited" in text or "readonly" in text:
        return BadQuery(f"only reading is allowed ({text})", mend="write a select")
    if match := re.search(r"binding (?:parameter )?:?(\w+)", text):
        return BadQuery(f"the parameter {match[1]!r} has no value", mend=f"give it with -P {match[1]}=VALUE")
    if "one statement" in text:
        return BadQuery("more than one statement", mend="ask one question at a time")
    return BadQuery(text, mend="see docs/schema.md for tables and views")


@contextmanager
def ask(
    db: Database, sql: str, values: Mapping[str, object] | None = None, *, seconds: float = 30
) -> Iterator[Iterator[dict[str, Any]]]:
    """Run one read-only statement and give its rows as a stream of dicts; columns of one name are numbered.

    Raises BadQuery, and Incomplete when question and reading together take longer than `seconds`.
    """
    with _only_looking(db, seconds):
        cursor = db.conn.execute(sql, values or {})
        names = _distinct([column[0] for column in cursor.description or ()])
        try:
            yield (dict(zip(names, row, strict=True)) for row in cursor)
        finally:
            cursor.close()


def _distinct(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        label, n = name, 1
        while label in found:
            n += 1
            label = f"{name}_{n}"
        found.append(label)
    return found
