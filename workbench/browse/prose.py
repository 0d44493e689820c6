"""What schema.sql and views.sql say of each table, view and column, taken from their comments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from workbench.assets import asset_text

_MADE = re.compile(r"create (?:virtual )?(table|view) (\w+)")
_COLUMN = re.compile(r"^  (\w+) .*?(?:,|\)|)\s*-- (.+)$")


@dataclass(slots=True)
class Described:
    """A table or view: whether it is a view, its prose, and what is said of its columns by name."""

    view: bool
    prose: str
    columns: dict[str, str] = field(default_factory=dict)


@cache
def described() -> dict[str, Described]:
    """Give every table and view of the schema by name, in the schema's order."""
    found: dict[str, Described] = {}
    for asset in ("schema/schema.sql", "schema/views.sql"):
        _read(asset_text(asset), found)
    return found


def _read(sql: str, found: dict[str, Described]) -> None:
    prose: list[str] = []
    current: Described | None = None
    for line in sql.splitlines():
        if line.startswith("-- "):
            prose.append(line[3:])
        elif made := _MADE.match(line):
            current = found[made[2]] = Described(made[1] == "view", " ".join(prose))
        elif current and not current.view and (column := _COLUMN.match(line)):
            current.columns[column[1]] = column[2]
        if not line.startswith("-- "):
            prose = []


@cache
def opening() -> str:
    """Give the schema's own first words, as paragraphs parted by blank lines."""
    lines: list[str] = []
    for line in asset_text("schema/schema.sql").splitlines():
        if not line.startswith("--"):
            break
        lines.append(line[2:].strip())
    return "\n".join(lines)
