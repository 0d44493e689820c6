"""The project file: opened one way, changed through one `transaction()`."""

from workbench.store.connection import (
    create_project,
    find_project,
    open_copy,
    open_project,
    running,
    scheme_of,
    setting,
    settle,
)
from workbench.store.rows import insert
from workbench.store.sqlite import Database, sqlite3
from workbench.store.transaction import transaction

__all__ = [
    "Database",
    "create_project",
    "find_project",
    "insert",
    "open_copy",
    "open_project",
    "running",
    "scheme_of",
    "setting",
    "settle",
    "sqlite3",
    "transaction",
]
