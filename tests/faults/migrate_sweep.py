"""Kill `import store`, `migrate apply` and `rollback` at every write call: what is left is before or after, no third.

    python tests/faults/migrate_sweep.py [--calls pwrite64,fdatasync,ftruncate,unlink] [--most 100000] [--jobs 2]

Needs strace (`apt-get install strace`), which kills the process right before its k-th call of each kind, for every k
that an undisturbed run makes. Works on the real legacy store. Prints one JSON object; exit 0 when every file was
sound, held the digest of before or of after, and went on to the end when the command was given once more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

STORE = ROOT / "tests" / "data" / "daydreaming" / "legacy_store"
CALLS = "pwrite64,fdatasync,ftruncate,unlink"
IMPORT = ("import", "store", str(STORE))
APPLY = ("migrate", "apply", "--legacy", "--lenient", "--to-scheme", "daydreaming", "--no-snapshot")
ROLLBACK = ("migrate", "rollback")


@dataclass(frozen=True, slots=True)
class Case:
    """One command, the project that it begins with, and the digests before and after it."""

    name: str
    words: tuple[str, ...]
    project: Path
    before: str
    after: str


def command(case: Case, project: Path) -> list[str]:
    """The command line on one project."""
    return [sys.executable, "-m", "workbench", *case.words, "-p", str(project)]


def environment() -> dict[str, str]:
    """The surroundings of the commands; no byte code is written, so that every run makes the same calls."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "WORKBENCH_CONFIG": os.devnull}


def cases(folder: Path) -> list[Case]:
    """Make the projects: an empty one, a store just imported into it, and that one migrated."""
    from workbench.imports.store import import_store
    from workbench.store import create_project, open_project

    empty, fresh, migrated = folder / "empty.db", folder / "fresh.db", folder / "migrated.db"
    create_project(empty)
    shutil.copy(empty, fresh)
    with open_project(fresh, write=True) as db:
        import_store(db, STORE)
    shutil.copy(fresh, migrated)
    apply = Case("apply", APPLY, fresh, digest_of(fresh), "")
    subprocess.run(command(apply, migrated), env=environment(), check=True, capture_output=True)
    before, after = digest_of(fresh), digest_of(migrated)
    return [
        Case("import", IMPORT, empty, digest_of(empty), before),
        Case("apply", APPLY, fresh, before, after),
        Case("rollback", ROLLBACK, migrated, after, before),
    ]


def digest_of(project: Path) -> str:
    """Give a project's digest."""
    from workbench.store import open_project
    from workbench.verify import digest

    with open_project(project) as db:
        return digest(db)


def state(case: Case, project: Path) -> str:
    """Say what a kill left: before, after, or what is wrong; a hot journal is rolled back by opening the file."""
    from workbench.store import open_project
    from workbench.verify import digest, verify

    with open_project(project, write=True) as db:
        broken = [check.name for check in verify(db, full=True) if not check.ok]
        found = digest(db)
    if broken:
        return f"unsound: {', '.join(broken)}"
    return {case.before: "before", case.after: "after"}.get(found, f"a third state: {found}")


def goes_on(case: Case, project: Path) -> str:
    """Give the command once more where the kill left the state of before; gives what is wrong, or nothing."""
    done = subprocess.run(command(case, project), env=environment(), capture_output=True, text=True, check=False)
    if done.returncode or digest_of(project) != case.after:
        return f"does not go on: {done.stderr.strip()[-200:]}"
    left = sorted(p.name for p in project.parent.iterdir() if p.name != "strace")
    return "" if left == [project.name] else f"leaves {left}"


def count_calls(case: Case, folder: Path, calls: str) -> Counter[str]:
    """Count the write calls of an undisturbed run."""
    project, trace = folder / "p.db", folder / "strace"
    shutil.copy(case.project, project)
    words = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={calls}", *command(case, project)]
    subprocess.run(words, env=environment(), check=True, capture_output=True)
    found: Counter[tuple[str, str]] = Counter()
    for line in trace.read_text(errors="replace").splitlines():
        if (match := re.match(r"(\d+)\s+(\w+)\(", line)) and match[2] in calls.split(","):
            found[match[2], match[1]] += 1
    per_call: Counter[str] = Counter()
    for (call, _), times in found.items():  # strace counts each thread's calls by themselves
        per_call[call] = max(per_call[call], times)
    return per_call


