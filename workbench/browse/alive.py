"""Which runs are on: the lock file beside the project is asked who holds a byte of it, and never locked itself."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from pathlib import Path
from typing import Any, Final

from workbench.store import Database
from workbench.store.slots import lock_path

# struct flock, as the system's <fcntl.h> has it: what is asked for goes in, who is in the way comes out.
_FLOCK: Final = "qqihh" if sys.platform == "darwin" else "hhqqi"
_TYPE: Final = 3 if sys.platform == "darwin" else 0  # its field


def is_held(lock: Path, slot: int) -> bool:
    """Say whether a live process, other than this one, holds a slot; taken as held when it cannot be told.

    To try the lock would make a process that leaves at that instant believe that it is not the last one.
    """
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        ask = (fcntl.F_WRLCK, os.SEEK_SET, slot, 1, 0)
        asked = struct.pack(_FLOCK, *(ask[2:] + ask[:2] if _TYPE else ask))
        return bool(struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, asked))[_TYPE] != fcntl.F_UNLCK)
    except OSError:
        return True
    finally:
        os.close(handle)


def note_alive(db: Database, runs: list[dict[str, Any]]) -> bool:
    """Say of each run, in `alive`, whether its process is: false when it is over or killed, null for a run that is
    on without one of its own; it stands in the place of `slot`. Gives whether any is alive."""
    lock = lock_path(db)
    for run in runs:
        slot, on = run.pop("slot", None), run["status"] == "running"
        run["alive"] = None if on and slot is None else on and is_held(lock, slot)
    return any(run["alive"] for run in runs)
