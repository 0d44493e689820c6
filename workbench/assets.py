"""Where the shipped files lie, inside the installed wheel or at the top of a checkout, and how its programs start."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def assets() -> Path:
    """Give the folder that holds `schema/` and `templates/`."""
    here = Path(__file__).resolve().parent
    shipped = here / "_assets"
    return shipped if shipped.is_dir() else here.parent


@cache
def asset_text(name: str) -> str:
    """Read one shipped text file, named by its path below the asset folder."""
    return (assets() / name).read_text(encoding="utf-8")


def program(module: str) -> list[str]:
    """Give the words that run a module of ours as a process, which finds modules where this process does.

    Python would look in the current folder first, and whoever made that folder could have put anything there.
    """
    trusted = not sys.flags.safe_path and {"", str(Path.cwd())} & set(sys.path)
    return [sys.executable, *([] if trusted else ["-P"]), "-m", module]
