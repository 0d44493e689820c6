"""Topic trees as people write them: an outline, a table with a column for each level, nested JSON.

Each reader gives the rows of a tree's JSON Lines, so that the same path is the same topic whatever the form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadFile, BadRow, WorkbenchError
from workbench.reading import Faults, csv_rows, json_file, lines

Row = tuple[int, Any]
Rows = Callable[[Path, Faults], Iterator[Row]]

_HEADING: Final = re.compile(r"#{1,6}(?=\s)")
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])(?=\s)")
_STEP: Final = re.compile(r"\s+[>›/]\s+")
_NAMES: Final = ("topic", "title", "name")
_BELOW: Final = ("children", "subtopics", "topics")


def outline_rows(path: Path, faults: Faults) -> Iterator[Row]:
    """Stream the leaves of an outline: Markdown's headings and lists, or in a `.txt` lines that are indented.

    Prose between the headings and items of Markdown is no topic.
    """
    bare = path.suffix.lower() == ".txt"
    above: list[tuple[tuple[int, int], str]] = []
    at = prose = 0
    for line, text in _lines(path, faults):
        found = _heading_or_item(text) or (((2, _indent(text)), text.strip()) if bare else None)
        if found is None:
            prose += 1
            continue
        if above and found[0] <= above[-1][0]:
            yield at, {"path": [title for _, title in above]}
        while above and found[0] <= above[-1][0]:
            above.pop()
        above.append(found)
        at = line
    if above:
        yield at, {"path": [title for _, title in above]}
    if prose:
        faults.notes.append(f"lines left out, which are neither headings nor items of a list: {prose:,}")


def _lines(path: Path, faults: Faults) -> Iterator[tuple[int, str]]:
    try:
        yield from lines(path)
    except BadFile as error:
        faults.add(error)


def _heading_or_item(text: str) -> tuple[tuple[int, int], str] | None:
    """Give how deep a line of Markdown stands, headings above all items, and its title; None for prose."""
    if heading := _HEADING.match(text):
        title, depth = text[heading.end() :].strip().rstrip("#"), (0, heading.end())
    elif item := _ITEM.match(text):
        title, depth = text[item.end() :], (1, _indent(text))
    else:
        return None
    title = title.strip().strip("*_").strip()
    return (depth, title) if any(map(str.isalnum, title)) else None


def _indent(text: str) -> int:
    wide = text.expandtabs(4)
    return len(wide) - len(wide.lstrip())


def table_rows(path: Path, faults: Faults) -> Iterator[Row]:
    """Stream the rows of a CSV file: a column for each level from the left, or one `path` with > or / between blanks.

    The first row names the columns. `leaf_uuid` is the topic's UUID, if it is there. Levels at the end may be blank.
    """
    try:
        for line, row in csv_rows(path):
            if not faults.notes:
                faults.notes.append(f"the first row names the columns: {', '.join(row)[:200]}")
            found: dict[str, Any] = {}
            if uuid := row.pop("leaf_uuid", "").strip():
                found["leaf_uuid"] = uuid
            cells = _STEP.split(row["path"].strip()) if "path" in row else [cell.strip() for cell in row.values()]
            while cells and not cells[-1]:
                cells.pop()
            yield line, {"path": cells, **found}
    except WorkbenchError as error:
        faults.add(error)


def nested_rows(path: Path, faults: Faults) -> Iterator[Row]:
    """Give the leaves of nested JSON: objects whose keys are topics, lists of them, or objects with children.

    {"Garden": {"Soil": ["Compost", "Mulch"]}} and {"name": "Garden", "children": [{"name": "Soil"}]} are such.
    """
    waiting: list[tuple[list[str], Any]] = [([], json_file(path))]
    while waiting:
        titles, value = waiting.pop()
        try:
            below = list(_branches(value))
        except BadRow as error:
            error.where = f"{path}: {' > '.join(titles)[:200] or 'the root'}"
            faults.add(error)
            continue
        if below:
            waiting += [([*titles, title], branch) for title, branch in reversed(below)]
        elif titles:
            yield 1, {"path": titles}


def _branches(value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case None | "":
            return
        case str():
            yield value, None
        case list():
            for one in value:
                if isinstance(one, list):
                    raise BadRow("a list within a list has no title", mend="write it as an object with its title")
                yield from _branches(one)
        case dict() if name := next((key for key in _NAMES if isinstance(value.get(key), str)), None):
            yield value[name], next((value[key] for key in _BELOW if key in value), None)
        case dict():
            yield from value.items()
        case _:
            raise BadRow(f"{str(value)[:60]} is no topic", mend="write topics as text")


def is_nested(path: Path) -> bool:
    """Say whether a file is one JSON document that is neither a graph nor one row of a tree."""
    try:
        whole = json_file(path)
    except BadFile:
        return False
    named = {"nodes", "root_id", "path", "failed_generation"}
    return isinstance(whole, list) or (isinstance(whole, dict) and not named & whole.keys())


FORMS: Final[dict[str, Rows]] = {
    ".csv": table_rows,
    ".md": outline_rows,
    ".markdown": outline_rows,
    ".txt": outline_rows,
}
