"""Several processes on one project file against a server with mixed faults: nothing is paid twice, nothing is lost.

    python tests/faults/crowd.py [--samples 9000] [--processes 1,2,4] [--seed 1]

Each number of processes works on a fresh project. Prints one JSON object; exit 0 when every run ended well.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.faultllm import FaultServer  # noqa: E402
from faults.kills import command, start, surroundings, survey  # noqa: E402
from gardens import garden  # noqa: E402

MIX = {"ok": 900, "429": 2, "500": 30, "503": 20, "408": 15, "reset_mid": 25, "garbage": 10}


def crowd(processes: int, samples: int, seed: int) -> dict[str, Any]:
    """Let so many processes share one order; then the same command once more finds nothing to do."""
    with tempfile.TemporaryDirectory() as name, FaultServer(mix=MIX, seed=seed, latency=(0.001, 0.01)) as server:
        folder = Path(name)
        project, env = garden(folder / "p.db"), surroundings(server.url, folder)
        codes = [process.wait() for process in [start(project, env, samples) for _ in range(processes)]]
        last = subprocess.run(command(project, samples), env=env, capture_output=True, text=True, check=False)
        found = survey(project, server, 0)
        found |= {"processes": processes, "exits": codes, "again": json.loads(last.stdout or "{}").get("calls")}
    found["ok"] = (
        set(codes) == {0}
        and found["again"] == 0
        and (found["completions"], found["lost"], found["paid_twice"]) == (samples, 0, 0)
        and not found["broken_rules"]
        and found["files"] == ["p.db"]
    )
    return found


def main() -> int:
    """Read the command line and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=9000, help="about a tenth more requests are sent")
    parser.add_argument("--processes", default="1,2,4")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    found = [crowd(int(count), asked.samples, asked.seed) for count in asked.processes.split(",")]
    print(json.dumps(found, indent=2))
    return 0 if all(one["ok"] for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
