"""What `report duplicates` and `report diversity` take of many texts, beside splitting them into words once.

    python scripts/bench_diversity.py [--texts 200000] [--words 200] [--near 0.8]

A synthetic project: topics with ten cycles each, of words that come as often as in real texts (Zipf's law); of the
texts of each cycle one in twenty is a variant of an earlier one of its topic, with a Jaccard index of 0.85, and one in
a hundred the very text. Each report runs in a process of its own, with the yardstick before and after: all texts read
from the file, each brought to lower case and cut into words by one regular expression. Seconds are the processor's own;
ratios within one run count, since other work on the machine slows both. Memory is the highest resident size.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from workbench.ids import content_hash, gen_id_from, path_uuid  # noqa: E402
from workbench.report.diversity import diversity  # noqa: E402
from workbench.report.duplicates import duplicates  # noqa: E402
from workbench.report.narrow import Choice  # noqa: E402
from workbench.report.outlook import outlook  # noqa: E402
from workbench.store import Database, create_project, open_project, scheme_of, transaction  # noqa: E402

AT = "2026-01-01T00:00:00.000Z"
CYCLES = 10
VOCABULARY = [f"word{n}" for n in range(30_000)]
OFTEN = list(accumulate(1 / (rank + 2.7) for rank in range(len(VOCABULARY))))
REPORTS = (("duplicates", False), ("duplicates", True), ("diversity", False), ("diversity", True))
SEEDS = """
insert into topic_models (id, name, kind, created) values (1, 'bench', 'tree', '');
insert into templates (id, stage, name) values (1, 'draft', 'plain');
insert into models (id, llm_model_id) values (1, 'writer')
"""


def texts(count: int, length: int) -> Iterator[tuple[int, int, str, str]]:
    """Give (topic, cycle, what it is, text) of each, the same every time."""
    rng = random.Random(7)
    for topic in range(count // CYCLES):
        before: list[str] = []
        for cycle in range(CYCLES):
            chance, kind = rng.random(), "new"
            text = " ".join(rng.choices(VOCABULARY, cum_weights=OFTEN, k=length))
            if before and chance < 0.05:
                kind, old = "near", rng.choice(before).split()
                changed = round((length - 2) * 0.15 / 1.85)
                new = rng.choices(VOCABULARY, cum_weights=OFTEN, k=changed)
                text = " ".join(old[: length - changed] + new)
            elif before and chance < 0.06:
                kind, text = "text", rng.choice(before)
            before.append(text)
            yield topic, cycle, kind, text


def fill(db: Database, count: int, length: int) -> dict[str, int]:
    """Make the project and give how many texts of each kind it has."""
    scheme, kinds = scheme_of(db), {"new": 0, "near": 0, "text": 0}
    with transaction(db):
        for statement in SEEDS.split(";"):
            db.execute(statement)
        for number, (topic, cycle, kind, text) in enumerate(texts(count, length), 1):
            kinds[kind] += 1
            uuid = path_uuid(["bench", str(topic)])
            if cycle == 0:
                values = (topic + 1, uuid, f"topic {topic}", topic)
                db.execute(
                    "insert into topics (id, topic_model_id, uuid, title, depth, leaf, place)"
                    " values (?, 1, ?, ?, 1, 1, ?)",
                    values,
                )
                db.execute("insert into combos (id, combo_id, topic_id) values (?, ?, ?)", (topic + 1, uuid, topic + 1))
            key = gen_id_from(scheme, "draft", uuid, "plain", "writer", cycle + 1)
            db.execute(
                "insert into generations (id, gen_id, stage, combo_id, template_id, model_id, replicate, status,"
                " created) values (?, ?, 'draft', ?, 1, 1, ?, 'planned', ?)",
                (number, key, topic + 1, cycle + 1, AT),
            )
            db.execute(
                "insert into contents (id, generation_id, revision, hash, outcome, raw, raw_hash, parsed_hash, created)"
                " values (?1, ?1, 1, ?1, 'ok', ?2, ?3, ?3, ?4)",
                (number, text, content_hash(text), AT),
            )
        db.execute("update generations set content_id = id, status = 'done', outcome = 'ok'")
    return kinds


def split(db: Database) -> int:
    """Read all texts and cut them into words; give how many there are."""
    word = re.compile(r"\w+")
    return sum(len(word.findall(text.lower())) for (text,) in db.execute("select raw from contents order by id"))


def measure(path: Path, what: str, near: float | None) -> None:
    """Do one thing in this process and print what it took and found, as JSON."""
    begun, found = time.process_time(), {}
    with open_project(path) as db:
        if what == "split":
            found = {"words": split(db)}
        elif what == "duplicates":
            for row in duplicates(db, Choice(stage="draft"), near=near):
                found[row["match"]] = found.get(row["match"], 0) + 1
        else:
            found = {"said": outlook(diversity(db, Choice(stage="draft"), near=near)[:-1])}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.process_time() - begun, "memory": memory, "found": found}))


def measured(path: Path, what: str, near: float | None) -> dict[str, Any]:
    """Do one thing in a process of its own."""
    words = [sys.executable, __file__, "--measure", str(path), what, *(["--near", str(near)] if near else [])]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def compare(path: Path, near: float) -> None:
    """Run each report between two yardsticks and print a line for it."""
    print(f"{'report':<24}{'seconds':>9}{'split':>7}{'ratio':>7}{'MiB':>6}  found", flush=True)
    yard = measured(path, "split", None)["seconds"]
    for report, nearly in REPORTS:
        said = measured(path, report, near if nearly else None)
        after = measured(path, "split", None)["seconds"]
        name, beside = f"{report} --near {near}" if nearly else report, (yard + after) / 2
        figures = f"{said['seconds']:>9.1f}{beside:>7.1f}{said['seconds'] / beside:>7.1f}{said['memory']:>6.0f}"
        print(f"{name:<24}{figures}  {said['found']}", flush=True)
        yard = after


def main() -> None:
    """Make the project, then run each report."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--texts", type=int, default=200_000)
    options.add_argument("--words", type=int, default=200)
    options.add_argument("--near", type=float)
    options.add_argument("--measure", nargs=2, metavar=("FILE", "WHAT"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        measure(Path(given.measure[0]), given.measure[1], given.near)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        create_project(path)
        with open_project(path, write=True) as db:
            planted = fill(db, given.texts, given.words)
        size = path.stat().st_size / 2**20
        print(f"{given.texts:,} texts of {given.words} words, {size:,.0f} MiB; planted: {planted}")
        compare(path, given.near or 0.8)


if __name__ == "__main__":
    main()
