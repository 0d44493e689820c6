"""The Python API: what its own example says, lookups, lazy iteration, and a file that is always at rest."""

from __future__ import annotations

import asyncio
import doctest
import gc
import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from conftest import ROOT
from projects import add_cohort, gen_of, made

import workbench.project as api
from workbench.catalogue.combos import PATH
from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import store_topics
from workbench.errors import InvalidSignature, Refused, UnknownName
from workbench.ids import path_uuid
from workbench.project import DraftTask, EssayTask, EvaluationTask, Order, Project, Terms
from workbench.prompts import Template
from workbench.store import create_project, open_project, transaction
from workbench.topics import read_topics

SPEC = "axes:\n  combo_id: [memory-play]\n  draft_template: [plain]\n  draft_llm: [writer]\n  draft_rep: [1, 7]\n"


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """A project with a small garden, a draft template and the offline model."""
    path = tmp_path / "stories.db"
    create_project(path)
    rows = [["Garden", "Soil"], ["Garden", "Light", "Shade"], ["Garden", "Light", "Noon"]]
    (tmp_path / "garden.jsonl").write_text("".join(json.dumps({"path": row}) + "\n" for row in rows))
    with open_project(path, write=True) as db, transaction(db):
        store_topics(db, read_topics(tmp_path / "garden.jsonl", name="garden"))
        store_template(db, Template("notes", "draft", "Write about {{ path_text }}."))
        store_model(db, Model("offline", "offline", "offline-1"))
    return path


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The record of tests/projects.py: topics and a pair of concepts through all stages, one cohort of drafts."""
    return made(tmp_path / "sample.db")


def at_rest(path: Path) -> bool:
    """One file, and it says that it uses a rollback journal."""
    return [p.name for p in path.parent.glob(f"{path.name}*")] == [path.name] and path.read_bytes()[18:20] == b"\1\1"


def test_the_example_of_the_documentation_runs(stories: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stories.parent)
    result = doctest.testmod(api, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 5 and result.failed == 0
    assert at_rest(stories)


def test_a_signature_leads_to_its_id_and_back(sample: Path) -> None:
    """For every generation, in any case of its names; what is not there is None."""
    with Project.open(sample) as project:
        found = list(project.generations())
        assert {one.stage for one in found} == {"draft", "essay", "evaluation"}
        for one in found:
            task = project.signature_for(one.gen_id.upper())
            assert project.find(task).gen_id == one.gen_id
        kinds = {type(project.signature_for(one.gen_id)) for one in found}
        assert kinds == {DraftTask, EssayTask, EvaluationTask}
        draft = project.find(DraftTask(" Memory-Play", "PLAIN", "Writer", 1))
        assert draft.status == "done" and draft == project.find(DraftTask("memory-play", "plain", "writer", 1))
        assert project.find(DraftTask("memory-play", "plain", "writer", 99)) is None
        with pytest.raises(InvalidSignature):
            project.find(DraftTask("a|b", "plain", "writer", 1))
        with pytest.raises(UnknownName):
            project.signature_for("d_none")


def test_a_legacy_row_without_a_whole_signature_is_named(sample: Path) -> None:
    with open_project(sample, write=True) as db:
        db.execute("update generations set legacy = 1, gen_id = 'old', replicate = null where id = 1")
    with Project.open(sample) as project, pytest.raises(InvalidSignature, match="OLD lacks a part"):
        project.signature_for("OLD")


def test_reuse_is_told_by_cohort(sample: Path) -> None:
    """A task that a run made and a cohort selects is reused by it; one that nobody else selects is not."""
    with open_project(sample, write=True) as db, transaction(db):
        combo = gen_of(db, "memory-play", 1)
        number = db.execute("select id from generations where gen_id = ?", (combo,)).fetchone()[0]
        second = add_cohort(db, "second", [number])
        db.execute("update generations set origin_cohort_id = ? where id = ?", (second, number))
    task, other = DraftTask("memory-play", "plain", "writer", 1), DraftTask("memory-play", "plain", "writer", 2)
    with Project.open(sample) as project:
        found = project.find(task)
        assert (found.origin_cohort, found.is_reused) == ("second", True)
        assert project.find(task, "second").is_reused is False
        assert project.find(task, "first").is_reused is True
        assert (project.find(other).origin_cohort, project.find(other, "second").is_reused) == (None, False)
        with pytest.raises(FrozenInstanceError):
            found.status = "lost"


def test_generations_are_narrowed_and_read_page_by_page(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any page size gives the same; nothing stays locked while the iterator waits."""
    with Project.open(sample) as project:
        whole = list(project.generations())
        monkeypatch.setattr("workbench.project.opened.PAGE", 2)
        assert list(project.generations()) == whole
        drafts = [one for one in whole if one.stage == "draft"]
        assert list(project.generations(stage="draft")) == drafts
        assert list(project.generations(cohort="FIRST")) == drafts
        assert {one.status for one in project.generations(status="failed")} == {"failed"}
        pair = list(project.generations(combo="Memory-Play"))
        assert {one.stage for one in pair} == {"draft", "essay", "evaluation"}
        assert {one.combo for one in pair} == {"memory-play"}
        judged = list(project.generations(template="rubric", model="JUDGE"))
        assert judged == [one for one in whole if one.stage == "evaluation"] and judged[0].parent
        with pytest.raises(UnknownName):
            project.generations(cohort="none")
        waiting = project.generations()
        next(waiting)
        with open_project(sample, write=True) as db, transaction(db):
            db.execute("update project set value = 'x' where key = 'name'")
        assert 1 + sum(1 for _ in waiting) == len(whole)


