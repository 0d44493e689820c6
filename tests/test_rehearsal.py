"""`--dry-run` of what makes files: every check is made, the counts are real, and nothing is there afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import projects
import pytest
from click.testing import CliRunner

from workbench.cli import main

WRITES: dict[str, tuple[str, ...]] = {
    "dataset": ("export", "dataset", "out.jsonl"),
    "csv": ("export", "dataset", "out.csv"),
    "parquet": ("export", "parquet", "out.parquet"),
    "huggingface": ("export", "huggingface", "out"),
    "prov": ("export", "prov", "out.json"),
    "openlineage": ("export", "openlineage", "out.jsonl"),
    "store": ("export", "store", "out"),
    "pack": ("pack", "out.db"),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return projects.made(tmp_path / "p.db")


def run(*words: str) -> tuple[int, Any]:
    """Run a command; gives its exit code and its document."""
    done = CliRunner().invoke(main, [*words, "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout else None


def seen(folder: Path) -> dict[str, bytes | None]:
    """Give everything that is in a folder."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("words", WRITES.values(), ids=list(WRITES))
def test_nothing_is_there_afterwards_and_the_counts_are_those_of_the_file(here: Path, words: tuple[str, ...]) -> None:
    """It says what the command then says, and refuses what that refuses."""
    asked = (*words, "-p", str(here))
    before = seen(here.parent)
    code, told = run(*asked, "--dry-run")
    assert (code, seen(here.parent)) == (0, before)
    assert run(*asked) == (0, {key: value for key, value in told.items() if key != "dry_run"}) and told["dry_run"]
    after = seen(here.parent)
    assert after != before
    assert run(*asked, "--dry-run")[0] == run(*asked)[0] == 3 and seen(here.parent) == after


def test_a_project_is_not_made(here: Path) -> None:
    before = seen(here.parent)
    code, told = run("init", "new.db", "--dry-run")
    assert (code, told["templates"] > 0, seen(here.parent)) == (0, True, before)
    code, told = run("import-data", str(here), "-p", "taken.db", "--dry-run")
    assert (code, told["added"]["generations"] > 0, seen(here.parent)) == (0, True, before)
    assert run("init", "p.db", "--dry-run")[0] == 3


def test_a_binding_is_neither_made_nor_forgotten(here: Path) -> None:
    words = ("providers", "add", "router", "--url", "https://api.example.com/v1")
    assert run(*words, "--dry-run")[0] == 0 and run("providers", "list")[1] == []
    assert run(*words)[0] == 0
    assert run("providers", "remove", "router", "--dry-run")[1]["alias"] == "router"
    assert [row["alias"] for row in run("providers", "list")[1]] == ["router"]
    assert run("providers", "remove", "other", "--dry-run")[0] == 2


def test_a_migration_is_only_planned(here: Path) -> None:
    before = here.read_bytes()
    words = ("--to-scheme", "daydreaming", "-p", str(here))
    assert run("migrate", "apply", *words, "--dry-run") == run("migrate", "plan", *words)
    assert here.read_bytes() == before and [path.name for path in here.parent.iterdir()] == ["p.db"]
