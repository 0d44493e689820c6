"""A store's `combo_mappings.csv`: combos with their concepts in order. Streamed through a temporary table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.imports.legacy import is_name
from workbench.imports.store_files import Files
from workbench.providers.texts import one_line
from workbench.reading import csv_rows
from workbench.store import Database

_LEVELS: Final = ("sentence", "paragraph", "article", "name")
_INCOMING: Final = """
create temp table incoming_combos (place integer primary key, combo_id text collate nocase,
  concept_id text collate nocase, level text, k integer, at integer, unique (combo_id, concept_id))
"""
_CONCEPTS: Final = """
insert or ignore into concepts (concept_id, name)
select concept_id, concept_id from incoming_combos where concept_id <> '' order by place
"""
# A combo that was only named until now gets its level and its members.
_DESCRIBE: Final = """
update combos set (level, k) = (select i.level, i.k from incoming_combos i where i.combo_id = combos.combo_id
  order by i.place limit 1)
where topic_id is null and level is null and k is null
  and not exists (select 1 from combo_members m where m.combo_id = combos.id)
  and exists (select 1 from incoming_combos i where i.combo_id = combos.combo_id
    and (i.level is not null or i.k is not null))
"""
_COMBOS: Final = """
insert or ignore into combos (combo_id, level, k)
select i.combo_id, i.level, i.k from incoming_combos i
where i.place = (select min(o.place) from incoming_combos o where o.combo_id = i.combo_id) order by i.place
"""
_MEMBERS: Final = """
insert into combo_members (combo_id, concept_id, place)
select c.id, n.id, coalesce(i.at, row_number() over (partition by c.id order by i.place))
from incoming_combos i join combos c on c.combo_id = i.combo_id join concepts n on n.concept_id = i.concept_id
where i.concept_id <> '' and c.topic_id is null and not exists (select 1 from combo_members m where m.combo_id = c.id)
order by i.place
"""
_DIFFERENT: Final = """
select c.combo_id from combos c
where exists (select 1 from incoming_combos i where i.combo_id = c.combo_id) and (
  c.topic_id is not null
  or (select group_concat(n.concept_id, '|') from (select n.concept_id from combo_members m
    join concepts n on n.id = m.concept_id where m.combo_id = c.id order by m.place) n)
  is not (select group_concat(concept_id, '|') from (select n.concept_id from incoming_combos i
    join concepts n on n.concept_id = i.concept_id where i.combo_id = c.combo_id order by i.place)))
order by 1
"""


def take_combos(files: Files) -> int:
    """Take the combos over, and give how many rows are new; a combo that the project has with other concepts stays."""
    source = files.file("combo_mappings.csv") or files.file("1_raw", "combo_mappings.csv")
    if source is None:
        return 0
    db = files.going.db
    db.execute("drop table if exists temp.incoming_combos")
    db.execute(_INCOMING)
    with files.reading("combo_mappings.csv"):
        for line, row in csv_rows(source, ("combo_id", "concept_id")):
            _gather(files, row, f"combo_mappings.csv:{line}")
    added = _place(db)
    for (name,) in db.execute(_DIFFERENT).fetchall():
        detail = "the project has this combo with other concepts, which stay"
        files.going.problem("warning", name, "combo_differs", detail, "catalogue")
    db.execute("drop table temp.incoming_combos")
    return added


def _gather(files: Files, row: Mapping[str, str], place: str) -> None:
    combo, concept = row["combo_id"].strip(), row["concept_id"].strip()
    level, k = row.get("description_level", "").strip().lower() or None, row.get("k_max", "").strip()
    if not is_name(combo) or not (is_name(concept) or not concept):
        detail = one_line(f"combo {combo!r} of {concept!r}")
        files.going.problem("error", place, "name_unusable", detail, "catalogue")
        return
    if level is not None and level not in _LEVELS:
        files.going.problem("warning", place, "level_unknown", one_line(level), "catalogue")
        level = None
    files.going.db.execute(
        "insert or ignore into incoming_combos (combo_id, concept_id, level, k, at) values (?, ?, ?, ?, ?)",
        (combo, concept, level, _whole(k), _whole(row.get("place", ""))),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else None


def _place(db: Database) -> int:
    return sum(max(db.execute(sql).rowcount, 0) for sql in (_CONCEPTS, _DESCRIBE, _COMBOS, _MEMBERS))
