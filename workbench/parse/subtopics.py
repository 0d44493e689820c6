"""Subtopics that a model proposes for a tree or a graph. The text is canonical JSON."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final, TypeVar

from workbench.ids import canonical_json
from workbench.parse.extract import answered, found_json
from workbench.parse.outcome import Options, Parsed, Unreadable, shown

_T = TypeVar("_T")
MAX_TITLE: Final = 500  # characters
MAX_TOPICS: Final = 1000  # in one answer
_ITEM: Final = re.compile(r"\s{0,40}(?:[-*•–+]|\(?\d{1,4}[.):\]])\s{1,9}(\S.*)")
_BOLD: Final = re.compile(r"(\*\*|__)([^*_]{1,300})\1")


def subtopics(raw: str, options: Options) -> Parsed:
    """Read {"subtopics": [title…]}, a bare list, or a numbered or bulleted list; each title once."""
    try:
        value = found_json(raw)
    except Unreadable as error:
        if error.outcome == "empty" or not (titles := _listed(answered(raw))):
            raise
    else:
        titles = [_title(_topic(item)) for item in _items(value)]
    return Parsed(canonical_json({"subtopics": _once(titles)}), "ok")


def _listed(text: str) -> list[str]:
    items = (item[1] for line in text.splitlines() if (item := _ITEM.match(line)))
    return [_title(_headline(item)) for item in _few(list(islice(items, MAX_TOPICS + 1)))]


def _few(items: list[_T]) -> list[_T]:
    if len(items) > MAX_TOPICS:
        raise Unreadable("no_subtopics", f"more than {MAX_TOPICS} subtopics")
    return items


def _headline(text: str) -> str:
    """Prefer the bold head of `**Title**: words about it`."""
    bold = _BOLD.match(text)
    return bold[2] if bold else text


def _items(value: Any) -> list[Any]:
    items = value.get("subtopics") if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise Unreadable("no_subtopics", "the JSON has no list named subtopics")
    return _few(items)


def _topic(item: Any) -> Any:
    return item.get("topic", item.get("title")) if isinstance(item, dict) else item


def _title(value: Any) -> str:
    if not isinstance(value, str) or not (title := " ".join(value.split()).strip("\"'“”*_` ").rstrip(":;,")):
        raise Unreadable("no_subtopics", f"{shown(value, 30)} is not a title")
    if len(title) > MAX_TITLE:
        raise Unreadable("no_subtopics", f"a title has more than {MAX_TITLE} characters")
    return title


def _once(titles: list[str]) -> list[str]:
    if not titles:
        raise Unreadable("no_subtopics", "the list of subtopics is empty")
    first: dict[str, str] = {}
    for title in titles:
        first.setdefault(title.casefold(), title)
    return list(first.values())


def subtopics_graph(raw: str, options: Options) -> Parsed:
    """Read {"subtopics": [{"topic", "connections": [IDs]}…]}; IDs become text, equal topics are joined."""
    nodes: dict[str, tuple[str, dict[str, None]]] = {}
    for item in _items(found_json(raw)):
        title = _title(_topic(item))
        _, links = nodes.setdefault(title.casefold(), (title, {}))
        links.update(_connections(item) if isinstance(item, dict) else {})
    if not nodes:
        raise Unreadable("no_subtopics", "the list of subtopics is empty")
    found = [{"topic": title, "connections": list(links)} for title, links in nodes.values()]
    return Parsed(canonical_json({"subtopics": found}), "ok")


def _connections(item: dict[str, Any]) -> dict[str, None]:
    links = item.get("connections") or []
    if not isinstance(links, list) or not all(_is_id(link) for link in links):
        raise Unreadable("no_subtopics", "connections is not a list of node IDs")
    return dict.fromkeys(str(link).strip() for link in links)


def _is_id(link: Any) -> bool:
    if isinstance(link, int) and not isinstance(link, bool):
        return link >= 0
    return isinstance(link, str) and 0 < len(link.strip()) <= 128
