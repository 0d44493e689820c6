"""Essays by their scores: replicates side by side, essays against evaluators, the best ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import sqrt
from typing import Any, Final, Literal

from workbench.report.narrow import Choice, chosen, each, narrowed, scores_of
from workbench.store import Database

Row = dict[str, Any]
Value = Literal["mean", "max", "n"]

_PAIRS = "select * from pivot_long order by essay_gen_id, evaluation_template, evaluation_model, scale_min, scale_max"
_TOP = """
select * from top_essays
order by mean_of_maxima_0_to_1 desc nulls last, mean_of_maxima desc nulls last, essay_gen_id limit :limit
"""
_COLUMNS: Final[dict[Value, str]] = {"mean": "mean", "max": "highest", "n": "n"}
_ESSAY: Final = ("essay_gen_id", "combo_id", "draft_template", "draft_model", "essay_template")


def variance(db: Database, choice: Choice) -> Iterator[Row]:
    """Give how far replicates agree: the rows of view `pivot_long`, with `stddev` (sample, null for one score).

    Every row is one essay, rubric, model and scale, in the rubric's own points; `mean_0_to_1` is a share of the
    scale. A choice's templates are rubrics, its models evaluators. Raises UnknownName.
    """
    found = scores_of(chosen(db, replace(choice, stage="evaluation")))
    for row in each(db, f"{narrowed('pivot_long', 'scored', found)} {_PAIRS}"):
        essay = {key: row.pop(key) for key in _ESSAY[1:]}
        spread = row.pop("variance")
        yield row | {"stddev": None if spread is None else sqrt(spread)} | essay


def top(db: Database, choice: Choice, limit: int = 20) -> Iterator[Row]:
    """Give the best essays of view `top_essays`, ranked by `place` from 1; ties by ID; `limit` 0 for all.

    Raises UnknownName.
    """
    found = scores_of(chosen(db, replace(choice, stage="evaluation")))
    rows = each(db, f"{narrowed('top_essays', 'scored', found)} {_TOP}", {"limit": limit or -1})
    for place, row in enumerate(rows, 1):
        yield {"place": place} | row


def pivot(db: Database, choice: Choice, value: Value = "mean", *, normalised: bool = False) -> list[Row]:
    """Give one row for each essay, with one column for each evaluator: `rubric|model`, null where it gave no score.

    Beside them the essay's templates, model and combo, the number of `evaluations`, and the `scale` of the numbers:
    one for all, or one for each rubric. `normalised` gives shares of the scales, in columns that end in ` 0..1`.
    A rubric that was used with several scales has a column for each, with the scale at its end. Raises UnknownName.
    """
    rows = list(variance(db, choice))
    head = _heads(rows, " 0..1" if normalised and value != "n" else "")
    shown = _share if normalised and value != "n" else _points
    columns = list(dict.fromkeys(head(row) for row in sorted(rows, key=_evaluator)))
    essays: dict[str, list[Row]] = {}
    for row in rows:
        essays.setdefault(row["essay_gen_id"], []).append(row)
    return [
        _essay(given, "0..1" if normalised else _scales(given))
        | dict.fromkeys(columns)
        | {head(row): shown(row, _COLUMNS[value]) for row in given}
        for given in essays.values()
    ]


def _essay(given: list[Row], scale: str) -> Row:
    known = {key: given[0][key] for key in _ESSAY}
    return known | {"evaluations": sum(row["n"] for row in given), "scale": scale}


def _evaluator(row: Row) -> tuple[str, str, str]:
    return row["evaluation_template"] or "", row["evaluation_model"] or "", scale_of(row)


def _heads(rows: Iterable[Row], ending: str) -> Callable[[Row], str]:
    scales: dict[str, set[str]] = {}
    for row in rows:
        scales.setdefault(row["evaluation_template"], set()).add(scale_of(row))

    def head(row: Row) -> str:
        rubric, model, scale = _evaluator(row)
        several = len(scales[row["evaluation_template"]]) > 1
        return f"{rubric}|{model}{f'|{scale}' if several else ''}{ending}"

    return head


def _points(row: Row, column: str) -> float | None:
    value: float | None = row[column]
    return value


def _share(row: Row, column: str) -> float | None:
    low, high = row["scale_min"], row["scale_max"]
    return (row[column] - low) / (high - low) if low is not None and high is not None and high > low else None


def scale_of(row: Row) -> str:
    """Give a row's scale as text, `0..9`; `?` where none is stated."""
    if row["scale_min"] is None or row["scale_max"] is None:
        return "?"
    return f"{row['scale_min']:g}..{row['scale_max']:g}"


def _scales(given: list[Row]) -> str:
    scales = {scale_of(row) for row in given}
    if len(scales) == 1:
        return scales.pop()
    return "; ".join(dict.fromkeys(f"{row['evaluation_template']} {scale_of(row)}" for row in given))
