"""Speed, memory and log of migrating the IDs of a big project and back, as ratios to VACUUM INTO of the same file.

    python scripts/bench_migrate.py [--generations 1000000] [--folder DIR] [--legacy 20000]

Three stages with their cascade: for five generations one draft, two essays, two evaluations, each with its text.
One percent more is added between the migration and its rollback. Each phase is a process of its own, VACUUM INTO
runs before and after them; ratios within this run count. Then the cost of the journal, on legacy rows.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from workbench.ids import V1, answer_hash, content_hash, gen_id_from, path_uuid  # noqa: E402
from workbench.store import Database, create_project, open_project, scheme_of, transaction  # noqa: E402

AT = "2024-05-01T12:00:00.000Z"
WORDS = " ".join(f"word{n % 97}" for n in range(60))
TEMPLATES = (("draft", "plain-v1"), ("essay", "long-v1"), ("essay", "long-v2"), ("evaluation", "rubric-v1"))
MODELS = ("writer-70b", "judge-70b")
REPLICATES = 4  # of each topic
Row = tuple[object, ...]


def insert_all(db: Database, table: str, columns: str, rows: list[Row]) -> None:
    """Insert rows of known columns."""
    marks = ", ".join("?" * len(columns.split(",")))
    db.conn.executemany(f"insert into {table} ({columns}) values ({marks})", rows)


def catalogue(db: Database, topics: int) -> None:
    """A tree of one level, four templates, two models."""
    uuids = [path_uuid(["root", str(n)]) for n in range(1, topics + 1)]
    insert_all(db, "topic_models", "id, name, kind, created", [(1, "big", "tree", AT)])
    nodes: list[Row] = [(1, 1, path_uuid(["root"]), "root", 0, 0, 0)]
    nodes += [(n + 1, 1, uuid, f"topic {n}", 1, 1, n) for n, uuid in enumerate(uuids, 1)]
    insert_all(db, "topics", "id, topic_model_id, uuid, title, depth, leaf, place", nodes)
    insert_all(db, "topic_edges", "parent_id, child_id, place, main", [(1, n + 1, n, 1) for n in range(1, topics + 1)])
    insert_all(db, "combos", "id, combo_id, topic_id", [(n, uuid, n + 1) for n, uuid in enumerate(uuids, 1)])
    for n, (stage, name) in enumerate(TEMPLATES, 1):
        insert_all(db, "templates", "id, stage, name", [(n, stage, name)])
        version = (n, n, content_hash(name), "x", "llm", AT)
        insert_all(db, "template_versions", "id, template_id, hash, text, mode, created", [version])
    for n, name in enumerate(MODELS, 1):
        insert_all(db, "models", "id, llm_model_id", [(n, name)])
        setting = (n, n, content_hash(name), "offline", name, "{}", AT)
        insert_all(db, "model_versions", "id, model_id, hash, provider, name, parameters, created", [setting])
    db.execute("update templates set version_id = id")
    db.execute("update models set version_id = id")
    insert_all(db, "prompts", "hash, text", [(content_hash("prompt"), "prompt")])


class Families:
    """Rows of families: a draft, two essays, an evaluation of each."""

    def __init__(self, db: Database, first: int) -> None:
        """Number rows from `first` on, under the project's scheme."""
        self.scheme, self.number = scheme_of(db), first - 1
        self.generations: list[Row] = []
        self.contents: list[Row] = []

    def row(self, stage: str, names: Row, links: Row, parent: tuple[int, str] | None) -> tuple[int, str, str]:
        """Add one generation with its text; gives its number, ID and answer's hash."""
        self.number += 1
        key = gen_id_from(self.scheme, stage, *names)
        raw = f"{stage} {names[0]} {names[-1]} {WORDS}"
        hashed, prompt = content_hash(raw), content_hash("prompt")
        answer = answer_hash("ok", prompt, hashed, hashed, parent and parent[1])
        combo, template, model = links
        above = parent and parent[0]
        self.generations.append(
            (self.number, key, stage, combo, above, template, model, names[-1], "done", "ok", self.number, AT)
        )
        self.contents.append(
            (self.number, self.number, 1, answer, "ok", prompt, hashed, hashed, raw, above, template, model, AT)
        )
        return self.number, key, answer

    def add(self, combo: int, replicate: int) -> None:
        """Add one family."""
        uuid = path_uuid(["root", str(combo)])
        draft, key, answer = self.row("draft", (uuid, "plain-v1", MODELS[0], replicate), (combo, 1, 1), None)
        for template in (2, 3):
            names = (key, f"long-v{template - 1}", 1)
            essay, name, text = self.row("essay", names, (None, template, 1), (draft, answer))
            self.row("evaluation", (name, "rubric-v1", MODELS[1], 1), (None, 4, 2), (essay, text))

    def write(self, db: Database) -> None:
        """Insert what was gathered."""
        columns = "id, gen_id, stage, combo_id, parent_id, template_id, model_id, replicate, status, outcome"
        insert_all(db, "generations", f"{columns}, content_id, created", self.generations)
        columns = "id, generation_id, revision, hash, outcome, prompt_hash, raw_hash, parsed_hash, raw"
        more = "parent_content_id, template_version_id, model_version_id, created"
        insert_all(db, "contents", f"{columns}, {more}", self.contents)
        self.generations, self.contents = [], []


