"""What a run works on: which tasks of the record, and in which order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from workbench.store import Database

START = (0, -1, 0)  # before the first task: replicate, place, id
Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A generation as the engine needs it, by numbers."""

    id: int
    gen_id: str
    stage: str
    combo_id: int | None
    parent_id: int | None
    template_id: int
    model_id: int | None
    replicate: int
    place: int

    @property
    def position(self) -> Place:
        """Where it stands in the order of work of its stage."""
        return (self.replicate, self.place, self.id)


_COLUMNS = "g.id, g.gen_id, g.stage, g.combo_id, g.parent_id, g.template_id, g.model_id, g.replicate, g.place"
NOT_IN_BATCH = "not exists (select 1 from batch_lines l where l.generation_id = g.id and l.open = 1)"
_FREE = f"not exists (select 1 from claims k where k.generation_id = g.id) and {NOT_IN_BATCH}"
_AFTER = "(g.replicate, g.place, g.id) > (:replicate, :place, :id)"
_ORDER = "order by g.replicate, g.place, g.id"


class Selection(Protocol):
    """A set of tasks of the record, read one stage at a time in order."""

    @property
    def stages(self) -> tuple[str, ...]: ...  # the last first, so that families are finished early

    def where(self, stage: str) -> tuple[str, dict[str, object]]:
        """Give the SQL condition on `generations g` and its parameters."""
        ...


@dataclass(frozen=True, slots=True)
class DraftSelection:
    """The first N drafts of one template and model: over a topic model's cycles, or plain ones."""

    template_id: int
    model_id: int
    topic_model_id: int | None
    last_replicate: int  # the last cycle, which may be partial
    end_place: int  # tasks of the last replicate stand before this place
    stages: tuple[str, ...] = ("draft",)

    def where(self, stage: str) -> tuple[str, dict[str, object]]:
        """Give the SQL condition on `generations g` and its parameters."""
        condition = (
            "g.stage = 'draft' and g.legacy = 0 and g.template_id = :template and g.model_id = :model"
            " and (g.replicate < :last or (g.replicate = :last and g.place < :end)) and " + self._about()
        )
        return condition, {
            "template": self.template_id,
            "model": self.model_id,
            "topics": self.topic_model_id,
            "last": self.last_replicate,
            "end": self.end_place,
        }

    def _about(self) -> str:
        if self.topic_model_id is None:
            return "g.combo_id = (select id from combos where combo_id = 'none')"
        return (
            "exists (select 1 from combos c join topics t on t.uuid = c.combo_id"
            " where c.id = g.combo_id and t.topic_model_id = :topics)"
        )

    @property
    def combos(self) -> str:
        """Give the SQL that lists the combos that its tasks are about."""
        if self.topic_model_id is None:
            return "select id from combos where combo_id = 'none'"
        return (
            "select distinct c.id from topics t join combos c on c.combo_id = t.uuid where t.topic_model_id = :topics"
        )


@dataclass(frozen=True, slots=True)
class CohortSelection:
    """The members of a cohort, of all stages or some."""

    cohort_id: int
    stages: tuple[str, ...] = ("evaluation", "essay", "draft")
    shard: tuple[int, int] | None = field(default=None)

    def where(self, stage: str) -> tuple[str, dict[str, object]]:
        """Give the SQL condition on `generations g` and its parameters."""
        condition = (
            "g.stage = :stage and exists"
            " (select 1 from cohort_members m where m.generation_id = g.id and m.cohort_id = :cohort)"
        )
        return condition, {"stage": stage, "cohort": self.cohort_id}


def next_rows(db: Database, selection: Selection, stage: str, after: Place, count: int) -> list[Row]:
    """Give the next tasks of a stage that may be sent and that nobody works on."""
    condition, parameters = selection.where(stage)
    rows = db.execute(
        f"select {_COLUMNS} from generations g where g.ready = 1 and {condition} and {_AFTER} and {_FREE}"
        f" {_ORDER} limit :count",
        parameters | {"replicate": after[0], "place": after[1], "id": after[2], "count": count},
    )
    return [Row(*row) for row in rows]


def anything_ready(db: Database, selection: Selection) -> bool:
    """Say whether any task may still be sent, whoever works on it."""
    for stage in selection.stages:
        condition, parameters = selection.where(stage)
        ready = f"g.ready = 1 and {condition} and {NOT_IN_BATCH}"  # what stands in a batch is answered elsewhere
        found = db.execute(f"select exists (select 1 from generations g where {ready})", parameters)
        if found.fetchone()[0]:
            return True
    return False


