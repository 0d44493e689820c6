"""Scores: how they are distributed, how far replicates and models agree, and essays against evaluators."""

from __future__ import annotations

from typing import Any, Final

from workbench.browse.page import Asked, Facts, Found, Page
from workbench.browse.pages.scores_charts import draw
from workbench.errors import UnknownName
from workbench.report.agreement import CLASSES
from workbench.report.essays import scale_of
from workbench.report.narrow import Choice, among, chosen, narrowed, scores_of, where
from workbench.store import Database
from workbench.store.rows import rows_of

Row = dict[str, Any]

SHOWN: Final = 40  # essays on one page
BINS: Final = 18  # of a scale, in a distribution
EVALUATORS: Final = 24  # columns of the heatmap
_SUM = (
    "select count(*) as scores, count(distinct essay_id) as essays, total(score_0_to_1 is null) as unscaled from scored"
)
_DISTRIBUTION = """
select t.name as evaluation_template, m.llm_model_id as evaluation_model, s.scale_min, s.scale_max,
  min(cast(s.score_0_to_1 * :bins as integer), :bins - 1) as bin, count(*) as n, total(s.score) as points,
  case when s.score = round(s.score) then s.score end as whole
from scored s left join templates t on t.id = s.rubric_id left join models m on m.id = s.evaluator_id
where s.score_0_to_1 is not null
group by s.rubric_id, s.evaluator_id, s.scale_min, s.scale_max, bin, whole order by 1, 3, 4, 2, 5
"""
_SPREAD = """
select t.name as evaluation_template, m.llm_model_id as evaluation_model, k.scale_min, k.scale_max, count(*) as essays,
  total(k.n > 1) as repeated, total(k.n > 1 and k.range = 0) as equal, max(k.range) as widest,
  avg(case when k.n > 1 then k.range end) as mean_range,
  avg(case when k.n > 1 then k.range / (k.scale_max - k.scale_min) end) as mean_range_0_to_1
from (select rubric_id, evaluator_id, scale_min, scale_max, essay_id, count(*) as n, max(score) - min(score) as range
  from scored group by 1, 2, 3, 4, 5) k
left join templates t on t.id = k.rubric_id left join models m on m.id = k.evaluator_id
group by k.rubric_id, k.evaluator_id, k.scale_min, k.scale_max order by 1, 3, 4, 2
"""
_AGREEMENT = """
select evaluation_template, scale_min, scale_max, agreement, count(*) as essays from agreement
group by 1, 2, 3, 4 order by 1, 2, 3
"""
_SERIES: Final = ("evaluation_template", "evaluation_model", "scale_min", "scale_max")
_ORDERS: Final = {
    "best": "mean_of_maxima_0_to_1 desc nulls last, mean_of_maxima desc nulls last, essay_gen_id",
    "worst": "mean_of_maxima_0_to_1 nulls last, mean_of_maxima nulls last, essay_gen_id",
}
_TOP = "select * from top_essays order by {order} limit :limit offset :offset"
_CELLS = """
select essay_gen_id, evaluation_template, evaluation_model, scale_min, scale_max, n, mean, lowest, highest, mean_0_to_1
from pivot_long order by evaluation_template, evaluation_model, scale_min, scale_max
"""
_SQL = """
select essay_gen_id, evaluation_template, evaluation_model, n, mean, lowest, highest, scores, mean_0_to_1
from pivot_long order by essay_gen_id, evaluation_template, evaluation_model
"""


def gather(db: Database, asked: Asked) -> Found:
    """Give the scores of the project, or of one cohort (option `cohort`): distributions, spread, agreement, essays.

    Option `order` is best or worst first, `page` a page of essays with a cell for each evaluator. Raises UnknownName.
    """
    cohort = _cohort(db, asked.options.get("cohort", ""))
    conditions = scores_of(chosen(db, Choice(cohort=cohort)))
    scored = f"with scored as (select * from main.scored{where(conditions)})" if conditions else ""
    facts: Facts = {
        "cohort": cohort,
        "cohorts": [name for (name,) in db.execute("select name from cohorts order by 1")],
    }
    facts |= rows_of(db, f"{scored} {_SUM}")[0]
    facts["distributions"] = _grouped(rows_of(db, f"{scored} {_DISTRIBUTION}", {"bins": BINS}))
    facts["spread"] = rows_of(db, f"{scored} {_SPREAD}")
    facts["agreement"] = _agreement(rows_of(db, f"{narrowed('agreement', 'scored', conditions)} {_AGREEMENT}"))
    return Found("Scores", facts | _essays(db, asked, conditions, facts["essays"]), _SQL)


