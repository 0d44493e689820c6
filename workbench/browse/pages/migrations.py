"""Migrations: what each one meant to do, what it did, which ID became which, and what was wrong."""

from __future__ import annotations

from typing import Any, Final

from workbench.browse.page import Asked, Facts, Found, Page
from workbench.browse.pages.run import plain
from workbench.errors import UnknownName
from workbench.store import Database
from workbench.store.rows import rows_of

Row = dict[str, Any]

SHOWN: Final = 100
STATUSES: Final = ("", "migrate", "unchanged", "synthetic", "blocked")
SEVERITIES: Final = ("", "error", "warning", "info")

_ALL = """
select g.id, g.kind, g.state, g.at, g.rolled_back_at, g.by, g.changes, g.digest_before, g.digest_after,
  (select count(*) from migration_map k where k.migration_id = g.id) as mapped,
  (select count(*) from migration_problems p where p.migration_id = g.id) as problems,
  (select group_concat(source, ', ') from (select source from imports i where i.migration_id = g.id limit 3)) as sources
from migrations g order by g.id desc limit :limit offset :offset
"""
_ONE = "select * from migrations where id = :migration"
_COUNTS = """
select stage, status, count(*) as n, sum(old_id <> new_id) as renamed from migration_map
where migration_id = :migration group by 1, 2
order by case stage when 'draft' then 0 when 'essay' then 1 when 'evaluation' then 2 else 3 end, 2
"""
_CODES = """
select severity, code, stage, count(*) as n, min(place) as example from migration_problems
where migration_id = :migration group by 1, 2, 3
order by case severity when 'error' then 0 when 'warning' then 1 else 2 end, 4 desc limit 100
"""
_PROBLEMS = """
select id, severity, stage, place, code, detail from migration_problems
where migration_id = :migration and (:severity = '' or severity = :severity) and id > :after order by id limit :limit
"""
_MAP = """
select k.id, k.stage, k.old_id, k.new_id, k.status, k.reason, g.gen_id
from migration_map k left join generations g on g.id = k.generation_id
where k.migration_id = :migration and k.id > :after and (:status = '' or k.status = :status)
  and (:q = '' or instr(lower(k.old_id), lower(:q)) or instr(lower(k.new_id), lower(:q))
    or instr(lower(k.reason), lower(:q)))
order by k.id limit :limit
"""
_IMPORTS = """
select i.id, i.kind, i.source, i.hash, i.at, (select count(*) from import_rows r where r.import_id = i.id) as n
from imports i where i.migration_id = :migration order by i.id limit 50
"""
_IMAGES = "select count(*) from migration_images where migration_id = :migration"
_SQL = "select * from migration_map where migration_id = :migration order by id"


def gather(db: Database, asked: Asked) -> Found:
    """Give one migration, or all of them. Raises UnknownName."""
    return _one(db, asked) if "migration" in asked.names else _all(db, asked)


def _all(db: Database, asked: Asked) -> Found:
    """Give the recorded migrations, imports among them, the last first, a page at a time (option `page`)."""
    (count,) = db.execute("select count(*) from migrations").fetchone()
    page, pages = asked.part(count, SHOWN)
    rows = rows_of(db, _ALL, {"limit": SHOWN, "offset": (page - 1) * SHOWN})
    shown = [row | {"changes": plain(row["changes"])} for row in rows]
    facts: Facts = {"migrations": shown, "page": {"number": page, "pages": pages}}
    return Found("Migrations", facts, "select * from migrations order by id desc")


def _one(db: Database, asked: Asked) -> Found:
    """Give one migration: plan, counts, digests, problems, imports, and a page of its mapping.

    Options: `q` is a part of an old ID, a new one or a reason; `status`; `after`, `problems_after`: the last number
    that was seen; `severity`.
    """
    named: Row = {"migration": asked.row("migration")}
    found = rows_of(db, _ONE, named)
    if not found:
        raise UnknownName(f"no migration {asked.names['migration'][:40]!r}", mend="see the list of migrations")
    row = found[0] | {name: plain(found[0][name]) for name in ("plan", "changes")}
    facts: Facts = {"migration": row, "counts": rows_of(db, _COUNTS, named), "codes": rows_of(db, _CODES, named)}
    facts |= {"imports": rows_of(db, _IMPORTS, named), "images": db.execute(_IMAGES, named).fetchone()[0]}
    facts |= _mapping(db, asked, named) | _problems(db, asked, named)
    return Found(f"Migration {row['id']}: {row['kind']}", facts, _SQL, named)


def _mapping(db: Database, asked: Asked, named: Row) -> Facts:
    asking = {"q": asked.options.get("q", "").strip()[:200], "status": asked.choice("status", *STATUSES)}
    place = {"after": asked.number("after", 0, lowest=0, highest=10**9), "limit": SHOWN + 1}
    rows = rows_of(db, _MAP, named | asking | place)
    following = rows[SHOWN - 1]["id"] if len(rows) > SHOWN else None
    return {"asking": asking, "mapping": rows[:SHOWN], "mapping_after": following}


def _problems(db: Database, asked: Asked, named: Row) -> Facts:
    severity = asked.choice("severity", *SEVERITIES)
    place = {"after": asked.number("problems_after", 0, lowest=0, highest=10**9), "limit": SHOWN + 1}
    rows = rows_of(db, _PROBLEMS, named | place | {"severity": severity})
    following = rows[SHOWN - 1]["id"] if len(rows) > SHOWN else None
    return {"severity": severity, "problems": rows[:SHOWN], "problems_after": following}


MIGRATIONS: Final = Page("migrations", gather, takes=("migration",), label="Migrations")
