"""What is not ours: entry points of other packages, and libraries that come with an extra. Loaded when needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, Literal

from workbench.errors import BadConfig, MissingExtra, WorkbenchError

Kind = Literal["providers", "parsers", "pages", "exports", "migrations"]
BROKEN: Final = (Exception, SystemExit)  # what foreign code may raise; one package must not end a command of ours
MEND: Final = "mend or remove the package that adds it"


def plugin_names(kind: Kind) -> list[str]:
    """Give the names of what other packages add of a kind, sorted; nothing is loaded."""
    from importlib.metadata import entry_points  # slow to import, and most commands never ask

    return sorted({point.name for point in entry_points(group=f"workbench.{kind}")})


def plugin(kind: Kind, name: str) -> Any | None:
    """Load what another package adds under a name; None when no package does.

    Raises BadConfig when it cannot load, or when two packages add something else under the same name.
    """
    from importlib.metadata import entry_points

    points = {point.value: point for point in entry_points(group=f"workbench.{kind}", name=name)}
    if len(points) > 1:
        both = " and ".join(sorted(points))
        raise BadConfig(f"{name!r} of {kind} is added twice, by {both}", mend="remove all of these packages but one")
    for point in points.values():
        try:
            return point.load()
        except WorkbenchError:
            raise
        except BROKEN as error:
            raise broken(f"{point.value} of {kind} does not load", error) from error
    return None


def broken(what: str, error: BaseException) -> BadConfig:
    """Give what another package's code raised as an error that names it."""
    return BadConfig(f"{what}: {type(error).__name__}: {error}", mend=MEND)


def library(module: str, extra: str) -> Any:
    """Import a module of an optional part; raises MissingExtra with the command that installs it."""
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtra(module.partition(".")[0], mend=f"pip install 'generation-workbench[{extra}]'") from None