def test_texts_of_a_generation(sample: Path) -> None:
    with Project.open(sample) as project:
        one = next(project.generations(stage="draft", combo="memory-play", status="done"))
        assert (one.raw, one.parsed, one.prompt) == (
            "draft 1 of memory-play",
            "draft of memory-play",
            "write the draft",
        )
        assert one.system == "be brief" and one.template == "plain" and not one.synthetic


def test_topics_and_their_paths(stories: Path) -> None:
    """A path is one question that goes along indexes."""
    with Project.open(stories) as project:
        topics = project.get_unique_topics("Garden")
        assert [topic.topic for topic in topics] == ["Soil", "Shade", "Noon"]
        assert project.topic_path(topics[1].uuid.upper()) == ["Garden", "Light", "Shade"]
        with pytest.raises(UnknownName):
            project.topic_path(path_uuid(["nowhere"]))
        with pytest.raises(UnknownName):
            project.get_unique_topics("none")
    with open_project(stories) as db:
        plan = db.execute("explain query plan " + PATH, (1, 9)).fetchall()
        assert not [row for row in plan if row[3].startswith("SCAN") and "up" not in row[3]]


def test_scores(sample: Path) -> None:
    with Project.open(sample) as project:
        scores = project.scores()
        assert len(scores) == 8 and {score.scale_max for score in scores} == {9.0}
        assert project.scores("first") == []


def test_a_cohort_is_compiled_from_a_file(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    with Project.open(sample, write=True) as project:
        build = project.compile_cohort("pilot", tmp_path / "spec.yaml")
        assert (build.members, build.new, build.reused, build.problems) == ({"draft": 2}, 1, 1, ())
        assert project.compile_cohort("pilot", tmp_path / "spec.yaml").new == 0
    with Project.open(sample) as project, pytest.raises(Refused, match="write=True"):
        project.compile_cohort("pilot", tmp_path / "spec.yaml")


def test_forecast_and_generate(stories: Path) -> None:
    order = Order("notes", "offline", 3, "garden")
    with Project.open(stories) as project:
        assert project.forecast(order).pending == 3
        with pytest.raises(Refused):
            project.generate(order)
    with Project.open(stories, write=True) as project:
        assert project.generate(order, Terms(concurrency=2)).done == 3
        assert project.generate(order).calls == 0
        assert at_rest(stories)


def test_generate_inside_a_running_event_loop(stories: Path) -> None:
    """A notebook's cell runs inside a loop already; the project goes on afterwards."""

    async def cell() -> int:
        with Project.open(stories, write=True) as project:
            project.generate(Order("notes", "offline", 2, "garden"))
            return len(list(project.generations(status="done")))

    assert asyncio.run(cell()) == 2 and at_rest(stories)


def test_a_project_that_is_forgotten_is_closed(stories: Path) -> None:
    """Even in the middle of a change and with the log on; closing twice is closing once."""
    project = Project.open(stories, write=True)
    project._db.execute("pragma journal_mode=wal").fetchone()
    project._db.execute("begin immediate")
    del project
    gc.collect()
    assert at_rest(stories)
    again = Project.open(stories)
    again.close()
    again.close()


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "1 / 0"])
def test_a_program_that_ends_without_closing_leaves_one_file(stories: Path, end: str) -> None:
    code = (
        "from workbench.project import Project, Order\n"
        f"project = Project.open({str(stories)!r}, write=True)\n"
        "project.generate(Order('notes', 'offline', 3, 'garden'))\n"
        "project._db.execute('pragma journal_mode=wal').fetchone()\n"
        f"waiting = project.generations(); next(waiting)\n{end}\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert at_rest(stories)
    with Project.open(stories) as project:
        assert sum(1 for _ in project.generations()) == 3
