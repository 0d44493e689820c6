"""JSON columns: we write objects there, SQLite checks nothing, and a file from elsewhere may hold anything."""

from __future__ import annotations

import json
from typing import Any

from workbench.errors import DamagedFile


def told_facts(stored: str | None) -> dict[str, Any]:
    """Give an object to be looked at; what is no JSON object, as text."""
    found = _object(stored)
    return {"text": stored} if found is None else found


def stored_object(stored: str | None, what: str) -> dict[str, Any]:
    """Give an object to work with; raises DamagedFile, which says what it is of, for what is none."""
    found = _object(stored)
    if found is None:
        raise DamagedFile(f"{what} are no JSON object", mend="restore a snapshot, or see `workbench verify --full`")
    return found


def _object(stored: str | None) -> dict[str, Any] | None:
    try:
        found = {} if stored is None else json.loads(stored)
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
