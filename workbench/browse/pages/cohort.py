"""A cohort: what it selected as a matrix of combos and (template, model), stage by stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import svg
from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.errors import UnknownName
from workbench.ids import STAGES
from workbench.store import Database
from workbench.store.rows import rows_of

COMBOS: Final = 40  # rows of the matrix on a page
CELL: Final = 200  # generations listed of one cell
_CELL_FACTS = ("template", "model", "tasks", "done", "failed", "blocked", "planned", "reused")
_COHORTS = "select name, mode, created from cohorts order by name"
_COHORT = "select id, name, mode, created, spec is not null as has_spec from cohorts where name = ?"
_COUNTS = """count(*) as tasks, sum(g.status = 'done') as done, sum(g.status = 'failed') as failed,
  sum(g.status = 'blocked') as blocked, sum(g.status = 'planned') as planned, sum(g.reused) as reused"""
# One way through the members: sums of each stage (part 0), and the cells of one stage (part 1) in order.
_MATRIX = f"""
with members as materialized (
  select g.stage, g.status, g.origin_cohort_id is not :cohort as reused, g.combo_id, g.parent_id, g.template_id,
    g.model_id, k.place
  from cohort_members k join generations g on g.id = k.generation_id where k.cohort_id = :cohort
)
select 0 as part, g.stage, null as combo, null as template, null as model, {_COUNTS}, 0 as place
from members g group by g.stage
union all
select 1, g.stage, coalesce(g.combo_id, p.combo_id, d.combo_id) as combo, g.template_id, g.model_id, {_COUNTS},
  min(g.place)
from members g left join generations p on p.id = g.parent_id left join generations d on d.id = p.parent_id
where g.stage = :stage group by combo, g.template_id, g.model_id
order by part, place
"""
_NAMES = """
select c.id, c.combo_id, coalesce(t.title, (select group_concat(name, ' + ') from (
  select n.name from combo_members b join concepts n on n.id = b.concept_id where b.combo_id = c.id order by b.place)))
from json_each(:combos) k cross join combos c on c.id = k.value left join topics t on t.id = c.topic_id
"""
_MEMBERS = """
from cohort_members k join generations g on g.id = k.generation_id
left join generations p on p.id = g.parent_id
left join generations d on d.id = p.parent_id
left join combos c on c.id = coalesce(g.combo_id, p.combo_id, d.combo_id)
where k.cohort_id = :cohort and g.stage = :stage
"""
_CELL = f"""
select g.gen_id, g.replicate, g.status, g.outcome, p.gen_id as parent_gen_id, s.score,
  g.origin_cohort_id is not :cohort as reused
from (select g.*, k.place {_MEMBERS} and c.combo_id is :combo and g.template_id is :template and g.model_id is :model
  order by k.place limit {CELL}) g
