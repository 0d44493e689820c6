"""Kill `workbench generate` at random moments, then let it end, and count what was lost or paid twice.

    python tests/faults/kills.py [--kills 50] [--samples 400] [--processes 1] [--seed 1]

Prints one JSON object; exit 0 when nothing was lost but what was in flight at a kill, nothing was paid twice but
that, every rule holds, and one file is left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.faultllm import FaultServer, audit_db  # noqa: E402
from gardens import garden  # noqa: E402

WIDTH = 8
MIX = {"ok": 90, "500": 4, "408": 3, "reset_mid": 3}


def command(project: Path, samples: int) -> list[str]:
    """The command line that is killed and resumed."""
    order = ["--topics", "garden", "-n", str(samples), "--template", "plain", "--model", "m"]
    words = ["generate", *order, "--concurrency", str(WIDTH), "-p", str(project), "--json"]
    return [sys.executable, "-m", "workbench", *words]


def surroundings(url: str, folder: Path) -> dict[str, str]:
    """The environment of the processes: the server on loopback, and no configuration of the user's."""
    own = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-kill", "PYTHONPATH": str(ROOT)}
    return os.environ | own | {"WORKBENCH_CONFIG": str(folder / "none.yaml")}


def kill_some(project: Path, env: dict[str, str], samples: int, kills: int, processes: int, dice: random.Random) -> int:
    """Start and kill until so many kills are done, or the work is; gives how many processes were killed."""
    killed = 0
    while killed < kills:
        started = [start(project, env, samples) for _ in range(processes)]
        time.sleep(0.25 + dice.random() * 0.6)
        alive = [p for p in started if p.poll() is None]
        for process in alive:
            os.killpg(process.pid, signal.SIGKILL)
        for process in started:
            process.wait()
        killed += len(alive)
        if not alive:
            break
    return killed


def start(project: Path, env: dict[str, str], samples: int) -> subprocess.Popen[bytes]:
    """Start one process in a group of its own."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command(project, samples), env=env, start_new_session=True, **quiet)


def survey(project: Path, server: FaultServer, killed: int) -> dict[str, Any]:
    """Count what the server says was paid against what the file holds."""
    from workbench.store import open_project
    from workbench.verify import verify

    audit = audit_db(server.records, project)
    with open_project(project, write=True) as db:
        broken = [check.name for check in verify(db, full=True) if not check.ok]
        completions = db.execute("select count(*) from completions").fetchone()[0]
        unknown = db.execute("select count(*) from calls where status = 'unknown'").fetchone()[0]
        sent = db.execute("select count(*) from calls where status = 'sent'").fetchone()[0]
        held = db.execute("select count(*) from runs where slot is not null").fetchone()[0]
    files = sorted(p.name for p in project.parent.iterdir() if p.name.startswith(project.name))
    return {
        "kills": killed,
        "requests": len(server.records),
        "completions": completions,
        "lost": audit["lost"],
        "undelivered": audit["billed_undelivered"],
        "paid_twice": audit["double_billed_extra"],
        "calls_unknown": unknown,
        "calls_left_sent": sent,
        "slots_left": held,
        "broken_rules": broken,
        "files": files,
    }


def sweep(samples: int, kills: int, processes: int, seed: int) -> dict[str, Any]:
    """Kill and resume on a fresh project; `ok` says whether the promise held."""
    with tempfile.TemporaryDirectory() as name, FaultServer(mix=MIX, seed=seed, latency=(0.02, 0.06)) as server:
        folder = Path(name)
        project, env = garden(folder / "p.db"), surroundings(server.url, folder)
        killed = kill_some(project, env, samples, kills, processes, random.Random(seed))
        last = subprocess.run(command(project, samples), env=env, capture_output=True, text=True, check=False)
        found = survey(project, server, killed)
        flying = killed * WIDTH
        found["ok"] = (
            last.returncode == 0
            and found["completions"] == samples
            and found["lost"] + found["undelivered"] <= flying
            and found["paid_twice"] <= flying
            and found["calls_left_sent"] == found["slots_left"] == 0
            and not found["broken_rules"]
            and found["files"] == ["p.db"]
        )
        if last.returncode:
            found["last"] = last.stderr[-500:]
        return found


def main() -> int:
    """Read the command line and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 50), ("samples", 3000), ("processes", 1), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    found = sweep(asked.samples, asked.kills, asked.processes, asked.seed)
    print(json.dumps(found, indent=2))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
