"""What the catalogue rooms promise beneath the commands: starters, sources, pruning, outlines."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.assets import assets
from workbench.catalogue.combos import ensure_topic_combos, topic_path
from workbench.catalogue.drift import as_lines, source_of, source_path
from workbench.catalogue.listing import find_template, find_version, versions
from workbench.catalogue.models import Model, load_model, store_model
from workbench.catalogue.outline import State, topic_models, topic_states
from workbench.catalogue.pruning import prune
from workbench.catalogue.sources import read_source, read_sources
from workbench.catalogue.starters import install_starters
from workbench.catalogue.templates import load_template, store_template
from workbench.catalogue.topics import load_topics, store_topics
from workbench.cli.topics_show import outline
from workbench.errors import BadFile, Conflict, DamagedFile, UnknownName
from workbench.lineage import about
from workbench.project import Project
from workbench.prompts import Template
from workbench.store import open_project, transaction
from workbench.topics import Node, TopicModel, pruned, read_topics
from workbench.verify import digest, verify

RAW = DATA / "daydreaming" / "1_raw"
GRAPH = DATA / "deepfabric" / "graph" / "topic_graph.json"


def test_starters_are_whole_and_installed_once(project: Path) -> None:
    """Every shipped template is installed; a second time changes nothing."""
    shipped = list((assets() / "templates" / "prompts").rglob("*.j2"))
    with open_project(project, write=True) as db:
        assert install_starters(db) == len(shipped) > 5
        before = digest(db)
        assert install_starters(db) == len(shipped)
        assert digest(db) == before
        assert load_template(db, "topics", "topics-graph").parser == "subtopics_graph"
        assert [check.name for check in verify(db, full=True) if not check.ok] == []


def test_every_source_leads_back_to_its_template() -> None:
    """What is kept as a template's file gives, read alone, that template again."""
    for root in (RAW, assets() / "templates" / "prompts"):
        for template, path in read_source(root):
            again = {(t.stage, t.name): t.hash for t, _ in read_source(path, template.stage)}
            assert again[template.stage, template.name] == template.hash


def test_a_source_is_kept_as_seen_from_the_project(tmp_path: Path) -> None:
    """Relative, whatever the working folder; starters lie with the package."""
    kept = source_of(tmp_path / "prompts" / "a.j2", tmp_path / "data" / "p.db")
    assert kept == "../prompts/a.j2"
    assert source_path(kept, tmp_path / "data").resolve() == (tmp_path / "prompts" / "a.j2").resolve()
    assert source_path("starter:draft/qa-sample.j2", tmp_path).is_file()


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    """Both with and without a stage."""
    for stage in (None, "draft"):
        with pytest.raises(BadFile, match="no templates here"):
            read_sources([tmp_path], stage)


def test_two_texts_differ_in_lines_wherever_they_differ() -> None:
    """Everything that the hash covers is in the lines."""
    plain = Template("n", "evaluation", "text\n")
    others = [
        Template("n", "evaluation", "text"),
        Template("n", "evaluation", "text\n", parser="score"),
        Template("n", "evaluation", "text\n", system="s"),
        Template("n", "evaluation", "text\n", minimum_lines=2),
        Template("n", "evaluation", "text\n", scale=(0, 5)),
        Template("n", "evaluation", "text\n", schema={"type": "object"}),
    ]
    assert len({as_lines(one) for one in (plain, *others)}) == 1 + len(others)


def test_versions_are_found_by_the_beginning_of_their_hash(project: Path) -> None:
    """One match counts; none, or several, are errors with the hashes there are."""
    with open_project(project, write=True) as db, transaction(db):
        for number in range(40):
            store_template(db, Template("n", "draft", f"text {number}"))
        number, stage = find_template(db, "N ")
        kept = versions(db, number)
        assert (stage, len(kept), find_version(kept, None)) == ("draft", 40, kept[-1])
        assert find_version(kept, kept[3].hash[:12].upper()) == kept[3]
        for start in ("", "zz"):
            with pytest.raises(UnknownName, match=kept[-1].hash[:8]):
                find_version(kept, start)


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_stored_graph_is_pruned_as_one_in_memory(depth: int, project: Path) -> None:
    """Nodes, edges in order, depths and main paths agree with the pure function, for a depth and for each topic."""
    with open_project(project, write=True) as db, transaction(db):
        store_topics(db, read_topics(GRAPH, name="g"))
        model = load_topics(db, "g")
    for uuids in ([], *[[node.uuid] for node in model.nodes[1:]]):
        with open_project(project, write=True) as db, pytest.raises(ZeroDivisionError), transaction(db):
            kept, removed = prune(db, "g", depth, uuids)
            assert (load_topics(db, "g"), len(kept.nodes) + len(removed)) == (kept, len(model.nodes))
            assert kept == pruned(model, depth=depth, uuids=uuids)[0]
            assert db.execute("select count(*) from topic_edges where main").fetchone()[0] == len(kept.nodes) - 1
            raise ZeroDivisionError  # taken back for the next