left join generations p on p.id = g.parent_id left join scores s on s.content_id = g.content_id
order by g.place
"""
_SQL = """
select g.gen_id, g.stage, t.name as template_id, m.llm_model_id, g.replicate, g.status, o.name as origin_cohort_id
from cohorts c join cohort_members k on k.cohort_id = c.id join generations g on g.id = k.generation_id
left join templates t on t.id = g.template_id left join models m on m.id = g.model_id
left join cohorts o on o.id = g.origin_cohort_id
where c.name = :cohort order by k.place
"""


def gather(db: Database, asked: Asked) -> Found:
    """Give the cohorts; of one: its `stages`, the `columns` of a stage, a page of its `rows`, and a `cell` if asked.

    A cell is asked for by `combo`, `template` and `model` (numbers of the latter two, as the columns have them).
    """
    if "cohort" not in asked.names:
        return _all(db)
    known = rows_of(db, _COHORT, (asked.names["cohort"],))
    if not known:
        raise UnknownName(f"no cohort {asked.names['cohort']!r}", mend="see the list of cohorts")
    cohort = known[0].pop("id")
    stage = asked.choice("stage", *STAGES)
    stages, cells = _members(db, cohort, stage)
    if stages and not cells:
        stage = stages[0]["stage"]
        stages, cells = _members(db, cohort, stage)
    facts = known[0] | {"stages": stages, "stage": stage} | _matrix(db, cells, asked)
    if "template" in asked.options:
        facts["cell"] = _cell(db, cohort, stage, asked)
    return Found(known[0]["name"], facts, _SQL, {"cohort": known[0]["name"]})


def _all(db: Database) -> Found:
    names = rows_of(db, _COHORTS)
    if len(names) == 1:
        return Found("Cohorts", moved=("cohort", names[0]["name"]))
    return Found("Cohorts", {"cohorts": names}, "select * from cohort_progress")


def _members(db: Database, cohort: int, stage: str) -> tuple[list[Facts], list[Facts]]:
    """Give the sums of each stage of a cohort, and the cells of one stage in the order of its members."""
    rows = rows_of(db, _MATRIX, {"cohort": cohort, "stage": stage})
    names = ("stage", "done", "failed", "blocked", "planned", "reused")
    sums = [{name: row[name] for name in names} | {"members": row["tasks"]} for row in rows if row["part"] == 0]
    return sorted(sums, key=lambda row: STAGES.index(row["stage"])), [row for row in rows if row["part"] == 1]


def _matrix(db: Database, cells: list[dict[str, Any]], asked: Asked) -> Facts:
    combos = list(dict.fromkeys(cell["combo"] for cell in cells))
    page, pages = asked.part(len(combos), COMBOS)
    shown = combos[(page - 1) * COMBOS : page * COMBOS]
    rows: dict[Any, Facts] = {combo: {"combo_id": None, "title": None, "cells": []} for combo in shown}
    for number, combo_id, title in db.execute(_NAMES, {"combos": json.dumps(shown)}):
        rows[number] |= {"combo_id": combo_id, "title": title}
    for cell in cells:
        if (row := rows.get(cell["combo"])) is not None:
            row["cells"].append({name: cell[name] for name in _CELL_FACTS})
    columns = list(dict.fromkeys((cell["template"], cell["model"]) for cell in cells))
    named = sorted(
        (_column(db, *column) for column in columns), key=lambda one: (one["template_id"], one["llm_model_id"])
    )
    return {"columns": named, "rows": list(rows.values()), "combos": len(combos), "number": page, "pages": pages}


def _column(db: Database, template: int | None, model: int | None) -> Facts:
    names = [
        next((row["name"] for row in rows_of(db, sql, (number,))), "")
        for sql, number in (
            ("select name from templates where id = ?", template),
            ("select llm_model_id as name from models where id = ?", model),
        )
    ]
    return {"template": template, "model": model, "template_id": names[0], "llm_model_id": names[1]}


def _cell(db: Database, cohort: int, stage: str, asked: Asked) -> Facts:
    numbers = {name: asked.number(name, 0, lowest=0) or None for name in ("template", "model")}
    combo = asked.options.get("combo") or None
    rows = rows_of(db, _CELL, {"cohort": cohort, "stage": stage, "combo": combo, **numbers})
    return {"combo_id": combo, **_column(db, numbers["template"], numbers["model"]), "generations": rows}


def draw(facts: Facts, links: Links) -> Mapping[str, Any]:
    """Draw the share of each stage, and a small bar for each cell of the matrix, by row and column."""
    if "cohorts" in facts:
        return {}
    stages = {row["stage"]: _bar(row, row["members"], 220, 8) for row in facts["stages"]}
    grid = []
    for row in facts["rows"]:
        cells = {(cell["template"], cell["model"]): cell for cell in row["cells"]}
        found = [cells.get((column["template"], column["model"])) for column in facts["columns"]]
        grid.append([cell and {**cell, "bar": _bar(cell, cell["tasks"], 60, 6)} for cell in found])
    return {"stages": stages, "grid": grid}


def _bar(row: Mapping[str, Any], total: int, width: float, height: float) -> Markup:
    counts = {word: row[word] for word in ("done", "failed", "blocked", "planned")}
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    shares = [(f"s-{word}", float(count)) for word, count in counts.items()]
    return svg.meter(shares, total, said or "none", width=width, height=height)


COHORT: Final = Page("cohort", gather, draw, takes=("cohort",), label="Cohorts")
