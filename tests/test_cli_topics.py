"""`workbench topics` in this process: what it prints, keeps, and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DATA, Ran
from gardens import garden, order

from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import load_topics
from workbench.generate import generate
from workbench.prompts import Template
from workbench.store import open_project, transaction
from workbench.topics import TopicModel, read_topics
from workbench.verify import digest

TREE = DATA / "deepfabric" / "tree_v4" / "topics_tree.jsonl"
GRAPH = DATA / "deepfabric" / "graph" / "topic_graph.json"
Run = Callable[..., Ran]
KEYS = {"name", "kind", "nodes", "paths", "leaves", "unique_topics", "added", "unchanged"}


def stored(project: Path, name: str) -> TopicModel:
    """Load a topic model."""
    with open_project(project) as db:
        return load_topics(db, name)


def digest_of(project: Path) -> str:
    """Give the project's digest."""
    with open_project(project) as db:
        return digest(db)


def wide(path: Path, branches: int, leaves: int) -> Path:
    """Write a tree of so many branches with so many leaves each."""
    rows = ({"path": ["root", f"branch {b}", f"leaf {b}.{n}"]} for b in range(branches) for n in range(leaves))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_import_says_what_it_read_and_twice_changes_nothing(run: Run, project: Path) -> None:
    """The keys of the contract, with a graph's three counts; a second import adds nothing and keeps the digest."""
    first = run("topics", "import", GRAPH, "--name", "garden", "-p", project, "--json").json
    assert first.keys() >= KEYS | {"failures", "notes"}
    assert (first["kind"], first["nodes"], first["paths"], first["leaves"]) == ("graph", 13, 15, 9)
    assert (first["unique_topics"], first["added"], first["unchanged"]) == (12, 13, 0)
    before = digest_of(project)
    again = run("topics", "import", GRAPH, "--name", "garden", "-p", project, "--json").json
    assert (again["added"], again["unchanged"]) == (0, 13)
    assert digest_of(project) == before


def test_the_name_comes_from_the_file(run: Run, project: Path, tmp_path: Path) -> None:
    """A file's stem is made a valid name; one of which nothing is left asks for --name."""
    odd = tmp_path / "My Topics (final).jsonl"
    odd.write_bytes(TREE.read_bytes())
    assert run("topics", "import", odd, "-p", project, "--json").json["name"] == "my-topics-final"
    nameless = tmp_path / "…….jsonl"
    nameless.write_bytes(TREE.read_bytes())
    ran = run("topics", "import", nameless, "-p", project)
    assert ran.code == 2 and "--name" in ran.err


def test_a_dry_run_and_a_bad_file_change_nothing(run: Run, project: Path, tmp_path: Path) -> None:
    """A dry run counts without keeping; every bad line is named with its number, exit 2."""
    before = digest_of(project)
    dry = run("topics", "import", TREE, "--dry-run", "-p", project, "--json").json
    assert (dry["added"], dry["dry_run"]) == (13, True)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"path": ["a", "b"]}\n{"path": []}\nnonsense\n', encoding="utf-8")
    ran = run("topics", "import", bad, "-p", project)
    assert (ran.code, ran.out) == (2, "")
    assert "bad.jsonl:2" in ran.err and "bad.jsonl:3" in ran.err and len(ran.err.splitlines()) == 2
    strict = run("topics", "import", wide(tmp_path / "bare.jsonl", 1, 2), "--strict", "-p", project)
    assert strict.code == 2 and "bare.jsonl:1" in strict.err
    assert digest_of(project) == before


def test_create_makes_the_project_with_starters(run: Run, tmp_path: Path) -> None:
    """--create makes a project that is not there, not in a dry run; without it the missing project is an error."""
    path = tmp_path / "new.db"
    assert run("topics", "import", TREE, "-p", path).code == 2
    assert run("topics", "import", TREE, "--create", "--dry-run", "-p", path, "--json").json["added"] == 13
    assert not path.exists()
    assert run("topics", "import", TREE, "--create", "-p", path, "--json").json["added"] == 13
    assert run("templates", "list", "-p", path, "--json").json
    assert run("topics", "import", TREE, "--create", "-p", path, "--json").json["unchanged"] == 13


