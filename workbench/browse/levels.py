"""A graph of topics by level: main edges as lines, cross-links dashed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import svg
from workbench.browse.branches import Branch, shade
from workbench.browse.links import Links
from workbench.browse.page import Facts
from workbench.store import Database
from workbench.store.rows import rows_of

MOST: Final = 72  # boxes drawn
LEVELS: Final = 5
WIDE: Final = 190  # of a box at least; fewer columns have wider ones
WIDEST: Final = 340
WHOLE: Final = 1180  # of the picture, when there is room in it
TALL: Final = 30
LETTER: Final = 7.2  # wide, as a rule
ROW: Final = 40
SCREEN: Final = 18  # rows; columns of taller pictures begin at the top
GAP: Final = 48  # between columns
_EDGES = """
select p.uuid as parent, c.uuid as child, e.main
from topic_edges e join topics p on p.id = e.parent_id join topics c on c.id = e.child_id
where e.parent_id in (select value from json_each(:shown)) and e.child_id in (select value from json_each(:shown))
order by e.id
"""


def neighbours(db: Database, tree: Branch) -> Facts:
    """Give the topics in view, level by level from the top (`nodes`), their `edges`, and how many are `hidden`."""
    shown: list[Branch] = []
    level, below = [tree], 0
    while level and below < LEVELS and len(shown) < MOST:
        shown.extend(level[: MOST - len(shown)])
        level, below = [child for node in level for child in node.after], below + 1
    numbers = json.dumps([node.id for node in shown])
    edges = rows_of(db, _EDGES, {"shown": numbers})
    if not tree.id:  # it stands for the model, above several roots
        edges += [{"parent": tree.uuid, "child": node.uuid, "main": 1} for node in tree.after if node in shown]
    hidden = _size(tree) - len(shown)
    return {"nodes": [node.facts() for node in shown], "edges": edges, "hidden": hidden}


def _size(tree: Branch) -> int:
    count, todo = 0, [tree]
    while todo:
        count += 1
        todo.extend(todo.pop().after)
    return count


def graph(facts: Facts, links: Links) -> Markup:
    """Draw the topics in view as columns of boxes by level."""
    columns: dict[int, list[Mapping[str, Any]]] = {}
    for node in facts["nodes"]:
        columns.setdefault(node["height"], []).append(node)
    tallest = max(len(nodes) for nodes in columns.values())
    wide = min(max(WHOLE / len(columns) - GAP, WIDE), WIDEST)
    places = {}
    for column, nodes in columns.items():
        for row, node in enumerate(nodes):
            middle = (tallest - len(nodes)) / 2 if tallest <= SCREEN else 0
            places[node["uuid"]] = (column * (wide + GAP), (row + middle) * ROW)
    known = [edge for edge in facts["edges"] if edge["parent"] in places and edge["child"] in places]
    parts = [_edge(places[edge["parent"]], places[edge["child"]], wide, edge["main"]) for edge in known]
    parts += [_box(node, places[node["uuid"]], wide, facts["topic_model"], links) for node in facts["nodes"]]
    size = len(columns) * (wide + GAP), tallest * ROW
    return svg.picture(*size, parts, f"Levels of {facts['topic_model']}", "levels")


def _edge(start: tuple[float, float], end: tuple[float, float], wide: float, main: int) -> Markup:
    x, y, right, below = start[0] + wide, start[1] + TALL / 2, end[0], end[1] + TALL / 2
    if right < x:  # to its own level or back: around the right side
        right, bend = right + wide, max(x, right + wide) + 36
        path = f"M{x:.1f} {y:.1f}C{bend:.1f} {y:.1f} {bend:.1f} {below:.1f} {right:.1f} {below:.1f}"
    else:
        half = (x + right) / 2
        path = f"M{x:.1f} {y:.1f}C{half:.1f} {y:.1f} {half:.1f} {below:.1f} {right:.1f} {below:.1f}"
    return svg.element("path", d=path, class_="edge" if main else "edge cross")


def _box(node: Mapping[str, Any], place: tuple[float, float], wide: float, model: str, links: Links) -> Markup:
    kind, (x, y) = shade(node["done"], node["tasks"]), place
    said = f"{node['title']}\n{node['done']:,} of {node['tasks']:,} drafts done, with all below"
    box = svg.element("rect", x=x, y=y, width=wide, height=TALL, rx=4, class_=kind)
    title = svg.short(node["title"], int((wide - 16) / LETTER))
    words = svg.text(x + 9, y + TALL / 2 + 4.5, title, class_=f"on {kind}")
    url = links.page("topic", node["uuid"]) if node["leaf"] else links.page("topics", model, node["uuid"])
    return svg.link(url, svg.element("title", said), box, words)