def test_samples_hold_their_topics(family: Path) -> None:
    """A topic that drafts are about cannot go; the reason names it and the number of samples."""
    with open_project(family, write=True) as db:
        used = db.execute(
            "select m.name, t.uuid, t.title from topics t join topic_models m on m.id = t.topic_model_id"
            " join combos c on c.topic_id = t.id join generations g on g.combo_id = c.id where t.depth > 0"
        ).fetchone()
        with pytest.raises(Conflict, match=used[2]), transaction(db):
            prune(db, used[0], uuids=[used[1]])
        assert sum(state.samples for state in topic_states(db, used[0]).values()) > 0
        assert next(iter(topic_models(db)))["samples"] > 0


@st.composite
def models(draw: st.DrawFn) -> TopicModel:
    """Draw a graph: each node below some earlier ones."""
    size = draw(st.integers(1, 60))
    parents = [draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3, unique=True)) for n in range(1, size)]
    edges = [(parent, child) for child, some in enumerate(parents, 1) for parent in some]
    return TopicModel("m", "graph", [Node(f"u{n}", f"t{n}", 0) for n in range(size)], edges)


@given(models(), st.integers(1, 80), st.none() | st.integers(0, 5))
@settings(max_examples=150)
def test_an_outline_fits_its_limit_and_accounts_for_every_topic(
    model: TopicModel, limit: int, depth: int | None
) -> None:
    """At most `limit` lines and one that says there is more; nothing is left out without a word."""
    states = {node.uuid: State() for node in model.nodes}
    entries = list(outline(model, states, depth, limit))
    assert len(entries) <= limit + 1
    shown = {entry.words for entry in entries if not entry.is_more}
    folded = any(entry.is_more for entry in entries) or depth is not None
    assert folded or shown == {node.title for node in model.nodes}
    assert entries[0].words == "t0"


def test_names_are_kept_without_the_blanks_around_them(project: Path) -> None:
    """They are looked for without them: what was stored with them was never found again."""
    tree = TopicModel(" garden ", "tree", [Node("u1", "Soil", 0)], [])
    with open_project(project, write=True) as db:
        with transaction(db):
            store_topics(db, tree)
            store_template(db, Template(" notes ", "draft", "text"))
            store_model(db, Model(" small ", "offline", "offline-1"))
        assert load_topics(db, "garden").name == "garden"
        assert load_template(db, "draft", "notes").name == "notes"
        assert load_model(db, "small").llm_model_id == "small"


def test_what_is_said_of_a_template_follows_its_file(project: Path) -> None:
    """A file that moved, or says more of the same text, is the one that drift is told against."""
    with open_project(project, write=True) as db, transaction(db):
        one = Template("notes", "draft", "text", description="first")
        assert store_template(db, one, "old/notes.txt") == "added"
        assert store_template(db, replace(one, description="second"), "new/notes.txt") == "unchanged"
        assert store_template(db, replace(one, description="")) == "unchanged"
        row = db.execute("select description, source from templates where name = 'notes'").fetchone()
        assert row == ("second", "new/notes.txt")


def test_a_topic_far_below_its_root_has_its_whole_path(project: Path) -> None:
    """In prompts, beside a text, and from Python."""
    titles = [f"level {n}" for n in range(1500)]
    chain = [Node(f"u{n}", title, n) for n, title in enumerate(titles)]
    with open_project(project, write=True) as db:
        with transaction(db):
            number = store_topics(db, TopicModel("deep", "tree", chain, list(pairwise(range(1500))))).topic_model_id
            ensure_topic_combos(db, number)
        (last,) = db.execute("select id from topics where uuid = 'u1499'").fetchone()
        assert topic_path(db, last) == titles == about(db, "u1499")["topic_path"]
    with Project.open(project) as opened:
        assert opened.topic_path("u1499") == titles


@pytest.mark.parametrize("main", [0, 1])
def test_topics_below_each_other_are_refused_where_they_would_be_walked(project: Path, main: int) -> None:
    """A stranger's file: no path above such topics ends."""
    with open_project(project, write=True) as db:
        with transaction(db):
            store_topics(db, TopicModel("t", "graph", [Node(f"u{n}", f"t{n}", n) for n in range(3)], [(0, 1), (1, 2)]))
            db.execute("update topic_edges set main = 0")
            db.execute(f"insert into topic_edges (parent_id, child_id, place, main) values (3, 1, 9, {main})")
        with pytest.raises(DamagedFile, match="has no end"):
            load_topics(db, "t")
