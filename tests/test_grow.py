"""Topic models grown by a model: what hangs where, what failed, and how it goes on. No network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.catalogue.models import Model, store_model
from workbench.catalogue.paths import store_paths
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import load_topics
from workbench.errors import BadInput, Conflict, Problems, UnknownName
from workbench.generate import Summary, Terms
from workbench.grow import Growth, build_topics, forecast_growth
from workbench.grow.saplings import title_of
from workbench.prompts import Template
from workbench.providers import Answer, Request
from workbench.store import Database, create_project, open_project, transaction
from workbench.topics import pruned, read_topics, topic_lines
from workbench.verify import verify

TEXT = "{{ path_text }}: {{ degree }} subtopics.{% for n in existing %}\n{{ n.id }}: {{ n.title }}{% endfor %}"
Proposals = Callable[[Request], Any]


@dataclass
class Proposer:
    """A provider that proposes what a function says for the request; text as it is, else as JSON."""

    propose: Proposals
    synthetic: bool = True
    asked: list[str] = field(default_factory=list)

    async def call(self, request: Request) -> Answer:
        """Answer at once."""
        self.asked.append(str(request.hints["topic"]))
        found = self.propose(request)
        if isinstance(found, Answer):
            return found
        text = found if isinstance(found, str) else json.dumps({"subtopics": found})
        return Answer("ok", text=text, tokens_in=7, tokens_out=5)

    async def aclose(self) -> None:
        """Nothing is open."""


def lettered(request: Request) -> list[str]:
    """Propose `Xa`, `Xb` … below X."""
    return [f"{request.hints['topic']}{letter}" for letter in "abcdefgh"]


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """Give a project with two templates for topics and a model."""
    return make_ground(tmp_path)


def make_ground(folder: Path) -> Path:
    """Make a project with two templates for topics and a model."""
    path = folder / "p.db"
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        store_template(db, Template("topics-tree", "topics", TEXT, parser="subtopics"))
        store_template(db, Template("topics-graph", "topics", TEXT, parser="subtopics_graph"))
        store_model(db, Model("writer", "offline", "offline-1", price_in=1.0, price_out=1.0))
    return path


def growth(mode: str = "tree", depth: int = 2, degree: int = 2, prompt: str = "R") -> Growth:
    """Give a growth of a model about R."""
    return Growth(prompt, mode, depth, degree, "writer", f"topics-{mode}")


def build(
    path: Path, wanted: Growth, propose: Proposals = lettered, **terms: Any
) -> tuple[Summary, list[str], list[tuple[str, Mapping[str, object]]]]:
    """Build the topic model `m` and give the summary, the topics asked about, and the events."""
    provider, events = Proposer(propose), list[tuple[str, Mapping[str, object]]]()
    with open_project(path, write=True) as db:
        summary = build_topics(
            db,
            "m",
            wanted,
            Terms(**{"concurrency": 1, **terms}),
            lambda e, f: events.append((e, f)),
            lambda alias: provider,
        )
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
    return summary, provider.asked, events


def edges(path: Path) -> list[tuple[str, str, int]]:
    """Give parent, child and whether it is the main path, in order."""
    with open_project(path) as db:
        return db.execute(
            "select p.title, c.title, e.main from topic_edges e join topics p on p.id = e.parent_id"
            " join topics c on c.id = e.child_id order by e.place, e.id"
        ).fetchall()


def value(db: Database, sql: str) -> Any:
    """Give the one value of a query."""
    return db.execute(sql).fetchone()[0]


def test_a_tree_grows_level_by_level_and_is_done_once(ground: Path) -> None:
    """Depth 2 and degree 2 are 3 calls and 4 leaves; the same again sends nothing."""
    summary, asked, events = build(ground, growth())
    assert (summary.status, summary.done, summary.calls, summary.left, summary.exit_code) == ("done", 3, 3, 0, 0)
    assert asked == ["R", "Ra", "Rb"]
    assert [f["subtopics"] for e, f in events if e == "topic_grown"] == [2, 2, 2]
    with open_project(ground) as db:
        model = load_topics(db, "m")
        assert [t.topic for t in model.get_unique_topics()] == ["Raa", "Rab", "Rba", "Rbb"]
        assert value(db, "select count(*) from unique_topics") == 4
    again, quiet, _ = build(ground, growth())
    assert (again.status, again.done, again.skipped, again.calls, quiet) == ("done", 0, 3, 0, [])


def test_a_tree_does_not_depend_on_the_order_of_answers(ground: Path, tmp_path: Path) -> None:
    """Twelve calls at once grow the topics, with the UUIDs, that one at a time does."""
    build(ground, growth(depth=3, degree=3))
    with open_project(ground) as db:
        one = {(n.uuid, n.title, n.depth) for n in load_topics(db, "m").nodes}
    other = tmp_path / "q.db"
    other.write_bytes(ground.read_bytes())
    with open_project(other, write=True) as db, transaction(db):
        for table in ("topic_edges", "events", "calls", "topics", "topic_models", "runs"):
            db.execute(f"delete from {table}")
    build(other, growth(depth=3, degree=3), concurrency=12)
    with open_project(other) as db:
        assert {(n.uuid, n.title, n.depth) for n in load_topics(db, "m").nodes} == one


def test_a_larger_depth_just_continues(ground: Path) -> None:
    """What is there stays; the former leaves are asked about, and nobody else."""
    build(ground, growth(depth=1))
    summary, asked, _ = build(ground, growth(depth=2))
    assert (summary.skipped, summary.done, asked) == (1, 2, ["Ra", "Rb"])


def test_a_smaller_depth_lets_what_is_left_be(ground: Path) -> None:
    """Topics that a smaller depth does not want grown are leaves, and nothing is left to do."""
    build(ground, growth(depth=3), limit=2)
    summary, asked, _ = build(ground, growth(depth=1))
    assert (summary.status, summary.left, asked) == ("done", 0, [])
    with open_project(ground) as db:
        assert sorted(t for (t,) in db.execute("select title from unique_topics")) == ["Raa", "Rab", "Rb"]


def test_a_failure_is_kept_and_tried_again(ground: Path) -> None:
    """A topic that cannot be grown fails the build, stays no leaf, and a second build asks about it alone."""

    def refuses_ra(request: Request) -> Any:
        return "I would rather not." if request.hints["topic"] == "Ra" else lettered(request)

    summary, _, events = build(ground, growth(depth=3), refuses_ra)
    assert (summary.status, summary.failed, summary.left, summary.exit_code) == ("failed", 1, 1, 1)
    assert [f["topic"] for e, f in events if e == "sample_failed"] == ["Ra"]
    with open_project(ground) as db:
        assert db.execute("select title, leaf from topics where growth = 'failed'").fetchall() == [("Ra", 0)]
        (failure,) = load_topics(db, "m").failures
    assert failure["failed_generation"]["path"] == ["R", "Ra"]
    build(ground, growth(depth=3), refuses_ra)
    with open_project(ground) as db:
        assert value(db, "select count(*) from topic_failures") == 1, "one for each topic, the latest"
    mended, asked, _ = build(ground, growth(depth=3))
    assert (mended.status, asked) == ("done", ["Ra", "Raa", "Rab"])
    with open_project(ground) as db:
        assert load_topics(db, "m").failures == []


def test_a_failed_call_fails_its_topic_alone(ground: Path) -> None:
    """A refused call is the failure of one topic; its siblings grow."""

    def filtered(request: Request) -> Any:
        return Answer("filtered", error="no") if request.hints["topic"] == "Rb" else lettered(request)

    summary, _, _ = build(ground, growth(), filtered)
    assert (summary.done, summary.failed, summary.left) == (2, 1, 1)


def test_titles_are_fit_for_every_topic_file(ground: Path, tmp_path: Path) -> None:
    """Control characters, line breaks and halves of surrogates never get into a title; empty titles do not count."""
    summary, _, _ = build(
        ground,
        growth(depth=1, degree=5, prompt="All\nabout\tR\x1b"),
        lambda r: ["a\x1b[2J\u2028b", "\x07\u0085", "x\ud800y"],
    )
    assert summary.done == 1
    with open_project(ground) as db:
        model = load_topics(db, "m")
    assert [n.title for n in model.nodes][:2] == ["All about R", "a [2J b"] and len(model.nodes) == 3
    file = tmp_path / "m.jsonl"
    file.write_text("".join(topic_lines(model)), encoding="utf-8")
    assert {n.uuid for n in read_topics(file).nodes if n.depth} == {n.uuid for n in model.nodes if n.depth}
    assert title_of("x" * 9_000) == "x" * 500


def graph_of(links: Mapping[str, list[Any]]) -> Proposals:
    """Propose, for each topic, titles or (title, titles that it hangs below too); IDs are read from the prompt."""

    def propose(request: Request) -> list[dict[str, Any]]:
        shown = [line.split(": ", 1) for line in request.messages[-1]["content"].splitlines()[1:]]
        numbers = {title: number for number, title in shown}
        found = []
        for one in links.get(str(request.hints["topic"]), [f"{request.hints['topic']}'"]):
            title, above = one if isinstance(one, tuple) else (one, [])
            found.append({"topic": title, "connections": [numbers[other] for other in above]})
        return found

    return propose


def test_a_graph_gets_cross_links_and_no_cycle(ground: Path) -> None:
    """Connections become edges besides the main one; titles that are there are linked, whatever their case."""
    links = {"R": ["A", "B"], "A": [("A1", ["B"]), "A2"], "B": ["a1", "B1"]}
    summary, _, _ = build(ground, growth("graph"), graph_of(links))
    assert (summary.status, summary.calls) == ("done", 3)
    assert edges(ground) == [
        ("R", "A", 1),
        ("R", "B", 1),
        ("A", "A1", 1),
        ("B", "A1", 0),
        ("A", "A2", 1),
        ("B", "B1", 1),
    ]
    with open_project(ground) as db:
        model = load_topics(db, "m")
    assert model.counts() == (6, 4, 3, 5)
    assert model.path(next(n.uuid for n in model.nodes if n.title == "A1")) == ["R", "A", "A1"]


def test_links_that_would_close_a_cycle_or_come_from_nowhere_are_left_out(ground: Path) -> None:
    """The root and a topic's own ancestors never hang below it; unknown node IDs are no links."""

    def propose(request: Request) -> list[dict[str, Any]]:
        known = {"R": ["A"], "A": ["A", "R", "B"]}.get(str(request.hints["topic"]), ["C"])
        return [{"topic": title, "connections": ["999", "x", 0]} for title in known]

    build(ground, growth("graph", degree=3), propose)
    assert edges(ground) == [("R", "A", 1), ("A", "B", 1)]