def _cohort(db: Database, asked: str) -> str | None:
    if not asked:
        return None
    for (name,) in db.execute("select name from cohorts where name = ?", (asked,)):
        return str(name)
    raise UnknownName(f"no cohort {asked[:80]!r}", mend="choose one on the page of all scores")


def _grouped(rows: list[Row]) -> list[Row]:
    """Give one distribution for each rubric, scale and model: counts in `bins`, `edges` between them, the mean.

    Where all scores are whole numbers on a scale of whole numbers, each number has a bin of its own, named by it.
    """
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in _SERIES), []).append(row)
    return [_distribution(given) for given in found.values()]


def _distribution(given: list[Row]) -> Row:
    low, high = given[0]["scale_min"], given[0]["scale_max"]
    whole = all(row["whole"] is not None for row in given) and float(low).is_integer() and high - low <= BINS
    places = [int((row["whole"] - low) if whole else row["bin"]) for row in given]
    counts = [0] * (int(high - low) + 1 if whole else BINS)
    for row, place in zip(given, places, strict=True):
        counts[min(max(place, 0), len(counts) - 1)] += row["n"]
    each = 1 if whole else (high - low) / BINS
    n = sum(counts)
    said = {"scale": scale_of(given[0]), "n": n, "mean": sum(row["points"] for row in given) / n, "whole": whole}
    edges = [low + each * place for place in range(len(counts) + (not whole))]
    return {name: given[0][name] for name in _SERIES} | said | {"bins": counts, "edges": edges}


def _agreement(rows: list[Row]) -> list[Row]:
    """Give one row for each rubric and scale, with the number of essays in each class."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = row["evaluation_template"], row["scale_min"], row["scale_max"]
        start = {"evaluation_template": key[0], "scale": scale_of(row), "essays": 0} | dict.fromkeys(CLASSES, 0)
        one = found.setdefault(key, start)
        one[row["agreement"]] += row["essays"]
        one["essays"] += row["essays"]
    return list(found.values())


def _essays(db: Database, asked: Asked, conditions: list[str], count: int) -> Facts:
    """Give a page of essays by rank, and the evaluators whose scores stand beside them."""
    (page, pages), order = asked.part(count, SHOWN), asked.choice("order", *_ORDERS)
    start = narrowed("top_essays", "scored", conditions)
    sql = f"{start} {_TOP.format(order=_ORDERS[order])}"
    rows = rows_of(db, sql, {"limit": SHOWN, "offset": (page - 1) * SHOWN})
    columns, cells = _cells(db, conditions, [row["essay_gen_id"] for row in rows])
    hidden = len(columns[EVALUATORS:])
    columns = columns[:EVALUATORS]
    top = [
        {"place": place} | row | {"cells": [cells.get((row["essay_gen_id"], key)) for key in columns]}
        for place, row in enumerate(rows, (page - 1) * SHOWN + 1)
    ]
    heads = [dict(zip(("evaluation_template", "evaluation_model", "scale"), key, strict=True)) for key in columns]
    return {"order": order, "page": {"number": page, "pages": pages}, "evaluators": heads, "top": top} | {
        "hidden": hidden
    }


def _cells(db: Database, conditions: list[str], ids: list[str]) -> tuple[list[tuple[str, str, str]], dict[Any, Row]]:
    numbers = [db.execute("select id from generations where gen_id = ?", (one,)).fetchone()[0] for one in ids]
    start = narrowed("pivot_long", "scored", conditions + among("essay_id", numbers))
    cells: dict[Any, Row] = {}
    columns: dict[tuple[str, str, str], None] = {}
    for row in rows_of(db, f"{start} {_CELLS}"):
        key = row["evaluation_template"] or "", row["evaluation_model"] or "", scale_of(row)
        columns[key] = None
        cells[row["essay_gen_id"], key] = {
            name: row[name] for name in ("n", "mean", "lowest", "highest", "mean_0_to_1")
        }
    return list(columns), cells


SCORES: Final = Page("scores", gather, draw, label="Scores")
