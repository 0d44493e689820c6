"""The Slurm template, run by a scheduler of this machine: array tasks as processes, some killed and requeued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from conftest import ROOT
from faults.faultllm import FaultServer, audit_db
from gardens import garden
from test_shards import ids

from workbench.store import open_project
from workbench.verify import verify

SCRIPT = ROOT / "templates" / "slurm" / "generate.sbatch"
ASKED = ("--topics", "garden", "-n", "48", "--template", "plain", "--model", "m", "--concurrency", "2")


class Scheduler:
    """Plays `sbatch`: starts the tasks of an array as processes with the variables that Slurm sets."""

    def __init__(self, folder: Path, server: FaultServer) -> None:
        """Run jobs in a folder, against a server."""
        command = f"{sys.executable} -m workbench"
        own = {"WORKBENCH": command, "PYTHONPATH": str(ROOT), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-x"}
        self.folder, self.env = folder, os.environ | own

    def start(self, *words: str, **variables: object) -> subprocess.Popen[str]:
        """Start one job in a group of its own."""
        env = self.env | {name: str(value) for name, value in variables.items()}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            ["sh", str(SCRIPT), *words], cwd=self.folder, env=env, text=True, start_new_session=True, **pipes
        )

    def array(self, count: int, only: range | None = None) -> list[subprocess.Popen[str]]:
        """Start the tasks of an array, or some of them again."""
        numbers = only or range(1, count + 1)
        return [
            self.start("p.db", *ASKED, SLURM_ARRAY_TASK_ID=n, SLURM_ARRAY_TASK_COUNT=count, SLURM_JOB_ID=7)
            for n in numbers
        ]


def test_an_array_some_of_whose_tasks_are_killed(tmp_path: Path) -> None:
    """One task is killed, one gets the signal before its time limit; both are requeued, then the merge brings all home.

    The first merge comes too early, as `afterany` may: it brings what there is, and the array goes on.
    """
    path = garden(tmp_path / "p.db")
    before = path.read_bytes()
    with FaultServer(fault="ok", latency=(0.05, 0.1)) as server:
        slurm = Scheduler(tmp_path, server)
        tasks = slurm.array(3)
        while len(server.records) < 12:
            assert any(task.poll() is None for task in tasks)
            time.sleep(0.01)
        os.killpg(tasks[0].pid, signal.SIGKILL)
        tasks[1].send_signal(signal.SIGINT)  # --signal=B:INT goes to the batch shell alone
        told = [task.communicate()[0] for task in tasks]
        assert [task.returncode for task in tasks] == [-9, 130, 0], told
        assert path.read_bytes() == before
        early = slurm.start("p.db")
        text = early.communicate()[0]
        assert early.returncode == 0, text
        some = len(ids(path))
        assert 0 < some < 48
        for task in slurm.array(3, only=range(1, 3)):
            text = task.communicate()[0]
            assert task.returncode == 0, text
        last = slurm.start("p.db")
        assert last.communicate() and last.returncode == 0
        audit = audit_db(server.records, path)
    assert len(ids(path)) == 48
    assert audit["lost"] + audit["billed_undelivered"] <= 2 and audit["double_billed_extra"] <= 2
    with open_project(path, write=True) as db:
        assert all(check.ok for check in verify(db, full=True))
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("p.db")) == ["p.db"]