def test_a_topic_below_which_nothing_can_hang_has_failed(ground: Path) -> None:
    """Where a model only names ancestors the topic is left to be tried again; it is neither done nor a dead end."""
    links = {"R": ["A", "B"], "A": ["A1"], "B": ["R", "B"]}
    summary, _, events = build(ground, growth("graph"), graph_of(links))
    assert (summary.failed, summary.left, summary.exit_code) == (1, 1, 1)
    assert [f["outcome"] for e, f in events if e == "sample_failed"] == ["no_subtopics"]


def test_a_late_link_from_above_makes_depths_and_paths_short_again(ground: Path) -> None:
    """When a retried topic links to one that stands deeper, that one moves up and grows on to the full depth."""
    links: dict[str, list[Any]] = {"R": ["A", "B"], "A": ["A1"], "A1": ["X"], "X": ["X1"], "B": ["X"]}

    def fails_b(request: Request) -> Any:
        return "no" if request.hints["topic"] == "B" else graph_of(links)(request)

    build(ground, growth("graph", depth=3), fails_b)
    summary, asked, _ = build(ground, growth("graph", depth=3), graph_of(links))
    assert (summary.status, asked) == ("done", ["B", "X"])
    with open_project(ground) as db:
        model = load_topics(db, "m")
        assert {n.title: n.depth for n in model.nodes} == {"R": 0, "A": 1, "B": 1, "A1": 2, "X": 2, "X1": 3}
        assert value(db, "select p.title from topic_edges e join topics c on c.id = e.child_id join topics p"
                         " on p.id = e.parent_id where c.title = 'X' and e.main") == "B"  # fmt: skip
    assert model.path(next(n.uuid for n in model.nodes if n.title == "X1")) == ["R", "B", "X", "X1"]


