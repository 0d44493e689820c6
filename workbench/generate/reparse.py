"""Parse kept answers again, without a call: after a parser or a template's demands were mended."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.catalogue.templates import load_version
from workbench.clock import ticks
from workbench.generate.judging import judge_text
from workbench.prompts import Template
from workbench.record.answers import Origin, store_answer
from workbench.record.selection import Selection
from workbench.store import Database, transaction


@dataclass(frozen=True, slots=True)
class Reparsed:
    """What parsing again did."""

    looked_at: int
    done: int
    seconds: float


_ANSWERS = (
    "select g.id, t.version_id, x.raw, x.prompt_hash, x.template_version_id, x.model_version_id,"
    " x.parent_content_id, x.call_id, x.lossy, x.truncated, x.synthetic, x.finish_reason, x.tokens_in, x.tokens_out,"
    " x.outcome from generations g join contents x on x.id = g.content_id join templates t on t.id = g.template_id"
    " where g.status = 'failed' and x.raw is not null and x.outcome not in ('filtered', 'refused', 'empty') and "
)


def reparse(db: Database, selection: Selection) -> Reparsed:
    """Parse the failed answers of a selection by their templates as they are now; new verdicts are appended."""
    begun = ticks()
    templates: dict[int, Template] = {}
    looked_at = done = 0
    for stage in selection.stages:
        condition, parameters = selection.where(stage)
        for row in db.execute(_ANSWERS + condition, parameters).fetchall():
            looked_at += 1
            template = templates.setdefault(row[1], load_version(db, row[1]))
            done += _again(db, row, template)
    return Reparsed(looked_at, done, round(ticks() - begun, 3))


def _again(db: Database, row: tuple[object, ...], template: Template) -> bool:
    number, _, raw, prompt_hash, version, model, parent, call, lossy, truncated, synthetic, reason, t_in, t_out, was = (
        row
    )
    facts = {"lossy": bool(lossy), "synthetic": bool(synthetic), "finish_reason": reason}
    tokens = {"tokens_in": t_in, "tokens_out": t_out}
    result = judge_text(str(raw), template, truncated=bool(truncated), **facts, **tokens)
    if result.outcome == was:
        return False
    origin = Origin(number, prompt_hash, version, model, parent, call)  # type: ignore[arg-type]
    with transaction(db):
        store_answer(db, origin, result)
    return result.outcome == "ok"
