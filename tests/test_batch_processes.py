"""`generate --batch` as real processes: killed between any two steps, beside others, interrupted, and its verbs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Ran
from faults.batchllm import BatchServer
from gardens import garden

from workbench.store import open_project
from workbench.verify import verify

WORDS = ("generate", "--topics", "garden", "--template", "plain", "--model", "m")
QUICK = ("--batch", "--poll", "0.01")
KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """Give a server that `openai` is bound to."""
    with BatchServer() as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a project with twelve topics."""
    return garden(tmp_path / "p.db")


def start(path: Path, *words: object) -> subprocess.Popen[bytes]:
    """Start `workbench`."""
    line = [sys.executable, "-m", "workbench", *map(str, words), "-p", str(path)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def told(process: subprocess.Popen[bytes]) -> tuple[int, Any, str]:
    """Give exit code, JSON and notes of a process that ends."""
    out, err = process.communicate(timeout=60)
    return process.returncode, json.loads(out) if out.strip() else None, err.decode()


def sound(path: Path, server: BatchServer, tasks: int) -> None:
    """Every task is done and was paid once; every rule holds, nothing is in flight, one file is left."""
    assert len(server.paid) == tasks and set(server.paid.values()) == {1}
    with open_project(path, write=True) as db:
        assert db.execute("select count(*) from generations where status = 'done'").fetchone() == (tasks,)
        assert db.execute("select count(*), count(distinct generation_id) from contents").fetchone() == (tasks, tasks)
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
        flying = (
            "select (select count(*) from claims), sum(open), (select count(*) from batches where slot is not null)"
        )
        assert db.execute(f"{flying} from batch_lines").fetchone() == (0, 0, 0)
        assert db.execute("select count(*) from calls where status not in ('answered')").fetchone() == (0,)
    assert [p.name for p in path.parent.glob("p.db*")] == ["p.db"]


# Of each request before and after, in order: file, batch, file, batch, look, answers, look, answers.
KILLS = [
    (1, False),
    (1, True),
    (2, False),
    (2, True),
    (3, False),
    (4, True),
    (5, False),
    (6, False),
    (6, True),
    (8, True),
]


@pytest.mark.parametrize(("at", "done"), KILLS, ids=lambda value: str(value))
def test_a_kill_between_any_two_steps_pays_nothing_twice(
    path: Path, server: BatchServer, run: Callable[..., Ran], at: int, done: bool
) -> None:
    """Two files, killed when the server sees a request: nothing done of it yet, or done and unanswered."""
    command = (*WORDS, *QUICK, "-n", 12, "--file-requests", 7, "--json")
    killed = server.started(lambda: start(path, *command), at, done)
    assert told(killed)[0] == -signal.SIGKILL
    server.survive()
    found = run(*command, "-p", path)
    assert found.code == 0, found.err
    assert found.json["done"] + found.json["skipped"] == 12 and len(server.batches) == 2
    sound(path, server, 12)


def test_a_kill_while_what_may_be_there_is_looked_for(path: Path, server: BatchServer, run: Callable[..., Ran]) -> None:
    """Twice killed: once when the batch was made and not heard of, once while it is looked for."""
    command = (*WORDS, *QUICK, "-n", 5, "--json")
    for at in (2, 1, 2):
        assert told(server.started(lambda: start(path, *command), at, True))[0] == -signal.SIGKILL
    server.survive()
    assert run(*command, "-p", path).code == 0 and len(server.batches) == 1
    sound(path, server, 5)


def test_a_live_run_and_two_by_batches_share_the_tasks(path: Path, server: BatchServer) -> None:
    """Three processes at once: every task is paid once, whoever sends it."""
    server.looks = 4
    quick = (*WORDS, *QUICK, "-n", 60, "--json")
    running = [start(path, *quick, "--file-requests", 9), start(path, *WORDS, "-n", 60, "--json"), start(path, *quick)]
    found = [told(process) for process in running]
    assert all(code in (0, 1) for code, *_ in found), found
    told(start(path, *quick))
    assert sum(facts["done"] for _, facts, _ in found) == 60
    sound(path, server, 60)


def test_interrupted_while_waiting_it_leaves_and_goes_on_later(path: Path, server: BatchServer) -> None:
    """SIGINT and SIGTERM end the wait with 130; the batch goes on over there."""
    server.looks = 10**6
    process = start(path, *WORDS, "--batch", "--poll", 30, "-n", 5, "--json")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"waiting"):
            break
    process.send_signal(signal.SIGTERM)
    code, found, _ = told(process)
    assert (code, found["status"], found["left"]) == (130, "interrupted", 5)
    server.looks = 1
    assert told(start(path, *WORDS, *QUICK, "-n", 5, "--json"))[0] == 0
    sound(path, server, 5)