def test_paths_are_stored_as_a_pruned_model_has_them(ground: Path) -> None:
    """A topic whose main path was cut keeps another, with the depth that it has there."""
    links: dict[str, list[Any]] = {"R": ["A", "B"], "A": ["X"], "B": ["B1"], "B1": ["X"], "X": ["X1"]}
    build(ground, growth("graph", depth=3), graph_of(links))
    with open_project(ground, write=True) as db, transaction(db):
        model = load_topics(db, "m")
        (number,) = db.execute("select id from topic_models").fetchone()
        (edge,) = db.execute(
            "select e.id from topic_edges e join topics p on p.id = e.parent_id join topics c on c.id = e.child_id"
            " where p.title = 'A' and c.title = 'X'"
        ).fetchone()
        db.execute("delete from topic_edges where id = ?", (edge,))
        model = pruned(load_topics(db, "m"))[0]
        store_paths(db, number, model)
        assert load_topics(db, "m") == model
        assert value(db, "select depth from topics where title = 'X'") == 3
        assert value(db, "select count(*) from topic_edges where main") == len(model.nodes) - 1


def test_another_prompt_or_kind_under_the_same_name_is_refused_before_anything_is_kept(ground: Path) -> None:
    """A refusal leaves no run, no topic, and says what stands there."""
    build(ground, growth())
    for other in (growth(prompt="S"), growth("graph")):
        with pytest.raises(Conflict, match="grown from the prompt 'R'"):
            build(ground, other)
    with open_project(ground, write=True) as db, transaction(db):
        db.execute("update topic_models set growth = null")
    with pytest.raises(Conflict, match="read from a file"):
        build(ground, growth())
    with open_project(ground) as db:
        assert value(db, "select count(*) from runs") == 1


