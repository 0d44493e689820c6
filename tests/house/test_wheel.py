"""The wheel that people install."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with what is installed here; nothing is fetched."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_schema_and_templates_and_no_tests(wheel):
    """What `assets` looks for is inside, and nothing that belongs to the clone alone."""
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {f"workbench/_assets/schema/{path.name}" for path in (ROOT / "schema").glob("*.sql")}
    assert shipped <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "scripts/", "docs/"))]


def test_the_wheel_works_in_a_fresh_environment(wheel, tmp_path):
    """Installed alone, `workbench init`, `status` and `verify` run from its console script, far from the clone."""
    fresh = tmp_path / "fresh"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(fresh)], check=True)
    python = fresh / "bin" / "python"
    site = next(fresh.glob("lib/python*/site-packages"))
    # The libraries it depends on are those of this environment: a path file, so that its own path files stay out.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for words in (["init", "-p", "x.db"], ["status", "-p", "x.db", "--json"], ["verify", "-p", "x.db"]):
        done = subprocess.run(
            [str(fresh / "bin" / "workbench"), *words],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["x.db"]