def test_leaves_only_cannot_change_silently(run: Run, project: Path) -> None:
    """Which nodes are written about is decided once: the other way is refused, and nothing changes."""
    narrow = run("topics", "import", GRAPH, "--leaves-only", "-p", project, "--json").json
    assert narrow["unique_topics"] == 9
    ran = run("topics", "import", GRAPH, "-p", project)
    assert ran.code == 3 and "with --leaves-only" in ran.err


def test_list_counts_every_model(run: Run, project: Path) -> None:
    """The bare noun lists: one row each, by name; an empty project says what to do."""
    assert "topics import" in run("topics", "-p", project).err
    assert run("topics", "-p", project, "--json").json == []
    run("topics", "import", TREE, "--name", "tree", "-p", project)
    run("topics", "import", GRAPH, "--name", "graph", "-p", project)
    rows = run("topics", "-p", project, "--json").json
    assert [(r["name"], r["kind"], r["topics"], r["unique_topics"], r["left"]) for r in rows] == [
        ("graph", "graph", 13, 12, 0),
        ("tree", "tree", 13, 9, 0),
    ]
    assert run("topics", "list", "-p", project).out.splitlines()[0].startswith("name ")


def test_show_is_an_outline_with_the_three_counts(run: Run, project: Path) -> None:
    """A graph's paths, nodes and leaves; cross-links are marked and not repeated below."""
    run("topics", "import", GRAPH, "--name", "g", "-p", project)
    shown = run("topics", "show", "g", "-p", project)
    assert "15 paths, 12 nodes below the root, 9 leaves" in shown.out
    assert "12 topics to write about" in shown.out
    model = stored(project, "g")
    assert shown.out.count("↗") == len(model.edges) - (len(model.nodes) - 1) > 0
    found = run("topics", "show", "g", "-p", project, "--json").json
    assert (found["paths"], found["non_root_nodes"], found["leaves"]) == (15, 12, 9)
    assert len(found["topics"]) == 13 and found["topics"][0]["parents"] == []
    assert max(len(t["parents"]) for t in found["topics"]) > 1


def test_show_is_bounded(run: Run, project: Path, tmp_path: Path) -> None:
    """However many topics there are, the outline fits its limit and says what is left out, level by level."""
    run("topics", "import", wide(tmp_path / "w.jsonl", 40, 50), "-p", project)
    lines = run("topics", "show", "w", "-p", project).out.splitlines()[3:]
    assert 60 <= len(lines) <= 120
    assert sum("more" in line for line in lines) > 3
    folded = run("topics", "show", "w", "--depth", "1", "-p", project).out
    assert "branch 39  (50 below)" in folded and "leaf" not in folded.split("\n", 3)[3]
    short = run("topics", "show", "w", "--limit", "3", "-p", project).out.splitlines()[3:]
    assert len(short) <= 4 and "more" in short[-1]


def test_show_counts_samples(run: Run, tmp_path: Path) -> None:
    """Each topic says how many samples it has."""
    path = garden(tmp_path / "p.db", provider="offline")
    with open_project(path, write=True) as db:
        generate(db, order(13))
    found = run("topics", "show", "garden", "-p", path, "--json").json
    assert found["samples"] == 13 and sorted(t["samples"] for t in found["topics"])[-2:] == [1, 2]
    assert "2 samples" in run("topics", "show", "garden", "-p", path).out


def test_foreign_titles_are_made_visible(run: Run, project: Path, tmp_path: Path) -> None:
    """A title from a file cannot turn the terminal's text around."""
    file = tmp_path / "t.jsonl"
    file.write_text(json.dumps({"path": ["root", "evil\u202etxt"]}) + "\n", encoding="utf-8")
    run("topics", "import", file, "-p", project)
    shown = run("topics", "show", "t", "-p", project).out
    assert "\u202e" not in shown and "evil\\u202etxt" in shown


