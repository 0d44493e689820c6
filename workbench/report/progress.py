"""What is there, what is missing and what it cost: the matrix of tasks, the state of cohorts, money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from workbench.ids import STAGES
from workbench.report.narrow import Choice, among, chosen, each, members, narrowed, where
from workbench.store import Database

Row = dict[str, Any]
Count = Literal["tasks", "done", "planned", "failed", "blocked"]

_STAGE: Final = "case stage when 'draft' then 0 when 'essay' then 1 when 'evaluation' then 2 else 3 end"
_MATRIX = f"select * from task_matrix{{where}} order by {_STAGE}, combo_id, template_id, llm_model_id"
_COHORTS = f"select * from cohort_progress{{where}} order by cohort, {_STAGE}"
_COSTS = f"select * from costs{{where}} order by {_STAGE}, template_id, llm_model_id, provider, model"


def matrix(db: Database, choice: Choice, *, holes: bool = False) -> Iterator[Row]:
    """Give view `task_matrix`, of a cohort or of all: combos × (template, model) by stage, with counts by status.

    A row with no task is a hole; `holes` leaves what is missing, tasks that are not done included. A choice's stage,
    templates and models leave rows out, never combos: their holes stay. Raises UnknownName.
    """
    known = chosen(db, choice)
    conditions = _named(choice) + (["(tasks = 0 or done < tasks)"] if holes else [])
    start = narrowed("task_matrix", "tasks", members("id", known.cohort))
    yield from each(db, f"{start} {_MATRIX.format(where=where(conditions))}", _names(choice))


def wide(rows: Iterable[Row], value: Count = "done") -> Iterator[Row]:
    """Turn rows of `matrix` to one for each combo, with a column `stage|template|model` of counts; null is a hole."""
    given = list(rows)
    order = sorted({_cell(row) for row in given}, key=lambda cell: (_place(cell[0]), *cell[1:]))
    found: dict[Any, dict[tuple[str, str, str], int | None]] = {}
    for row in given:
        cells = found.setdefault(row["combo_id"], {})
        cells[_cell(row)] = row[value] if row["tasks"] else None
    for combo, cells in sorted(found.items(), key=lambda item: item[0] or ""):
        yield {"combo_id": combo} | {"|".join(cell): cells.get(cell) for cell in order}


def _cell(row: Row) -> tuple[str, str, str]:
    return row["stage"], row["template_id"] or "", row["llm_model_id"] or ""


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def cohorts(db: Database, choice: Choice) -> Iterator[Row]:
    """Give view `cohort_progress`: members by status for each cohort and stage, and whether it is `complete`.

    Raises UnknownName.
    """
    cohort = chosen(db, choice).cohort
    start = narrowed("cohort_progress", "cohorts", among("id", None if cohort is None else [cohort]))
    sql = _COHORTS.format(where=" where stage = :stage" if choice.stage else "")
    for row in each(db, f"{start} {sql}", {"stage": choice.stage}):
        yield row | {"complete": row["done"] == row["members"]}


def costs(db: Database, choice: Choice) -> Iterator[Row]:
    """Give view `costs`: calls, tokens and money by stage, template and model, failed but billed calls among them.

    With a cohort: every call ever made for one of its generations, whichever run made it. Stage `topics` is growth.
    Raises UnknownName.
    """
    known = chosen(db, choice)
    start = narrowed("costs", "calls", members("generation_id", known.cohort))
    yield from each(db, f"{start} {_COSTS.format(where=where(_named(choice)))}", _names(choice))


def _named(choice: Choice) -> list[str]:
    stage = ["stage = :stage"] if choice.stage else []
    return stage + _one_of("template_id", choice.templates) + _one_of("llm_model_id", choice.models)


def _one_of(column: str, given: tuple[str, ...]) -> list[str]:
    marks = ", ".join(f":{column}{number}" for number in range(len(given)))
    return [f"{column} in ({marks})"] if given else []


def _names(choice: Choice) -> dict[str, object]:
    names: dict[str, object] = {"stage": choice.stage}
    for column, given in (("template_id", choice.templates), ("llm_model_id", choice.models)):
        names |= {f"{column}{number}": name for number, name in enumerate(given)}
    return names
