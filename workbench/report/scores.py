"""Scores as they were given, one row for each evaluation."""

from __future__ import annotations

from typing import Any

from workbench.lineage import resolve
from workbench.report.narrow import Choice, chosen
from workbench.store import Database
from workbench.store.rows import rows_of

Row = dict[str, Any]

_SCORES = """
select s.* from scores_by_evaluation s join generations v on v.gen_id = s.gen_id
where (:cohort is null or v.id in (
    select generation_id from cohort_members where cohort_id = :cohort))
  and (:family is null or :family in (v.id, v.parent_id,
    (select e.parent_id from generations e where e.id = v.parent_id)))
order by s.essay_gen_id, s.evaluation_template, s.evaluation_model, s.replicate, s.gen_id
"""


def scores(db: Database, *, cohort: str | None = None, gen_id: str | None = None) -> list[Row]:
    """Give every current score with its essay, evaluator and scale, in the columns of `scores_by_evaluation`.

    `cohort` keeps a cohort's evaluations, `gen_id` those of one evaluation, essay or draft. Raises UnknownName.
    """
    known = chosen(db, Choice(cohort=cohort))
    number = None if gen_id is None else resolve(db, gen_id)
    return rows_of(db, _SCORES, {"cohort": known.cohort, "family": number})
