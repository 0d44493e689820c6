"""Topics from nothing to a file, with the real command line: grown, killed, gone on with, shown, pruned, written."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Ran
from faults.faultllm import FaultServer, audit_db

from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import load_topics
from workbench.prompts import Template
from workbench.store import create_project, open_project, transaction
from workbench.topics import read_topics

Shell = Callable[..., Ran]
WIDTH = 4
LIST = "- {token} one\n- {token} two\n- {token} three"  # what the server answers: three subtopics


@pytest.fixture
def nursery(tmp_path: Path) -> Path:
    """Give a project with templates for trees and graphs, a model behind a server, and a slow offline one."""
    path = tmp_path / "project.db"
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        text = "Topic: {{ path_text }}{% for n in existing %}\n{{ n.id }}: {{ n.title }}{% endfor %}"
        store_template(db, Template("topics-tree", "topics", text, parser="subtopics"))
        store_template(db, Template("topics-graph", "topics", text, parser="subtopics_graph"))
        store_model(db, Model("mock", "openai", "mock-model"))
        store_model(db, Model("slow", "offline", "offline-1", {"latency_ms": 60}))
    return path


def words(project: Path, model: str, *more: str) -> list[str]:
    """The command line that grows 40 topics with 13 calls, or more with other options."""
    options = ["--prompt", "Bread", "--depth", "3", "--degree", "3", "--concurrency", str(WIDTH), "--json"]
    return ["topics", "build", "bread", *options, "--model", model, "-p", str(project), *more]


def start(project: Path, model: str, env: dict[str, str], *more: str) -> subprocess.Popen[str]:
    """Start a build as a process group of its own."""
    command = [sys.executable, "-m", "workbench", *words(project, model, *more)]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | env
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=surroundings, stdout=quiet, stderr=quiet, start_new_session=True, text=True)


def topics_of(project: Path) -> dict[str, str]:
    """Give the titles of all topics by UUID."""
    with open_project(project) as db:
        return dict(db.execute("select uuid, title from topics").fetchall())


def value(project: Path, sql: str) -> Any:
    """Give the one value of a query."""
    with open_project(project) as db:
        return db.execute(sql).fetchone()[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_lose_no_topic(nursery: Path, tmp_path: Path, shell: Shell, seed: int) -> None:
    """kill -9 in the middle, again and again: topics only ever come; at most the calls in flight are paid anew."""
    dice, kills, before = random.Random(seed), 0, dict[str, str]()
    with FaultServer(mix={"ok": 9, "500": 1}, text=LIST, latency=(0.25, 0.45), seed=seed) as server:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-kill-0123456789"}
        while kills < 5:
            process = start(nursery, "mock", env)
            time.sleep(0.5 + dice.random() * 0.5)
            if process.poll() is not None:
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            after = topics_of(nursery)
            assert after.items() >= before.items(), "a topic was lost"
            before = after
        ended = shell(*words(nursery, "mock"), env=env)
        assert kills and ended.code == 0 and ended.json["nodes"] == 40, ended.err
        assert topics_of(nursery).items() >= before.items()
        found = audit_db(server.records, str(nursery))
    assert found["lost"] + found["billed_undelivered"] <= kills * WIDTH
    assert found["double_billed_extra"] <= kills * WIDTH
    assert value(nursery, "select count(*) from calls where status = 'sent'") == 0
    assert value(nursery, "select count(*) from claims") == 0
    assert shell("verify", "--full", "-p", nursery).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["project.db"]
    quiet = shell(*words(nursery, "mock"))
    assert (quiet.code, quiet.json["calls"]) == (0, 0), "a finished build needs no key and no call"


def test_an_interrupt_drains_and_the_next_build_goes_on(nursery: Path, tmp_path: Path, shell: Shell) -> None:
    """SIGINT lets the calls in flight end, exits 130 and leaves one file; the same command does the rest."""
    process = start(nursery, "slow", {}, "--mode", "graph", "--depth", "4")
    end = time.monotonic() + 30
    while value(nursery, "select count(*) from topics") < 2 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    assert [p.name for p in tmp_path.iterdir()] == ["project.db"]
    there = topics_of(nursery)
    assert len(there) > 1
    ended = shell(*words(nursery, "slow", "--mode", "graph", "--depth", "4"))
    assert ended.code == 0 and topics_of(nursery).items() >= there.items()
    assert value(nursery, "select count(*) from calls where status = 'unknown'") == 0


def test_two_builds_at_once_share_the_topics(nursery: Path, shell: Shell) -> None:
    """Two processes grow one tree: each topic is asked about once."""
    with FaultServer(fault="ok", text=LIST, latency=(0.02, 0.05)) as server:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-two-0123456789"}
        pair = [start(nursery, "mock", env, "--depth", "4") for _ in range(2)]
        assert [process.wait(timeout=60) for process in pair] == [0, 0]
        assert len(server.records) == 40
    assert value(nursery, "select count(*) from topics") == 121
    assert shell("verify", "--full", "-p", nursery).code == 0


def test_failures_are_kept_and_mended_later(nursery: Path, shell: Shell) -> None:
    """Topics that the server refuses are listed, exit 1; when it answers again the same command mends them alone."""
    with FaultServer(script=["ok", "refusal", "content_filter"], text=LIST) as server:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-bad-0123456789"}
        first = shell(*words(nursery, "mock", "--depth", "2"), env=env)
        assert (first.code, first.json["failed"], first.json["left"]) == (1, 2, 2), first.err
        shown = shell("topics", "show", "bread", "-p", nursery).out
        assert shown.count("✗ failed: ") == 2 and "refused" in shown
        sent = len(server.records)
        again = shell(*words(nursery, "mock", "--depth", "2"), env=env)
        assert (again.code, again.json["done"], len(server.records) - sent) == (0, 2, 2)
    assert value(nursery, "select count(*) from topic_failures") == 0


def test_from_a_new_project_to_a_file_and_back(tmp_path: Path, shell: Shell) -> None:
    """init, build a tree and a graph offline, look, prune, write, read into another project: the same topics."""
    assert shell("init").code == 0
    for mode in ("tree", "graph"):
        build = ("topics", "build", mode, "--prompt", "Keeping bees", "--mode", mode, "--model", "offline")
        assert shell(*build, "--depth", "3", "--degree", "4").code == 0
    rows = {row["name"]: row for row in json.loads(shell("topics", "--json").out)}
    assert rows["tree"]["unique_topics"] == 64 and rows["graph"]["kind"] == "graph"
    graph = shell("topics", "show", "graph", "--json").json
    assert graph["paths"] > graph["leaves"], "a graph has cross-links"
    assert "Keeping bees" in shell("topics", "show", "tree").out
    assert shell("topics", "prune", "tree", "--depth", "2", "--yes", "--json").json["removed"] == 64
    shell("init", "-p", "other.db")
    for name, file in (("tree", "tree.jsonl"), ("graph", "graph.json")):
        assert shell("topics", "export", name, file, "-p", "project.db").code == 0
        assert shell("topics", "import", file, "-p", "other.db").code == 0
        with open_project(tmp_path / "project.db") as db, open_project(tmp_path / "other.db") as other:
            mine, theirs = load_topics(db, name), load_topics(other, name)
        assert {(n.uuid, n.title) for n in mine.nodes} >= {(n.uuid, n.title) for n in theirs.nodes}
        assert set(mine.get_unique_topics()) == set(theirs.get_unique_topics())
        assert read_topics(tmp_path / file).counts() == theirs.counts()
    for project in ("project.db", "other.db"):
        assert shell("verify", "--full", "-p", project).code == 0
