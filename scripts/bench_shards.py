"""What a shard costs beside its calls, as ratios to VACUUM INTO of the whole project.

    python scripts/bench_shards.py [--generations 200000] [--shards 8] [--folder DIR]

A project of whole families, all done, and an order of one more cycle over its topics: a shard is made from it, worked
on with the offline model, and merged. A copy of the whole would cost one VACUUM INTO, in time and in bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_migrate import MODELS, REPLICATES, TEMPLATES, fill  # noqa: E402

from workbench.generate import Terms  # noqa: E402
from workbench.merge import merge  # noqa: E402
from workbench.plan.orders import Order  # noqa: E402
from workbench.record.search import catch_up  # noqa: E402
from workbench.shards.asked import Asked  # noqa: E402
from workbench.shards.making import make_shard  # noqa: E402
from workbench.shards.share import Share  # noqa: E402
from workbench.shards.work import generate_shard  # noqa: E402
from workbench.store import open_project  # noqa: E402


def took(act: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def measure(folder: Path, generations: int, shards: int) -> dict[str, object]:
    """Make a project and time what becomes of one shard."""
    path, copy, into = folder / "big.db", folder / "copy.db", folder / "shard.db"
    fill(path, generations)
    topics = generations // (5 * REPLICATES)
    asked = Asked(Order(TEMPLATES[0][1], MODELS[0], topics * (REPLICATES + 1), "big"))
    share = Share(1, shards)
    with open_project(path, write=True) as db:
        catch_up(db)
        whole = took(lambda: db.execute("vacuum into ?", (str(copy),)))
        making = took(lambda: make_shard(db, into, share, asked, Terms()))
        size = into.stat().st_size
    working = took(lambda: generate_shard(path, into, share, asked, Terms(concurrency=16)))
    with open_project(path, write=True) as db:
        merging = took(lambda: merge(db, [into], snapshot=False, digests=False))
        tasks = topics // shards
    return {
        "generations": generations,
        "tasks_of_the_shard_about": tasks,
        "vacuum_into_s": round(whole, 2),
        "making_s": round(making, 2),
        "making_ratio": round(making / whole, 2),
        "bytes_ratio": round(size / copy.stat().st_size, 3),
        "working_s": round(working, 2),
        "merging_s": round(merging, 2),
        "merging_ratio": round(merging / whole, 2),
    }


def main() -> None:
    """Read the command line and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--folder", type=Path)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=said.folder) as folder:
        print(json.dumps(measure(Path(folder), said.generations, said.shards), indent=1))


if __name__ == "__main__":
    main()
