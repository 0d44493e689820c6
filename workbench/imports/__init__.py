"""Other programs' files into the record: one transaction each, recorded, never twice, nothing dropped."""

from workbench.imports.checkpoint import import_checkpoint
from workbench.imports.dataset import import_dataset
from workbench.imports.listing import list_imports
from workbench.imports.record import Import, ImportReport, Problem, recorded
from workbench.imports.store import import_store

__all__ = [
    "Import",
    "ImportReport",
    "Problem",
    "import_checkpoint",
    "import_dataset",
    "import_store",
    "list_imports",
    "recorded",
]
