"""Which finished texts an export takes, in an order that depends on what they are and not on row numbers."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from workbench.catalogue.models import model_ids
from workbench.catalogue.templates import template_ids
from workbench.catalogue.topics import topic_model_id
from workbench.errors import BadInput, UnknownName
from workbench.ids import STAGES
from workbench.plan.cohorts import cohort_number
from workbench.store import Database
from workbench.store.ask import ask
from workbench.store.rows import Row, streamed

CHUNK: Final = 200  # texts in memory at a time
SECONDS: Final = 120.0  # that a condition may take
_FAMILY: Final = """from generations g
left join generations p on p.id = g.parent_id
left join generations d on d.id = p.parent_id
left join combos c on c.id = coalesce(g.combo_id, p.combo_id, d.combo_id)"""
_OF_MODEL: Final = "exists (select 1 from topics t where t.uuid = c.combo_id and t.topic_model_id = :wb_topics)"
_OF_COHORT: Final = "exists (select 1 from cohort_members k where k.generation_id = g.id and k.cohort_id = :wb_cohort)"
_WITH_TEXTS: Final = """
select x.*, c.topic_id, t.uuid as leaf_uuid, t.title as topic, tv.hash as template_hash,
  mv.hash as model_hash, o.detail, c.id as combo, c.combo_id as about, coalesce(d.gen_id, p.gen_id, g.gen_id) as root,
  coalesce(d.replicate, p.replicate, g.replicate) - 1 as root_cycle, o.call_id, o.hash as content_hash,
  o.template_version_id, o.model_version_id
from generation_texts x
join generations g on g.id = x.id
left join generations p on p.id = g.parent_id
left join generations d on d.id = p.parent_id
left join combos c on c.id = coalesce(g.combo_id, p.combo_id, d.combo_id)
left join topics t on t.id = c.topic_id
left join contents o on o.id = g.content_id
left join template_versions tv on tv.id = o.template_version_id
left join model_versions mv on mv.id = o.model_version_id
where x.id in (select value from json_each(?))
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to take, by names; None means any. `cycle` counts from 0, as in `completions`.

    A family belongs to the topic and the cycle of its draft; template and model are those of the text itself.
    `where` is an SQL condition over the columns of `generation_texts`, run read-only and bounded in time.
    """

    stage: str | None = "draft"
    topics: str | None = None
    template: str | None = None
    model: str | None = None
    cohort: str | None = None
    where: str | None = None
    cycle: int | None = None
    status: str = "done"


@dataclass(slots=True)
class _Filter:
    conditions: list[str]
    values: dict[str, object] = field(default_factory=dict)

    def add(self, condition: str, **values: object) -> None:
        """Narrow it by one condition with its values."""
        self.conditions.append(condition)
        self.values |= values


def chosen(db: Database, choice: Choice) -> array[int]:
    """Give the numbers of the chosen generations by stage, cycle, then topic; the rest of the signature settles ties.

    Raises UnknownName for names that the project does not know, BadQuery for a condition that cannot be run.
    """
    found = array("q")
    for stage in _stages(db, choice):
        found += _of_stage(db, replace(choice, stage=stage))
    return found


def _stages(db: Database, choice: Choice) -> list[str | None]:
    """Give the stages to look at: the one that is named, or all that have the template."""
    if choice.stage is not None or choice.template is None:
        return [choice.stage] if choice.stage else list(STAGES)
    rows = db.execute("select stage from templates where name = ?", (choice.template.strip(),))
    known = {stage for (stage,) in rows}
    if not known.intersection(STAGES):
        raise UnknownName(f"no template {choice.template!r} of any stage", mend="see `workbench templates list`")
    return [stage for stage in STAGES if stage in known]


def _of_stage(db: Database, choice: Choice) -> array[int]:
    narrowed = _filter(db, choice)
    sql = (
        f"select g.id {_FAMILY} where {' and '.join(narrowed.conditions)}"
        " order by g.replicate, coalesce(d.place, p.place, g.place), c.combo_id, g.gen_id"
    )
    if choice.where is None:
        return array("q", (number for (number,) in db.execute(sql, narrowed.values)))
    with ask(db, sql, narrowed.values, seconds=SECONDS) as rows:
        return array("q", (row["id"] for row in rows))


def _filter(db: Database, choice: Choice) -> _Filter:
    if choice.stage not in STAGES:
        raise BadInput(f"there is no stage {choice.stage!r}", mend=f"use one of {', '.join(STAGES)}")
    found = _Filter(["g.stage = :wb_stage", "g.status = :wb_status"])
    found.values |= {"wb_stage": choice.stage, "wb_status": choice.status}
    if choice.topics is not None:
        found.add(_OF_MODEL, wb_topics=topic_model_id(db, choice.topics))
    if choice.template is not None:
        found.add("g.template_id = :wb_template", wb_template=template_ids(db, choice.stage, choice.template)[0])
    if choice.model is not None:
        found.add("g.model_id = :wb_model", wb_model=model_ids(db, choice.model)[0])
    if choice.cohort is not None:
        found.add(_OF_COHORT, wb_cohort=cohort_number(db, choice.cohort))
    if choice.cycle is not None:
        found.add("coalesce(d.replicate, p.replicate, g.replicate) = :wb_replicate", wb_replicate=choice.cycle + 1)
    if choice.where is not None:
        # On a line of its own: a comment in the condition must not swallow what follows.
        found.add(f"g.id in (select id from generation_texts where (\n{choice.where}\n))")
    return found


def with_texts(db: Database, numbers: Iterable[int]) -> Iterator[Row]:
    """Stream the rows of `generation_texts` with their topic and versions, in the order of the numbers given."""
    left = iter(numbers)
    while part := list(islice(left, CHUNK)):
        rows = {row["id"]: row for row in streamed(db, _WITH_TEXTS, (json.dumps(part),))}
        yield from (rows[number] for number in part)
