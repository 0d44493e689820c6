"""Generations with their texts and scores: sets keyed by ID and by content, united."""

from __future__ import annotations

from typing import Final

from workbench.errors import Conflict
from workbench.ids import STAGES
from workbench.merge.numbers import bring, number, ours
from workbench.store import Database

_GENERATIONS: Final = """
select r.id as theirs, o.id as ours from theirs.generations r cross join main.generations o on o.gen_id = r.gen_id
"""
_OTHERWISE: Final = f"""
select o.gen_id from temp.number_generations n
cross join theirs.generations r on r.id = n.theirs cross join main.generations o on o.id = n.ours
where not n.made and (r.stage <> o.stage or (not r.legacy and not o.legacy and (
  o.replicate is not r.replicate or o.template_id is not {ours("templates", "r.template_id")}
  or (o.stage <> 'essay' and o.model_id is not {ours("models", "r.model_id")})
  or o.combo_id is not {ours("combos", "r.combo_id")} or o.parent_id is not {ours("generations", "r.parent_id")})))
"""


def number_generations(db: Database) -> None:
    """Number their generations: a task that both have has one ID. Raises Conflict when an ID means two tasks."""
    number(db, "generations", _GENERATIONS)
    other = [gen_id for (gen_id,) in db.execute(_OTHERWISE).fetchmany(10)]
    if other:
        raise Conflict(f"{', '.join(other)}: the ID stands for another task there")


def counts(db: Database) -> tuple[dict[str, int], dict[str, int]]:
    """Count their generations by stage: those that only they have, and those that both have."""
    rows = db.execute(
        "select r.stage, sum(n.made), sum(not n.made) from temp.number_generations n"
        " cross join theirs.generations r on r.id = n.theirs group by r.stage"
    )
    found = {stage: (new, same) for stage, new, same in rows.fetchall()}
    added, same = ({stage: found.get(stage, (0, 0))[which] for stage in STAGES} for which in (0, 1))
    return added, same


def stages(db: Database) -> dict[str, int]:
    """Count the generations of our own file by stage."""
    found = dict(db.execute("select stage, count(*) from main.generations group by stage").fetchall())
    return {stage: found.get(stage, 0) for stage in STAGES}


_SAME: Final = {
    "prompts": "theirs.prompts r cross join main.prompts o on o.hash = r.hash",
    "contents": "theirs.contents r cross join temp.number_generations g on g.theirs = r.generation_id and not g.made"
    " cross join main.contents o on o.generation_id = g.ours and o.revision = r.revision and o.hash = r.hash",
    "scores": "theirs.scores r cross join temp.number_contents c on c.theirs = r.content_id and not c.made"
    " cross join main.scores o on o.content_id = c.ours",
}
_PLACE: Final = f"""
coalesce((select t.place from main.combos c cross join main.topics t on t.id = c.topic_id
  where c.id = {ours("combos", "r.combo_id")}), r.place)
"""


def number_contents(db: Database) -> None:
    """Number prompts, contents and scores; calls have their numbers already."""
    for table, joined in _SAME.items():
        number(db, table, f"select r.id as theirs, o.id as ours from {joined}")


def bring_generations(db: Database) -> dict[str, int]:
    """Copy generations and prompts that only they have; links to contents hold when these are there too."""
    return {"generations": bring(db, "generations", {"place": _PLACE}), "prompts": bring(db, "prompts")}


def bring_contents(db: Database) -> dict[str, int]:
    """Copy contents and scores that only they have; gives how many."""
    return {table: bring(db, table) for table in ("contents", "scores")}
