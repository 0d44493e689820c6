"""Topic models: what they consist of and how much of it is written; trees as icicles, graphs by level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import svg
from workbench.browse.branches import Branch, branch, down, roots, shade, whole
from workbench.browse.levels import graph, neighbours
from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.errors import UnknownName
from workbench.store import Database
from workbench.store.rows import rows_of

LEVELS: Final = 4  # of an icicle
ROWS: Final = 40  # of the list
WIDE: Final = 1180
HALF: Final = 0.5  # as wide as the others is the first column, which says where one is
CLEAR: Final = 6  # a block as high as that has a gap below
_MODELS = """
select m.name, m.kind, m.created, (select count(*) from topics t where t.topic_model_id = m.id) as topics,
  (select count(*) from unique_topics u where u.topic_model_id = m.id) as unique_topics
from topic_models m order by m.name
"""
_MODEL = "select id, name, kind, leaves_only from topic_models where name = ?"
_NODE = "select id from topics where topic_model_id = ? and uuid = ?"
_PATH = """
with recursive up (id, height) as (
  select ?, 0 union all
  select e.parent_id, height + 1 from up join topic_edges e on e.child_id = up.id and e.main = 1 where height < 200
)
select t.uuid, t.title from up join topics t on t.id = up.id order by height desc
"""
_SQL = """
select u.uuid, u.title, t.name as template_id, m.llm_model_id, count(*) as tasks, sum(g.status = 'done') as done
from unique_topics u join combos c on c.topic_id = u.id join generations g on g.combo_id = c.id
left join templates t on t.id = g.template_id left join models m on m.id = g.model_id
where u.topic_model = :name group by u.id, t.id, m.id order by u.place
"""


def gather(db: Database, asked: Asked) -> Found:
    """Give the topic models; of one: `path` to the topic in view, its `blocks`, and a page of `leaves` below it.

    A graph has `nodes` and `edges` by level instead of blocks. Sums are of drafts in any template and model.
    """
    if "topic_model" not in asked.names:
        models = rows_of(db, _MODELS)
        if len(models) == 1:
            return Found("Topics", moved=("topics", models[0]["name"]))
        return Found("Topics", {"models": models}, "select * from topic_models")
    model = _one(db, _MODEL, asked.names["topic_model"])
    inside = "uuid" in asked.names
    top = _one(db, _NODE, model["id"], asked.names["uuid"])["id"] if inside else 0
    tree = branch(db, top) if inside else whole(db, model["id"], model["name"])
    path = rows_of(db, _PATH, (tree.id,))
    if not tree.id or (inside and len(roots(db, model["id"])) > 1):
        path = [{"uuid": "", "title": model["name"]}, *path]
    of_leaves = model["kind"] == "tree" or bool(model["leaves_only"])
    facts: Facts = {"topic_model": model["name"], "kind": model["kind"], "of_leaves": of_leaves, "path": path}
    facts |= {"top": tree.facts()} | _list(tree, asked, of_leaves)
    if model["kind"] == "graph":
        facts |= neighbours(db, tree)
    else:
        facts["blocks"] = list(down(tree, LEVELS, 1 / _height(tree.leaves)))
    return Found(model["name"], facts, _SQL, {"name": model["name"]})


def _one(db: Database, sql: str, *values: object) -> dict[str, Any]:
    for row in rows_of(db, sql, values):
        return row
    raise UnknownName(f"no {values[-1]!r}", mend="see the list of topic models")


def _list(tree: Branch, asked: Asked, of_leaves: bool) -> Facts:
    """Cut one page out of the topics that samples are made of, in order."""
    leaves, todo = [], [tree]
    while todo:
        node = todo.pop()
        if node.after:
            todo += reversed(node.after)
        if node.leaf if of_leaves else node is not tree:
            leaves.append(node)
    page, pages = asked.part(len(leaves), ROWS)
    shown = [node.facts() for node in leaves[(page - 1) * ROWS : page * ROWS]]
    return {"leaves": shown, "leaf_count": len(leaves), "number": page, "pages": pages}


def _height(leaves: int) -> float:
    return float(min(max(leaves * 24, 120), 620))


def draw(facts: Facts, links: Links) -> Mapping[str, Any]:
    """Draw the icicle or the levels of the model in view, and a meter for each topic in the list."""
    if "models" in facts:
        return {}
    found: dict[str, Any] = {"leaves": [_meter(row) for row in facts["leaves"]]}
    if facts["kind"] == "graph":
        return found | {"model": graph(facts, links)}
    return found | {"model": _icicle(facts, links)}


def _meter(row: Mapping[str, Any]) -> Markup:
    shares = [("s-done", float(row["done"])), ("s-failed", float(row["failed"]))]
    shares.append(("s-planned", float(row["tasks"] - row["done"] - row["failed"])))
    return svg.meter(shares, row["tasks"], f"{row['done']} of {row['tasks']} done", width=160, height=8)


def _icicle(facts: Facts, links: Links) -> Markup:
    blocks = facts["blocks"]
    height = _height(facts["top"]["leaves"])
    wide = WIDE / (max(block["column"] for block in blocks) + HALF)
    out = facts["path"][-2]["uuid"] if len(facts["path"]) > 1 else ""
    into = [out, *(block["uuid"] for block in blocks[1:])]  # the first one leads back up
    urls = [
        links.page("topic", block["uuid"]) if block["leaf"] else links.page("topics", facts["topic_model"], uuid)
        for block, uuid in zip(blocks, into, strict=True)
    ]
    parts = [_block(block, wide, height, url) for block, url in zip(blocks, urls, strict=True)]
    parts += [_rule(block, wide, height) for block in blocks[1:] if block["size"] * height > CLEAR]
    return svg.picture(WIDE, height, parts, f"Coverage of {facts['topic_model']}", "icicle")


def _rule(block: Mapping[str, Any], wide: float, height: float) -> Markup:
    """Part what is below a block from what is below the next, where it is too thin to be seen apart."""
    y = (block["start"] + block["size"]) * height - 0.75
    return svg.element("line", x1=(block["column"] + HALF) * wide, y1=y, x2=WIDE, y2=y, class_="part")


def _block(block: Mapping[str, Any], wide: float, height: float, url: str) -> Markup:
    y, tall = block["start"] * height, block["size"] * height
    x, broad = ((block["column"] - HALF) * wide, wide) if block["column"] else (0.0, HALF * wide)
    said = f"{block['title']}\n{block['done']:,} of {block['tasks']:,} drafts done, {block['leaves']:,} leaves"
    kind = shade(block["done"], block["tasks"])
    parts = [svg.element("title", said), svg.box(x, y, broad - 1.5, tall - 1.5 if tall > CLEAR else tall + 0.3, kind)]
    if tall >= 15:
        words = svg.short(block["title"], int(broad / 7.2) - 2)
        parts.append(svg.text(x + 8, y + min(tall / 2, 40) + 4.5, words, class_=f"on {kind}"))
    return svg.link(url, *parts)


TOPICS: Final = Page("topics", gather, draw, takes=("topic_model", "uuid"), label="Topics")
