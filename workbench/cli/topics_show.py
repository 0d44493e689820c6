"""`workbench topics show`: a topic model as an outline, no longer than a page or two."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.complete import names
from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document, line, many
from workbench.cli.visible import visible

if TYPE_CHECKING:
    from rich.tree import Tree

    from workbench.catalogue.outline import State
    from workbench.store import Database
    from workbench.topics import TopicModel

TITLE = 100  # characters of a title in an outline


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an outline: how deep, the words, the marks behind them; `is_more` counts what is left out."""

    depth: int
    words: str
    marks: str = ""
    is_more: bool = False


@click.command()
@click.argument("name", shell_complete=names("topic_models"))
@click.option("--depth", type=click.IntRange(0), help="Show so many levels below the root.")
@click.option("--limit", type=click.IntRange(1), default=120, show_default=True, help="Most lines of the outline.")
@project_option
@json_option
def show(name: str, depth: int | None, limit: int, project: Path, form: Form) -> None:
    """Show a topic model as an outline, with counts, samples and failures.

    A topic that hangs below several others is shown once in full and marked with ↗ elsewhere. With --json: every
    topic, whatever the limit.

    \b
    Example:
      workbench topics show garden --depth 1
    """
    from workbench.catalogue.outline import topic_states
    from workbench.catalogue.topics import load_topics
    from workbench.store import open_project

    with open_project(project) as db:
        model, states = load_topics(db, name), topic_states(db, name)
        facts = _facts(db, model, states)
    if form.kind == "json":
        document({**facts, "topics": _topics(model, states, depth)}, form)
        return
    for one in _head(facts):
        line(one)
    _print(list(outline(model, states, depth, limit)))
    for one in _tail(facts):
        line(one)


def _facts(db: Database, model: TopicModel, states: dict[str, State]) -> dict[str, Any]:
    from workbench.catalogue.outline import unique_count

    counts = {**model.counts()._asdict(), "unique_topics": unique_count(db, model.name)}
    left = sum(state.growth in ("pending", "failed") for state in states.values())
    return {
        "name": model.name,
        "kind": model.kind,
        **counts,
        "non_root_nodes": len(model.nodes) - len(model.roots),
        "leaves_only": model.leaves_only,
        "depth": max((node.depth for node in model.nodes), default=0),
        "samples": sum(state.samples for state in states.values()),
        "left": left,
        "failures": model.failures,
    }


def _head(facts: dict[str, Any]) -> Iterator[str]:
    below = f"{many(facts['non_root_nodes'], 'node')} below the root"
    counts = f"{many(facts['paths'], 'path')}, {below}, {many(facts['leaves'], 'leaf', 'leaves')}"
    about = "its leaves" if facts["kind"] == "tree" or facts["leaves_only"] else "every node below the root"
    yield f"{facts['name']}: a {facts['kind']} with {counts}"
    yield f"{many(facts['unique_topics'], 'topic')} to write about ({about}), {many(facts['samples'], 'sample')} so far"
    yield ""


def _tail(facts: dict[str, Any]) -> Iterator[str]:
    if facts["left"]:
        yield ""
        yield f"still to be grown: {many(facts['left'], 'topic')}; the same `workbench topics build` goes on"
    apart = len(facts["failures"])
    if apart and not facts["left"]:
        yield ""
        yield f"{many(apart, 'failed generation')} came with the file; see them with --json"


def _topics(model: TopicModel, states: dict[str, State], depth: int | None) -> list[dict[str, Any]]:
    parents: list[list[str]] = [[] for _ in model.nodes]
    for parent, child in model.edges:
        parents[child].append(model.nodes[parent].uuid)
    return [
        {
            "uuid": node.uuid,
            "topic": node.title,
            "depth": node.depth,
            "parents": parents[at],
            "leaf": not model.children[at],
            "growth": states[node.uuid].growth,
            "samples": states[node.uuid].samples,
        }
        for at, node in enumerate(model.nodes)
        if depth is None or node.depth <= depth
    ]


def outline(model: TopicModel, states: dict[str, State], depth: int | None, limit: int) -> Iterator[Entry]:
    """Give a model as at most about `limit` lines: with too many topics, fewer of each level and their number."""
    width = _width(model, depth, limit)
    stack: list[tuple[int, int, int | None]] = [(0, root, None) for root in reversed(model.roots)]
    shown = 0
    while stack and shown < limit:
        level, at, parent = stack.pop()
        shown += 1
        if at < 0:
            yield Entry(level, f"… {-at:,} more", is_more=True)
            continue
        again = parent is not None and model.parents[at] != parent
        below = [] if again else model.children[at]
        hidden = depth is not None and level >= depth
        yield Entry(level, visible(model.nodes[at].title, TITLE), _marks(model, states, at, again, hidden))
        if not hidden:
            rest = len(below) - width
            stack += [(level + 1, -rest, at)] if rest > 0 else []
            stack += [(level + 1, child, at) for child in reversed(below[:width])]
    if stack:
        yield Entry(0, "… and more; see `--depth` and `--limit`", is_more=True)


def _width(model: TopicModel, depth: int | None, limit: int) -> int:
    """Find how many children of each topic can be shown within so many lines: as many as fit, at least one."""
    low, high = 1, max(map(len, model.children), default=1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(model, depth, limit, middle) else (low, middle - 1)
    return max(low, 1)


def _fits(model: TopicModel, depth: int | None, limit: int, width: int) -> bool:
    stack = [(0, root, -1) for root in model.roots]
    count = 0
    while stack and count <= limit:
        level, at, parent = stack.pop()
        count += 1
        again = parent >= 0 and model.parents[at] != parent
        if again or (depth is not None and level >= depth):
            continue
        count += len(model.children[at]) > width
        stack += [(level + 1, child, at) for child in model.children[at][:width]]
    return count <= limit


def _marks(model: TopicModel, states: dict[str, State], at: int, again: bool, hidden: bool) -> str:
    if again:
        return "↗ stands elsewhere"
    state, below = states[model.nodes[at].uuid], len(model.children[at])
    growing = {"failed": f"✗ failed{_why(state.why)}", "pending": "… to be grown"}.get(state.growth or "", "")
    samples = many(state.samples, "sample") if state.samples else ""
    folded = f"{below:,} below" if hidden and below else ""
    return ", ".join(filter(None, (samples, growing, folded)))


def _why(detail: str) -> str:
    import json

    try:
        facts = json.loads(detail)["failed_generation"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {visible(str(facts.get('outcome', '')), 60)}" if isinstance(facts, dict) else ""


def _print(entries: Sequence[Entry]) -> None:
    if sys.stdout.isatty():
        _print_tree(entries)
        return
    for entry in entries:
        line(f"{'  ' * entry.depth}{entry.words}{f'  ({entry.marks})' if entry.marks else ''}")


def _print_tree(entries: Sequence[Entry]) -> None:
    """Draw the outline with guides, as wide as the terminal."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    trunks: list[Tree] = []
    open_at: list[Tree] = []
    for entry in entries:
        words = Text(entry.words, style="dim" if entry.is_more else "bold" if entry.depth == 0 else "")
        if entry.marks:
            words.append(f"  {entry.marks}", style="red" if "✗" in entry.marks else "dim")
        del open_at[entry.depth :]
        branch = open_at[-1].add(words) if open_at else Tree(words, guide_style="dim")
        trunks += [] if open_at else [branch]
        open_at.append(branch)
    console = Console(highlight=False, soft_wrap=False)
    for trunk in trunks:
        console.print(trunk, overflow="ellipsis", no_wrap=True)
