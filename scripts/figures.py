"""Print the table of the README's reliability section: each promise, what was run for it, and what came of it.

    scripts/figures [NAME…] [--quick]

Runs the long versions of the proofs in `tests/faults` (an hour on two cores; `--quick` a few minutes) and prints one
row of Markdown for each as it ends. Exit 0 when every promise held. Speed is `scripts/bench`'s.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
Told = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One promise: its words and its goal, the command that tries it, and how its JSON is told."""

    what: str
    goal: str
    command: tuple[str, ...]
    told: Told
    quick: tuple[str, ...] = ()


def _swept(found: Any) -> str:
    return "; ".join(
        f"{name}: {one['kills']} kills, {len(one['wrong'])} unsound or third states"
        for name, one in found.items()
        if isinstance(one, dict)
    )


def _crowd(found: Any) -> str:
    requests, twice = sum(one["requests"] for one in found), sum(one["paid_twice"] for one in found)
    processes = ", ".join(str(one["processes"]) for one in found)
    lost = sum(one["lost"] for one in found)
    return f"{requests:,} requests by {processes} processes: {twice} paid twice, {lost} lost"


def _disks(found: Any) -> str:
    wrong = sum(bool(one["wrong"]) for one in found["all"])
    return f"{found['runs']} runs ({', '.join(found['ways'])}): {wrong} in which more was lost than that"


KEYS: Final = ("tests/test_providers_binding.py", "tests/test_providers_faults.py", "tests/test_generate.py")
LAWS: Final = "150"  # sequences of operations
FIGURES: Final[dict[str, Figure]] = {
    "kills": Figure(
        "`kill -9` while `generate` runs",
        "200 kills: at most the calls in flight, each on record; 0 unsound files",
        ("tests/faults/kills.py", "--kills", "200", "--samples", "12000"),
        lambda k: (
            f"{k['kills']} kills, 8 in flight: {k['lost']} answers lost and {k['undelivered']} undelivered, "
            f"{k['calls_unknown']} calls on record as unknown, {len(k['broken_rules'])} rules broken"
        ),
        ("--kills", "12", "--samples", "900"),
    ),
    "sweep": Figure(
        "`kill -9` at each write of `import store`, `migrate apply` and `rollback`",
        "old digest or new digest, never a third",
        ("tests/faults/migrate_sweep.py",),
        _swept,
        ("--most", "20"),
    ),
    "merge": Figure(
        "`kill -9` at each write of `merge` and its rollback",
        "old digest or new digest, never a third",
        ("tests/faults/merge_sweep.py",),
        _swept,
        ("--most", "20"),
    ),
    "servers": Figure(
        "71 kinds of failing server: first call, every third, always",
        "213 runs end within 20 s, no traceback, nothing lost",
        ("tests/faults/servers.py", "--jobs", "2"),
        lambda s: f"{s['runs']} runs, longest {s['longest']} s, {len(s['wrong'])} wrong",
        ("--kinds", "500,429,garbage,refusal"),
    ),
    "crowd": Figure(
        "mixed faults, 1 to 4 processes on one file",
        "10,000 requests, 0 paid twice",
        ("tests/faults/crowd.py",),
        _crowd,
        ("--samples", "400"),
    ),
    "disks": Figure(
        "a disk that fills up; writes that fail",
        "nothing lost; at most the calls in flight",
        ("tests/faults/disks.py",),
        _disks,
        ("--sizes", "900"),
    ),
    "inputs": Figure(
        "bad input files",
        "at least 120, each refused in a line with file and line, digest unchanged",
        ("tests/faults/inputs.py",),
        lambda i: f"{i['inputs']} files, {len(i['wrong'])} not",
    ),
    "mutants": Figure(
        "damaged project files",
        "1,000: 0 crashes, hangs, tracebacks",
        ("tests/faults/mutants.py",),
        lambda m: f"{m['files']} files: " + ", ".join(f"{n} {what}" for what, n in sorted(m["found"].items())),
        ("--files", "60"),
    ),
    "templates": Figure(
        "hostile templates",
        "at least 60 refused in < 1 s each; 50 real ones accepted",
        ("-m", "pytest", "-v", "tests/test_prompts_hostile.py"),
        str,
    ),
    "strangers": Figure(
        "schemas of strangers' files; changes of any hashed fact",
        "at least 12 refused, nothing of them run; every change found by `verify --full`",
        ("-m", "pytest", "-v", "tests/test_rescue.py", "tests/test_verify.py", "-k", "schema or hashed"),
        str,
    ),
    "keys": Figure(
        "keys: never in a file, never to a host that is not bound to them",
        "0",
        ("-m", "pytest", "-v", *KEYS, "-k", "key or origin or host or bound"),
        str,
    ),
    "laws": Figure(
        "any operations in any order on two people's files",
        "the rules and the laws hold after each step",
        ("-m", "pytest", "-v", "tests/test_laws.py"),
        str,
    ),
}


def measure(name: str, quick: bool) -> bool:
    """Run one proof and print its row; says whether the promise held."""
    figure, begun = FIGURES[name], time.monotonic()
    words = [sys.executable, *figure.command, *(figure.quick if quick else ())]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | ({} if quick else {"LAWS": LAWS})
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    try:
        told = figure.told(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError):
        told = ((done.stderr or done.stdout).strip().splitlines() or ["it said nothing"])[-1].strip("= ")
    held = done.returncode == 0
    minutes = (time.monotonic() - begun) / 60
    print(f"| {figure.what} | {figure.goal} | {told} | {'yes' if held else '**no**'} | {minutes:.1f} |", flush=True)
    return held


def main() -> int:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*FIGURES, []], metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="small versions of each")
    asked = parser.parse_args()
    print("| promise | goal | measured | held | minutes |\n|---|---|---|---|---|", flush=True)
    held = [measure(name, asked.quick) for name in asked.names or FIGURES]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
