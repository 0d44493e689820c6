"""How far evaluators agree: a class for each essay, and Krippendorff's alpha for each rubric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from itertools import groupby
from statistics import median
from typing import Any, Final, Literal

from workbench.errors import TooLarge
from workbench.plugins import library
from workbench.report.narrow import Choice, chosen, each, narrowed, scores_of, where
from workbench.store import Database

Row = dict[str, Any]
Level = Literal["nominal", "ordinal", "interval", "ratio"]

CLASSES: Final = (
    *("high_agreement", "moderate_agreement", "low_agreement", "poor_agreement"),
    *("insufficient_data", "no_scale"),
)
CELLS: Final = 50_000_000  # essays × different values; eight bytes each in the library's table
_BY_RUBRIC = "select * from agreement order by evaluation_template, scale_min, scale_max, essay_gen_id"
_ACROSS = "select * from agreement_across_rubrics order by essay_gen_id"
_VALUES = """
select t.name as evaluation_template, s.scale_min, s.scale_max, s.essay_id, s.evaluator_id, count(*) as n,
  avg(s.score) as value
from scored s left join templates t on t.id = s.rubric_id
group by s.rubric_id, s.scale_min, s.scale_max, s.essay_id, s.evaluator_id{each}
order by 1, 2, 3, 4, 5
"""
_SHARES = """
select null as evaluation_template, 0 as scale_min, 1 as scale_max, s.essay_id, s.rubric_id || '|' ||
  coalesce(s.evaluator_id, '') as evaluator_id, count(*) as n, avg(s.score_0_to_1) as value
from scored s where s.score_0_to_1 is not null
group by s.essay_id, s.rubric_id, s.evaluator_id{each} order by 4, 5
"""


def agreement(db: Database, choice: Choice, *, across_rubrics: bool = False) -> Iterator[Row]:
    """Give a class for each essay and rubric, as view `agreement`; or for each essay over all of its rubrics.

    Across rubrics all numbers are shares of the scales, as in view `agreement_across_rubrics`. A choice's templates
    are rubrics, its models evaluators. Raises UnknownName.
    """
    found = scores_of(chosen(db, replace(choice, stage="evaluation")))
    view, sql = ("agreement_across_rubrics", _ACROSS) if across_rubrics else ("agreement", _BY_RUBRIC)
    yield from each(db, f"{narrowed(view, 'scored', found)} {sql}")


def summary(rows: Iterable[Row]) -> Iterator[Row]:
    """Count the classes in rows of `agreement`, for each rubric and scale; with the median range, 0 to 1."""
    for key, group in groupby(rows, key=lambda row: tuple(row.get(name) for name in _SCALE)):
        given = list(group)
        counts = {name: sum(row["agreement"] == name for row in given) for name in CLASSES}
        ranges = [row["range_0_to_1"] for row in given if row["evaluators"] > 1 and row["range_0_to_1"] is not None]
        middle = median(ranges) if ranges else None
        yield {**dict(zip(_SCALE, key, strict=True)), "essays": len(given), **counts, "median_range_0_to_1": middle}


_SCALE: Final = ("evaluation_template", "scale_min", "scale_max")


def alpha(
    db: Database,
    choice: Choice,
    *,
    level: Level = "interval",
    each_replicate: bool = False,
    across_rubrics: bool = False,
) -> list[Row]:
    """Give Krippendorff's alpha for each rubric and scale, or one for all rubrics on scores as shares of their scales.

    An observer is a model (across rubrics: a rubric and a model), its value for an essay the mean of its replicates,
    as `value` says; with `each_replicate` every score is an observer's. Only essays with two values count. `alpha`
    is null, with `why`, where it is not defined. Raises UnknownName, TooLarge and MissingExtra.
    """
    krippendorff = library("krippendorff", "agreement")
    found = scores_of(chosen(db, replace(choice, stage="evaluation")))
    source = f"with scored as (select * from main.scored{where(found)})"
    sql = (_SHARES if across_rubrics else _VALUES).format(each=", s.id" if each_replicate else "")
    rows = each(db, f"{source} {sql}")
    groups = groupby(rows, key=lambda row: tuple(row[name] for name in _SCALE))
    said = {"level": level, "value": "each replicate" if each_replicate else "mean of replicates"}
    return [
        dict(zip(_SCALE, key, strict=True)) | said | _alpha(krippendorff, list(group), level) for key, group in groups
    ]


def _alpha(krippendorff: Any, rows: list[Row], level: Level) -> Row:
    essays = [given for _, group in groupby(rows, key=lambda row: row["essay_id"]) if len(given := list(group)) > 1]
    values = [[round(row["value"], 9) for row in given] for given in essays]
    domain = sorted({value for given in values for value in given})
    facts = {
        "essays": len(essays),
        "evaluators": len({row["evaluator_id"] for given in essays for row in given}),
        "evaluations": sum(row["n"] for given in essays for row in given),
    }
    if len(domain) < 2:
        why = "all scores are equal" if domain else "no essay has two scores to compare"
        return facts | {"alpha": None, "why": why}
    if len(essays) * len(domain) > CELLS:
        raise TooLarge(f"{len(essays):,} essays with {len(domain):,} different scores", mend="narrow it with --cohort")
    return facts | {"alpha": _measured(krippendorff, values, domain, level), "why": None}


def _measured(krippendorff: Any, values: list[list[float]], domain: list[float], level: Level) -> float:
    numpy = import_module("numpy")
    place = {value: number for number, value in enumerate(domain)}
    counts = numpy.zeros((len(values), len(domain)))
    for essay, given in enumerate(values):
        for value in given:
            counts[essay, place[value]] += 1
    return float(krippendorff.alpha(value_counts=counts, value_domain=domain, level_of_measurement=level))
