"""One generation: its texts, what identifies it, its family, its scores and calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from workbench.browse.family import Node, forest, picture
from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.lineage import family, resolve, show
from workbench.store import Database
from workbench.store.rows import rows_of

NEAR: Final = 8  # replicates on either side
MOST: Final = ((60, 80), (12, 300), (4, 10**9))  # children drawn of each parent, in families of at most so many
_SQL = "select * from generation_texts where gen_id = :gen_id"
# The same task but for the replicate, by the unique index of its stage.
_SAME = {
    "draft": "stage = 'draft' and legacy = 0 and combo_id = :combo_id and template_id = :template_id"
    " and model_id = :model_id",
    "essay": "stage = 'essay' and legacy = 0 and parent_id = :parent_id and template_id = :template_id",
    "evaluation": "stage = 'evaluation' and legacy = 0 and parent_id = :parent_id and template_id = :template_id"
    " and model_id = :model_id",
}
_TASK = "select stage, combo_id, parent_id, template_id, model_id, replicate from generations where id = ?"
_STRIP = """
select * from (select gen_id, replicate, status from generations where {same} and replicate < :replicate
  order by replicate desc limit {near})
union all
select * from (select gen_id, replicate, status from generations where {same} and replicate >= :replicate
  order by replicate limit {near} + 1)
order by replicate
"""


def gather(db: Database, asked: Asked) -> Found:
    """Give what `workbench show --json` gives, with its `family`, its `number` and the `replicates` near it."""
    wanted = asked.names["gen_id"]
    facts = show(db, wanted)
    gen_id = facts["gen_id"]
    if gen_id != wanted:
        return Found(gen_id, moved=("generation", gen_id))
    facts["family"] = family(db, gen_id)["members"]
    facts["number"] = resolve(db, gen_id)
    facts["replicates"] = _replicates(db, facts["number"])
    return Found(gen_id, facts, _SQL, {"gen_id": gen_id})


def _replicates(db: Database, number: int) -> list[dict[str, Any]]:
    task = rows_of(db, _TASK, (number,))[0]
    return rows_of(db, _STRIP.format(same=_SAME[task["stage"]], near=NEAR), task)


def draw(facts: Facts, links: Links) -> Mapping[str, Markup]:
    """Draw the family from what it is about to its evaluations."""
    most = next(most for most, highest in MOST if len(facts["family"]) <= highest)
    roots = forest(facts["family"], links, facts["gen_id"], most)
    if facts["about"]:
        roots = [subject(facts["about"], links, roots)]
    return {"family": picture(roots, f"The family of {facts['gen_id']}")}


def subject(about: Mapping[str, Any], links: Links, after: list[Node]) -> Node:
    """Make the box of what a family is about: a topic with its path, a set of concepts, or nothing."""
    names = about.get("topic_path") or [one["name"] for one in about.get("concepts", ())] or [about["combo_id"]]
    title = names[-1] if "topic_path" in about else " + ".join(names)
    below = " › ".join(names[:-1]) if "topic_path" in about else f"{len(names)} concepts"
    return Node(0, (title, below or "topic"), links.page("lineage", about["combo_id"]), "node subject", after=after)


GENERATION: Final = Page("generation", gather, draw, takes=("gen_id",), needs=1)
