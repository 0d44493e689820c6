"""The finished texts that a report reads: their numbers in an order that rows do not decide, and a few at a time."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from workbench.catalogue.combos import topic_path
from workbench.catalogue.topics import topic_model_id
from workbench.report.narrow import Choice, among, chosen, members, where
from workbench.store import Database

Row = dict[str, Any]
Order = Literal["cycle", "combo"]
Synthetic = Literal["with", "without", "only"]

KEPT_PATHS: Final = 10_000  # paths of topics in memory
NO_CYCLE: Final = -1
_FAMILY: Final = """
from generations g
left join generations p on p.id = g.parent_id
left join generations d on d.id = p.parent_id
left join combos c on c.id = coalesce(g.combo_id, p.combo_id, d.combo_id)
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
join contents x on x.id = g.content_id
"""
_CYCLE: Final = (
    "case g.stage when 'draft' then g.replicate when 'essay' then p.replicate else d.replicate end - 1 as cycle"
)
_TEXT: Final = "case when x.parsed_hash = x.raw_hash then x.raw else x.parsed end"
_ORDERS: Final[dict[Order, str]] = {
    "cycle": "cycle, c.combo_id, t.name, m.llm_model_id, g.replicate, g.gen_id",
    "combo": "c.combo_id, cycle, t.name, m.llm_model_id, g.replicate, g.gen_id",
}
_ONE: Final = f"""
select g.gen_id, c.combo_id, c.topic_id, {_CYCLE}, t.name as template_id, m.llm_model_id, {_TEXT} as text
{_FAMILY} where g.id = ?
"""
_TEXT_OF: Final = f"select {_TEXT} from generations g join contents x on x.id = g.content_id where g.id = ?"
_TEXTS_OF: Final = f"""
select g.id, coalesce({_TEXT}, '') from generations g join contents x on x.id = g.content_id
where g.id in (select value from json_each(?))
"""
_SYNTHETIC: Final = "max(g.synthetic, x.synthetic)"
_WANTED: Final[dict[Synthetic, list[str]]] = {
    "with": [],
    "without": [f"{_SYNTHETIC} = 0"],
    "only": [f"{_SYNTHETIC} = 1"],
}
_AT_ONCE: Final = 64  # texts that are asked for together
_ENOUGH: Final = 2**20  # characters of them; the text that goes beyond is the last


@dataclass(frozen=True, slots=True)
class Finished:
    """Finished generations by number, each with its cycle (from 0; -1: none) and its combo's number (0: none).

    `synthetic` is 1 for a text that the offline model or a migration wrote.
    """

    numbers: array[int]
    cycles: array[int]
    combos: array[int]
    synthetic: array[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def taken(self, places: Sequence[int]) -> Finished:
        """Give some of them, or all, in another order."""
        one, two, three, four = self.numbers, self.cycles, self.combos, self.synthetic
        return Finished(*(array(found.typecode, (found[n] for n in places)) for found in (one, two, three, four)))


def finished(
    db: Database,
    choice: Choice,
    topics: str | None = None,
    *,
    order: Order = "cycle",
    cycles_only: bool = False,
    synthetic: Synthetic = "with",
) -> Finished:
    """Find what is done of a choice's stage and has a text, of one topic model or of anything, 25 bytes each.

    The cycle of an essay or evaluation is its draft's; `cycles_only` leaves out what has none. Raises UnknownName.
    """
    found = chosen(db, choice)
    conditions = ["g.stage = :stage", "g.status = 'done'", f"{_TEXT} is not null", *_WANTED[synthetic]]
    conditions += members("g.id", found.cohort) + among("g.template_id", found.templates)
    conditions += among("g.model_id", found.models)
    conditions += ["cycle is not null"] if cycles_only else []
    if topics is not None:
        of_model = f"u.uuid = c.combo_id and u.topic_model_id = {topic_model_id(db, topics)}"
        conditions.append(f"exists (select 1 from topics u where {of_model})")
    sql = f"select g.id, {_CYCLE}, c.id, {_SYNTHETIC} {_FAMILY}{where(conditions)} order by {_ORDERS[order]}"
    kept = Finished(array("q"), array("q"), array("q"), array("b"))
    for number, cycle, combo, made in db.execute(sql, {"stage": choice.stage}):
        kept.numbers.append(number)
        kept.cycles.append(NO_CYCLE if cycle is None else cycle)
        kept.combos.append(combo or 0)
        kept.synthetic.append(made)
    return kept


def text_of(db: Database, number: int) -> str:
    """Give one generation's current parsed text; nothing when it has gone meanwhile."""
    (text,) = db.execute(_TEXT_OF, (number,)).fetchone() or ("",)
    return text or ""


def texts_of(db: Database, numbers: array[int]) -> Iterator[str]:
    """Give many texts, in order, as `text_of` gives one; no lock is held while one is looked at.

    Some dozen are asked for together; beyond a million characters they are read one by one.
    """
    for start in range(0, len(numbers), _AT_ONCE):
        block, known, length = numbers[start : start + _AT_ONCE].tolist(), {}, 0
        with closing(db.execute(_TEXTS_OF, (json.dumps(block),))) as cursor:
            for number, text in cursor:
                known[number], length = text, length + len(text)
                if length > _ENOUGH:
                    break
        for number in block:
            yield known.pop(number) if number in known else text_of(db, number)


def facts_of(db: Database, number: int) -> Row:
    """Give what a report says of one generation, with its text and `topic_id`; nulls when it has gone meanwhile."""
    cursor = db.execute(_ONE, (number,))
    names = [column[0] for column in cursor.description]
    return dict(zip(names, cursor.fetchone() or [None] * len(names), strict=True))


def paths(db: Database) -> Callable[[int | None], str | None]:
    """Give a function from a topic's number to its path, root first, joined by ` › `; it remembers some."""

    @lru_cache(KEPT_PATHS)
    def path(topic_id: int) -> str:
        return " › ".join(topic_path(db, topic_id))

    return lambda topic_id: None if topic_id is None else path(topic_id)
