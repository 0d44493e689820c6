"""Topic graphs as JSON: nodes by ID with their children, and a root."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadFile, WorkbenchError
from workbench.ids import node_uuid
from workbench.reading import Faults, json_text, text_file
from workbench.topics.model import Node, TopicModel, breadth_first, edges_of, topological
from workbench.topics.titles import title_fault, topic_uuid, unshared

_MEND = 'a graph is {"nodes": {"0": {"id": 0, "topic": "…", "children": […]}}, "root_id": 0}'
_KEYS = {"id", "topic", "children", "parents", "metadata"}


@dataclass(slots=True)
class _Graph:
    """A graph while it is read: one entry per node in file order; children by position."""

    ids: list[str]
    titles: list[str]
    uuids: list[str | None]
    hashes: list[str | None]
    children: list[list[int]]
    root: int
    repeats: int = 0


class _Reader:
    """Takes a graph file's JSON apart and keeps its faults, each with the line of its node."""

    def __init__(self, path: Path, text: str, whole: Any) -> None:
        """Read from parsed JSON; the text is only searched for lines when something is wrong."""
        self.path, self.text, self.whole = path, text, whole
        self.faults = Faults(str(path))
        self.nodes: dict[str, Any] = whole["nodes"]

    def fault(self, node: str, detail: str, mend: str) -> None:
        """Keep an error about a node."""
        line = 1 if self.faults.is_full else _line_of(self.text, node)
        self.faults.note(f"node {node[:60]!r}: {detail}", f"{self.path}:{line}", mend)

    def graph(self) -> _Graph:
        """Check every node, then the links between them; all faults are raised together."""
        for key, node in self.nodes.items():
            self._check(key, node)
        self.faults.raise_any()
        metadata = [node.get("metadata") or {} for node in self.nodes.values()]
        graph = _Graph(
            list(self.nodes),
            [node["topic"] for node in self.nodes.values()],
            [self._uuid(key, found.get("uuid")) for key, found in zip(self.nodes, metadata, strict=True)],
            [_hash(found.get("topic_hash")) for found in metadata],
            [],
            root=0,
        )
        self._link(graph)
        self.faults.raise_any()
        return graph

    def _check(self, key: str, node: Any) -> None:
        if title_fault(key):
            self.fault(key, "its ID is empty or holds control characters", "use plain IDs")
        if not isinstance(node, dict):
            self.fault(key, f"it is {type(node).__name__}, not an object", _MEND)
            return
        if _key(given := node.get("id", key)) != key:
            self.fault(key, f"its id is {given!r:.60}", "use the same ID in both places")
        if wrong := title_fault(node.get("topic", "")):
            self.fault(key, wrong, "give every node a topic in plain text")
        if not isinstance(node.get("metadata") or {}, dict):
            self.fault(key, "its metadata is no object", _MEND)
        if not isinstance(node.get("children", []), list):
            self.fault(key, "its children are no list", _MEND)

    def _uuid(self, key: str, value: object) -> str | None:
        try:
            return None if value is None else topic_uuid(value)
        except WorkbenchError as error:
            self.fault(key, error.detail, "give every node a UUID of its own")
            return None

    def _link(self, graph: _Graph) -> None:
        places = {node: at for at, node in enumerate(graph.ids)}
        graph.children = [self._children(key, places, graph) for key in graph.ids]
        root = self.whole.get("root_id")
        if (at := places.get(_key(root))) is None:
            where = f"{self.path}:{_line_of(self.text, 'root_id')}"
            self.faults.note(f"the root {root!r:.60} is no node", where, "name a node as root_id")
        else:
            graph.root = at
        if cycle := _cycle(graph.children):
            names = " → ".join(repr(graph.ids[at]) for at in (*cycle[:20], cycle[0]))
            self.fault(graph.ids[cycle[0]], f"a cycle: {names}", "remove one of these edges")

    def _children(self, key: str, places: dict[str, int], graph: _Graph) -> list[int]:
        found: dict[int, None] = {}
        for child in self.nodes[key].get("children", []):
            if (at := places.get(_key(child))) is None:
                self.fault(key, f"its child {child!r:.60} is no node", "remove the edge or add the node")
            else:
                graph.repeats += at in found
                found[at] = None
        return list(found)


def _key(value: object) -> str:
    """Give an ID as the text under which a node would stand; anything but text and integers is under none."""
    return str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""


