"""A folder that a stranger made: what lies in it is never run, whatever it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from gardens import garden

from workbench.assets import program

TRAP = "from pathlib import Path\nPath(__file__).with_name('trapped').touch()\nraise SystemExit('a stranger ran')\n"
NAMES = ("click", "datasette", "sqlite_utils", "jinja2", "aiohttp", "pyarrow", "json", "signal", "workbench")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project, and a module of its own for each that a program of ours imports."""
    garden(tmp_path / "p.db", provider="offline")
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(TRAP)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its script does: the folder is current, and on no path."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "workbench", *words]
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)


def test_workers_import_nothing_from_the_folder(folder):
    order = ("generate", "--topics", "garden", "-n", "4", "--template", "plain", "--model", "m", "--workers", "2")
    done = run(folder, *order)
    assert done.returncode == 0, done.stderr
    assert not (folder / "trapped").exists()


@pytest.mark.parametrize("module", ["workbench.browse", "workbench.reading.parquet_rows", "workbench"])
def test_programs_of_ours_start_from_our_path(folder, module):
    """Each gets as far as to say what is wrong with its words, without a look at the folder."""
    code = f"import subprocess; from workbench.assets import program; print(program({module!r}))"
    code += f"; subprocess.run([*program({module!r}), '--help'], stdin=subprocess.DEVNULL)"
    (folder.parent / "begin.py").write_text(code)
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(folder.parent / "begin.py")]
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    assert "'-P'" in done.stdout and done.returncode == 0, done.stderr
    assert not (folder / "trapped").exists()


def test_a_folder_that_is_trusted_stays_so(monkeypatch, tmp_path):
    """Who began with `python -m` in a checkout goes on from there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "-P" not in program("workbench")
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    assert "-P" in program("workbench")
