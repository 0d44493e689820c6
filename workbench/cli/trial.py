"""Dry runs that do the real thing and take it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.store import Database


class _TakenBack(Exception):
    pass


@contextmanager
def trial(db: Database, dry_run: bool) -> Iterator[None]:
    """Hold a transaction that is kept, or taken back at its end when it is only a dry run."""
    from workbench.store import transaction

    try:
        with transaction(db):
            yield
            if dry_run:
                raise _TakenBack
    except _TakenBack:
        return
