"""A cohort: what it selected as a matrix of combos and (template, model), stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import svg
from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.errors import UnknownName
from workbench.ids import STAGES
from workbench.lineage import rows_of
from workbench.store import Database

COMBOS: Final = 40  # rows of the matrix on a page
CELL: Final = 200  # generations listed of one cell
_COHORTS = "select name, mode, created from cohorts order by name"
_COHORT = "select id, name, mode, created, spec is not null as has_spec from cohorts where name = ?"
_STAGES = """
select g.stage, count(*) as members, sum(g.status = 'done') as done, sum(g.status = 'failed') as failed,
  sum(g.status = 'blocked') as blocked, sum(g.origin_cohort_id is not :cohort) as reused
from cohort_members k join generations g on g.id = k.generation_id where k.cohort_id = :cohort group by 1
"""
# The members of one stage with the combo that their draft is about.
_MEMBERS = """
from cohort_members k join generations g on g.id = k.generation_id
left join generations p on p.id = g.parent_id
left join generations d on d.id = p.parent_id
left join combos c on c.id = coalesce(g.combo_id, p.combo_id, d.combo_id)
left join topics t on t.id = c.topic_id
where k.cohort_id = :cohort and g.stage = :stage
"""
_CELLS = f"""
select c.id as combo, c.combo_id, t.title, g.template_id as template, g.model_id as model, count(*) as tasks,
  sum(g.status = 'done') as done, sum(g.status = 'failed') as failed, sum(g.status = 'blocked') as blocked,
  sum(g.status = 'planned') as planned, sum(g.origin_cohort_id is not :cohort) as reused, min(k.place) as place
{_MEMBERS} group by c.id, g.template_id, g.model_id order by place
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
    stages = sorted(rows_of(db, _STAGES, {"cohort": cohort}), key=lambda row: STAGES.index(row["stage"]))
    names = [row["stage"] for row in stages] or list(STAGES[:1])
    stage = asked.choice("stage", *names)
    cells = rows_of(db, _CELLS, {"cohort": cohort, "stage": stage})
    facts = known[0] | {"stages": stages, "stage": stage} | _matrix(db, cells, asked)
    if "template" in asked.options:
        facts["cell"] = _cell(db, cohort, stage, asked)
    return Found(known[0]["name"], facts, _SQL, {"cohort": known[0]["name"]})


def _all(db: Database) -> Found:
    names = rows_of(db, _COHORTS)
    if len(names) == 1:
        return Found("Cohorts", moved=("cohort", names[0]["name"]))
    return Found("Cohorts", {"cohorts": names}, "select * from cohort_progress")


def _matrix(db: Database, cells: list[dict[str, Any]], asked: Asked) -> Facts:
    combos = list(dict.fromkeys(cell["combo"] for cell in cells))
    pages = max(-(-len(combos) // COMBOS), 1)
    page = asked.number("page", highest=pages)
    shown = combos[(page - 1) * COMBOS : page * COMBOS]
    rows: dict[Any, Facts] = {combo: {"cells": []} for combo in shown}
    for cell in cells:
        if (row := rows.get(cell.pop("combo"))) is not None:
            row |= {"combo_id": cell.pop("combo_id"), "title": cell.pop("title")}
            row["cells"].append(cell)
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
    rest = total - row["done"] - row["failed"] - row["blocked"]
    counts = {"done": row["done"], "failed": row["failed"], "blocked": row["blocked"], "planned": rest}
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    shares = [(f"s-{word}", float(count)) for word, count in counts.items()]
    return svg.meter(shares, total, said or "none", width=width, height=height)


COHORT: Final = Page("cohort", gather, draw, takes=("cohort",), label="Cohorts")