def test_batches_on_the_command_line(path: Path, server: BatchServer, run: Callable[..., Ran]) -> None:
    """Send, look, take: people are told what is where, programs get rows."""
    plan = run(*WORDS, "-n", 6, "--dry-run", "--json", "-p", path).json
    halved = run(*WORDS, "-n", 6, "--batch", "--dry-run", "--json", "-p", path).json
    assert halved["cost"] == pytest.approx(plan["cost"] / 2) and server.requests == []
    server.looks = 2
    sent = run(*WORDS, "-n", 6, "--batch", "--no-wait", "-p", path)
    assert sent.code == 1 and "in 1 open batch: 6 tasks" in sent.err and "batch 1 sent: 6 tasks" in sent.err
    assert run("status", "-p", path, "--json").json["batches"] == 1
    assert "Open batches" in run("status", "-p", path).out
    assert [row["status"] for row in run("runs", "-p", path, "--json").json] == ["waiting"]
    first = run("query", "select gen_id from generations limit 1", "-p", path, "--json").json[0]["gen_id"]
    why = run("explain", first, "-p", path, "--json").json
    assert why["verdict"] == "waiting" and "stands in batch 1, sent 20" in why["why"]
    (row,) = run("batches", "-p", path, "--json").json
    assert (row["state"], row["status"], row["open"], row["done"]) == ("submitted", "validating", 6, 0)
    beside = run(*WORDS, "-n", 6, "-p", path)
    assert beside.code == 1 and "in 1 open batch: 6 tasks" in beside.err
    assert run("batches", "take", "-p", path, "--json").json["left"] == 6
    taken = run("batches", "take", "-p", path)
    assert taken.code == 0 and "batch 1 taken: 6 ok" in taken.err
    assert run("batches", "-p", path).err == "no open batches\n"
    assert run("batches", "list", "--all", "--json", "-p", path).json[0]["cost"] == pytest.approx(0.0006)
    assert run(*WORDS, "-n", 6, "--batch", "-p", path).code == 0
    assert "waiting" not in run("runs", "-p", path).out
    assert run("explain", first, "-p", path, "--json").json["verdict"] == "reused"
    sound(path, server, 6)


def test_cancel_and_forget_on_the_command_line(path: Path, server: BatchServer, run: Callable[..., Ran]) -> None:
    """They ask, say what they would do, and refuse what is over or unknown."""
    run(*WORDS, "-n", 3, "--batch", "--no-wait", "-p", path)
    assert run("batches", "cancel", 1, "--dry-run", "-p", path, "--json").json == {"batch": 1, "requests": 3}
    assert run("batches", "cancel", 1, "-p", path).code == 3
    assert run("batches", "cancel", 1, "--yes", "-p", path, "--json").json["status"] == "cancelling"
    assert run("batches", "forget", 1, "-y", "-p", path, "--json").json["free"] == 3
    assert run("batches", "forget", 1, "-y", "-p", path).code == 3
    assert run("batches", "cancel", 9, "-y", "-p", path).code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--no-wait",),
        ("--fallback", "live"),
        ("--poll", "3"),
        ("--batch", "--reparse"),
        ("--batch", "--workers", "2"),
        ("--batch", "--poll", "0"),
        ("--batch", "--file-requests", "0"),
    ],
)
def test_options_that_do_not_go_together(words: tuple[str, ...], path: Path, run: Callable[..., Ran]) -> None:
    """Exit 2 in one line, and nothing is changed."""
    before = path.read_bytes()
    found = run(*WORDS, "-n", 3, *words, "-p", path)
    assert found.code == 2 and found.err.count("\n") == 1 and path.read_bytes() == before


SPEC = """topics: garden
cycles: 1
axes:
  draft_template: [plain]
  draft_llm: [m]
  essay_template: [essay-polish, essay-copy]
  essay_llm: [m]
  evaluation_template: [rubric-clarity]
  evaluation_llm: [m]
"""


@pytest.mark.parametrize("wait", [True, False])
def test_a_cohort_goes_stage_by_stage(tmp_path: Path, server: BatchServer, wait: bool, run: Callable[..., Ran]) -> None:
    """A stage is sent when its parents are done: in one wait, or command by command; copies cost nothing."""
    path = tmp_path / "p.db"
    assert run("init", "-p", path).code == 0
    assert (
        run(
            "topics", "import", ROOT / "tests/data/deepfabric/graph/topic_graph.json", "--name", "garden", "-p", path
        ).code
        == 0
    )
    assert run("models", "add", "m", "--provider", "openai", "--name", "mock-model", "-p", path).code == 0
    (tmp_path / "spec.yaml").write_text(SPEC.replace("[plain]", "[short-essay]"), encoding="utf-8")
    assert run("cohort", "compile", "pilot", tmp_path / "spec.yaml", "-p", path).code == 0
    command = ("generate", "--cohort", "pilot", *QUICK, *(() if wait else ("--no-wait",)), "-p", path)
    codes = [run(*command).code for _ in range(1 if wait else 5)]
    assert codes == ([1] if wait else [1, 1, 1, 1, 1])  # evaluations without a score fail
    with open_project(path) as db:
        rows = db.execute("select stage, outcome, count(*) from generations group by 1, 2 order by 1").fetchall()
        assert db.execute("select count(*) from batches").fetchone() == (3,)
    assert rows == [("draft", "ok", 12), ("essay", "ok", 24), ("evaluation", rows[2][1], 24)]
    assert server.limits == [12, 24, 12]  # essays with the evaluations of copies, then those of essays
