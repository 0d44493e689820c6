"""How soon the workbench is at work: starts, first call, nothing to do, resuming, memory, and bytes written.

    python scripts/bench_start.py [--quick] [--million]     --million: resume an order of which 1,000,000 are done

Whole processes are timed, the best of three, with the processor's time beside, since that does not depend on who else
uses the machine. The bare interpreter stands beside as the machine's measure.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_generate import HERE, prepare, serving

LIMITS = {"--help": 0.3, "status": 0.3, "first call": 0.4, "nothing to do": 0.8, "resume": 1.0}
Times = tuple[float, float]  # seconds, and the processor's


def environment(folder: Path, port: int) -> dict[str, str]:
    """Give the environment of a user: what was imported once is compiled for the next time."""
    mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    mine |= {"PYTHONPATH": str(HERE.parent), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    return mine | {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}


def spent() -> tuple[float, int]:
    """Give the processor's seconds and the bytes written of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime, usage.ru_oublock * 512


def once(words: list[str], env: dict[str, str]) -> tuple[Times, bytes]:
    """Run a whole process and give its times and its output."""
    before, begun = spent()[0], time.perf_counter()
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr.decode())
    return (time.perf_counter() - begun, spent()[0] - before), done.stdout


def timed(words: list[str], env: dict[str, str]) -> Times:
    """Give the times of a whole process, the best of three."""
    return min(once(words, env)[0] for _ in "123")


def workbench(*words: str) -> list[str]:
    """Give the words of a command line."""
    return ["-m", "workbench", *words]


def generate(project: Path, count: int, *more: str) -> list[str]:
    """Give the command line that makes `count` samples."""
    order = ["--topics", "bench", "-n", str(count), "--template", "sample", "--model", "bench"]
    return workbench("generate", *order, "-p", str(project), "--concurrency", "32", "--json", *more)


def said(name: str, times: Times, limit: float | None = None) -> None:
    """Print one figure."""
    goal = f"  goal {limit:.1f} s" if limit else ""
    print(f"{name:<36} {times[0]:7.3f} s  processor {times[1]:6.3f} s{goal}", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name, serving(0) as port:
        folder = Path(name)
        env = environment(folder, port)
        said("a bare python", timed(["-c", "pass"], env))
        for size in (20_000,) if "--quick" in sys.argv else (20_000, 100_000):
            measure(folder / f"p{size}.db", size, env)
        if "--million" in sys.argv:
            resume(folder / "million.db", 1000, 1000, env)


def measure(project: Path, size: int, env: dict[str, str]) -> None:
    """Fill a project with `size` samples and measure before, while and after."""
    prepare(project)
    said("--help", timed(workbench("--help"), env), LIMITS["--help"])
    said("status of a new project", timed(workbench("status", "-p", str(project)), env), LIMITS["status"])
    first_calls("start to first call", project, size, env, LIMITS["first call"])
    before = spent()[1]
    times, out = once(generate(project, size), env)
    written, payload = spent()[1] - before, paid_bytes(project)
    said(f"{json.loads(out)['calls']:,} samples at 0 ms", times)
    print(f"bytes: {payload:,} of payload, file {project.stat().st_size / payload:.2f} x", end=", ")
    print(f"written {written / payload:.2f} x; at most {highest()} MB of memory in any process so far")
    said(f"nothing to do at {size:,}", timed(generate(project, size), env), LIMITS["nothing to do"])
    said(f"status at {size:,}", timed(workbench("status", "-p", str(project)), env), LIMITS["status"])


def first_calls(name: str, project: Path, count: int, env: dict[str, str], limit: float) -> None:
    """Measure three times from a process's start to its first request, which the record tells."""
    from workbench.store import open_project

    found = []
    for _ in "123":
        begun = time.time()
        (_, cpu), _ = once(generate(project, count, "--limit", "1"), env)
        with open_project(project) as db:
            (started,) = db.execute(
                "select strftime('%s', started) + substr(started, 20, 4) from calls order by id desc limit 1"
            ).fetchone()
        found.append((started - begun, cpu))
    said(name, min(found), limit)


def resume(project: Path, topics: int, cycles: int, env: dict[str, str]) -> None:
    """Measure how soon an order goes on of which so many cycles are done."""
    from workbench.store import open_project, transaction

    prepare(project, topics)
    once(generate(project, 1), env)
    with open_project(project, write=True) as db, transaction(db):
        db.execute(_DRAFTS, {"cycles": cycles})
        db.execute(_ANSWERS)
        db.execute("update generations set content_id = id, status = 'done', ready = 0 where status = 'planned'")
        db.execute("update project set value = (select max(id) from contents) where key = 'searched'")
    done = topics * cycles
    first_calls(f"first call when {done:,} are done", project, done + 100, env, LIMITS["resume"])
    said(f"nothing to do at {done:,}", timed(generate(project, done), env))


_DRAFTS = """
insert into generations (gen_id, stage, combo_id, template_id, model_id, replicate, status, ready, place, created)
with recursive cycle (n) as (select 1 union all select n + 1 from cycle where n < :cycles)
select gen_id('draft', u.uuid, t.name, m.llm_model_id, n), 'draft', c.id, t.id, m.id, n, 'planned', 0, u.place, t.name
from cycle, unique_topics u join combos c on c.combo_id = u.uuid, templates t, models m
where not exists (select 1 from generations g where g.combo_id = c.id and g.replicate = n) order by n, u.place
"""
_ANSWERS = """
insert into contents (id, generation_id, revision, hash, outcome, raw, created)
select g.id, g.id, 1, 'bench', 'ok', 'a text', g.created from generations g where g.status = 'planned'
"""


def paid_bytes(project: Path) -> int:
    """Give the bytes of answers as they came, of their texts and of their prompts."""
    from workbench.store import open_project

    with open_project(project) as db:
        bodies = db.execute("select sum(length(body)) from calls").fetchone()[0]
        return int(bodies) + int(db.execute("select sum(length(text)) from prompts").fetchone()[0])


def highest() -> int:
    """Give the MB of memory that the largest child needed."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


if __name__ == "__main__":
    main()
