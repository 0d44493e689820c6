"""A DeepFabric run that stopped half-way is taken over, looked at, exported and taken over elsewhere: the real CLI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import DATA

from workbench.catalogue.topics import store_topics
from workbench.store import create_project, open_project, transaction
from workbench.topics import read_topics

V4 = DATA / "deepfabric" / "tree_v4"
CKPT = V4 / "ckpt" / "dataset.checkpoint.json"
OLD = DATA / "deepfabric" / "tree_v3" / "ckpt" / "dataset.checkpoint.json"


def with_garden(path: Path) -> Path:
    """Make a project with the checkpoint's topics."""
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        store_topics(db, read_topics(V4 / "topics_tree.jsonl", name="garden"))
    return path


@pytest.fixture
def garden(tmp_path: Path) -> Path:
    return with_garden(tmp_path / "garden.db")


def test_a_checkpoint_is_taken_over(run, garden):
    """16 samples and one failure; the second time nothing; `import` lists it; every check holds."""
    told = run("import", "checkpoint", CKPT, "--topics", "garden", "-p", garden, "--json")
    assert told.code == 0
    found = told.json
    assert (found["added"], found["completions"], found["failures"], found["problems"]) == ({"draft": 17}, 16, 1, [])
    drafts = run("query", "select status, count(*) as n from generations group by 1", "-p", garden, "--json").json
    assert drafts == [{"status": "done", "n": 16}, {"status": "failed", "n": 1}]
    before = run("digest", "-p", garden).out
    again = run("import", "checkpoint", CKPT, "-p", garden, "--json").json
    assert (again["added"], again["migration"]) == ({"draft": 0}, None)
    assert run("digest", "-p", garden).out == before
    (listed,) = run("import", "-p", garden, "--json").json
    assert (listed["source"], listed["migration"]) == (CKPT.name, 1)
    assert run("verify", "--full", "-p", garden).code == 0


def test_its_configuration_says_how_to_go_on_with_it(run, tmp_path):
    """A configuration names its template otherwise than the import: it says so, and the rename that it names helps."""
    path = tmp_path / "p.db"
    assert run("topics", "import", V4 / "topics_tree.jsonl", "--create", "-p", path).code == 0
    assert run("import", "checkpoint", CKPT, "-p", path).code == 0
    config = V4 / "config.yaml"
    before = run("validate", config, "-p", path, "--json").json
    (told,) = [text for text in before["problems"] if "imported" in text]
    rename = "workbench rename template deepfabric-basic config-basic"
    assert (before["done"], before["pending"]) == (0, 40) and told.endswith(f"`{rename}`") and "16 imported" in told
    assert run(*rename.split()[1:], "-p", path).code == 0
    after = run("validate", config, "-p", path, "--json").json
    assert (after["done"], after["failed"], after["pending"]) == (16, 1, 23)
    assert not any("imported" in text for text in after["problems"])


def test_an_old_checkpoint_is_refused_in_one_line(run, garden):
    """Exit 3; the line says file, version found, version supported, what to do; the file's bytes are as before."""
    before = garden.read_bytes()
    told = run("import", "checkpoint", OLD, "-p", garden, "--json")
    assert (told.code, told.out, told.err.count("\n")) == (3, "", 1)
    assert OLD.name in told.err and "version 3" in told.err and "version 4" in told.err and ";" in told.err
    assert garden.read_bytes() == before
    assert [path.name for path in garden.parent.iterdir() if path.is_file()] == [garden.name]


def test_create_makes_a_project_only_when_the_import_holds(run, tmp_path):
    """A refused file leaves no project behind; without --create, a missing project is an error."""
    pytest.importorskip("workbench.catalogue.starters")
    new = tmp_path / "new.db"
    assert run("import", "checkpoint", OLD, "--create", "-p", new).code == 3
    assert run("import", "dataset", V4 / "finished" / "dataset_straight_24.jsonl", "-p", new).code == 2
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "q", "response": "a"}\n')
    assert run("import", "dataset", rows, "--create", "--dry-run", "-p", new, "--json").json["added"] == {"draft": 1}
    assert not new.exists()
    assert run("import", "dataset", rows, "--create", "-p", new, "--json").json["added"] == {"draft": 1}
    assert run("import", "dataset", rows, "--create", "-p", new, "--json").json["added"] == {"draft": 0}


def test_a_dry_run_leaves_every_byte(run, garden):
    """It says what would be done."""
    before = garden.read_bytes()
    told = run("import", "checkpoint", CKPT, "--dry-run", "-p", garden, "--json").json
    assert (told["added"], told["dry_run"], told["migration"]) == ({"draft": 17}, True, None)
    assert garden.read_bytes() == before


def test_problems_are_listed_for_people_and_programs(run, project):
    """Without the topics, every row is a problem with severity, place, code and detail; exit 0."""
    told = run("import", "checkpoint", CKPT, "-p", project, "--json")
    assert told.code == 0 and len(told.json["problems"]) == 17 + 16 + 1
    assert told.json["problems"][0].keys() >= {"severity", "where", "code", "detail"}
    shown = run("import", "checkpoint", CKPT, "-p", project).out
    assert "unknown-topic" in shown and "and 31 more" in shown


def test_the_work_leaves_again(run, garden, tmp_path):
    """Dataset, topics and checkpoint are written, never twice without --force, and give the same project elsewhere."""
    run("import", "checkpoint", CKPT, "-p", garden)
    for words in (["dataset", "d.jsonl"], ["topics", "t.jsonl"], ["checkpoint", "c"]):
        command = ["export", words[0], tmp_path / words[1], "-p", garden, "--topics", "garden", "--json"]
        told = run(*command)
        assert told.code == 0 and told.json.keys() >= {"rows", "path"}
        refused = run(*command)
        assert (refused.code, refused.out, "--force" in refused.err) == (3, "", True)
        assert run(*command, "--force").code == 0
    assert len((tmp_path / "d.jsonl").read_text().splitlines()) == 16
    other = with_garden(tmp_path / "other.db")
    assert run("import", "checkpoint", tmp_path / "c.checkpoint.json", "-p", other).code == 0
    assert run("digest", "-p", other).out == run("digest", "-p", garden).out


def test_formats_and_filters(run, garden, tmp_path):
    """--format, --cycle, --where and -o do what they say; bad SQL is one line and exit 2."""
    run("import", "checkpoint", CKPT, "-p", garden)
    out = tmp_path / "o.jsonl"
    told = run("export", "dataset", "-o", out, "--format", "sharegpt", "--cycle", 0, "-p", garden, "--json")
    assert told.json == {"rows": 8, "path": str(out)}
    assert json.loads(out.read_text().splitlines()[0]).keys() == {"conversations"}
    one = run("export", "dataset", out, "--where", "raw like '%Pebble%'", "--force", "-p", garden, "--json").json
    assert 0 < one["rows"] < 16
    bad = run("export", "dataset", tmp_path / "x", "--where", "no such thing", "-p", garden)
    assert (bad.code, bad.err.count("\n")) == (2, 1) and not (tmp_path / "x").exists()
    assert run("export", "dataset", "-p", garden).code == 2
