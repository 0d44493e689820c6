"""Topic trees as JSON Lines: one row per root-to-leaf path."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadFile, BadRow, WorkbenchError
from workbench.ids import deepfabric_aliases, path_uuid
from workbench.reading import Faults, json_text, lines
from workbench.topics.model import Node, TopicModel
from workbench.topics.outlines import Rows
from workbench.topics.titles import title_fault, topic_uuid, unshared

# Every level's UUID is a hash of the whole path to it, so a path costs its square.
MOST_LEVELS: Final = 10_000
MOST_TEXT: Final = 100_000  # characters of a path of more than 100 levels
_KEYS: Final = {"path", "leaf_uuid"}


@dataclass(slots=True)
class _Tree:
    """A tree while it is read: one entry per node, in the order in which nodes are first seen.

    `lines` hold the line of the row that ends at the node and names it, 0 while no row ends there.
    """

    titles: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    uuids: list[str | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    aliases: list[tuple[str, ...]] = field(default_factory=list)
    places: dict[tuple[int, str], int] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    repeats: int = 0
    extra: set[str] = field(default_factory=set)

    def place(self, path: list[str]) -> int:
        """Find the node at the end of a path, making what is missing of it. Raises BadRow on a bad title."""
        at = -1
        for depth, title in enumerate(path):
            found = self.places.get((at, title))
            at = self._grow(at, title, depth) if found is None else found
        return at

    def _grow(self, parent: int, title: str, depth: int) -> int:
        if fault := title_fault(title):
            raise BadRow(fault, mend="give every level a title in plain text")
        at = self.places[(parent, title)] = len(self.titles)
        self.titles.append(title)
        self.parents.append(parent)
        self.depths.append(depth)
        self.uuids.append(None)
        self.lines.append(0)
        self.aliases.append(())
        return at

    def take(self, line: int, row: Any) -> None:
        """Take one row of the file. Raises BadRow or InvalidSignature without a place."""
        if isinstance(row, dict) and "failed_generation" in row:
            self.failures.append(_failure(row))
            return
        path = _path(row)
        if len(row) > 1 and (extra := row.keys() - _KEYS):
            self.extra |= extra
        at = self.place(path)
        if self.lines[at]:
            self.repeats += 1
        else:
            self.lines[at], self.aliases[at] = line, deepfabric_aliases(path)
        if (value := row.get("leaf_uuid")) is not None:
            self._identify(at, line, topic_uuid(value))

    def _identify(self, at: int, line: int, uuid: str) -> None:
        if uuid == self.uuids[at]:
            return
        if self.uuids[at] is not None:
            raise BadRow(f"this path has another UUID on line {self.lines[at]}", mend="keep one of the two")
        if (owner := self.owners.setdefault(uuid, at)) != at:
            raise BadRow(
                f"the UUID {uuid!r} belongs to the path on line {self.lines[owner]}",
                mend="give every path its own UUID",
            )
        self.uuids[at], self.lines[at] = uuid, line

    def path_to(self, at: int) -> list[str]:
        """Give the titles from the root to a node."""
        path: list[str] = []
        while at >= 0:
            path.append(self.titles[at])
            at = self.parents[at]
        return path[::-1]


def _path(row: Any) -> list[str]:
    path = row.get("path") if isinstance(row, dict) else None
    if not isinstance(path, list) or not path:
        raise BadRow('no "path": a list of titles', mend='write {"path": ["root", …, "leaf"]}')
    if set(map(type, path)) != {str}:
        raise BadRow(next(filter(None, map(title_fault, path))), mend="give every level a title")
    if len(path) > 100 and (len(path) > MOST_LEVELS or sum(map(len, path)) > MOST_TEXT):
        limits = f"at most {MOST_LEVELS:,} levels with {MOST_TEXT:,} characters are read"
        raise BadRow(f"a path of {len(path):,} levels", mend=limits)
    return path


def _failure(row: dict[str, Any]) -> dict[str, Any]:
    failure = row["failed_generation"]
    if len(row) > 1 or not isinstance(failure, dict):
        raise BadRow("a failed generation is one object by itself", mend='write {"failed_generation": {…}}')
    return failure


def read_rows(path: Path, faults: Faults) -> Iterator[tuple[int, Any]]:
    """Stream a file's rows with their lines; rows that are not JSON are faults."""
    source = str(path)
    try:
        for line, text in lines(path):
            try:
                yield line, json_text(text, f"{source}:{line}")
            except BadFile as error:
                faults.add(error)
    except BadFile as error:  # the stream itself is broken: what follows cannot be read
        faults.add(error)


