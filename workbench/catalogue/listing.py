"""The catalogues as rows: templates and models with what was made with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from workbench.store import Database


def models(db: Database) -> Iterator[dict[str, Any]]:
    """Give every model as new work uses it, with the number of its versions and generations, by ID."""
    rows = db.execute(
        "select m.llm_model_id, v.provider, v.name, v.parameters, m.price_in, m.price_out, m.display_name,"
        " (select count(*) from model_versions o where o.model_id = m.id),"
        " (select count(*) from generations g where g.model_id = m.id and g.status = 'done')"
        " from models m left join model_versions v on v.id = m.version_id order by m.llm_model_id"
    )
    for name, provider, model, parameters, price_in, price_out, display, versions, generations in rows:
        yield {
            "llm_model_id": name,
            "provider": provider,
            "name": model,
            "parameters": json.loads(parameters or "{}"),
            "price_in": price_in,
            "price_out": price_out,
            "display_name": display,
            "versions": versions,
            "generations": generations,
        }


def templates(db: Database, stage: str | None = None) -> Iterator[dict[str, Any]]:
    """Give every template with its current text's facts, by stage and name; `hash` is short."""
    rows = db.execute(
        "select t.stage, t.name, v.mode, v.parser, substr(v.hash, 1, 8) as hash,"
        " (select count(*) from template_versions o where o.template_id = t.id) as versions,"
        " (select count(*) from generations g where g.template_id = t.id and g.status = 'done') as generations,"
        " t.description, t.source"
        " from templates t left join template_versions v on v.id = t.version_id"
        " where ?1 is null or t.stage = ?1 order by case t.stage when 'topics' then 0 when 'draft' then 1"
        " when 'essay' then 2 else 3 end, t.name",
        (stage,),
    )
    columns = [column[0] for column in rows.description]
    for row in rows:
        yield dict(zip(columns, row, strict=True))
