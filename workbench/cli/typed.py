"""Values from the command line with their types: `KEY=VALUE` as numbers, booleans, JSON or text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click


def typed(pairs: Iterable[str]) -> dict[str, Any]:
    """Read `KEY=VALUE` words; raises a usage error for one that has no key, stands twice, or begins JSON badly."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.strip():
            raise click.UsageError(f"--param {pair!r} is not KEY=VALUE")
        if key.strip() in found:
            raise click.UsageError(f"--param {key.strip()} stands twice")
        found[key.strip()] = value_of(text, key.strip())
    return found


def value_of(text: str, key: str) -> Any:
    """Read one value: JSON where it is some, else the text itself; raises BadFile for JSON that was begun badly."""
    from workbench.errors import BadFile
    from workbench.reading import json_text

    try:
        return json_text(text, f"--param {key}")
    except BadFile:
        if text.lstrip()[:1] in tuple('{["') or text.strip().lstrip("-") in ("NaN", "Infinity"):
            raise
        return text