def test_what_cannot_be_grown_is_said_at_once(ground: Path) -> None:
    """Prompt, mode, depth and degree are checked together; names of templates and models too."""
    with pytest.raises(Problems) as caught:
        build(ground, Growth(" \n", "bush", 0, 0, "writer", "topics-tree"))
    assert len(caught.value.errors) == 4 and caught.value.exit_code == 2
    with pytest.raises(BadInput, match="depth"):
        build(ground, growth(depth=0))
    with pytest.raises(UnknownName, match="no topics template"):
        build(ground, Growth("R", "tree", 1, 1, "writer", "nothing"))
    with pytest.raises(UnknownName, match="no model"):
        build(ground, Growth("R", "tree", 1, 1, "nobody", "topics-tree"))
    with open_project(ground) as db:
        assert value(db, "select count(*) from topic_models") == 0


def test_a_provider_that_is_not_bound_is_refused_before_anything_is_kept(ground: Path) -> None:
    """Without a key there is no run and no topic model; a finished one needs none."""

    def unbound(alias: str) -> Any:
        raise Conflict("not bound")

    with open_project(ground, write=True) as db:
        with pytest.raises(Conflict):
            build_topics(db, "m", growth(), providers=unbound)
        assert (value(db, "select count(*) from runs"), value(db, "select count(*) from topics")) == (0, 0)
    build(ground, growth())
    with open_project(ground, write=True) as db:
        assert build_topics(db, "m", growth(), providers=unbound).status == "done"


