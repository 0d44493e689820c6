"""Shards as tasks of a dask cluster of this machine, one of whose workers is killed; and Slurm's array, played here."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from faults.faultllm import FaultServer, audit_db
from gardens import garden, order
from test_shards import ids

from workbench.errors import Incomplete, MissingExtra
from workbench.generate import Terms, generate
from workbench.shards.asked import Asked
from workbench.shards.dask import DaskWorkers
from workbench.shards.together import generate_together
from workbench.store import open_project
from workbench.verify import digest, verify


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_a_dask_worker_is_killed_and_all_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dask moves the shard to another worker, where it is gone on with; nothing is lost but what was in flight."""
    path, seen, crews = garden(tmp_path / "p.db"), [], []

    def crew(drain_file: Path) -> DaskWorkers:
        crews.append(DaskWorkers.open("local", 2, drain_file))
        return crews[0]

    def listen(event: str, facts: Mapping[str, Any]) -> None:
        seen.append(event)
        if event == "settled" and seen.count("settled") == 5:
            os.kill(next(iter(crews[0].cluster.workers.values())).pid, signal.SIGKILL)

    with FaultServer(fault="ok", latency=(0.05, 0.1)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        summary = generate_together(path, 2, Asked(order(60)), Terms(), crew, listen)
        audit = audit_db(server.records, path)
    assert (summary.status, summary.done, len(ids(path))) == ("done", 60, 60)
    assert seen.count("settled") > 20 and seen.count("shard_home") == 2
    assert audit["lost"] == 0 and audit["double_billed_extra"] == 0  # the worker's process drains; it is not killed
    with open_project(path, write=True) as db:
        assert all(check.ok for check in verify(db, full=True))
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("p.db")] == ["p.db"]


def test_dask_makes_what_one_process_makes(tmp_path: Path, run: Any) -> None:
    """By the command, with the deterministic offline model: equal digests."""
    parts, whole = (garden(tmp_path / name, provider="offline") for name in ("parts.db", "whole.db"))
    words = ("generate", "--topics", "garden", "-n", 15, "--template", "plain", "--model", "m", "-p", parts)
    done = run(*words, "--workers", 2, "--engine", "dask", "--json")
    assert (done.code, done.json["done"]) == (0, 15), done.err
    with open_project(whole, write=True) as db:
        generate(db, order(15))
        expected = digest(db)
    with open_project(parts) as db:
        assert digest(db) == expected


def test_without_dask_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The extra is named; a scheduler that is not there is one line too."""
    with pytest.raises(Incomplete, match="no dask scheduler at nonsense://x"):
        DaskWorkers.open("nonsense://x", 2, tmp_path / "drain")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"pip install 'generation-workbench\[dask\]'"):
        DaskWorkers.open("local", 2, tmp_path / "drain")