def test_export_gives_the_same_topics_back(run: Run, project: Path, tmp_path: Path) -> None:
    """What was exported reads as the same model; an existing file is not written over without --force."""
    run("topics", "import", GRAPH, "--name", "g", "-p", project)
    out = tmp_path / "out.json"
    assert run("topics", "export", "g", out, "-p", project, "--json").json == {"rows": 13, "path": str(out)}
    assert read_topics(out, name="g").counts() == stored(project, "g").counts()
    ran = run("topics", "export", "g", out, "-p", project)
    assert ran.code == 3 and "--force" in ran.err
    assert run("topics", "export", "g", out, "--force", "-p", project).code == 0


def test_prune_lists_what_goes_and_asks(run: Run, project: Path) -> None:
    """A dry run and a refusal keep everything; with --yes the listed topics go, and nothing else."""
    run("topics", "import", TREE, "--name", "t", "-p", project)
    dry = run("topics", "prune", "t", "--depth", "1", "--dry-run", "-p", project, "--json").json
    assert (dry["removed"], dry["left"], len(dry["topics"])) == (9, 4, 9)
    before = digest_of(project)
    nobody = run("topics", "prune", "t", "--depth", "1", "-p", project)
    assert nobody.code == 3 and "--yes" in nobody.err and dry["topics"][0]["topic"] in nobody.err
    assert digest_of(project) == before
    done = run("topics", "prune", "t", "--depth", "1", "--yes", "-p", project, "--json").json
    assert (done["removed"], done["topics"]) == (9, dry["topics"])
    assert [n.depth for n in stored(project, "t").nodes] == [0, 1, 1, 1]
    nothing = run("topics", "prune", "t", "--depth", "5", "-p", project, "--json").json
    assert nothing["removed"] == 0


def test_prune_by_uuid_keeps_other_paths(run: Run, project: Path) -> None:
    """A graph's node that hangs below another one too stays, with a main path and the depth that it has there."""
    run("topics", "import", GRAPH, "--name", "g", "-p", project)
    model = stored(project, "g")
    crossed = {child for parent, child in model.edges if model.parents[child] != parent}
    cut = model.parents[min(crossed)]
    ran = run("topics", "prune", "g", "--uuid", model.nodes[cut].uuid.upper(), "--yes", "-p", project, "--json")
    assert ran.code == 0
    with open_project(project) as db:
        (mains,) = db.execute("select count(*) from topic_edges where main").fetchone()
        assert mains == ran.json["left"] - 1
    assert model.nodes[min(crossed)].uuid in stored(project, "g").positions
    assert run("verify", "--full", "-p", project).code == 0


def test_prune_never_orphans_samples(run: Run, tmp_path: Path) -> None:
    """Topics with samples are kept: exit 3, each named with its count, nothing changed."""
    path = garden(tmp_path / "p.db", provider="offline")
    with open_project(path, write=True) as db:
        generate(db, order(12))
    before = digest_of(path)
    for extra in ("--dry-run", "--yes"):
        ran = run("topics", "prune", "garden", "--depth", "1", extra, "-p", path)
        assert ran.code == 3 and "there are 1 samples about" in ran.err
    assert digest_of(path) == before


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("prune", "t"), 2, "--depth N or --uuid"),
        (("prune", "t", "--uuid", "x"), 2, "no topic 'x'"),
        (("prune", "nothing", "--depth", "1"), 2, "no topic model 'nothing'"),
        (("show", "nothing"), 2, "there are t"),
        (("export", "nothing", "x.jsonl"), 2, "no topic model"),
        (("import", "nowhere.jsonl"), 2, "nowhere.jsonl"),
        (("import", str(TREE), "--name", "a b"), 2, "a b"),
        (("build", "t", "--prompt", "x", "--model", "offline"), 3, "read from a file"),
        (("build", "n", "--prompt", " ", "--model", "offline"), 2, "the prompt is empty"),
        (("build", "n", "--prompt", "x", "--model", "nobody"), 2, "no model 'nobody'"),
        (("build", "n", "--prompt", "x", "--model", "offline", "--template", "none"), 2, "no topics template"),
        (("build", "n", "--prompt", "x", "--model", "offline", "--depth", "0"), 2, "--depth"),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(
    words: tuple[str, ...], code: int, says: str, run: Run, grower: Path
) -> None:
    """Bad names, files and options: one line on stderr, nothing on stdout, nothing changed."""
    run("topics", "import", TREE, "--name", "t", "-p", grower)
    before = digest_of(grower)
    ran = run("topics", *words, "-p", grower)
    assert (ran.code, ran.out) == (code, "") and says in ran.err and len(ran.err.splitlines()) == 1
    assert digest_of(grower) == before


