"""Dagster's door: stages as assets by cohort, what is done is skipped, what fails says so after it was recorded."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from faults.faultllm import FaultServer

from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.cohorts import spec_from_texts
from workbench.dagster import Terms, definitions
from workbench.errors import MissingExtra, UnknownName
from workbench.plan.compiling import compile_cohort
from workbench.prompts import Template
from workbench.store import create_project, insert, open_project, transaction
from workbench.verify import digest

dg = pytest.importorskip("dagster")
pytestmark = pytest.mark.filterwarnings("ignore:::dagster", "ignore:::dagster_shared")

SPEC = """
axes:
  combo_id: [c1, c2, c3]
  draft_template: [notes]
  draft_llm: [{model}]
  essay_template: [polish, copy]
  essay_llm: [{model}]
  evaluation_template: [rubric]
  evaluation_llm: [{model}]
"""
STAGES = ("drafts", "essays", "evaluations")
COUNTS = ("done", "skipped", "failed", "missing", "calls")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the cohorts `pilot` (offline: 3 drafts, 6 essays, 6 evaluations) and `paid` (behind a server)."""
    path = tmp_path / "project.db"
    create_project(path)
    with open_project(path, write=True) as db:
        with transaction(db):
            concept = insert(db, "concepts", {"concept_id": "tides", "name": "Tides", "paragraph": "The sea rises."})
            for name in ("c1", "c2", "c3"):
                combo = insert(db, "combos", {"combo_id": name, "level": "paragraph", "k": 1})
                insert(db, "combo_members", {"combo_id": combo, "concept_id": concept, "place": 0})
            store_template(db, Template("notes", "draft", "Notes {{ replicate }} on {{ combo_id }}."))
            store_template(db, Template("polish", "essay", "Polish: {{ draft_block }}"))
            store_template(db, Template("copy", "essay", "", mode="copy"))
            store_template(
                db, Template("rubric", "evaluation", "Judge: {{ response }}", parser="score", scale=(0.0, 9.0))
            )
            store_model(db, Model("offline", "offline", "offline-1"))
            store_model(db, Model("m", "openai", "mock-model", {"timeout": 20.0}))
        compile_cohort(db, "pilot", spec_from_texts(SPEC.format(model="offline")))
        compile_cohort(db, "paid", spec_from_texts(SPEC.format(model="m")))
    return path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection fails the test."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server that refuses the first prompt and answers all others with a score."""
    with FaultServer(script=["400"], text="A good text.\nSCORE: 7 {token}") as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        yield running


def materialized(defs: Any, cohort: str = "pilot", select: str = "*", config: dict[str, Any] | None = None) -> Any:
    """Materialize a partition in an instance of its own, which tells nobody."""
    stages = {name: {"config": config} for name in STAGES if select in ("*", name)} if config else {}
    with tempfile.TemporaryDirectory() as folder, instance_in(folder) as instance:
        return dg.materialize(
            [*defs.assets, *defs.asset_checks],
            partition_key=cohort,
            instance=instance,
            selection=None if select == "*" else dg.AssetSelection.assets(select),
            run_config={"ops": stages},
            raise_on_error=False,
        )


def instance_in(folder: str) -> Any:
    """Give an instance that keeps nothing and sends no figures of use."""
    return dg.DagsterInstance.ephemeral(tempdir=folder, settings={"telemetry": {"enabled": False}})


def figures(result: Any) -> dict[str, dict[str, Any]]:
    """Give the metadata of every asset that was materialized."""
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return {one.asset_key.path[-1]: {key: value.value for key, value in one.metadata.items()} for one in made}


def counts(result: Any) -> dict[str, tuple[int, ...]]:
    """Give done, skipped, failed, missing and calls of every stage that was materialized."""
    return {name: tuple(facts[key] for key in COUNTS) for name, facts in figures(result).items() if name in STAGES}