def grow(db: Database, families: Iterator[tuple[int, int]]) -> None:
    """Add families and their scores."""
    (last,) = db.execute("select coalesce(max(id), 0) from generations").fetchone()
    made = Families(db, last + 1)
    db.execute("pragma defer_foreign_keys=on")
    for combo, replicate in families:
        made.add(combo, replicate)
        if len(made.generations) > 20_000:
            made.write(db)
    made.write(db)
    db.execute(
        "insert into scores (generation_id, content_id, score, scale_min, scale_max)"
        " select id, content_id, id % 10 + 0.5, 0.0, 10.0 from generations where stage = 'evaluation' and id > ?",
        (last,),
    )


def fill(path: Path, count: int) -> None:
    """Make a project of so many generations."""
    create_project(path, scheme=V1)
    topics = -(-count // (5 * REPLICATES))
    with open_project(path, write=True) as db, transaction(db):
        catalogue(db, topics)
        grow(db, ((n // REPLICATES + 1, n % REPLICATES + 1) for n in range(count // 5)))


def add_newer(path: Path, count: int) -> None:
    """Add so many generations as work that was done since."""
    with open_project(path, write=True) as db, transaction(db):
        grow(db, ((n + 1, REPLICATES + 1) for n in range(count // 5)))


class Watch:
    """The largest size of a file's rollback journal while something runs."""

    def __init__(self, path: Path) -> None:
        """Watch the journal beside a project."""
        self.journal, self.peak, self.done = Path(f"{path}-journal"), 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self) -> None:
        """Look again and again until told to stop."""
        while not self.done.wait(0.02):
            if self.journal.exists():
                self.peak = max(self.peak, self.journal.stat().st_size)


def measure(phase: str, path: Path) -> dict[str, Any]:
    """Run one phase in this process: seconds, memory above what opening the file takes, bytes of log."""
    from workbench.migrate.apply import Request, apply
    from workbench.migrate.rollback import rollback
    from workbench.verify import digest

    with open_project(path, write=True) as db:
        start = peak_memory()
        watch, begun, spent = Watch(path), time.perf_counter(), time.process_time()
        watch.thread.start()
        if phase == "vacuum into":
            db.execute("vacuum into ?", (f"{path}.copy",))
        elif phase == "digest":
            digest(db)
        elif phase == "rollback":
            rollback(db)
        else:
            apply(db, Request(legacy=phase == "legacy", to_scheme="daydreaming"))
        seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
        watch.done.set()
        watch.thread.join()
    Path(f"{path}.copy").unlink(missing_ok=True)
    return {"seconds": seconds, "cpu": cpu, "memory": peak_memory() - start, "log": watch.peak}


def peak_memory() -> int:
    """Give the most memory that this process ever held, in bytes; Linux counts a child's from its own start here."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def apart(phase: str, path: Path) -> dict[str, Any]:
    """Run one phase in a process of its own."""
    words = [sys.executable, __file__, "--phase", phase, "--project", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def journal_cost(folder: Path, count: int) -> float:
    """Give how much longer an import of rows takes with the journal than without: the best of three each."""
    from contextlib import nullcontext

    from workbench.migrate.journal import journaled

    found: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(6):
        path = folder / f"journal{turn}.db"
        create_project(path)
        with open_project(path, write=True) as db:
            begun = time.process_time()
            with transaction(db):
                migration = db.execute(
                    "insert into migrations (kind, plan, state, at, version) values ('import', '{}', 'applied', '', '')"
                ).lastrowid
                with journaled(db, int(migration or 0)) if turn % 2 else nullcontext():
                    catalogue(db, -(-count // 20))
                    grow(db, ((n // REPLICATES + 1, n % REPLICATES + 1) for n in range(count // 5)))
            found[bool(turn % 2)].append(time.process_time() - begun)
        path.unlink()
    return min(found[True]) / min(found[False])


def main() -> None:
    """Read the command line; run all phases, or the one of a child."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=1_000_000)
    parser.add_argument("--legacy", type=int, default=50_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--phase")
    parser.add_argument("--project", type=Path)
    asked = parser.parse_args()
    if asked.phase:
        print(json.dumps(measure(asked.phase, asked.project)))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        path = Path(name) / "big.db"
        fill(path, asked.generations)
        size = path.stat().st_size
        phases = [("vacuum into", apart("vacuum into", path)), ("digest", apart("digest", path))]
        phases.append(("apply", apart("apply", path)))
        add_newer(path, asked.generations // 100)
        phases += [("rollback", apart("rollback", path)), ("vacuum into", apart("vacuum into", path))]
        base, cpu = (min(one[key] for phase, one in phases if phase == "vacuum into") for key in ("seconds", "cpu"))
        for phase, one in phases:
            print(
                f"{phase:12} {one['seconds']:7.2f} s  {one['cpu']:7.2f} s of CPU  {one['seconds'] / base:5.2f} x VACUUM"
                f" INTO  {one['cpu'] / cpu:5.2f} x its CPU  {one['memory'] / 2**20:5.0f} MB more"
                f"  log {one['log'] / size:.2f} of the file"
            )
        print(f"{asked.generations:,} generations, {size / 1e6:.0f} MB; goals: apply 5, rollback 2, 64 MB, log 0.3")
        cost = journal_cost(Path(name), asked.legacy)
        print(f"journal: {cost:.2f} x the same rows without it ({asked.legacy:,} generations); goal 1.3")


if __name__ == "__main__":
    main()
