"""Pages and scripts say what is: references, schema prose, README."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from conftest import ROOT


def _pages():
    spec = spec_from_file_location("pages", ROOT / "scripts" / "pages.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_pages_are_up_to_date():
    """docs/cli.md and docs/schema.md are what scripts/docs would write now."""
    assert _pages().stale() == []


@pytest.mark.parametrize("page", ["schema.sql", "views.sql"])
def test_every_table_and_view_has_prose_above_it_or_belongs_to_the_one_above(page):
    """A comment stands above each table and view, so that the `sqlite3` shell's `.schema` explains itself."""
    text = (ROOT / "schema" / page).read_text(encoding="utf-8")
    bare = [
        body.splitlines()[0]
        for prose, body in _pages().statements(text)
        if re.match(r"create (virtual )?(table|view)", body) and not prose
    ]
    assert [line for line in bare if line not in SELF_EXPLAINING] == []


# The prose of the table above speaks of these too, or the name and the columns say it all.
SELF_EXPLAINING = {
    "create table combo_members (",
    "create table events (",
    "create table cohort_members (",
    "create table migration_problems (",
    "create table import_rows (",
}


def test_the_schema_is_the_sum_of_its_steps():
    """schema.sql and views.sql together make the very objects that the numbered steps make."""
    from workbench.store import sqlite3
    from workbench.store.steps import shape_at, shape_of, step_names

    conn = sqlite3.connect(":memory:")
    for page in ("schema.sql", "views.sql"):
        conn.executescript((ROOT / "schema" / page).read_text(encoding="utf-8"))
    made = shape_of(conn)
    conn.close()
    assert {name for _, name, _, _ in made ^ shape_at(len(step_names()))} == set()


def test_the_changelog_names_this_version():
    """CHANGELOG.md has a heading for the version that the package says it is."""
    from workbench import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


README = (ROOT / "README.md").read_text(encoding="utf-8")
# What a reader does, in order: lines to run with what they print, and files to write.
BLOCKS = re.findall(r"<!-- (run|file (\S+)) -->\n```\w+\n(.*?)```", README, re.DOTALL)


def _steps(block: str) -> list[tuple[str, str]]:
    parts = re.split(r"(?m)^\$ ", block)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def test_the_readme_has_examples_that_run():
    """There is something to run."""
    assert [step for _, name, block in BLOCKS if not name for step in _steps(block)] != []


def test_the_readme_tells_the_truth(tmp_path: Path):
    """Every `$ …` line of its marked blocks runs, in one folder and in order, and prints what is shown (… is any).

    Marked files are written there first, as a reader would.
    """
    bin_folder = tmp_path / "bin"
    folder = tmp_path / "folder"
    bin_folder.mkdir()
    folder.mkdir()
    command = bin_folder / "workbench"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m workbench "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    env = os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for _, name, block in BLOCKS:
        if name:
            (folder / name).write_text(block, encoding="utf-8")
            continue
        for line, shown in _steps(block):
            done = subprocess.run(line, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (line, done.stderr)
            wanted = shown.replace("…", "...")
            fits = doctest.OutputChecker().check_output(wanted, done.stdout, flags)
            assert not wanted.strip() or fits, (line, done.stdout)