def _hash(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() and value.isalnum() else None


def _line_of(text: str, key: str) -> int:
    found = re.search(rf"{re.escape(json.dumps(key))}\s*:", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _cycle(children: list[list[int]]) -> list[int]:
    """Give the nodes of one cycle in order, or nothing."""
    open_nodes = set(range(len(children))) - set(topological(children))
    if not open_nodes:
        return []
    # Walking up, not down: below a cycle hang open nodes that lead nowhere, above it there are none.
    above = {child: at for at in sorted(open_nodes) for child in children[at]}
    at, seen = min(open_nodes), dict[int, None]()
    while at not in seen:
        seen[at] = None
        at = above[at]
    trail = list(seen)
    return trail[trail.index(at) :][::-1]


def read_graph(path: Path, name: str, *, strict: bool = False) -> TopicModel:
    """Read a topic graph in file order; every fault is listed with its line. Raises BadFile, Problems."""
    text = text_file(path)
    whole = json_text(text, str(path))
    if not isinstance(whole, dict) or not isinstance(whole.get("nodes"), dict) or not whole["nodes"]:
        raise BadFile("neither a topic graph nor rows of paths", where=str(path), mend=_MEND)
    reader = _Reader(path, text, whole)
    graph = reader.graph()
    bare = [node for node, uuid in zip(graph.ids, graph.uuids, strict=True) if uuid is None]
    if strict and bare:
        reader.fault(bare[0], f"no uuid, as {len(bare):,} nodes", "add them, or read without --strict")
    return _model(reader, graph, name, bare)


def _model(reader: _Reader, graph: _Graph, name: str, bare: list[str]) -> TopicModel:
    top, pairs = graph.titles[graph.root], zip(graph.ids, graph.uuids, strict=True)
    uuids = [uuid or node_uuid(top, key) for key, uuid in pairs]
    owners: dict[str, str] = {}
    for key, uuid in zip(graph.ids, uuids, strict=True):
        if (owner := owners.setdefault(uuid, key)) != key:
            reader.fault(key, f"the UUID {uuid!r} is that of node {owner!r}", "give every node its own UUID")
    reader.faults.raise_any()
    depths = breadth_first(graph.children, [graph.root])
    kept = sorted(depths)
    place = {at: position for position, at in enumerate(kept)}
    own = [(graph.ids[at], graph.hashes[at]) for at in kept]
    aliases, shared = unshared([tuple(filter(None, pair)) for pair in own])
    nodes = [Node(uuids[at], graph.titles[at], depths[at], aliases[place[at]]) for at in kept]
    edges = [(place[parent], place[child]) for parent, child in edges_of(graph.children, list(depths))]
    metadata = reader.whole.get("metadata")
    model = TopicModel(name, "graph", nodes, edges, metadata=metadata if isinstance(metadata, dict) else {})
    model.notes.extend(_notes(reader, graph, place, len(bare), shared))
    return model


def _notes(reader: _Reader, graph: _Graph, kept: dict[int, int], bare: int, shared: int) -> list[str]:
    lost = [graph.ids[at] for at in range(len(graph.ids)) if at not in kept]
    extra = {key for node in reader.nodes.values() for key in node.keys() - _KEYS}
    names = ", ".join(lost[:20])
    told = {
        f"{bare:,} nodes came without a UUID: it is derived from the root's title and the node's ID": bare,
        f"{len(lost):,} nodes are not reached from the root and are left out: {names}": len(lost),
        f"{graph.repeats:,} edges were listed twice": graph.repeats,
        f"{shared:,} topic hashes are shared by nodes of one title and name neither": shared,
        f"keys that are not kept: {', '.join(sorted(extra))[:200]}": len(extra),
    }
    return [text for text, count in told.items() if count]


def graph_lines(model: TopicModel) -> Iterator[str]:
    """Give a graph in DeepFabric's shape as lines of JSON; reading them gives the same model."""
    ids = _own_ids(model)
    parents: list[list[int]] = [[] for _ in model.nodes]
    for parent, child in model.edges:
        parents[child].append(parent)
    yield '{\n  "nodes": {\n'
    for at, node in enumerate(model.nodes):
        known = {"topic_hash": node.aliases[1]} if len(node.aliases) > 1 else {}
        shape = {
            "id": _number(ids[at]),
            "topic": node.title,
            "children": [_number(ids[child]) for child in model.children[at]],
            "parents": [_number(ids[parent]) for parent in parents[at]],
            "metadata": {"uuid": node.uuid, **known},
        }
        end = "," if at + 1 < len(model.nodes) else ""
        yield f"    {_json(ids[at])}: {_json(shape)}{end}\n"
    root = _number(ids[model.roots[0]])
    yield f'  }},\n  "root_id": {_json(root)},\n  "metadata": {json.dumps(model.metadata)}\n}}\n'


def _own_ids(model: TopicModel) -> list[str]:
    """Give each node the ID that it came with, or the lowest free number."""
    taken = {node.aliases[0] for node in model.nodes if node.aliases}
    free = (str(number) for number in range(2 * len(model.nodes) + 1) if str(number) not in taken)
    return [node.aliases[0] if node.aliases else next(free) for node in model.nodes]


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() and text.isascii() and str(int(text[:300])) == text else text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
