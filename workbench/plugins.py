"""What other packages add: entry points in groups `workbench.<kind>`, looked for only where nothing of ours fits."""

from __future__ import annotations

from typing import Any, Literal

from workbench.errors import BadConfig, WorkbenchError

Kind = Literal["providers", "parsers", "pages", "exports", "migrations"]


def plugin_names(kind: Kind) -> list[str]:
    """Give the names of what other packages add of a kind, sorted; nothing is loaded."""
    from importlib.metadata import entry_points  # slow to import, and most commands never ask

    return sorted({point.name for point in entry_points(group=f"workbench.{kind}")})


def plugin(kind: Kind, name: str) -> Any | None:
    """Load what another package adds under a name; None when no package does. Raises BadConfig when it cannot load."""
    from importlib.metadata import entry_points

    for point in entry_points(group=f"workbench.{kind}", name=name):
        try:
            return point.load()
        except WorkbenchError:
            raise
        except Exception as error:
            raise BadConfig(
                f"{point.value} of {kind} does not load: {type(error).__name__}: {error}",
                mend="mend or remove that package",
            ) from error
    return None
