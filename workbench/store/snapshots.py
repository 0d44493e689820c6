"""Copies of a project as it is, beside it: what one can always go back to."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Final

from workbench.errors import Refused
from workbench.store.sqlite import Database

MARK: Final = ".before-"  # in the name of every snapshot; a snapshot is never taken for the project of a folder


def take_snapshot(db: Database, what: str) -> Path:
    """Write the project to `<project>.before-<what>.db` beside it, whole or not at all; gives where.

    Raises Refused when the folder cannot be written to, or is full.
    """
    path = Path(db.execute("pragma database_list").fetchone()[2])
    names = (path.with_name(f"{path.stem}{MARK}{what}{f'-{n}' if n > 1 else ''}.db") for n in count(1))
    snapshot = next(name for name in names if not name.exists())
    part = snapshot.with_name(f".{snapshot.name}.{os.getpid()}.part")
    try:
        db.execute("vacuum into ?", (str(part),))
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(snapshot)
    except OSError as error:
        raise Refused(error.strerror or "", where=str(snapshot), mend="make room beside the project") from None
    finally:
        part.unlink(missing_ok=True)
    return snapshot
