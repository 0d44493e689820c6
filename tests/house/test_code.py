"""The house rules that a program can check: floors, sizes, what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

LONGEST_MODULE = 300  # lines
LONGEST_FUNCTION = 30  # lines, without its docstring and decorators
# "module.py" or "module.py:function": the reason why it may be longer.
ALLOWED: dict[str, str] = {}
MODULES = sorted((ROOT / "workbench").rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_point_down_the_floors():
    """import-linter finds no import that points up, and every room has its floor."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_modules_fit_on_a_page(path):
    """A module of more than 300 lines is split along its seams."""
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE or _name(path) in ALLOWED


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            prose = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            docstring = (first.end_lineno or 0) - first.lineno + 1 if prose else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - docstring


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_functions_are_short(path):
    """A function of more than 30 lines does two things."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    long = [f"{_name(path)}:{name}" for name, lines in _functions(tree) if lines > LONGEST_FUNCTION]
    assert [name for name in long if name not in ALLOWED] == []


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_everything_public_says_what_it_does(path):
    """Modules, classes and functions without a leading underscore have a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [node for node in _public(tree) if not ast.get_docstring(node)]
    assert ast.get_docstring(tree) or not path.read_text(encoding="utf-8").strip()
    assert [node.name for node in named] == []


def _public(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node


def test_only_one_room_hashes():
    """No module but ids.py imports hashlib."""
    found = [_name(p) for p in MODULES if re.search(r"(?m)^\s*(import|from) hashlib", p.read_text(encoding="utf-8"))]
    assert found == ["workbench/ids.py"]


def test_only_one_module_brings_in_sqlite():
    """Two copies of SQLite on one file lose rows: store/sqlite.py is the only importer."""
    pattern = re.compile(r"(?m)^\s*(import|from) (sqlite3|pysqlite3)")
    found = [_name(p) for p in MODULES if pattern.search(p.read_text(encoding="utf-8"))]
    assert found in ([], ["workbench/store/sqlite.py"])


def _texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True)
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    for name in filter(None, names):
        path = ROOT / name
        if name.startswith("tests/data/") or path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            yield name, data.decode("utf-8")


# Folders of one machine, and hosts of package registries; in pieces, so that this file passes its own test.
MACHINE = re.compile(
    "(?<![\\w.])/(?:" + "|".join(["ro" + "ot", "wo" + "rk", "ho" + "me", "Us" + "ers", "o" + "pt"]) + r")/\w"
)
REGISTRY = re.compile(
    "|".join(["py" + r"pi\.org", "pythonho" + "sted", "artifac" + "tory", "find-" + "links", "index-" + "url"])
)


def test_no_file_names_a_machine_or_a_registry():
    """The clone works anywhere: no absolute paths of one machine, no hosts that packages come from."""
    found = [
        f"{name}:{number}"
        for name, text in _texts()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE.search(line) or REGISTRY.search(line)
    ]
    assert found == []


def test_scripts_are_posix_and_runnable():
    """Everything that people start is executable and begins with a shell that every system has."""
    for name in ("setup", "demo", "test", "check", "docs"):
        path = ROOT / "scripts" / name
        assert path.stat().st_mode & 0o111 and path.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
        subprocess.run(["sh", "-n", str(path)], check=True)
