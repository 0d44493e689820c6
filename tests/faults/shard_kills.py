"""Kill workers, and now and then their leader, of `workbench generate --workers`, and compare with one process.

    python tests/faults/shard_kills.py [--samples 10000] [--workers 8] [--kills 40] [--seed 1] [--offline]

Against a server on loopback that fails now and then, or with the deterministic offline model. Prints one JSON object;
exit 0 when the project has the same IDs as one process makes (and, offline, the same digest), nothing was lost or
paid twice but what was in flight at a kill, every rule holds, and one file is left.
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
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.faultllm import FaultServer, audit_db  # noqa: E402
from gardens import garden, order  # noqa: E402

WIDTH = 4  # calls in flight of one worker
MIX = {"ok": 90, "500": 4, "408": 3, "reset_mid": 3}
LEADER = 0.1  # how often it is the leader that is killed


def start(project: Path, env: dict[str, str], samples: int, workers: int) -> subprocess.Popen[str]:
    """Start the command."""
    asked = ["--topics", "garden", "-n", str(samples), "--template", "plain", "--model", "m"]
    words = ["generate", *asked, "--workers", str(workers), "-p", str(project), "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([sys.executable, "-m", "workbench", *words], env=env, text=True, **pipes)


def children(pid: int) -> list[int]:
    """Give the processes that one has started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [child for child, parent in pairs if parent == pid]


def kill_some(process: subprocess.Popen[str], kills: int, pause: float, dice: random.Random) -> int:
    """Kill until so many are killed or the command ends; gives how many calls in flight that may have cost at most."""
    flying = killed = 0
    while killed < kills and process.poll() is None:
        time.sleep(pause * dice.random())
        workers = children(process.pid)
        if dice.random() < LEADER:
            process.kill()  # its workers drain: none of their calls is lost
            killed += 1
        elif workers:
            with suppress(ProcessLookupError):
                os.kill(dice.choice(workers), signal.SIGKILL)
                killed, flying = killed + 1, flying + WIDTH
    return flying


def work(project: Path, env: dict[str, str], asked: argparse.Namespace) -> dict[str, Any]:
    """Give the command again and again, with kills, until it is done."""
    dice, flying, commands, code = random.Random(asked.seed), 0, 0, -1
    said = ""
    while code != 0 and commands < 3 * asked.kills + 5:
        process = start(project, env, asked.samples, asked.workers)
        left = asked.kills - flying // WIDTH
        flying += kill_some(process, left, asked.pause, dice) if left > 0 else 0
        said, _ = process.communicate()
        code, commands = process.returncode, commands + 1
    return {"commands": commands, "killed_workers": flying // WIDTH, "code": code, "said": said[-300:] if code else ""}


def compare(project: Path, whole: Path, samples: int, offline: bool) -> dict[str, Any]:
    """Make the same with one process and compare IDs, and digests where the model is deterministic."""
    from workbench.generate import generate
    from workbench.store import open_project
    from workbench.verify import digest, verify

    garden(whole, provider="offline")
    query = "select gen_id, status from generations order by gen_id"
    with open_project(whole, write=True) as db:
        generate(db, order(samples))
        expected, whole_digest = db.execute(query).fetchall(), digest(db)
    with open_project(project, write=True) as db:
        found, digest_ = db.execute(query).fetchall(), digest(db)
        broken = [check.name for check in verify(db, full=True) if not check.ok]
        unknown = db.execute("select count(*) from calls where status = 'unknown'").fetchone()[0]
    same = {"ids_equal": found == expected, "rows": len(found), "calls_unknown": unknown, "broken_rules": broken}
    return same | ({"digests_equal": digest_ == whole_digest} if offline else {})


def sweep(asked: argparse.Namespace) -> dict[str, Any]:
    """Do it all in a fresh folder; `ok` says whether the promise held."""
    served: Any = nullcontext() if asked.offline else FaultServer(mix=MIX, seed=asked.seed, latency=(0.01, 0.03))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name, served as server:
        folder = Path(name)
        project = garden(folder / "p.db", provider="offline" if asked.offline else "openai")
        env = os.environ | {"PYTHONPATH": str(ROOT), "WORKBENCH_CONFIG": str(folder / "none.yaml")}
        if server is not None:
            env |= {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-kill"}
        found = work(project, env, asked)
        files = sorted(p.name for p in folder.iterdir() if p.name.startswith("p.db"))
        found |= compare(project, folder / "whole.db", asked.samples, asked.offline) | {"files": files}
        ok = found["code"] == 0 and found["ids_equal"] and found.get("digests_equal", True) and files == ["p.db"]
        if server is not None:
            audit, flying = audit_db(server.records, project), found["killed_workers"] * WIDTH
            found |= {"requests": len(server.records), "lost": audit["lost"] + audit["billed_undelivered"]}
            found["paid_twice"] = audit["double_billed_extra"]
            ok = ok and found["lost"] <= flying and found["paid_twice"] <= flying
        return found | {"seconds": round(time.monotonic() - begun, 1), "ok": ok and not found["broken_rules"]}


def main() -> int:
    """Read the command line and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("samples", 10_000), ("workers", 8), ("kills", 40), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pause", type=float, default=3.0, help="the longest time between two kills, in seconds")
    parser.add_argument("--offline", action="store_true")
    found = sweep(parser.parse_args())
    print(json.dumps(found, indent=1))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
