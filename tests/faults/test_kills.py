"""Smokes of the kill loops; `tests/faults/kills.py` runs them at length."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from faults.faultllm import FaultServer
from faults.kills import command, start, surroundings, survey, sweep
from gardens import garden


@pytest.mark.parametrize("processes", [1, 2])
def test_kills_lose_at_most_what_was_in_flight(processes: int) -> None:
    """After kills at random moments the run ends with N rows, every paid answer but those in flight, and one file."""
    found = sweep(samples=260, kills=4, processes=processes, seed=processes)
    assert found["ok"], found


def test_two_processes_share_the_work_and_pay_once(tmp_path: Path) -> None:
    """Two processes on one file send each task once, and both end well."""
    with FaultServer(fault="ok", latency=(0.01, 0.03)) as server:
        project, env = garden(tmp_path / "p.db"), surroundings(server.url, tmp_path)
        pair = [subprocess.Popen(command(project, 150), env=env, stdout=subprocess.PIPE) for _ in range(2)]
        outs = [process.communicate(timeout=60)[0] for process in pair]
        assert [process.returncode for process in pair] == [0, 0]
        assert sum(json.loads(out)["done"] for out in outs) == 150
        assert min(json.loads(out)["done"] for out in outs) > 0
        found = survey(project, server, 0)
    assert (found["requests"], found["paid_twice"], found["lost"]) == (150, 0, 0)
    assert found["files"] == ["p.db"]


def test_the_first_interrupt_drains_and_the_second_leaves(tmp_path: Path) -> None:
    """Ctrl-C lets calls in flight end and exits 130 with nothing lost; a second one leaves within a second."""
    with FaultServer(fault="ok", latency=(0.3, 0.4)) as server:
        project, env = garden(tmp_path / "p.db"), surroundings(server.url, tmp_path)
        process = start(project, env, 400)
        wait_for(lambda: len(server.records) >= 8)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 130
        found = survey(project, server, 0)
        assert (found["lost"], found["undelivered"], found["calls_unknown"], found["files"]) == (0, 0, 0, ["p.db"])
    with FaultServer(fault="hang") as server:
        process = start(project, surroundings(server.url, tmp_path), 400)
        wait_for(lambda: server.inflight >= 8)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=5) == 130
        assert time.monotonic() - begun < 1.5
        assert survey(project, server, 0)["calls_unknown"] == 8


def wait_for(happened: object, seconds: float = 20) -> None:
    """Wait until a condition holds, at most so long."""
    assert callable(happened)
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
