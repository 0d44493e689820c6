"""A finished file takes its name: in one step, and never over another."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)  # of memory sticks, for one


def put_new(part: Path, path: Path) -> None:
    """Give a finished file its name; `part` may be left, for the caller to remove.

    Raises FileExistsError when another process made the file meanwhile, and what else the system refuses.
    """
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.replace(path)
