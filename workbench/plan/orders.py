"""What the user orders, laid against the record: unique topics × cycles, or plain samples."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.catalogue.combos import ensure_plain_combo, ensure_topic_combos
from workbench.catalogue.models import model_ids
from workbench.catalogue.templates import template_ids
from workbench.catalogue.topics import topic_model_id
from workbench.config import cycles, samples_for
from workbench.errors import BadInput
from workbench.ids import NO_TOPIC
from workbench.record.seed import Seed, seed_drafts, seed_tasks
from workbench.record.selection import DraftSelection, whole_cycles
from workbench.store import Database, scheme_of

EVERYTHING = 2**62  # a place behind every topic
CHUNK = 1000  # tasks planned at a time


@dataclass(frozen=True, slots=True)
class Order:
    """N samples of one draft template and model: over the unique topics of a topic model, or without topics."""

    template: str
    model: str
    num_samples: int | str  # a whole number, "auto" (every unique topic once) or "P%" of the unique topics
    topics: str | None = None

    @property
    def job(self) -> str:
        """The name under which runs of the same work count together."""
        about = f"topics {self.topics}" if self.topics else "plain"
        return f"{about} | {self.template} | {self.model}".lower()


@dataclass(frozen=True, slots=True)
class Shape:
    """An order in numbers: N is N, so the last cycle may be partial."""

    template_id: int
    model_id: int
    topic_model_id: int | None
    unique_topics: int
    total_samples: int
    cycles_needed: int
    final_cycle_size: int
    end_place: int  # topics of the last cycle stand before this place

    @property
    def selection(self) -> DraftSelection:
        """The tasks of the record that the order asks for."""
        return DraftSelection(self.template_id, self.model_id, self.topic_model_id, self.cycles_needed, self.end_place)

    def cycle_size(self, replicate: int) -> int:
        """Give how many tasks the cycle of this replicate has."""
        return self.final_cycle_size if replicate == self.cycles_needed else self.unique_topics


def shape(db: Database, order: Order) -> Shape:
    """Look the order's names up and count; raises UnknownName and BadInput."""
    template_id, _ = template_ids(db, "draft", order.template)
    model_id, _ = model_ids(db, order.model)
    if order.topics is None:
        total = order.num_samples
        if not isinstance(total, int):
            raise BadInput(f"{total!r} samples needs topics", mend="give a number, or name a topic model with --topics")
        return Shape(template_id, model_id, None, 1, total, total, 1, EVERYTHING)
    found = topics_shape(db, order.topics, order.num_samples)
    return Shape(
        template_id,
        model_id,
        found.topic_model_id,
        found.unique,
        found.total,
        found.cycles_needed,
        found.final_cycle_size,
        _end(db, found.topic_model_id, found.final_cycle_size, found.unique),
    )


@dataclass(frozen=True, slots=True)
class TopicsShape:
    """N samples over a topic model, in numbers."""

    topic_model_id: int
    unique: int
    total: int
    cycles_needed: int
    final_cycle_size: int


def topics_shape(db: Database, topics: str, num_samples: int | str) -> TopicsShape:
    """Count the cycles that so many samples of a topic model take; raises UnknownName and BadInput."""
    topics_id = topic_model_id(db, topics)
    unique = int(db.execute("select count(*) from unique_topics where topic_model_id = ?", (topics_id,)).fetchone()[0])
    if unique == 0:
        raise BadInput(f"topic model {topics!r} has no topics", mend="build or import some first")
    total = samples_for(num_samples, unique)
    return TopicsShape(topics_id, unique, total, *cycles(total, unique))


def only_use(db: Database, topics: str, template: str | None, model: str | None) -> tuple[str, str] | None:
    """Give template and model of the drafts about a topic model, where there is one choice; None otherwise."""
    rows = db.execute(
        "select te.name, m.llm_model_id from topics t join combos c on c.combo_id = t.uuid"
        " join generations g on g.combo_id = c.id and g.stage = 'draft' and g.status in ('done', 'failed')"
        " join templates te on te.id = g.template_id join models m on m.id = g.model_id"
        " where t.topic_model_id = ?1 and (?2 is null or te.name = ?2) and (?3 is null or m.llm_model_id = ?3)"
        " group by te.id, m.id limit 2",
        (topic_model_id(db, topics), template, model),
    ).fetchall()
    return (str(rows[0][0]), str(rows[0][1])) if len(rows) == 1 else None


def _end(db: Database, topics_id: int, final: int, unique: int) -> int:
    if final >= unique:
        return EVERYTHING
    row = db.execute(
        "select place from unique_topics where topic_model_id = ? order by place limit 1 offset ?", (topics_id, final)
    ).fetchone()
    return int(row[0])


class Planting:
    """Plans the tasks of an order that are not in the record, some at a time, in order of cycle and topic."""

    def __init__(self, order_shape: Shape) -> None:
        """Start with the first cycle."""
        self._shape = order_shape
        self._replicate = 1
        self._ready = False

    def more(self, db: Database) -> bool:
        """Plan the next tasks; False when all are in the record. Runs inside the caller's transaction."""
        if not self._ready:
            self._prepare(db)
        planted = 0
        while self._replicate <= self._shape.cycles_needed and planted < CHUNK:
            fresh = self._plant(db, CHUNK - planted)
            planted += fresh
            if planted < CHUNK:  # this cycle has no more
                self._replicate += 1
        return planted > 0

    def _prepare(self, db: Database) -> None:
        if self._shape.topic_model_id is None:
            ensure_plain_combo(db)
        else:
            ensure_topic_combos(db, self._shape.topic_model_id)
        self._replicate += whole_cycles(db, self._shape.selection)
        self._ready = True

    def _plant(self, db: Database, limit: int) -> int:
        if self._shape.topic_model_id is None:
            return self._plant_plain(db)
        last = self._replicate == self._shape.cycles_needed
        return seed_drafts(
            db,
            topic_model_id=self._shape.topic_model_id,
            template_id=self._shape.template_id,
            model_id=self._shape.model_id,
            replicate=self._replicate,
            end=self._shape.end_place if last else EVERYTHING,
            limit=limit,
        )

    def _plant_plain(self, db: Database) -> int:
        """Plan plain samples: replicates 1..N of the reserved combo, from the first that is missing."""
        shape_ = self._shape
        combo_id = ensure_plain_combo(db)
        template, model = db.execute(
            "select t.name, m.llm_model_id from templates t, models m where t.id = ? and m.id = ?",
            (shape_.template_id, shape_.model_id),
        ).fetchone()
        there = {
            r
            for (r,) in db.execute(
                "select replicate from generations where stage = 'draft' and legacy = 0 and combo_id = ?"
                " and template_id = ? and model_id = ? and replicate between ? and ?",
                (combo_id, shape_.template_id, shape_.model_id, self._replicate, self._replicate + CHUNK - 1),
            )
        }
        end = min(self._replicate + CHUNK, shape_.total_samples + 1)
        missing = [r for r in range(self._replicate, end) if r not in there]
        fields = (NO_TOPIC, template.lower(), model.lower())
        seeds = [Seed("draft", fields, r, shape_.template_id, shape_.model_id, combo_id) for r in missing]
        seed_tasks(db, seeds, scheme_of(db))
        self._replicate = end - 1  # all before the end are there now
        return len(missing)
