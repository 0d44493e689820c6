"""A family of generations as a picture: what it is about, drafts, essays, evaluations as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from markupsafe import Markup

from workbench.browse import svg
from workbench.browse.links import Links
from workbench.ids import STAGES

WIDE: Final = 238  # of a box
TALL: Final = 42
COLUMN: Final = 302
ROW: Final = 52
Row = Mapping[str, Any]


@dataclass(slots=True)
class Node:
    """One box: its column, its lines of words, where it leads, and the boxes to its right."""

    column: int
    words: tuple[str, str]
    url: str
    kind: str
    mark: str = ""
    after: list[Node] = field(default_factory=list)
    y: float = 0


def node_of(row: Row, links: Links, itself: str = "") -> Node:
    """Make the box of a generation, given as `workbench.lineage.family` gives its members."""
    score = row.get("score")
    words = (row["gen_id"], f"{row['template_id'] or '?'} · {row['llm_model_id'] or '–'} · {row['replicate'] or '?'}")
    kind = f"node {row['status']}{' itself' if row['gen_id'] == itself else ''}"
    mark = "" if score is None else f"{score:g}"
    return Node(STAGES.index(row["stage"]) + 1, words, links.page("generation", row["gen_id"]), kind, mark)


def more(column: int, hidden: int, url: str) -> Node:
    """Make the box that stands for what is not drawn."""
    return Node(column, (f"{hidden:,} more", "see them all"), url, "node rest")


def forest(members: Iterable[Row], links: Links, itself: str = "", most: int = 60) -> list[Node]:
    """Hang members (parents before children) below each other; beyond `most` children a box says how many there are
    and leads to them."""
    nodes: dict[str, Node] = {}
    hidden: dict[str, int] = {}
    roots = []
    for row in members:
        node, parent = node_of(row, links, itself), row["parent_gen_id"]
        nodes[row["gen_id"]] = node
        if parent not in nodes:
            roots.append(node)
        elif len(nodes[parent].after) < most:
            nodes[parent].after.append(node)
        else:
            hidden[parent] = hidden.get(parent, 0) + 1
    for parent, count in hidden.items():
        url = links.table("lineage", ancestor=parent, _sort="distance") if parent == itself else nodes[parent].url
        nodes[parent].after.append(more(nodes[parent].column + 1, count, url))
    return roots


def picture(roots: list[Node], label: str) -> Markup:
    """Draw boxes and the lines between them."""
    rows = 0.0
    for root in roots:
        rows = _place(root, rows)
    columns = max((node.column for node in _all(roots)), default=0) + 1
    first = min((node.column for node in _all(roots)), default=0)
    parts = [_line(node, child, first) for node in _all(roots) for child in node.after]
    parts += [_box(node, first) for node in _all(roots)]
    width = (columns - first) * COLUMN - (COLUMN - WIDE) + 2
    return svg.picture(width, rows * ROW - (ROW - TALL) + 2, parts, label, "family")


def _all(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all(node.after)


def _place(node: Node, row: float) -> float:
    """Put a node and what follows it from a row on; give the next free row."""
    if not node.after:
        node.y = row * ROW
        return row + 1
    for child in node.after:
        row = _place(child, row)
    node.y = (node.after[0].y + node.after[-1].y) / 2
    return row


def _line(node: Node, child: Node, first: int) -> Markup:
    x, y = (node.column - first) * COLUMN + WIDE + 1, node.y + TALL / 2 + 1
    right, below = (child.column - first) * COLUMN + 1, child.y + TALL / 2 + 1
    half = (x + right) / 2
    path = f"M{x:.1f} {y:.1f}C{half:.1f} {y:.1f} {half:.1f} {below:.1f} {right:.1f} {below:.1f}"
    return svg.element("path", d=path, class_="edge")


def _box(node: Node, first: int) -> Markup:
    x, y = float((node.column - first) * COLUMN + 1), node.y + 1
    letters = 24 if node.mark or "subject" in node.kind else 30
    parts = [
        svg.element("title", f"{node.words[0]}\n{node.words[1]}"),
        svg.element("rect", x=x, y=y, width=WIDE, height=TALL, rx=5),
        svg.element("rect", x=x, y=y + 6, width=4, height=TALL - 12, rx=2, class_="tab"),
        svg.text(x + 14, y + 17, svg.short(node.words[0], letters), class_="name"),
        svg.text(x + 14, y + 33, svg.short(node.words[1], 34), class_="tick"),
    ]
    if node.mark:
        parts.append(svg.text(x + WIDE - 12, y + 18, node.mark, class_="mark", text_anchor="end"))
    return svg.link(node.url, *parts, class_=node.kind) if node.url else svg.element("g", *parts, class_=node.kind)
