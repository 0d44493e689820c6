"""Where the shipped files lie: inside the installed wheel, or at the top of a checkout."""

from __future__ import annotations

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
