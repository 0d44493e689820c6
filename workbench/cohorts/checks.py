"""What a finished design must not be, found in its factors and never by going through its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod

from workbench.cohorts.columns import DRAFT, NAMES, ROLE, nearest
from workbench.cohorts.document import Document
from workbench.cohorts.factors import Factor, Level
from workbench.reading import Faults


def check_design(document: Document, factors: Sequence[Factor], faults: Faults) -> None:
    """Note every fault that concerns the design as a whole."""
    columns = [column for factor in factors for column in factor.columns]
    located = document.located
    for column, times in Counter(columns).items():
        if times > 1:
            faults.note(f"the column {column} stands {times} times", located.where("axes"), "keep one of them")
    for role, names in NAMES.items():
        if len(found := [name for name in names if name in columns]) > 1:
            detail = f"{' and '.join(found)} both mean {role}"
            faults.note(detail, located.where("axes", found[-1]), "keep one of them")
    for number, column in enumerate(document.field_order):
        if column not in columns and all(factor.levels is not None for factor in factors):
            detail = f"output.field_order: there is no column {column}{nearest(column, columns)}"
            faults.note(detail, located.where("output", "field_order", number), "name a column of the design")
    _check_essay_models(document, factors, faults)


def _check_essay_models(document: Document, factors: Sequence[Factor], faults: Faults) -> None:
    """Refuse two essay models for one draft and essay template, which an essay's signature cannot tell apart.

    Factors are independent, so two such rows exist exactly if two levels of the factor that holds the essay
    model differ in it and agree in all columns of the draft and the essay template that this factor holds.
    """
    for number, factor in enumerate(factors):
        roles = [ROLE.get(column) for column in factor.columns]
        if "essay_model" not in roles or factor.levels is None:
            continue
        model = roles.index("essay_model")
        same = [n for n, role in enumerate(roles) if role in (*DRAFT, "essay_template")]
        stride = prod(len(other.levels or ()) for other in factors[number + 1 :])
        for first, second in _clashes(factor.levels, same, model):
            detail = f"rows {first * stride + 1:,} and {second * stride + 1:,}: two essay models, "
            detail += f"{factor.levels[first][model]} and {factor.levels[second][model]}, for one draft and "
            detail += "essay template" + _shown(factor, first, same)
            faults.note(detail, _place(document, factor), "give each draft and essay template one essay model")


def _clashes(levels: Sequence[Level], same: Sequence[int], model: int) -> Iterator[tuple[int, int]]:
    first: dict[Level, int] = {}
    for number, level in enumerate(levels):
        key = tuple([level[n].lower() for n in same])
        before = first.setdefault(key, number)
        if levels[before][model].lower() != level[model].lower():
            yield before, number


def _shown(factor: Factor, level: int, columns: Sequence[int]) -> str:
    pairs = [f"{factor.columns[n]} {(factor.levels or ())[level][n]}" for n in columns]
    return f" ({', '.join(pairs)})" if pairs else ""


def _place(document: Document, factor: Factor) -> str:
    for section in ("tuples", "pairs", "ties"):
        if ("rules", section, factor.name) in document.located.marks:
            return document.located.where("rules", section, factor.name)
    return document.located.where("axes", factor.name)