@dataclass(frozen=True, slots=True)
class GroupCount:
    """How many tasks of a selection stand where, in one replicate of one stage."""

    stage: str
    replicate: int
    status: str
    count: int


def counts(db: Database, selection: Selection) -> list[GroupCount]:
    """Count a selection's tasks by stage, replicate and status."""
    if isinstance(selection, DraftSelection):
        return draft_counts(db, selection)
    found: list[GroupCount] = []
    for stage in selection.stages:
        condition, parameters = selection.where(stage)
        rows = db.execute(
            f"select g.stage, g.replicate, g.status, count(*) from generations g where {condition}"
            " group by g.replicate, g.status order by g.replicate",
            parameters,
        )
        found.extend(GroupCount(*row) for row in rows)
    return found


def draft_counts(db: Database, selection: DraftSelection) -> list[GroupCount]:
    """Count an order's drafts by replicate and status, in milliseconds where a million are done.

    Along the index of signatures it is counted how many there are; only those that are not done, and those of the
    last cycle, which may be partial, are looked up.
    """
    parameters = selection.where("draft")[1]
    counted: Counter[tuple[int, str]] = Counter()
    for replicate, size in _sizes(db, selection).items():
        counted[replicate, "done"] = size
    for replicate, status, count in db.execute(_NOT_DONE.format(combos=selection.combos), parameters):
        counted[replicate, status] = count
        counted[replicate, "done"] -= count
    for status, count in db.execute(_LAST.format(combos=selection.combos), parameters):
        counted[selection.last_replicate, status] = count
    return [GroupCount("draft", *group, count) for group, count in sorted(counted.items()) if count]


def _sizes(db: Database, selection: DraftSelection) -> dict[int, int]:
    """Give how many drafts each replicate but the last has: most combos have replicates 1 to some number."""
    parameters = selection.where("draft")[1]
    spans = db.execute(_SPANS.format(combos=selection.combos), parameters).fetchall()
    if any(count != highest for count, highest, _ in spans):
        return dict(db.execute(_BY_REPLICATE.format(combos=selection.combos), parameters).fetchall())
    ends = Counter({highest: combos for _, highest, combos in spans})
    left, sizes = ends.total() - ends[0], {}
    for replicate in range(1, max(ends, default=0) + 1):
        sizes[replicate] = left
        left -= ends[replicate]
    return sizes


def whole_cycles(db: Database, selection: DraftSelection) -> int:
    """Give how many first cycles, the last one aside, have a draft of every combo in the record."""
    spans = db.execute(_SPANS.format(combos=selection.combos), selection.where("draft")[1]).fetchall()
    return min((highest if count == highest else 0 for count, highest, _ in spans), default=0)


_OF = " g.stage = 'draft' and g.legacy = 0 and g.combo_id = a.id and g.template_id = :template and g.model_id = :model"
_SPANS = (
    "with spans as materialized (select"
    f" (select count(*) from generations g where {_OF} and g.replicate < :last) as count,"
    f" (select coalesce(max(g.replicate), 0) from generations g where {_OF} and g.replicate < :last) as highest"
    " from ({combos}) a) select count, highest, count(*) from spans group by 1, 2"
)
_BY_REPLICATE = (
    "select g.replicate, count(*) from ({combos}) a cross join generations g on" + _OF + " and g.replicate < :last"
    " group by 1"
)
_NOT_DONE = (
    "select g.replicate, g.status, count(*) from generations g indexed by generations_status"
    " where g.stage = 'draft' and g.status in ('planned', 'blocked', 'failed') and g.legacy = 0"
    " and g.template_id = :template and g.model_id = :model and g.replicate < :last and g.combo_id in ({combos})"
    " group by 1, 2"
)
_LAST = (
    "select g.status, count(*) from ({combos}) a cross join generations g on" + _OF + " and g.replicate = :last"
    " and g.place < :end group by 1"
)


def want_again(db: Database, selection: Selection, *, failed: bool, done: bool) -> int:
    """Mark failed or done tasks to be sent again; a done one keeps its text until the new one is there."""
    statuses = [name for name, wanted in (("failed", failed), ("done", done)) if wanted]
    changed = 0
    for stage in selection.stages:
        condition, parameters = selection.where(stage)
        marks = ", ".join(f"'{name}'" for name in statuses)
        changed += db.execute(
            "update generations set ready = 1, status = case status when 'failed' then 'planned' else status end"
            f" where id in (select g.id from generations g where g.status in ({marks}) and g.ready = 0"
            f" and {condition})",
            parameters,
        ).rowcount
    return changed