def kill_at(case: Case, call: str, number: int) -> tuple[str, str]:
    """Kill one run right before its n-th call; gives the state left, and what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "p.db"
        shutil.copy(case.project, project)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        words = ["strace", "-f", "-qq", "-o", os.devnull, *inject, *command(case, project)]
        subprocess.run(words, env=environment(), capture_output=True, check=False)
        return judged(case, project)


def judged(case: Case, project: Path) -> tuple[str, str]:
    """Look at what a kill left: (before or after, what is wrong)."""
    found = state(case, project)
    if found not in ("before", "after"):
        return found, found
    return found, goes_on(case, project) if found == "before" else ""


def kill_after(case: Case, seconds: float) -> tuple[str, str]:
    """Kill one run so long after its journal appears; without strace. Gives the state left, and what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "p.db"
        shutil.copy(case.project, project)
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command(case, project), env=environment(), start_new_session=True, **quiet)
        journal, end = project.with_name("p.db-journal"), time.monotonic() + 30
        while process.poll() is None and not journal.exists() and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(seconds)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return judged(case, project)


_UNTIL_COMMIT: Final = """
import os, signal, sys
from workbench.cli import main
from workbench.store import connection

connect, written = connection._connect, []

def watched(*words, **named):
    db = connect(*words, **named)
    db.conn.set_trace_callback(see)
    return db

def see(sql):
    if sql.lstrip().lower().startswith("update migrations"):
        written.append(sql)
    elif written and sql == "COMMIT":
        os.kill(os.getpid(), signal.SIGKILL)

connection._connect = watched
main(sys.argv[1:])
"""


def kill_at_commit(case: Case) -> tuple[str, str]:
    """Kill one run when all is written and the commit begins; gives the state left, and what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "p.db"
        shutil.copy(case.project, project)
        words = [sys.executable, "-c", _UNTIL_COMMIT, *command(case, project)[3:]]
        done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
        found, wrong = judged(case, project)
        return found, wrong or ("" if done.returncode == -signal.SIGKILL else f"it ended by itself: {done.stderr}")


def sweep(case: Case, calls: str, most: int, jobs: int, dice: Random) -> dict[str, Any]:
    """Kill a command at every write call, or at `most` of them, evenly spread."""
    with tempfile.TemporaryDirectory() as name:
        counted = count_calls(case, Path(name), calls)
    points = [(call, k) for call, times in counted.items() for k in range(1, times + 1)]
    stride = max(1, -(-len(points) // most))
    points = points[dice.randrange(stride) :: stride]
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda point: kill_at(case, *point), points))
    wrong = [f"{call} {k}: {what}" for (call, k), (_, what) in zip(points, found, strict=True) if what]
    states = Counter(state for state, _ in found)
    return {"calls": dict(counted), "kills": len(points), "states": dict(states), "wrong": wrong}


def asked_for(prose: str | None) -> argparse.Namespace:
    """Read the command line of a sweep; ends where there is no strace."""
    parser = argparse.ArgumentParser(description=prose)
    parser.add_argument("--calls", default=CALLS)
    parser.add_argument("--most", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if shutil.which("strace") is None:
        sys.exit("strace is needed: apt-get install strace")
    return asked


def sweep_all(cases: Iterable[Case], asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Kill each command as it was asked for."""
    dice = Random(asked.seed)
    return {case.name: sweep(case, asked.calls, asked.most, asked.jobs, dice) for case in cases}


def main() -> int:
    """Print what was found."""
    asked = asked_for(__doc__)
    with tempfile.TemporaryDirectory() as name:
        found = sweep_all(cases(Path(name)), asked)
    print(json.dumps(found, indent=2))
    return 1 if any(one["wrong"] for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
