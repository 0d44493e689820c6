"""Workers beside other processes on the same project: nothing is made twice, and what they left comes home."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from click.testing import CliRunner
from faults.faultllm import FaultServer
from gardens import garden, order
from test_shards_together import alone, one_value, together

from workbench.cli import main
from workbench.errors import RunIsOn
from workbench.generate import generate
from workbench.migrate import frame
from workbench.rescue import recover
from workbench.shards.asked import Asked
from workbench.shards.share import Share
from workbench.shards.work import generate_shard
from workbench.store import open_project

AT_WORK = """
import sys
from workbench.store import open_project
from workbench.store.slots import slot
with open_project(sys.argv[1], write=True) as db, slot(db):
    print("at work", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    with FaultServer(fault="ok") as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        yield served


@pytest.fixture
def left(tmp_path: Path, server: FaultServer) -> Path:
    """Make a project beside which a command that was killed left two shards with answers."""
    path = garden(tmp_path / "p.db")
    folder = tmp_path / "p.db.shards"
    folder.mkdir()
    for number in (1, 2):
        generate_shard(path, folder / f"{number}-of-2.db", Share(number, 2), Asked(order(20)))
    assert len(server.records) == 20 and one_value(path, "select count(*) from contents") == 0
    return path


def run(path: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Run a command on a project; gives its exit code, its document and what it said."""
    done = CliRunner().invoke(main, [*words, f"--project={path}", "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_generate_takes_what_killed_workers_left(left: Path, server: FaultServer) -> None:
    """Nothing is paid twice: the answers in the shards come home before anything is chosen."""
    asked = order(20)
    words = (f"--topics={asked.topics}", "-n20", f"--template={asked.template}", f"--model={asked.model}")
    code, told, said = run(left, "generate", *words)
    assert (code, told["done"], told["skipped"], told["calls"]) == (0, 0, 20, 0)
    assert said.count("left by an earlier command, is merged") == 2
    assert len(server.records) == 20 and alone(left)


def test_recover_takes_what_killed_workers_left(left: Path, server: FaultServer) -> None:
    code, told, _ = run(left, "recover")
    assert (code, told["shards"]) == (0, ["1-of-2.db", "2-of-2.db"])
    assert one_value(left, "select count(*) from generations where status = 'done'") == 20 and alone(left)


def test_until_then_nothing_works_beside_them(left: Path, server: FaultServer) -> None:
    """Neither a run, which would pay again, nor a migration, after which the shards would speak of other IDs."""
    with open_project(left, write=True) as db:
        with pytest.raises(RunIsOn, match="workbench recover"):
            generate(db, order(20))
        with pytest.raises(RunIsOn, match="workbench recover"), frame.alone(db):
            pass
    assert len(server.records) == 20 and one_value(left, "select count(*) from runs") == 0


def test_while_workers_are_led_nothing_works_beside_them(tmp_path: Path, server: FaultServer) -> None:
    """A run is refused and leaves no trace; `recover` leaves the leader's run and its shards alone."""
    path = garden(tmp_path / "p.db")
    refused: list[int] = []

    def listen(crew: Any, event: str, facts: Mapping[str, Any]) -> None:
        if refused:
            return
        with open_project(path, write=True) as db, pytest.raises(RunIsOn, match="leads workers"):
            generate(db, order(20))
        refused.append(run(path, "recover")[1]["runs_lost"])

    summary = together(path, Asked(order(20)), 2, listen)
    assert refused == [0] and (summary.status, summary.calls, len(server.records)) == ("done", 20, 20)
    assert one_value(path, "select count(*) from runs where status <> 'done'") == 0 and alone(path)


def test_no_workers_beside_another_process(tmp_path: Path, server: FaultServer) -> None:
    """Whoever works on the project is not seen by workers, so none is started."""
    path = garden(tmp_path / "p.db")
    with Popen([sys.executable, "-c", AT_WORK, str(path)], stdin=PIPE, stdout=PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"at work\n"
        with pytest.raises(RunIsOn, match="another process works on it"):
            together(path, Asked(order(20)), 2)
        other.communicate(b"\n")
    assert server.records == [] and recover(path).at_rest and alone(path)