@pytest.fixture
def grower(project: Path) -> Path:
    """Give a project with the templates for topics and the offline model."""
    with open_project(project, write=True) as db, transaction(db):
        for mode, parser in (("tree", "subtopics"), ("graph", "subtopics_graph")):
            text = "Topic: {{ topic }}{% for n in existing %}\n{{ n.id }}: {{ n.title }}{% endfor %}"
            store_template(db, Template(f"topics-{mode}", "topics", text, parser=parser))
        store_model(db, Model("offline", "offline", "offline-1"))
    return project


def build(run: Run, project: Path, *words: object) -> Ran:
    """Build the topic model `b` with the offline model."""
    return run("topics", "build", "b", "--prompt", "Bread", "--model", "offline", *words, "-p", project)


def test_build_reports_the_run_and_the_topics(run: Run, grower: Path) -> None:
    """The keys of generate, and the counts of what has grown; the same again does nothing."""
    dry = build(run, grower, "--dry-run", "--json").json
    assert (dry["pending"], dry["calls"], dry["topics"]) == (1, 4, 12)
    first = build(run, grower, "--json")
    assert first.code == 0 and "at most 4 calls" in first.err and "Level 2: +9 topics" in first.err
    found = first.json
    assert {"run", "done", "failed", "skipped", "calls", "tokens_in", "tokens_out", "cost", "seconds"} <= found.keys()
    assert (found["done"], found["calls"], found["nodes"], found["paths"], found["unique_topics"]) == (4, 4, 13, 9, 9)
    again = build(run, grower, "--json").json
    assert (again["done"], again["skipped"], again["calls"]) == (0, 4, 0)
    assert "done: 0 done" in build(run, grower).out


def test_build_stops_where_it_is_told_and_goes_on(run: Run, grower: Path) -> None:
    """--limit leaves topics to be grown: exit 1, shown as such; the next build does them."""
    partial = build(run, grower, "--limit", "2", "--json")
    assert (partial.code, partial.json["left"]) == (1, 2)
    shown = run("topics", "show", "b", "-p", grower).out
    assert shown.count("… to be grown") == 2 and "still to be grown: 2 topics" in shown
    exported = run("topics", "export", "b", grower.parent / "b.jsonl", "-p", grower)
    assert "still to be grown" in exported.err
    assert build(run, grower, "--json").json["left"] == 0


def test_build_grows_a_graph_without_a_cycle(run: Run, grower: Path, tmp_path: Path) -> None:
    """The offline model's connections become cross-links, and the graph reads back."""
    found = build(run, grower, "--mode", "graph", "--depth", "3", "--degree", "4", "--json").json
    assert found["paths"] > found["leaves"] and found["unique_topics"] == found["nodes"] - 1
    out = tmp_path / "graph.json"
    run("topics", "export", "b", out, "-p", grower)
    assert read_topics(out, name="b").counts().paths == found["paths"]
    other = build(run, grower)
    assert other.code == 3 and "is a graph grown from the prompt 'Bread'" in other.err
