"""What came of one combo: its drafts, their essays and evaluations, some drafts at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from workbench.browse.family import Node, forest, more, picture
from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.browse.pages.generation import subject
from workbench.errors import UnknownName
from workbench.lineage import about
from workbench.store import Database
from workbench.store.rows import rows_of

DRAFTS: Final = 8  # on a page
MOST: Final = 10  # children drawn of each parent
_COMBO = "select id, combo_id from combos where combo_id = ?"
_COUNTS = "select count(*) as drafts, sum(status = 'done') as done from generations where combo_id = ?"
# The drafts of a page, then their children, numbered within each parent; how many there are stands in each row.
_MEMBERS = """
with drafts as (
  select id from generations where combo_id = :combo order by template_id, model_id, replicate, id
  limit :most offset :before
), essays as (
  select g.id, row_number() over w as place, count(*) over (partition by g.parent_id) as siblings
  from generations g where g.parent_id in drafts
  window w as (partition by g.parent_id order by g.template_id, g.replicate, g.id)
), evaluations as (
  select g.id, row_number() over w as place, count(*) over (partition by g.parent_id) as siblings
  from generations g where g.parent_id in (select id from essays where place <= :children)
  window w as (partition by g.parent_id order by g.template_id, g.model_id, g.replicate, g.id)
), chosen as (
  select id, 1 as place, 0 as siblings from drafts
  union all select id, place, siblings from essays where place <= :children
  union all select id, place, siblings from evaluations where place <= :children
)
select g.gen_id, g.stage, g.status, g.outcome, p.gen_id as parent_gen_id, t.name as template_id, m.llm_model_id,
  g.replicate, s.score, k.siblings
from chosen k join generations g on g.id = k.id
left join generations p on p.id = g.parent_id
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
left join scores s on s.content_id = g.content_id
order by case g.stage when 'draft' then 0 when 'essay' then 1 else 2 end, g.parent_id, t.name, m.llm_model_id,
  g.replicate, g.id
"""
_SQL = """
select d.gen_id as draft, e.gen_id as essay, v.gen_id as evaluation, s.score
from combos c join generations d on d.combo_id = c.id
left join generations e on e.parent_id = d.id
left join generations v on v.parent_id = e.id
left join scores s on s.content_id = v.content_id
where c.combo_id = :combo_id
"""


def gather(db: Database, asked: Asked) -> Found:
    """Give `about`, `drafts` (all there are), and the `members` of one page of drafts, with `siblings` of each."""
    known = rows_of(db, _COMBO, (asked.names["combo_id"],))
    if not known:
        raise UnknownName(
            f"no combo {asked.names['combo_id']!r}", mend="a combo is a topic's UUID or a set of concepts"
        )
    number, combo_id = known[0]["id"], known[0]["combo_id"]
    counts = rows_of(db, _COUNTS, (number,))[0]
    page, pages = asked.part(counts["drafts"], DRAFTS)
    values = {"combo": number, "most": DRAFTS, "before": (page - 1) * DRAFTS, "children": MOST}
    facts = {
        "combo_id": combo_id,
        "about": about(db, combo_id),
        "drafts": counts["drafts"],
        "done": counts["done"] or 0,
    }
    facts |= {"number": page, "pages": pages, "members": rows_of(db, _MEMBERS, values)}
    return Found(title_of(facts["about"]), facts, _SQL, {"combo_id": combo_id})


def title_of(what: Mapping[str, Any]) -> str:
    """Name a combo by its topic or its concepts, else by its ID."""
    path = what.get("topic_path")
    return path[-1] if path else " + ".join(one["name"] for one in what.get("concepts", ())) or what["combo_id"]


def draw(facts: Facts, links: Links) -> Mapping[str, Markup]:
    """Draw the page's drafts with what came of them."""
    roots = forest(facts["members"], links)
    _note_hidden(roots, {row["parent_gen_id"]: row["siblings"] for row in facts["members"] if row["siblings"]})
    return {"family": picture([subject(facts["about"], links, roots)], f"What came of {facts['combo_id']}")}


def _note_hidden(nodes: list[Node], siblings: Mapping[str, int]) -> None:
    for node in nodes:
        _note_hidden(node.after, siblings)
        if (hidden := siblings.get(node.words[0], 0) - len(node.after)) > 0:
            node.after.append(more(node.column + 1, hidden, node.url))


DESCENT: Final = Page("lineage", gather, draw, takes=("combo_id",), needs=1)
