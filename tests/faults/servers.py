"""Run `workbench generate` against each way in which a server can fail: the first call, every third, always.

    python tests/faults/servers.py [--kinds 500,hang,…] [--jobs 4] [--seconds 20]

Prints one JSON object; exit 0 when every run ended in time with exit 0 or 1, without a traceback, with no paid answer
lost or paid twice, no broken rule and one file left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.faultllm import KINDS, FaultServer  # noqa: E402
from faults.kills import command, surroundings, survey  # noqa: E402
from gardens import garden  # noqa: E402

SAMPLES = 7
PATTERNS = ("first", "every third", "always")
TIMEOUT = 3.0  # seconds for one call; an answer that is slow takes half of that


def scenario(kind: str, pattern: str) -> dict[str, Any]:
    """Say when the server fails in this way."""
    if pattern == "always":
        return {"default": kind}
    if pattern == "first":
        return {"script": [kind]}
    return {"rules": [{"match": {"every": 3}, "fault": kind}]}


def meet(kind: str, pattern: str, seconds: float) -> dict[str, Any]:
    """Run one order against one server; `wrong` says what did not hold."""
    with tempfile.TemporaryDirectory() as name, FaultServer(scenario=scenario(kind, pattern), seed=1) as server:
        project = garden(Path(name) / "p.db", timeout=TIMEOUT)
        begun = time.monotonic()
        done = subprocess.run(
            command(project, SAMPLES),
            env=surroundings(server.url, Path(name)),
            capture_output=True,
            text=True,
            check=False,
            timeout=10 * seconds,
        )
        took = time.monotonic() - begun
        found = survey(project, server, 0)
    return {"kind": kind, "pattern": pattern, "exit": done.returncode, "seconds": round(took, 1)} | {
        "requests": found["requests"],
        "wrong": wrong(done, found, took, seconds),
    }


def wrong(done: subprocess.CompletedProcess[str], found: dict[str, Any], took: float, seconds: float) -> list[str]:
    """Name what did not hold."""
    faults = {
        f"exit {done.returncode}": done.returncode not in (0, 1),
        "a traceback": "Traceback" in done.stderr,
        f"took {took:.1f} s": took > seconds,
        f"{found['lost']} answers lost": found["lost"],
        f"{found['paid_twice']} paid twice": found["paid_twice"],
        f"broken: {found['broken_rules']}": found["broken_rules"],
        f"calls left as sent: {found['calls_left_sent']}": found["calls_left_sent"],
        f"files left: {found['files']}": found["files"] != ["p.db"],
    }
    return [what for what, is_so in faults.items() if is_so]


def meet_all(kinds: list[str], jobs: int, seconds: float) -> dict[str, Any]:
    """Run every kind in every pattern."""
    cases = [(kind, pattern) for kind in kinds for pattern in PATTERNS]
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda case: meet(*case, seconds), cases))
    return {
        "runs": len(found),
        "exits": dict(Counter(str(one["exit"]) for one in found)),
        "longest": max(one["seconds"] for one in found),
        "wrong": [one for one in found if one["wrong"]],
    }


def main() -> int:
    """Read the command line and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    found = meet_all(asked.kinds.split(","), asked.jobs, asked.seconds)
    print(json.dumps(found, indent=2))
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
