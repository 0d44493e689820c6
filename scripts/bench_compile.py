"""Speed of compiling a cohort beside bare enumeration and hashing of the same signatures.

    python scripts/bench_compile.py [SIZE…]      default: 100000 1000000

For each size and shape: microseconds a member for the bare loop (nested products, `gen_id` of each task), for the
same loop without any check of a field (`unchecked`), and as ratios to the first, then to the second: a cohort that is
all new, the same one compiled again, and a second cohort that reuses all. Peak memory is that of the compiling process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

# Shapes: how many of each axis; the first one grows with the size.
SHAPES = {
    "families": {"combo_id": 0, "draft_template": 10, "draft_llm": 4, "essay_template": 5, "essay_rep": 2}
    | {"evaluation_template": 4, "evaluation_llm": 3, "evaluation_rep": 2},
    "drafts": {"combo_id": 0, "draft_template": 10, "draft_llm": 10},
}
PER_COMBO = {"families": 40 * (1 + 10 * (1 + 24)), "drafts": 100}


def axes(shape: str, size: int) -> dict[str, list[str]]:
    """Give the levels of every axis."""
    counts = SHAPES[shape] | {"combo_id": max(1, round(size / PER_COMBO[shape]))}
    return {
        name: [str(n + 1) if name.endswith("_rep") else f"{name}-{n}" for n in range(count)]
        for name, count in counts.items()
    }


def bare(
    found: dict[str, list[str]], draft: Callable[..., str], essay: Callable[..., str], judge: Callable[..., str]
) -> int:
    """Enumerate and hash every signature once; gives how many there are."""
    count = 0
    for one in product(found["combo_id"], found["draft_template"], found["draft_llm"]):
        drafted = draft(*one, 1)
        count += 1
        for template, replicate in product(found.get("essay_template", []), map(int, found.get("essay_rep", []))):
            written = essay(drafted, template, replicate)
            count += 1
            rubrics = product(found["evaluation_template"], found["evaluation_llm"], map(int, found["evaluation_rep"]))
            for rubric in rubrics:
                judge(written, *rubric)
                count += 1
    return count


def loops(found: dict[str, list[str]]) -> dict[str, float]:
    """Time both bare loops, the middle one of three each: seconds for all, and how many signatures there are."""
    from workbench.ids import V1, DraftTask, EssayTask, EvaluationTask, gen_id

    def unchecked(stage: str) -> Callable[..., str]:
        return lambda *fields: V1.id_of(stage, V1.canonical(stage, fields[:-1], fields[-1]))

    ways = {
        "bare": [lambda *f, task=task: gen_id(task(*f)) for task in (DraftTask, EssayTask, EvaluationTask)],
        "unchecked": [unchecked(stage) for stage in ("draft", "essay", "evaluation")],
    }
    result: dict[str, float] = {}
    for name, ids in ways.items():
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            result["members"] = bare(found, *ids)
            times.append(time.perf_counter() - begun)
        result[name] = sorted(times)[1]
    return result


def compiling(found: dict[str, list[str]]) -> dict[str, float]:
    """Time three compiles in one project: all new, again, and all reused by another cohort."""
    from workbench.cohorts import spec_from_texts
    from workbench.plan.compiling import compile_cohort
    from workbench.store import create_project, open_project

    spec = spec_from_texts(json.dumps({"axes": found}), source="bench.json")
    result: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        path = Path(folder) / "bench.db"
        create_project(path)
        with open_project(path, write=True) as db:
            for name, cohort in (("new", "one"), ("again", "one"), ("reused", "two")):
                begun = time.perf_counter()
                done = compile_cohort(db, cohort, spec).enrolled
                result[name] = time.perf_counter() - begun
                assert (sum(done.new.values()) > 0) == (name == "new")
        result["file"] = path.stat().st_size / 2**20
    result["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def child(kind: str, shape: str, size: str) -> Iterator[tuple[str, float]]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--child", kind, shape, size]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    yield from json.loads(done.stdout).items()


def main(sizes: list[str]) -> None:
    """Print one line for each shape and size."""
    names = ("new", "again", "reused")
    heads = [f"{n}/bare" for n in names] + [f"{n}/unch." for n in names]
    print(
        f"{'shape':<9} {'members':>9} {'bare µs':>8} {'unch. µs':>8} "
        + " ".join(f"{h:>12}" for h in heads)
        + "  MB peak"
    )
    for size in sizes:
        for shape in SHAPES:
            result = dict(child("loops", shape, size)) | dict(child("compiling", shape, size))
            count = int(result["members"])
            ratios = [result[n] / result[base] for base in ("bare", "unchecked") for n in names]
            each = " ".join(f"{result[n] / count * 1e6:>8.2f}" for n in ("bare", "unchecked"))
            print(
                f"{shape:<9} {count:>9,} {each} " + " ".join(f"{r:>12.2f}" for r in ratios) + f"  {result['mb']:>7.0f}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
        print(json.dumps({"loops": loops, "compiling": compiling}[sys.argv[2]](axes(sys.argv[3], int(sys.argv[4])))))
    else:
        main(sys.argv[1:] or ["100000", "1000000"])
