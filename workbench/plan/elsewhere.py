"""Work that an import brought under other names than an order's, so that nobody pays for it a second time unawares."""

from __future__ import annotations

from typing import Final

from workbench.plan.orders import Order
from workbench.store import Database

_IMPORTED: Final = """
select t.name, m.llm_model_id, count(*) as samples
from generations g join templates t on t.id = g.template_id join models m on m.id = g.model_id
join combos c on c.id = g.combo_id
where g.stage = 'draft' and g.status = 'done' and t.name <> :template
  and exists (select 1 from import_rows i where i.generation_id = g.id)
  and (not exists (select 1 from topic_models where name = :topics)
    or c.combo_id in (select u.uuid from unique_topics u where u.topic_model = :topics))
group by t.id, m.id order by samples desc limit 1
"""
_DONE: Final = """
select exists (select 1 from generations g join templates t on t.id = g.template_id
  where t.stage = 'draft' and t.name = ? and g.status = 'done')
"""
_TAKEN: Final = """
select exists (select 1 from templates where stage = 'draft' and name = :template),
  exists (select 1 from models where llm_model_id = :model)
"""


def imported_elsewhere(db: Database, order: Order) -> str | None:
    """Say which imported samples an order would make anew only for their names, and what goes on with them.

    None where there are none, and once the order has samples of its own.
    """
    named = {"template": order.template, "model": order.model, "topics": order.topics}
    row = db.execute(_IMPORTED, named).fetchone()
    if row is None or db.execute(_DONE, (order.template,)).fetchone()[0]:
        return None
    template, model, samples = row
    template_is_taken, model_is_taken = db.execute(_TAKEN, named).fetchone()
    words = [f"`workbench rename template {template} {order.template}`"]
    if model.lower() != order.model.lower():
        words.append(f"`workbench rename model {model} {order.model}`")
    if template_is_taken or (model_is_taken and len(words) > 1):
        about = f"--topics {order.topics} " if order.topics else ""
        words = [f"`workbench generate {about}--template {template} --model {model} -n N`, not this"]
    there = f"{samples:,} imported samples are there under the template {template} and the model {model}"
    return f"{there}; to go on with them: {' and '.join(words)}"
