"""Reading and writing a topic model whatever its form: rows of paths or a graph, told apart by content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadRow, TooLarge
from workbench.ids import canonical_json
from workbench.reading import Faults, lines
from workbench.topics.graphs import graph_lines, read_graph
from workbench.topics.model import TopicModel
from workbench.topics.outlines import FORMS, Rows, is_nested, nested_rows
from workbench.topics.trees import failure_rows, read_rows, read_tree, tree_lines

_GRAPH: Final = re.compile(r'\s*\{\s*(?:"(?:nodes|root_id|metadata)"\s*:|$)')


def read_topics(
    path: Path | str, *, name: str | None = None, strict: bool = False, leaves_only: bool = False
) -> TopicModel:
    """Read a topic model from a tree's JSON Lines or a graph's JSON, whatever the file is called.

    What is neither is read by its name: an outline (.md, .txt), a table (.csv), nested JSON (.json). `name` is the
    file's stem by default. `strict` refuses topics without a UUID. A sidecar `…_failed.jsonl` adds its failed
    generations. Raises BadFile, or Problems with every fault and its line.
    """
    path = Path(path)
    name = path.stem if name is None else name
    rows = _rows_of(path)
    if rows is None and _is_graph(path):
        model = read_graph(path, name, strict=strict)
    else:
        model = read_tree(path, name, strict=strict, rows=rows or read_rows)
    added = _sidecar(path, model.failures)
    notes = [f"{len(added):,} failed generations come from {_sidecar_of(path).name}"] if added else []
    return replace(model, leaves_only=leaves_only, failures=[*model.failures, *added], notes=[*model.notes, *notes])


def _rows_of(path: Path) -> Rows | None:
    """Give the reader of what people write by hand; None for rows of JSON and for graphs."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return nested_rows if is_nested(path) else None
    is_json = any(text.lstrip().startswith("{") for _, text in _first(path)) if suffix in FORMS else True
    return None if is_json else FORMS[suffix]


def _is_graph(path: Path) -> bool:
    try:
        return any(_GRAPH.match(text) is not None for _, text in _first(path))
    except TooLarge:  # a first line longer than any row of a tree
        return True


def _first(path: Path) -> Iterator[tuple[int, str]]:
    for row in lines(path):
        yield row
        return


def _sidecar_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}_failed.jsonl")


def _sidecar(path: Path, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read the failed generations beside a topic file that do not stand in it too."""
    sidecar = _sidecar_of(path)
    if not sidecar.exists():
        return []
    faults = Faults(str(sidecar))
    seen = {canonical_json(failure) for failure in known}
    added = []
    for line, row in read_rows(sidecar, faults):
        failure = row.get("failed_generation") if isinstance(row, dict) else None
        if not isinstance(failure, dict):
            faults.add(BadRow("no failed generation", where=f"{sidecar}:{line}", mend="remove the row"))
        elif canonical_json(failure) not in seen:
            added.append(failure)
    faults.raise_any()
    return added


def topic_lines(model: TopicModel) -> Iterator[str]:
    """Give a model as text in DeepFabric's form, line by line: a tree as JSON Lines, a graph as JSON.

    A graph has no place for failed generations: `failure_lines` are its sidecar.
    """
    return tree_lines(model) if model.kind == "tree" else graph_lines(model)


def failure_lines(model: TopicModel) -> Iterator[str]:
    """Give the failed generations as a `…_failed.jsonl` sidecar, line by line."""
    return failure_rows(model.failures)
