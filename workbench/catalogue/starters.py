"""What a new project begins with: the starter templates, and the embedded model."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workbench.assets import assets
from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_templates
from workbench.prompts import read_folder
from workbench.store import Database, transaction

STARTER: Final = "starter:"  # how the source of a shipped template begins
OFFLINE: Final = Model(
    "offline",
    provider="offline",
    name="offline-1",
    display_name="Offline (embedded, writes synthetic text)",
    price_in=0.0,
    price_out=0.0,
)


def starter_folder() -> Path:
    """Give the folder of the templates that are shipped."""
    return assets() / "templates" / "prompts"


def install_starters(db: Database) -> int:
    """Keep the starter templates and the offline model in a project; gives how many templates there are."""
    folder = starter_folder()
    found = read_folder(folder)
    with transaction(db):
        store_templates(db, ((one, STARTER + Path(one.origin).relative_to(folder).as_posix()) for one in found))
        store_model(db, OFFLINE)
    return len(found)
