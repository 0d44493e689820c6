"""What a cohort selects and what its essays were given, as assets that only look; and `verify` as a check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.dagster.frame import ASSETS, GROUPS, MEMBERSHIP, SCORES, Frame
from workbench.ids import json_hash
from workbench.report.essays import top
from workbench.report.narrow import Choice
from workbench.report.progress import cohorts
from workbench.verify import verify

_COUNTS: Final = ("members", "done", "planned", "failed", "blocked")
_BEST: Final = ("place", "essay_gen_id", "combo_id", "draft_template", "draft_model", "essay_template")
_POINTS: Final = ("mean_of_maxima", "mean_of_maxima_0_to_1", "evaluations")
_SHOWN: Final = 20  # essays
_MEMBERS: Final = """
select g.gen_id from cohorts c join cohort_members m on m.cohort_id = c.id join generations g on g.id = m.generation_id
where c.name = ? order by 1
"""


def membership_asset(frame: Frame) -> Any:
    """Make the asset `cohort_membership`: how many tasks a cohort selects, and how far they are, by stage."""
    about = "What a cohort selects, by stage. `workbench cohort compile` makes cohorts; this only looks."
    return frame.asset(MEMBERSHIP, "cohort", None, about, lambda context: _membership(frame, context.partition_key))


def _membership(frame: Frame, cohort: str) -> Iterator[Any]:
    with frame.opened() as db:
        rows = [row for row in cohorts(db, Choice(cohort=cohort)) if row["stage"] in ASSETS]
        version = frame.version(db, _MEMBERS, (cohort,))
    members, done = (sum(row[name] for row in rows) for name in ("members", "done"))
    table = _table(frame.dg, [{name: row[name] for name in ("stage", *_COUNTS)} for row in rows])
    facts = {"members": members, "done": done, "missing": members - done}
    yield frame.result(facts | ({"stages": table} if rows else {}), version)


def aggregated_scores_asset(frame: Frame) -> Any:
    """Make the asset `cohort_aggregated_scores`: how many scores there are, and the best essays by them."""
    about = "The scores of a cohort's essays, best first; `workbench report` has more."
    return frame.asset(
        SCORES, "results_processing", "evaluations", about, lambda context: _scores(frame, context.partition_key)
    )


def _scores(frame: Frame, cohort: str) -> Iterator[Any]:
    with frame.opened() as db:
        rows = list(top(db, Choice(cohort=cohort), limit=0))
    facts: dict[str, Any] = {"essays": len(rows), "scores": sum(row["evaluations"] for row in rows)}
    shares = [row["mean_of_maxima_0_to_1"] for row in rows if row["mean_of_maxima_0_to_1"] is not None]
    if shares:
        facts["mean_0_to_1"] = sum(shares) / len(shares)
    best = [{name: row[name] for name in (*_BEST, *_POINTS)} for row in rows[:_SHOWN]]
    yield frame.result(facts | ({"best": _table(frame.dg, best)} if best else {}), json_hash(rows))


def _table(dg: Any, rows: list[dict[str, Any]]) -> Any:
    kinds = {int: "int", float: "float"}
    columns = [
        dg.TableColumn(name, next((kinds[type(row[name])] for row in rows if type(row[name]) in kinds), "string"))
        for name in (rows[0] if rows else ())
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], dg.TableSchema(columns))


def verify_check(frame: Frame) -> Any:
    """Make the check `verify` of the three stages: one look at the whole file, however many were made."""
    dg = frame.dg
    specs = [
        dg.AssetCheckSpec("verify", asset=frame.key(name), description="Every rule that a project must keep.")
        for name in GROUPS
    ]
    name = f"{frame.prefix}_verify" if frame.prefix else "verify"
    made = dg.multi_asset_check(name=name, specs=specs, can_subset=True)
    return made(frame.telling(lambda context: _checked(frame, context)))


def _checked(frame: Frame, context: Any) -> Iterator[Any]:
    with frame.opened() as db:
        checks = verify(db)
    broken = [f"{check.name}: {check.broken:,} rows ({', '.join(check.examples)})" for check in checks if not check.ok]
    for key in context.selected_asset_check_keys:
        yield frame.dg.AssetCheckResult(
            passed=not broken,
            asset_key=key.asset_key,
            check_name=key.name,
            description="; ".join(broken)[:2000] or "every rule holds",
            metadata={"rules": len(checks), "broken": len(broken)},
        )