def failure(result: Any) -> tuple[str, str]:
    """Give the asset that failed, and what it said."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_key, event.step_failure_data.user_failure_data.description


def versions(result: Any) -> dict[str, str]:
    """Give the data version of every asset that was materialized."""
    made = [event.materialization for event in result.get_asset_materialization_events()]
    return {one.asset_key.path[-1]: one.tags["dagster/data_version"] for one in made}


@pytest.mark.usefixtures("no_network")
def test_a_cohort_is_made_once_and_then_skipped(project: Path) -> None:
    """All five assets, with counts; again nothing is sent, and file and data versions are as they were."""
    first = materialized(definitions(project))
    assert first.success
    assert counts(first) == {"drafts": (3, 0, 0, 0, 3), "essays": (6, 0, 0, 0, 3), "evaluations": (6, 0, 0, 0, 6)}
    assert figures(first)["drafts"]["tokens_out"] > 0
    assert figures(first)["cohort_membership"]["missing"] == 15
    scores = figures(first)["cohort_aggregated_scores"]
    assert (scores["essays"], scores["scores"], len(scores["best"].records)) == (6, 6, 6)
    with open_project(project) as db:
        before = digest(db)
    again = materialized(definitions(project))
    assert again.success
    assert counts(again) == {"drafts": (0, 3, 0, 0, 0), "essays": (0, 6, 0, 0, 0), "evaluations": (0, 6, 0, 0, 0)}
    assert figures(again)["cohort_membership"]["missing"] == 0
    assert versions(again) == versions(first)
    with open_project(project) as db:
        assert digest(db) == before


def test_the_check_looks_at_the_file_once_for_all_stages(project: Path) -> None:
    """`verify` is green beside each stage; a row that breaks a rule makes it red and is named."""
    sound = materialized(definitions(project)).get_asset_check_evaluations()
    assert {(one.asset_key.path[-1], one.check_name, one.passed) for one in sound} == {
        (name, "verify", True) for name in STAGES
    }
    with open_project(project, write=True) as db, transaction(db):
        (name,) = db.execute("select gen_id from generations where stage = 'draft' and status = 'done'").fetchone()
        db.execute("update generations set gen_id = 'd_0wrong' where gen_id = ?", (name,))
    result = materialized(definitions(project), select="drafts")
    (broken,) = result.get_asset_check_evaluations()
    assert not broken.passed and "d_0wrong" in broken.description
    assert broken.metadata["broken"].value >= 1


def test_a_failure_is_one_line_after_what_was_done_is_recorded(project: Path, server: FaultServer) -> None:
    """One draft of three is refused: its asset fails, the figures are kept, the stages below are not begun."""
    defs = definitions(project, terms=Terms(concurrency=1))
    result = materialized(defs, "paid")
    step, words = failure(result)
    assert step == "drafts" and "\n" not in words
    assert words.startswith("drafts of paid: Something failed or is left to do: 2 done, 1 failed, 0 skipped, 0 left")
    assert "1 bad_request" in words and "retry_failed" in words
    assert counts(result) == {}
    (seen,) = [event.asset_observation_data.asset_observation for event in result.get_asset_observation_events()]
    assert (seen.partition, seen.metadata["done"].value, seen.metadata["calls"].value) == ("paid", 2, 3)
    with open_project(project) as db:
        assert db.execute("select count(*) from generation_texts where llm_model_id = 'm'").fetchone()[0] >= 2
    again = materialized(defs, "paid", config={"retry_failed": True})
    assert again.success and counts(again)["drafts"] == (1, 2, 0, 0, 1)


def test_failed_tasks_may_be_left_behind(project: Path, server: FaultServer) -> None:
    """With `allow_failed` the stages go on with what is there, and what is missing is counted."""
    result = materialized(definitions(project), "paid", config={"allow_failed": True, "concurrency": 1})
    assert result.success
    assert counts(result) == {"drafts": (2, 0, 1, 0, 3), "essays": (4, 0, 0, 2, 2), "evaluations": (4, 0, 0, 2, 4)}


def test_a_cap_stops_a_stage_and_the_next_run_goes_on(project: Path, server: FaultServer) -> None:
    """What a cap leaves undone fails the asset, also where failed tasks would be let pass."""
    capped = {"max_calls": 2, "allow_failed": True, "concurrency": 1}
    _, words = failure(materialized(definitions(project), "paid", config=capped))
    assert "the cap of 2 calls is reached" in words and "1 left" in words
    result = materialized(definitions(project), "paid", select="drafts", config={"retry_failed": True})
    assert counts(result) == {"drafts": (2, 1, 0, 0, 2)}


@pytest.mark.parametrize("config", [{"concurrency": 0}, {"limit": 0}, {"max_cost": -1.0}])
def test_a_configuration_that_makes_no_sense_is_refused(project: Path, config: dict[str, Any]) -> None:
    """One line that names the field; nothing is sent."""
    _, words = failure(materialized(definitions(project), config=config))
    assert next(iter(config)) in words and "\n" not in words


def test_a_missing_key_is_the_workbenchs_own_line(project: Path) -> None:
    """An error before the first call comes out as on the command line."""
    _, words = failure(materialized(definitions(project), "paid"))
    assert words.startswith("No key may be sent there: openai: the variable OPENAI_API_KEY is not set")


def test_partitions_are_the_cohorts_of_the_file(project: Path) -> None:
    """A cohort that is compiled later is a partition as soon as the definitions are loaded again."""
    keys = {key for one in definitions(project).assets for key in one.partitions_def.get_partition_keys()}
    assert keys == {"pilot", "paid"}
    with open_project(project, write=True) as db:
        compile_cohort(db, "wide", spec_from_texts(SPEC.format(model="offline").replace("[rubric]", "[rubric]")))
        db.execute("update cohorts set name = 'a...b' where name = 'paid'")
    materialized(definitions(project))
    shared = materialized(definitions(project), "wide")
    assert counts(shared)["evaluations"] == (0, 6, 0, 0, 0)
    assert "a...b" not in definitions(project).assets[0].partitions_def.get_partition_keys()


def test_a_project_without_cohorts_has_no_partitions(tmp_path: Path) -> None:
    """It loads all the same, so that Dagster can be started first."""
    create_project(tmp_path / "empty.db")
    assert definitions(tmp_path / "empty.db").assets[0].partitions_def.get_partition_keys() == []
    with pytest.raises(UnknownName):
        definitions(tmp_path / "none.db")


def test_two_projects_stand_side_by_side(project: Path, tmp_path: Path) -> None:
    """Prefixes keep their assets and checks apart."""
    create_project(tmp_path / "other.db")
    both = dg.Definitions.merge(
        definitions(project, key_prefix="a"), definitions(tmp_path / "other.db", key_prefix="b")
    )
    dg.Definitions.validate_loadable(both)
    result = materialized(definitions(project, key_prefix="a"))
    assert result.success and counts(result)["drafts"] == (3, 0, 0, 0, 3)


def test_it_runs_in_a_notebook(project: Path) -> None:
    """An event loop that is on already is no obstacle."""

    async def cell() -> Any:
        return materialized(definitions(project))

    assert counts(asyncio.run(cell()))["evaluations"] == (6, 0, 0, 0, 6)


def test_dagster_has_its_signals_back(project: Path) -> None:
    """A run takes Ctrl-C to drain; afterwards the handlers are those of before."""
    from workbench.dagster.stages import signals_lent

    def mine(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with signals_lent():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_missing_extra_is_one_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Dagster the message is the command that installs it."""
    monkeypatch.setitem(sys.modules, "dagster", None)
    with pytest.raises(MissingExtra, match=r"pip install 'generation-workbench\[dagster\]'") as caught:
        definitions(project)
    assert "\n" not in str(caught.value)


PAGE = (ROOT / "docs" / "dagster.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    """Its files, and its commands as they stand there, in a fresh project; Dagster's own command in one process."""
    for name, kind in (("definitions.py", "python"), ("pilot.yaml", "yaml")):
        source = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[1]
        (tmp_path / name).write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("init").code == 0
    commands = re.search(r"<!-- run -->\n```console\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    for line in commands[:-1]:
        ran = run(*shlex.split(line)[2:])
        assert ran.code == 0, (line, ran.err)
    dagster(tmp_path, *shlex.split(commands[-1])[2:])
    with open_project(tmp_path / "project.db") as db:
        assert db.execute("select count(*) from generations where status <> 'done'").fetchone()[0] == 0
        assert db.execute("select count(*) from scores").fetchone()[0] > 0


def dagster(folder: Path, *words: str) -> None:
    """Run Dagster's command line in a folder, its steps without processes of their own."""
    home = folder / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    config = json.dumps({"execution": {"config": {"in_process": {}}}})
    command = [sys.executable, "-m", "dagster", *words, "--config-json", config]
    env = os.environ | {"DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
