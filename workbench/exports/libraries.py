"""Libraries that come with an extra: asked for when they are needed, and named in one line when they are not there."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from workbench.errors import MissingExtra


def library(module: str, extra: str) -> Any:
    """Import a module of an optional part; raises MissingExtra with the command that installs it."""
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtra(module.partition(".")[0], mend=f"pip install 'generation-workbench[{extra}]'") from None
