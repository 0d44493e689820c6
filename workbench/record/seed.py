"""Planned tasks enter the record: set by set, each once, collisions told apart and reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from workbench.clock import now
from workbench.events import record_alert
from workbench.ids import Scheme
from workbench.store import Database, insert, scheme_of, sqlite3, transaction


@dataclass(frozen=True, slots=True)
class Seed:
    """A task to plan: checked signature fields as text, and the numbers that the row points at."""

    stage: str
    fields: tuple[str, ...]
    replicate: int
    template_id: int
    model_id: int | None
    combo_id: int | None = None
    parent_id: int | None = None
    origin_cohort_id: int | None = None
    place: int = 0
    ready: int = 1


def seed_drafts(
    db: Database,
    *,
    topic_model_id: int,
    template_id: int,
    model_id: int,
    replicate: int,
    end: int,
    limit: int,
) -> int:
    """Plan the next drafts of one cycle that are not in the record: topics in order, at most `limit`.

    `end`: only topics that stand before this place. Gives how many were planned.
    """
    parameters = {
        "topics": topic_model_id,
        "template": template_id,
        "model": model_id,
        "replicate": replicate,
        "end": end,
        "limit": limit,
        "now": now(),
    }
    try:
        with transaction(db):
            return db.execute(
                _INSERT_CYCLE.format(gen_id="gen_id('draft', x.combo, x.t, x.m, x.r)"), parameters
            ).rowcount
    except sqlite3.IntegrityError:
        return _seed_one_by_one(db, parameters)


_MISSING = (
    "select u.uuid as combo, t.name as t, m.llm_model_id as m, :replicate as r, c.id as combo_id, u.place as place"
    " from unique_topics u join combos c on c.combo_id = u.uuid"
    " join templates t on t.id = :template join models m on m.id = :model"
    " where u.topic_model_id = :topics and u.place < :end and not exists (select 1 from generations g"
    " where g.stage = 'draft' and g.legacy = 0 and g.combo_id = c.id and g.template_id = :template"
    " and g.model_id = :model and g.replicate = :replicate) order by u.place limit :limit"
)
_INSERT_CYCLE = (
    "insert into generations (gen_id, stage, combo_id, template_id, model_id, replicate, status, ready, place,"
    " created) select {gen_id}, 'draft', x.combo_id, :template, :model, :replicate, 'planned', 1, x.place, :now"
    f" from ({_MISSING}) x order by x.place"
)


def _seed_one_by_one(db: Database, parameters: dict[str, object]) -> int:
    rows = db.execute(_MISSING, parameters).fetchall()
    seeds = [
        Seed(
            "draft",
            (combo.lower(), template.lower(), model.lower()),
            replicate,
            template_id=int(str(parameters["template"])),
            model_id=int(str(parameters["model"])),
            combo_id=combo_id,
            place=place,
        )
        for combo, template, model, replicate, combo_id, place in rows
    ]
    return len(seed_tasks(db, seeds, scheme_of(db)))


def seed_tasks(db: Database, seeds: Iterable[Seed], scheme: Scheme) -> dict[str, int]:
    """Plan tasks that are not in the record; gives ID → number. The caller holds the transaction.

    Two signatures with one ID: in canonical order the later ones get the suffix -1, -2, …; they are blocked by
    an alert until a person has looked.
    """
    ordered = sorted((scheme.canonical(s.stage, s.fields, s.replicate), s) for s in seeds)
    return dict(_seed_task(db, seed, canonical, scheme) for canonical, seed in ordered)


def _seed_task(db: Database, seed: Seed, canonical: str, scheme: Scheme) -> tuple[str, int]:
    gen_id, collides = _free_id(db, seed.stage, canonical, scheme)
    values = {name: getattr(seed, name) for name in _COLUMNS}
    values |= {"gen_id": gen_id, "status": "planned", "outcome": None, "created": now()}
    if collides:
        values |= {"status": "blocked", "outcome": "collision", "ready": 0}
    number = insert(db, "generations", values)
    if collides:
        facts = {"gen_id": gen_id, "shares": scheme.id_of(seed.stage, canonical), "signature": canonical}
        record_alert(db, "id_collision", facts, blocking=True, generation_id=number)
    return gen_id, number


_COLUMNS = (
    *("stage", "combo_id", "parent_id", "template_id", "model_id", "replicate"),
    *("ready", "origin_cohort_id", "place"),
)


def _free_id(db: Database, stage: str, canonical: str, scheme: Scheme) -> tuple[str, bool]:
    """Give the signature's ID, or with the first suffix that is free, and whether that was needed."""
    for collision in count():
        gen_id = scheme.id_of(stage, canonical, collision)
        if db.execute("select 1 from generations where gen_id = ?", (gen_id,)).fetchone() is None:
            return gen_id, collision > 0
    raise AssertionError("numbers do not end")


def acknowledge(db: Database, alert_id: int) -> bool:
    """Mark an alert as looked at; work that it blocked may go on. False when there is no such open alert."""
    row = db.execute("select generation_id from alerts where id = ? and acknowledged is null", (alert_id,)).fetchone()
    if row is None:
        return False
    db.execute("update alerts set acknowledged = ? where id = ?", (now(), alert_id))
    db.execute(
        "update generations set status = 'planned', outcome = null, ready = (parent_id is null or exists"
        " (select 1 from generations p where p.id = generations.parent_id and p.status = 'done'))"
        " where id = ? and status = 'blocked' and outcome = 'collision'",
        (row[0],),
    )
    return True
