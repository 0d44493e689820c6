"""A large synthetic project for looking at pages and timing them, made by SQL from a small pool of texts.

    python scripts/bench_browse_project.py big.db [--generations 200000] [--leaves 20000] [--no-index]

A tree of topics with many cycles of samples of one template and model; a graph; a cohort of drafts, essays and
evaluations by two rubrics and two judges; failures, retries, second answers, runs (one still running), events,
alerts, and a rewrite of IDs with its mapping. IDs and hashes of texts are real, so `verify` holds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from workbench.record.search import catch_up  # noqa: E402
from workbench.store import Database, create_project, open_project, transaction  # noqa: E402

SQL = ROOT / "scripts" / "bench_browse_project.sql"
POOL, SPANS = 400, 4_000
EVERY = 7_500  # of the generations, this many belong to the cohort: 1250 drafts, 1250 essays, 5000 evaluations
RUN = 20_000  # sample drafts of one run
TEXT = (
    "soil water root leaf seed light shade frost compost worm bed path fence rain wind bee hive fruit tree vine"
    " season harvest kitchen table market memory river stone bridge letter garden winter summer spade rope tool"
    " because although therefore slowly often never always between against toward without beneath careful quiet"
    " bright heavy small ancient modern open closed simple strange grows keeps holds moves turns makes finds lets"
)


def pools(db: Database, rng: Random) -> None:
    """Make the temporary tables that rows are drawn from: numbers, words, texts of about 1 KB, latencies."""
    db.execute("create temp table words (id integer primary key, word text)")
    words = TEXT.split()
    _rows(db, "words", enumerate(words))
    db.execute("create temp table pool (id integer primary key, text text)")
    texts = (". ".join(" ".join(rng.choices(words, k=11)).capitalize() for _ in range(15)) for _ in range(POOL))
    _rows(db, "pool", enumerate(texts))
    db.execute("create temp table spans (id integer primary key, ms real)")
    _rows(db, "spans", enumerate(round(min(rng.lognormvariate(6.9, 0.5), 60_000), 1) for _ in range(SPANS)))


def _rows(db: Database, table: str, rows: Iterable[tuple[int, object]]) -> None:
    for row in rows:
        db.execute(f"insert into {table} values (?, ?)", row)


def fill(db: Database, generations: int, leaves: int) -> None:
    """Make the record, in one transaction; 20 branches of 20 branches bear the leaves."""
    values = {
        **{"leaves": leaves, "samples": generations - EVERY, "drafts": 1_250, "most": max(generations, leaves) + 1_000},
        **{"pool": POOL, "spans": SPANS, "words": len(TEXT.split()), "run": RUN, "at": "2026-01-01T00:00:00.000Z"},
    }
    with transaction(db):
        pools(db, Random(7))
        for statement in SQL.read_text(encoding="utf-8").split(";\n"):
            db.execute(statement, values)


def make(path: Path, generations: int = 200_000, leaves: int = 20_000, *, indexed: bool = True) -> Path:
    """Make the project file and give its path; `indexed` fills the full-text index, but for the last answers."""
    create_project(path, name="encyclopedia")
    with open_project(path, write=True) as db:
        fill(db, generations, leaves)
        if indexed:
            catch_up(db)
    return path


def main() -> None:
    """Make the project that the words on the command line name."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("path", type=Path)
    options.add_argument("--generations", type=int, default=200_000)
    options.add_argument("--leaves", type=int, default=20_000)
    options.add_argument("--no-index", action="store_true")
    given = options.parse_args()
    made = make(given.path, given.generations, given.leaves, indexed=not given.no_index)
    print(f"{made}: {given.generations:,} generations, {made.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
