"""What a run works on: which tasks of the record, and in which order."""

from __future__ import annotations

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
