"""One model for trees and graphs: nodes, edges in order, and the paths, leaves and counts that follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from workbench.errors import TooLarge, UnknownName

Kind = Literal["tree", "graph"]
MOST_PATHS = 10**4000  # Python writes no number of more than 4,300 digits


class Topic(NamedTuple):
    """One unit of generation: the topic's UUID and its title."""

    uuid: str
    topic: str


@dataclass(frozen=True, slots=True)
class Node:
    """One topic: its UUID, title, least distance from a root, and the IDs that other programs give it.

    In a graph that came from a file the first alias is the node's own ID there.
    """

    uuid: str
    title: str
    depth: int
    aliases: tuple[str, ...] = ()


class Counts(NamedTuple):
    """How large a model is; `paths` counts every way from a root to a leaf."""

    nodes: int
    paths: int
    leaves: int
    unique_topics: int


class Step(NamedTuple):
    """One line of a model's outline; `again` marks a node that stands elsewhere with all below it."""

    depth: int
    node: Node
    again: bool


@dataclass(frozen=True)
class TopicModel:
    """A tree or a graph of topics. Not to be changed once made: what follows from it is kept.

    `edges` hold (parent, child) as positions in `nodes`, none twice; a node's first edge is its main path.
    `failures` are DeepFabric's failed generations and `metadata` is its graph's, both as read.
    """

    name: str
    kind: Kind
    nodes: list[Node]
    edges: list[tuple[int, int]]
    failures: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    leaves_only: bool = False
    notes: list[str] = field(default_factory=list, compare=False)

    @cached_property
    def children(self) -> list[list[int]]:
        """For each node the positions of its children, in order."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for parent, child in self.edges:
            found[parent].append(child)
        return found

    @cached_property
    def parents(self) -> list[int]:
        """For each node the position of the parent on its main path, -1 for a root."""
        found = [-1] * len(self.nodes)
        for parent, child in reversed(self.edges):
            found[child] = parent
        return found

    @cached_property
    def roots(self) -> list[int]:
        """The positions of the nodes that have no parent: one in a graph, one or more in a tree."""
        return [at for at, parent in enumerate(self.parents) if parent < 0]

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each UUID stands in `nodes`."""
        return {node.uuid: at for at, node in enumerate(self.nodes)}

    def leaves(self) -> list[int]:
        """Give the positions of the nodes that nothing hangs below, in order."""
        return [at for at, below in enumerate(self.children) if not below]

    def topic_positions(self, leaves_only: bool | None = None) -> list[int]:
        """Give the positions of the unique topics: a tree's leaves; a graph's nodes but for the root.

        `leaves_only` narrows a graph to its leaves; without an argument the model's own setting decides.
        """
        narrow = self.leaves_only if leaves_only is None else leaves_only
        if self.kind == "tree":
            return self.leaves()
        return [at for at in (self.leaves() if narrow else range(len(self.nodes))) if self.parents[at] >= 0]

    def get_unique_topics(self, leaves_only: bool | None = None) -> list[Topic]:
        """Give the unique topics in order, each once however many paths reach it."""
        nodes = self.nodes
        return [Topic(nodes[at].uuid, nodes[at].title) for at in self.topic_positions(leaves_only)]

    def counts(self) -> Counts:
        """Count nodes, root-to-leaf paths, leaves and unique topics, walking no path. Raises TooLarge."""
        leaves = self.leaves()
        return Counts(len(self.nodes), self._paths(), len(leaves), len(self.topic_positions()))

    def _paths(self) -> int:
        ways = [0] * len(self.nodes)
        for root in self.roots:
            ways[root] = 1
        total = 0
        for at in topological(self.children):
            here, ways[at] = ways[at], 0  # a spent number may have thousands of digits
            for child in self.children[at]:
                ways[child] += here
            total += 0 if self.children[at] else here
            if here > MOST_PATHS or total > MOST_PATHS:
                raise TooLarge(f"topic model {self.name!r} has more than 10^4000 paths", mend="prune it")
        return total

    def path_at(self, at: int) -> list[str]:
        """Give the titles from the root to the node at a position, along its main path."""
        titles: list[str] = []
        while at >= 0:
            titles.append(self.nodes[at].title)
            at = self.parents[at]
        return titles[::-1]

    def path(self, uuid: str) -> list[str]:
        """Give the titles from the root to a node, along its main path. Raises UnknownName."""
        at = self.positions.get(uuid)
        if at is None:
            raise UnknownName(f"no topic {uuid!r} in {self.name!r}", mend="see `topics show`")
        return self.path_at(at)

    def paths(self) -> Iterator[tuple[Topic, list[str]]]:
        """Give each unique topic with its main path, in order."""
        for at in self.topic_positions():
            yield Topic(self.nodes[at].uuid, self.nodes[at].title), self.path_at(at)


def breadth_first(children: Sequence[Sequence[int]], roots: Sequence[int]) -> dict[int, int]:
    """Give the positions that can be reached, breadth-first, each with its least distance from a root."""
    depths = dict.fromkeys(roots, 0)
    queue = list(roots)
    for at in queue:  # grows as it is read
        below = depths[at] + 1
        for child in children[at]:
            if child not in depths:
                depths[child] = below
                queue.append(child)
    return depths


def topological(children: Sequence[Sequence[int]]) -> list[int]:
    """Give every position after all its parents; positions on or below a cycle are left out."""
    waiting = [0] * len(children)
    for below in children:
        for child in below:
            waiting[child] += 1
    order = [at for at, count in enumerate(waiting) if count == 0]
    for at in order:  # grows as it is read
        for child in children[at]:
            waiting[child] -= 1
            if waiting[child] == 0:
                order.append(child)
    return order


def edges_of(children: Sequence[Sequence[int]], order: Sequence[int]) -> list[tuple[int, int]]:
    """Give the edges from the nodes of an order, which breadth-first puts each node's main edge first."""
    return [(at, child) for at in order for child in children[at]]


def walk(model: TopicModel) -> Iterator[Step]:
    """Give the model as an outline, top down: one step per root and per edge, however many the paths."""
    stack = [(0, root, -1) for root in reversed(model.roots)]
    while stack:
        depth, at, parent = stack.pop()
        again = parent != model.parents[at]
        yield Step(depth, model.nodes[at], again)
        if not again:
            stack.extend((depth + 1, child, at) for child in reversed(model.children[at]))
