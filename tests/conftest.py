"""Fixtures that every test may use: a fresh project, and the real command line in and out of process."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from click.testing import CliRunner

if TYPE_CHECKING:
    from workbench.store import Database

hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command line did: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout; fails when there is anything else."""
        return json.loads(self.out)

    @property
    def jsonl(self) -> list[Any]:
        """The JSON Lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them, and every side file out of the checkout."""
    for name in list(os.environ):
        if name.startswith("WORKBENCH_") or name in ("NO_COLOR", "FORCE_COLOR", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path / "local" / "providers.yaml"))
    sqlite3.enable_callback_tracebacks(False)  # Datasette switches them on for the whole process
    yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the path of a new, empty project."""
    from workbench.store import create_project

    path = tmp_path / "project.db"
    create_project(path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a project that `projects.fill` has filled."""
    import projects

    return projects.made(tmp_path / "p.db")


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    """Give that project, open for writing."""
    from workbench.store import open_project

    with open_project(path, write=True) as opened:
        yield opened


@pytest.fixture
def run() -> Callable[..., Ran]:
    """Run the real command line in this process: `run("status", "-p", project)`."""
    from workbench.cli import main

    def call(*args: object, input: str | None = None, env: dict[str, str] | None = None) -> Ran:
        result = CliRunner().invoke(main, [str(arg) for arg in args], input=input, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., Ran]:
    """Run the real command line as a process of its own, in the test's folder: `shell("status")`."""

    def call(*args: object, cwd: Path = tmp_path, env: dict[str, str] | None = None, timeout: float = 60) -> Ran:
        words = [sys.executable, "-m", "workbench", *(str(arg) for arg in args)]
        surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
        done = subprocess.run(
            words, cwd=cwd, env=surroundings, capture_output=True, timeout=timeout, check=False, encoding="utf-8"
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def family(project: Path) -> Path:
    """Give a project that holds the small record of tests/data/record."""
    from workbench.store import open_project, transaction

    with open_project(project, write=True) as db, transaction(db):
        db.executescript((DATA / "record" / "family.sql").read_text(encoding="utf-8"))
    return project
