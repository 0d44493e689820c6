"""Taking topics out of a model: those below a depth, and named ones with all that hangs on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workbench.errors import BadInput, UnknownName, raise_all
from workbench.topics.model import Node, TopicModel, breadth_first, edges_of


def pruned(model: TopicModel, *, depth: int | None = None, uuids: Iterable[str] = ()) -> tuple[TopicModel, list[Node]]:
    """Give the model without the topics below a depth (the root's is 0) and the named ones, and what went.

    What no path from the root reaches any more goes too. So does, in a tree, a branch whose every topic was
    named; a branch that the depth cut short stays, as a leaf. Raises UnknownName, and BadInput when nothing
    would be left.
    """
    gone = _positions(model, uuids)
    children = [[child for child in below if child not in gone] for below in model.children]
    depths = breadth_first(children, [root for root in model.roots if root not in gone])
    kept = {at for at, level in depths.items() if depth is None or level <= depth}
    if model.kind == "tree":
        kept -= _emptied(model, kept, depth)
    if not kept:
        raise BadInput("nothing would be left", mend="keep the root and a topic")
    removed = [node for at, node in enumerate(model.nodes) if at not in kept]
    return _rebuilt(model, children, {at: level for at, level in depths.items() if at in kept}), removed


def _positions(model: TopicModel, uuids: Iterable[str]) -> set[int]:
    named = list(uuids)
    raise_all(
        [
            UnknownName(f"no topic {uuid!r} in {model.name!r}", mend="see `topics show`")
            for uuid in named
            if uuid not in model.positions
        ]
    )
    return {model.positions[uuid] for uuid in named}


def _emptied(model: TopicModel, kept: set[int], depth: int | None) -> set[int]:
    """Find the branches of a tree whose every child above the cut has gone."""
    emptied: set[int] = set()
    for at in sorted(kept, key=lambda at: -model.nodes[at].depth):
        below = model.children[at]
        uncut = depth is None or model.nodes[at].depth < depth
        if below and uncut and all(child not in kept or child in emptied for child in below):
            emptied.add(at)
    return emptied


def _rebuilt(model: TopicModel, children: list[list[int]], depths: dict[int, int]) -> TopicModel:
    """Number the kept nodes anew; in a graph a node's shortest path, and so its depth, may have changed."""
    kept = sorted(depths)
    place = {at: position for position, at in enumerate(kept)}
    nodes = [replace(model.nodes[at], depth=depths[at]) for at in kept]
    order = kept if model.kind == "tree" else list(depths)
    edges = [(place[parent], place[child]) for parent, child in edges_of(children, order) if child in place]
    return replace(model, nodes=nodes, edges=edges, notes=[])
