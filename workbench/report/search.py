"""Full-text search over prompts and answers."""

from __future__ import annotations

from typing import Any

from workbench.errors import BadInput
from workbench.store import Database, sqlite3
from workbench.store.rows import rows_of

Row = dict[str, Any]

_SEARCH = """
select g.gen_id, g.stage, x.revision, x.id = g.content_id as current, f.snippet
from (
  select rowid, snippet(search, -1, '[', ']', '…', 16) as snippet, rank from search
  where search match :text order by rank limit :limit
) f
join contents x on x.id = f.rowid
join generations g on g.id = x.generation_id
order by f.rank, x.id
"""
_BEHIND = """
select count(*) from contents
where id > coalesce((select cast(value as integer) from project where key = 'searched'), 0)
"""


def behind(db: Database) -> int:
    """Say how many answers the index does not know yet."""
    return int(db.execute(_BEHIND).fetchone()[0])


def search(db: Database, text: str, *, limit: int = 20) -> list[Row]:
    """Give the best matches, best first: gen_id, stage, revision, current (1: its answer of today), snippet.

    `text` is in FTS5's query language: words, "phrases", AND OR NOT, prefix*, and raw: or parsed: before one.
    Raises BadInput when it is none.
    """
    try:
        return rows_of(db, _SEARCH, {"text": text, "limit": limit})
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_ERROR":  # the disk, a lock: not the words
            raise
        raise BadInput(f"{text[:80]!r} is no search: {error}", mend="put words with signs in double quotes") from None
