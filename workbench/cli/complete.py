"""Shell completion from the project: names and IDs that begin with what was typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

LIMIT: Final = 50
_QUESTIONS: Final = {
    "cohorts": "select name from cohorts where name >= :start and name < :end order by 1",
    "templates": "select distinct name from templates where name >= :start and name < :end order by 1",
    "models": "select llm_model_id from models where llm_model_id >= :start and llm_model_id < :end order by 1",
    "topic_models": "select name from topic_models where name >= :start and name < :end order by 1",
    "concepts": "select concept_id from concepts where concept_id >= :start and concept_id < :end order by 1",
    "combos": "select combo_id from combos where combo_id >= :start and combo_id < :end order by 1",
    "generations": "select gen_id from generations where gen_id >= :start and gen_id < :end order by 1",
    "runs": "select cast(id as text) from runs where cast(id as text) like :start || '%' order by id desc",
}
Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def names(of: str) -> Completion:
    """Give a `shell_complete` for one kind of name: cohorts, templates, models, topic_models, concepts, combos, …

    A project that cannot be read completes to nothing; nothing is printed.
    """
    sql = _QUESTIONS[of]

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from workbench.errors import WorkbenchError
        from workbench.store import find_project, open_project, sqlite3

        try:
            project: Path = find_project(ctx.params.get("project"))
            with open_project(project) as db:
                bounds = {"start": incomplete, "end": incomplete + "\U0010ffff"}
                return [str(row[0]) for row in db.execute(f"{sql} limit {LIMIT}", bounds)]
        except (WorkbenchError, sqlite3.Error, OSError):
            return []

    return complete
