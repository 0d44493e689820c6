"""Search over prompts and answers."""

from __future__ import annotations

import re
from typing import Any, Final

from workbench.browse.page import Asked, Facts, Found, Page
from workbench.report.search import behind
from workbench.store import Database, sqlite3
from workbench.store.rows import rows_of

Row = dict[str, Any]

SHOWN: Final = 20
FURTHEST: Final = 50  # pages
RANKED: Final = 20_000  # matches; more than that take too long to rank, and rank means little among them
OPEN, CLOSE = "\x02", "\x03"  # around the words that were found
PLACES: Final = ("anywhere", "prompt", "raw", "parsed")
_WORD: Final = re.compile(r"\w+")

_COUNT = "select count(*) from search where search match :text"
_FOUND = """
select g.gen_id, g.stage, g.status, x.outcome, x.revision, x.id = g.content_id as current, t.name as template_id,
  m.llm_model_id, g.replicate, f.prompt, f.raw, f.parsed
from (
  select rowid, {place} as place, snippet(search, 0, char(2), char(3), '…', 20) as prompt,
    snippet(search, 1, char(2), char(3), '…', 40) as raw, snippet(search, 2, char(2), char(3), '…', 20) as parsed
  from search where search match :text order by {order} limit :limit offset :offset
) f
join contents x on x.id = f.rowid
join generations g on g.id = x.generation_id
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
order by f.place, x.id desc
"""
_SQL = """
select g.gen_id, g.stage, snippet(search, -1, '[', ']', '…', 24) as snippet
from search join contents x on x.id = search.rowid join generations g on g.id = x.generation_id
where search match :text order by rank limit 100
"""


def gather(db: Database, asked: Asked) -> Found:
    """Give what the words of option `q` find, best first: texts with marks around the words, a page at a time.

    The words are in FTS5's language; where they are not, each counts as a word, and `as_words` says so. Option `in`
    is where to look: prompt, raw or parsed. More matches than RANKED come by number, the last first.
    """
    text, place = asked.options.get("q", "").strip()[:1000], asked.choice("in", *PLACES)
    facts: Facts = {"q": text, "place": place, "behind": behind(db), "matches": 0, "found": []}
    if not text:
        return Found("Search", facts)
    query, count, as_words = _asked(db, text, place)
    page, pages = asked.part(min(count, FURTHEST * SHOWN), SHOWN)
    facts |= {"query": query, "as_words": as_words, "matches": count, "ranked": count <= RANKED}
    facts["page"] = {"number": page, "pages": pages}
    if count:
        order = {"place": "rank", "order": "rank"} if count <= RANKED else {"place": "-rowid", "order": "rowid desc"}
        named = {"text": query, "limit": SHOWN, "offset": (page - 1) * SHOWN}
        facts["found"] = [_shown(row) for row in rows_of(db, _FOUND.format(**order), named)]
    return Found("Search", facts, _SQL if query else "", {"text": query})


def _asked(db: Database, text: str, place: str) -> tuple[str, int, bool]:
    """Give the query that was meant, how many answers it finds, and whether it had to be read as mere words."""
    words = " ".join(f'"{word}"' for word in _WORD.findall(text)[:40])
    for query, as_words in ((text, False), (words, True)):
        query = query if place == "anywhere" else f"{{{place}}} : ({query})"
        try:
            return query, int(db.execute(_COUNT, {"text": query}).fetchone()[0]), as_words
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "SQLITE_ERROR") != "SQLITE_ERROR":  # the disk, a lock: not the words
                raise
    return "", 0, True


def _shown(row: Row) -> Row:
    """Keep the texts in which something was found; the answer's beginning when there is none."""
    texts = {name: row.pop(name) for name in PLACES[1:]}
    marked = {name: pieces(text) for name, text in texts.items() if text and OPEN in text}
    return row | {"snippets": marked or {"raw": pieces(texts["raw"] or "")}}


def pieces(snippet: str) -> list[Row]:
    """Part a snippet into pieces of `text`, each `found` or not; stray marks in a text do no harm."""
    parts: list[Row] = []
    for number, part in enumerate(snippet.split(OPEN)):
        inside, closed, after = part.partition(CLOSE) if number else ("", "", part)
        if not closed:
            inside, after = "", inside + after
        parts.append({"text": inside, "found": True})
        parts.append({"text": after.replace(CLOSE, ""), "found": False})
    return [part for part in parts if part["text"]]


SEARCH: Final = Page("search", gather, label="Search")
