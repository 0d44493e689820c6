"""The report views, narrowed to a cohort, a stage, templates and models before they count anything.

A view sums up the whole project. To narrow one, its own SQL is asked with a smaller table in the place of the one that
it reads, so that view and command cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from workbench.assets import asset_text
from workbench.errors import UnknownName, WorkbenchError, raise_all
from workbench.store import Database

Row = dict[str, Any]

_TEMPLATES = "select name, id from templates where :stage is null or stage = :stage"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a report looks at, by name; what is empty leaves all in. Score reports: rubrics and evaluators."""

    cohort: str | None = None
    stage: str | None = None
    templates: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice in row numbers; None leaves all in."""

    cohort: int | None
    stage: str | None
    templates: tuple[int, ...] | None
    models: tuple[int, ...] | None


def chosen(db: Database, choice: Choice) -> Chosen:
    """Look the names of a choice up, in any case; a template may be of any stage, or only of the choice's.

    Raises UnknownName, for all names together.
    """
    faults: list[WorkbenchError] = []
    cohorts = _numbers(db, "cohort", "select name, id from cohorts", (choice.cohort,) if choice.cohort else (), faults)
    templates = _numbers(db, "template", _TEMPLATES, choice.templates, faults, choice.stage)
    models = _numbers(db, "model", "select llm_model_id, id from models", choice.models, faults)
    raise_all(faults)
    return Chosen(cohorts[0] if cohorts else None, choice.stage, templates, models)


def _numbers(
    db: Database, noun: str, sql: str, wanted: Sequence[str], faults: list[WorkbenchError], stage: str | None = None
) -> tuple[int, ...] | None:
    if not wanted:
        return None
    found: dict[str, list[int]] = {}
    for name, number in db.execute(sql, {"stage": stage}):
        found.setdefault(name.lower(), []).append(int(number))
    faults.extend(_unknown(noun, name, list(found)) for name in wanted if name.lower() not in found)
    return tuple(number for name in wanted for number in found.get(name.lower(), ()))


def _unknown(noun: str, name: str, known: list[str]) -> UnknownName:
    near = get_close_matches(name.lower(), known, 3) or sorted(known)[:3]
    mend = f"there is {', '.join(near)}" if near else f"the project has no {noun} that could be meant"
    return UnknownName(f"no {noun} {name!r}", mend=mend)


def members(column: str, cohort: int | None) -> list[str]:
    """Give the condition that a generation's number belongs to a cohort; none without a cohort."""
    if cohort is None:
        return []
    return [f"{column} in (select generation_id from cohort_members where cohort_id = {cohort})"]


def among(column: str, numbers: Sequence[int] | None) -> list[str]:
    """Give the condition that a column is one of some numbers; none for None."""
    return [] if numbers is None else [f"{column} in ({', '.join(map(str, numbers))})"]


def where(conditions: Sequence[str]) -> str:
    """Join conditions to a where clause, or to nothing."""
    return f" where {' and '.join(conditions)}" if conditions else ""


@cache
def body(view: str) -> str:
    """Give the query of a shipped view."""
    found = re.search(rf"(?m)^create view {view} as\n([^;]*);", asset_text("schema/views.sql"))
    assert found, view
    return found[1]


def narrowed(view: str, base: str, conditions: Sequence[str]) -> str:
    """Begin a statement in which `view` reads of its table or view `base` only the rows that conditions leave."""
    if not conditions:
        return ""
    return f"with {base} as (select * from main.{base}{where(conditions)}), {view} as ({body(view)})"


def scores_of(choice: Chosen) -> list[str]:
    """Give the conditions of a choice on the view `scored`."""
    own = members("id", choice.cohort)
    return own + among("rubric_id", choice.templates) + among("evaluator_id", choice.models)


def each(db: Database, sql: str, parameters: dict[str, object] | None = None) -> Iterator[Row]:
    """Run one question and give its rows as dicts, one by one."""
    cursor = db.execute(sql, parameters or {})
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))
