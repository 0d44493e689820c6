"""The SQL of data migrations: the named statements in `schema/rewrites/`."""

from __future__ import annotations

import re
from functools import cache

from workbench.assets import asset_text


@cache
def statements(name: str) -> dict[str, str]:
    """Give the statements of one file of `schema/rewrites/` by name, in file order; prose is left out."""
    parts = re.split(r"(?m)^-- name: *", asset_text(f"schema/rewrites/{name}.sql"))[1:]
    found: dict[str, str] = {}
    for part in parts:
        title, _, rest = part.partition("\n")
        lines = [line for line in rest.splitlines() if not line.startswith("--")]
        found[title.strip()] = "\n".join(lines).strip().rstrip(";")
    return found
