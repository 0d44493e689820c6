"""Datasette with our pages as a process of its own: `python -m workbench.browse FILE PORT`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

from datasette.cli import cli
from datasette.plugins import pm

from workbench.browse import plugin

SETTINGS: Final = {"sql_time_limit_ms": 5000, "facet_time_limit_ms": 1000, "suggest_facets": "off"}


def serve(path: str, port: str) -> None:
    """Serve a project on loopback until a signal comes, or the process that started this one is gone."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if not any(getattr(known, "__name__", "") == plugin.__name__ for known in pm.get_plugins()):
        pm.register(plugin, name=plugin.__name__)  # a checkout that is not installed
    settings = [word for name, value in SETTINGS.items() for word in ("--setting", name, str(value))]
    cli(["serve", path, "--host", "127.0.0.1", "--port", port, *settings])


def _leave_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve(*sys.argv[1:3])
