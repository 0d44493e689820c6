"""One topic: all its samples over the cycles, side by side."""

from __future__ import annotations

from typing import Final

from workbench.browse.page import Asked, Found, Page
from workbench.errors import UnknownName
from workbench.lineage import about
from workbench.store import Database
from workbench.store.rows import rows_of

SAMPLES: Final = 12  # on a page
LETTERS: Final = 8_000  # read of each sample
_TOPICS = """
select t.uuid, t.title, t.depth, t.leaf, m.name as topic_model, c.id as combo
from topics t join topic_models m on m.id = t.topic_model_id left join combos c on c.topic_id = t.id
where t.uuid = ? order by c.id is null, m.name
"""
_SERIES = """
select t.name as template_id, m.llm_model_id, count(*) as tasks, sum(g.status = 'done') as done
from generations g left join templates t on t.id = g.template_id left join models m on m.id = g.model_id
where g.combo_id = ? group by g.template_id, g.model_id order by 1, 2
"""
_SAMPLES = """
select g.gen_id, g.replicate - 1 as cycle, t.name as template_id, m.llm_model_id, g.status, g.outcome,
  substr(coalesce(x.parsed, x.raw), 1, :letters) as text, length(coalesce(x.parsed, x.raw)) as length
from (
  select * from generations where combo_id = :combo order by replicate, template_id, model_id, id
  limit :most offset :before
) g
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
left join contents x on x.id = g.content_id
order by g.replicate, g.template_id, g.model_id, g.id
"""
_SQL = "select * from generation_texts where combo_id = :uuid and stage = 'draft' order by replicate"


def gather(db: Database, asked: Asked) -> Found:
    """Give the topic, the `models` it stands in, its `series` (template, model), and a page of its `samples`."""
    rows = rows_of(db, _TOPICS, (asked.names["uuid"],))
    if not rows:
        raise UnknownName(f"no topic {asked.names['uuid']!r}", mend="see the topic models")
    combo = rows[0]["combo"]
    series = rows_of(db, _SERIES, (combo,))
    page, pages = asked.part(sum(row["tasks"] for row in series), SAMPLES)
    values = {"combo": combo, "letters": LETTERS, "most": SAMPLES, "before": (page - 1) * SAMPLES}
    facts = {
        "uuid": rows[0]["uuid"],
        "title": rows[0]["title"],
        "path": about(db, rows[0]["uuid"]).get("topic_path", []),
    }
    facts |= {"models": sorted({row["topic_model"] for row in rows}), "series": series, "number": page, "pages": pages}
    return Found(facts["title"], facts | {"samples": rows_of(db, _SAMPLES, values)}, _SQL, {"uuid": facts["uuid"]})


TOPIC: Final = Page("topic", gather, takes=("uuid",), needs=1)