def read_tree(path: Path, name: str, *, strict: bool = False, rows: Rows = read_rows) -> TopicModel:
    """Read a topic tree in file order; every fault is listed with its line. Raises BadFile, Problems.

    `rows` gives the file's rows with their lines, JSON Lines unless it is said otherwise.
    """
    tree, faults = _Tree(), Faults(str(path))
    for line, row in rows(path, faults):
        try:
            tree.take(line, row)
        except WorkbenchError as error:
            error.where = f"{path}:{line}"
            faults.add(error)
    if not faults.errors and not any(tree.lines):
        what = "only failed generations, no topics" if tree.failures else "no topics"
        faults.note(what, str(path), "name the file with the paths")
    if strict:
        _demand_uuids(tree, faults)
    faults.raise_any()
    return _model(tree, name, faults)


def _demand_uuids(tree: _Tree, faults: Faults) -> None:
    bare = [line for line, uuid in zip(tree.lines, tree.uuids, strict=True) if line and uuid is None]
    if bare:
        faults.note(
            f"{len(bare):,} paths have no leaf_uuid, this is the first",
            f"{faults.source}:{min(bare)}",
            "add them, or read without --strict",
        )


def _model(tree: _Tree, name: str, faults: Faults) -> TopicModel:
    derived = [at for at, uuid in enumerate(tree.uuids) if uuid is None]
    uuids = [uuid or path_uuid(tree.path_to(at)) for at, uuid in enumerate(tree.uuids)]
    for at in derived:
        if (owner := tree.owners.setdefault(uuids[at], at)) != at:
            faults.note(
                f"the UUID is the derived one of {' / '.join(tree.path_to(at))[:200]!r}",
                f"{faults.source}:{tree.lines[owner]}",
                "give this path another UUID",
            )
    faults.raise_any()
    aliases, shared = unshared(tree.aliases)
    nodes = list(map(Node, uuids, tree.titles, tree.depths, aliases))
    edges = [(parent, at) for at, parent in enumerate(tree.parents) if parent >= 0]
    model = TopicModel(name, "tree", nodes, edges, tree.failures)
    model.notes.extend(faults.notes)
    model.notes.extend(_notes(tree, model, len([at for at in derived if tree.lines[at]]), shared))
    return model


def _notes(tree: _Tree, model: TopicModel, derived: int, shared: int) -> list[str]:
    interior = sum(1 for line, below in zip(tree.lines, model.children, strict=True) if line and below)
    told = {
        f"{derived:,} paths came without leaf_uuid: their UUIDs are derived from the path": derived,
        f"{tree.repeats:,} rows repeat a path: each path is one topic": tree.repeats,
        f"{interior:,} rows end where other paths go on: they are no leaves": interior,
        f"{len(model.roots):,} roots stand side by side": len(model.roots) - 1,
        f"{shared:,} IDs of DeepFabric's are shared by two paths and name neither": shared,
        f"keys that are not kept: {', '.join(sorted(tree.extra))[:200]}": len(tree.extra),
        f"{len(tree.failures):,} failed generations are kept": len(tree.failures),
    }
    return [text for text, count in told.items() if count]


def tree_lines(model: TopicModel) -> Iterator[str]:
    """Give a tree as rows of JSON Lines, with UUIDs, failures last; reading them gives the same model.

    A node that other paths go on from gets a row only where its place or its UUID would be lost without it.
    """
    for at, node in enumerate(model.nodes):
        below = model.children[at]
        path = model.path_at(at)
        if not below or node.aliases or below[0] != at + 1 or node.uuid != path_uuid(path):
            yield json.dumps({"path": path, "leaf_uuid": node.uuid}, ensure_ascii=False) + "\n"
    yield from failure_rows(model.failures)


def failure_rows(failures: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give failed generations as rows of JSON Lines."""
    for failure in failures:
        yield json.dumps({"failed_generation": failure}) + "\n"
