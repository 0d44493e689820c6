"""Names as the names of files and folders, and back: no name of the project's content ever becomes a path. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from workbench.errors import Refused

LONGEST: Final = 240  # bytes, below what file systems take


def file_name(name: str, ending: str = "") -> str:
    """Give a name that a file can have: letters, digits, `_.-~`; anything else, and a dot in front, as %XX.

    Raises Refused for one that no file system takes.
    """
    quoted = quote(name, safe="", errors="replace")
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    if not quoted or len(quoted + ending) > LONGEST:
        raise Refused(f"no file can be called {name[:60]!r}", mend="rename it with `workbench rename` first")
    return quoted + ending


def name_of(file: str, ending: str = "") -> str:
    """Give the name that a file stands for: the inverse of `file_name`; other programs' names are what they are."""
    stem = file.removesuffix(ending)
    if "%" not in stem:
        return stem
    name = unquote(stem)
    try:
        return name if file_name(name) == stem else stem
    except Refused:
        return stem
