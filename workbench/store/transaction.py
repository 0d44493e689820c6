"""The one way to change a project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.store.sqlite import Database


@contextmanager
def transaction(db: Database) -> Iterator[Database]:
    """Do everything or nothing, holding the write lock from the first statement."""
    if db.conn.in_transaction:
        with db.atomic():
            yield db
        return
    db.execute("begin immediate")  # a deferred begin fails at once beside a second writer
    try:
        yield db
        db.commit()
    except BaseException:
        if db.conn.in_transaction:  # a full disk ends the transaction by itself
            db.rollback()
        raise
