"""What a package adds: a provider, a parser, an export, a page, a kind of migration, found by their entry points."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import get
from conftest import ROOT, Ran

from workbench.browse.pages import all_pages

EXAMPLE = ROOT / "examples" / "plugin"
TEMPLATE = "---\nstage: draft\nparser: first_line\n---\nAbout {{ topic }}\nand more.\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example as pip would: the module, and what it declares in its folder of metadata."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(EXAMPLE / "workbench_example.py", site)
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / f"workbench_example-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [line for group, points in groups for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return site


@pytest.fixture
def workbench(installed: Path, shell: Callable[..., Ran]) -> Callable[..., Ran]:
    """Run the command line where the example is installed."""
    return lambda *words: shell(*words, env={"PYTHONPATH": f"{ROOT}{os.pathsep}{installed}"})


@pytest.fixture
def made(workbench: Callable[..., Ran], tmp_path: Path) -> Path:
    """A project with three samples by the example's provider, read by its parser."""
    (tmp_path / "t.jsonl").write_text('{"path": ["Root", " Soil "]}\n{"path": ["Root", "Water"]}\n', encoding="utf-8")
    (tmp_path / "plain.j2").write_text(TEMPLATE, encoding="utf-8")
    for words in (
        ("init",),
        ("topics", "import", "t.jsonl", "--name", "garden"),
        ("templates", "import", "plain.j2"),
        ("models", "add", "parrot", "--provider", "echo", "--name", "x"),
        ("generate", "--topics", "garden", "-n", "3", "--template", "plain", "--model", "parrot"),
    ):
        done = workbench(*words)
        assert done.code == 0, (words, done.err)
    return tmp_path / "project.db"


def test_its_provider_answers_and_its_parser_reads(made: Path, workbench: Callable[..., Ran]) -> None:
    """The prompt comes back, and the first line of it is the parsed text."""
    rows = workbench("query", "select parsed, raw, synthetic from generation_texts order by 1", "--json").json
    assert {row["parsed"] for row in rows} == {"About  Soil", "About Water"}
    assert [(row["raw"].splitlines()[1], row["synthetic"]) for row in rows] == [("and more.", 1)] * 3


def test_its_export_is_a_verb(made: Path, workbench: Callable[..., Ran]) -> None:
    """`export --help` names it; it writes a line a text, and counts them."""
    assert "titles" in workbench("export", "--help").out
    assert "ID and its topic" in workbench("export", "titles", "--help").out
    done = workbench("export", "titles", "titles.tsv", "--cycle", "0", "--json")
    assert done.json["rows"] == 2
    lines = (made.parent / "titles.tsv").read_text(encoding="utf-8").splitlines()
    assert sorted(line.partition("\t")[2] for line in lines) == [" Soil ", "Water"]
    assert workbench("export", "titles", "titles.tsv").code == 3
    assert workbench("export", "nothing", "x").code == 2


def test_its_migration_is_planned_applied_and_taken_back(made: Path, workbench: Callable[..., Ran]) -> None:
    """One recorded migration that changes the digest; the way back gives the old one."""
    before = workbench("digest", "--json").json["digest"]
    planned = workbench("migrate", "plan", "--kind", "trim-titles", "--json").json
    assert (planned["migration"], planned["steps"]) == (None, [{"step": "titles trimmed", "rows": 1}])
    assert workbench("digest", "--json").json["digest"] == before
    done = workbench("migrate", "apply", "--kind", "trim-titles", "--no-snapshot", "--json").json
    assert done["migration"] and done["digest_before"] == before != done["digest_after"]
    assert workbench("migrate", "rollback", "--json").json["digest"] == before
    unknown = workbench("migrate", "apply", "--kind", "nothing")
    assert (unknown.code, "trim-titles" in unknown.err) == (2, True)


def test_its_page_is_in_the_menu_with_its_rows(made: Path, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTML with the table, its JSON twin, and a link from every other page."""
    monkeypatch.syspath_prepend(str(installed))
    all_pages.cache_clear()
    try:
        ours = "/project/-/workbench"
        html, twin, overview = get(made, f"{ours}/words", f"{ours}/words.json", ours)
        assert '<td>plain<td class="n">6' in html.text
        assert twin.json()["rows"] == [{"template": "plain", "words": 6}]
        assert f'{ours}/words"' in overview.text
    finally:
        all_pages.cache_clear()


def test_the_page_for_contributors_shows_these_very_lines() -> None:
    """Each block of CONTRIBUTING.md is a part of the example, of less than twenty lines."""
    example = (EXAMPLE / "workbench_example.py").read_text(encoding="utf-8")
    parts = dict(re.findall(r"(?ms)^# (\w+)\n(.*?)(?=^# \w+\n|\Z)", example))
    shown = re.findall(r"(?s)```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert [part.strip() for part in parts.values()] == [block.strip() for block in shown]
    assert len(parts) == 5 and all(part.count("\n") < 20 for part in parts.values())
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert set(declared) == {f"workbench.{kind}s" for kind in parts}


def test_nothing_of_it_is_there_without_it(shell: Callable[..., Ran]) -> None:
    """Where the package is not installed, its names are unknown, and the message says what there is."""
    assert shell("init").code == 0
    refused = shell("migrate", "apply", "--kind", "trim-titles")
    assert (refused.code, "no package here adds any" in refused.err) == (2, True)
    assert json.loads(shell("status", "--json").out)["generations"] is not None