def test_caps_hold_across_runs(ground: Path) -> None:
    """--max-calls counts all builds of the same topics."""
    first, _, _ = build(ground, growth(), max_calls=2)
    assert (first.status, first.calls, first.left) == ("stopped", 2, 1)
    again, asked, _ = build(ground, growth(), max_calls=2)
    assert (again.status, asked) == ("stopped", [])


def test_a_forecast_is_an_upper_bound_that_changes_nothing(ground: Path) -> None:
    """Before: all calls of the whole tree; in between: those below what is pending; after: none."""
    with open_project(ground) as db:
        found = forecast_growth(db, "m", growth(depth=3, degree=3))
        assert (found.grown, found.pending, found.calls, found.topics) == (0, 1, 13, 39)
        assert found.cost is not None and found.cost > 0
    build(ground, growth(depth=3, degree=3), limit=2)
    with open_project(ground) as db:
        found = forecast_growth(db, "m", growth(depth=3, degree=3))
        assert (found.grown, found.pending, found.calls) == (2, 5, 2 * 4 + 3)
    build(ground, growth(depth=3, degree=3))
    with open_project(ground) as db:
        assert forecast_growth(db, "m", growth(depth=3, degree=3)).calls == 0
        with pytest.raises(Conflict):
            forecast_growth(db, "m", growth(prompt="S"))


TITLES = [*"RABCDEFG", "b", " c ", "", "x\x1b"]
ANSWERS = st.lists(st.tuples(st.sampled_from(TITLES), st.lists(st.integers(0, 12), max_size=3)), max_size=5)


@given(answers=st.lists(st.none() | ANSWERS, min_size=1, max_size=8), mode=st.sampled_from(["tree", "graph"]))
@settings(max_examples=25, deadline=None)
def test_whatever_a_model_proposes_the_topics_stay_sound(answers: list[Any], mode: str) -> None:
    """No cycle, one main path for each topic but the root, depths the least, titles fit, failures and leaves apart."""
    turn = iter(answers * 50)

    def propose(request: Request) -> Any:
        found = next(turn)
        return "no" if found is None else [{"topic": title, "connections": links} for title, links in found]

    with tempfile.TemporaryDirectory() as folder:
        path = make_ground(Path(folder))
        for _ in range(2):
            build(path, growth(mode, depth=3, degree=3), propose, concurrency=3)
        with open_project(path) as db:
            model = load_topics(db, "m")
            assert pruned(model)[0].nodes == model.nodes, "depths are the least distances"
            mains = value(db, "select count(*) from topic_edges where main")
            assert mains == len(model.nodes) - 1 and model.counts().paths >= 1
            assert value(db, "select count(*) from topics where leaf and growth <> 'done'") == 0
            assert value(db, "select count(*) from topics where growth = 'failed'") == len(model.failures)
            first = {child: parent for parent, child in reversed(model.edges)}
            main = db.execute(
                "select p.uuid, c.uuid from topic_edges e join topics p on p.id = e.parent_id"
                " join topics c on c.id = e.child_id where e.main"
            ).fetchall()
            nodes = model.nodes
            assert {(nodes[p].uuid, nodes[c].uuid) for c, p in first.items()} == set(main)


def test_a_link_to_a_shallower_topic_shortens_the_way(tmp_path: Path) -> None:
    """A new topic that hangs below a topic nearer to the root stands one below that one."""
    turn = iter([[("C", []), ("D", [])], None, [("B", [])], [("A", [3])]] * 50)

    def propose(request: Request) -> Any:
        found = next(turn)
        return "no" if found is None else [{"topic": title, "connections": links} for title, links in found]

    path = make_ground(tmp_path)
    for _ in range(2):
        build(path, growth("graph", depth=3, degree=3), propose, concurrency=3)
    with open_project(path) as db:
        model = load_topics(db, "m")
    assert pruned(model)[0].nodes == model.nodes
