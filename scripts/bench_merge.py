"""Speed, memory and log of merging one big project into another, as ratios to VACUUM INTO of the smaller file.

    python scripts/bench_merge.py [--generations 500000] [--folder DIR]

Both have so many generations in three stages, with their texts, prompts, calls and scores; half of them are common.
The phases: the merge with its digests of before and after, a second merge, which adds nothing, and the way back.
Each is a process of its own, VACUUM INTO runs before and after them; ratios within this run count. Our project is
indexed for full-text search before; what came is indexed after the merge is committed, which is told apart, since a
search would do it otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_migrate import AT, REPLICATES, Watch, catalogue, grow, insert_all, peak_memory  # noqa: E402

from workbench.ids import V1  # noqa: E402
from workbench.record.search import catch_up  # noqa: E402
from workbench.store import Database, create_project, open_project, transaction  # noqa: E402

GOAL = 12


def fill(path: Path, count: int, first: int) -> None:
    """Make a project of so many generations, from the first family on."""
    create_project(path, scheme=V1)
    topics = -(-3 * count // (2 * 5 * REPLICATES))
    with open_project(path, write=True) as db, transaction(db):
        catalogue(db, topics)
        grow(db, ((n // REPLICATES + 1, n % REPLICATES + 1) for n in range(first, first + count // 5)))
        add_calls(db)
    if not first:
        with open_project(path, write=True) as db:
            catch_up(db)


def add_calls(db: Database) -> None:
    """Add the run and the call of each text, with its body."""
    run = (1, "order", "{}", "done", "1", AT)
    insert_all(db, "runs", "id, job, config, status, version, started", [run])
    db.execute(
        "insert into calls (run_id, generation_id, attempt, provider, model, started, status, outcome, body)"
        " select 1, generation_id, 1, 'offline', 'writer', created, 'answered', 'ok', cast(raw as blob) from contents"
    )
    db.execute("update contents set call_id = id")


def measure(phase: str, path: Path, other: Path) -> dict[str, Any]:
    """Run one phase in this process: seconds, memory above what opening the file takes, bytes of log."""
    from workbench.merge import merge, merging
    from workbench.migrate.rollback import rollback

    found: dict[str, Any] = {"search": 0.0, "search cpu": 0.0}

    def timed(db: Database) -> int:
        begun, spent = time.perf_counter(), time.process_time()
        rows = catch_up(db)
        found["search"], found["search cpu"] = time.perf_counter() - begun, time.process_time() - spent
        return rows

    setattr(merging, "catch_up", timed)  # noqa: B010
    with open_project(other if phase == "vacuum into" else path, write=True) as db:
        start = peak_memory()
        watch, begun, spent = Watch(path), time.perf_counter(), time.process_time()
        watch.thread.start()
        if phase == "vacuum into":
            db.execute("vacuum into ?", (f"{path}.copy",))
        elif phase == "rollback":
            rollback(db)
        else:
            found["rows"] = merge(db, [other], snapshot=False, digests="plain" not in phase).rows
        found["seconds"] = time.perf_counter() - begun - found["search"]
        found["cpu"] = time.process_time() - spent - found["search cpu"]
        watch.done.set()
        watch.thread.join()
    Path(f"{path}.copy").unlink(missing_ok=True)
    return found | {"memory": peak_memory() - start, "log": watch.peak}


def apart(phase: str, path: Path, other: Path) -> dict[str, Any]:
    """Run one phase in a process of its own."""
    words = [sys.executable, __file__, "--phase", phase, "--project", str(path), "--other", str(other)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Read the command line; run all phases, or the one of a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=500_000)
    parser.add_argument("--folder", type=Path)
    for name in ("--phase", "--project", "--other"):
        parser.add_argument(name, type=str if name == "--phase" else Path)
    asked = parser.parse_args()
    if asked.phase:
        print(json.dumps(measure(asked.phase, asked.project, asked.other)))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        path, other = Path(name) / "ours.db", Path(name) / "theirs.db"
        fill(path, asked.generations, 0)
        fill(other, asked.generations, asked.generations // 10)
        size = other.stat().st_size
        names = ("vacuum into", "merge", "merge again", "rollback", "merge plain", "vacuum into")
        phases = [(phase, apart(phase, path, other)) for phase in names]
        base, cpu = (min(one[key] for phase, one in phases if phase == "vacuum into") for key in ("seconds", "cpu"))
        for phase, one in phases:
            print(
                f"{phase:12} {one['seconds']:7.2f} s  {one['seconds'] / base:5.2f} x VACUUM INTO"
                f"  {one['cpu'] / cpu:5.2f} x its CPU  {one['memory'] / 2**20:5.0f} MB more"
                f"  log {one['log'] / size:.2f} of the file  rows {sum(one.get('rows', {}).values()):,}"
                f"  search {one['search'] / base:.1f} x"
            )
        print(f"{asked.generations:,} generations each, half of them common; {size / 1e6:.0f} MB; goal {GOAL}")
        (again,) = [one["rows"] for phase, one in phases if phase == "merge again"]
        if again:
            sys.exit(f"a second merge added {again}")


if __name__ == "__main__":
    main()
