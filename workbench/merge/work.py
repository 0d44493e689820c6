"""Generations with their texts and scores: sets keyed by ID and by content, united."""

from __future__ import annotations

from typing import Final

from workbench.ids import STAGES
from workbench.merge import tangled
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
    """Number their generations: a task that both have has one ID, but where an ID stands for two tasks."""
    number(db, "generations", _GENERATIONS)
    tangled.prepare(db)
    if tangled.may_be(db) or db.execute(f"select exists ({_OTHERWISE})").fetchone()[0]:
        db.execute("delete from temp.number_generations")
        tangled.number_by_signature(db)
        tangled.name_anew(db)


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


_PLACED: Final = ("combo_id", "parent_id", "template_id", "model_id", "replicate")
_GAPS: Final = " or ".join(f"(o.{name} is null and r.{name} is not null)" for name in _PLACED)
_ADOPT: Final = f"""
update main.generations set legacy = min(generations.legacy, k.legacy), {{fields}} from (
  select n.ours, r.legacy, {{columns}} from temp.number_generations n
  cross join theirs.generations r on r.id = n.theirs cross join main.generations o on o.id = n.ours
  where not n.made and (r.legacy < o.legacy or (r.legacy = o.legacy and ({_GAPS})))) k
where k.ours = generations.id
"""


def _adopt(db: Database) -> int:
    """Let a row that was migrated there and not here be what it is there, and fill what only they know of one."""
    links = dict(zip(_PLACED, ("combos", "generations", "templates", "models", ""), strict=True))
    told = {name: ours(table, f"r.{name}") if table else f"r.{name}" for name, table in links.items()}
    take = "iif(generations.legacy and not k.legacy, k.{0}, coalesce(generations.{0}, k.{0}))"
    fields = ", ".join(f"{name} = {take.format(name)}" for name in _PLACED)
    columns = ", ".join(f"{value} as {name}" for name, value in told.items())
    return db.execute(_ADOPT.format(fields=fields, columns=columns)).rowcount


def bring_generations(db: Database) -> dict[str, int]:
    """Copy generations and prompts that only they have; links to contents hold when these are there too."""
    filled = _adopt(db)
    return {"filled": filled} | {
        "generations": bring(db, "generations", {"place": _PLACE, "gen_id": tangled.GEN_ID}),
        "prompts": bring(db, "prompts"),
    }


def bring_contents(db: Database) -> dict[str, int]:
    """Copy contents and scores that only they have; gives how many."""
    return {table: bring(db, table) for table in ("contents", "scores")}
