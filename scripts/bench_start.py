"""How soon the workbench is at work: starts, first call, nothing to do, and bytes written.

    python scripts/bench_start.py [--quick]

Whole processes are timed; the best of three counts. The bare interpreter stands beside as the machine's measure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_generate import HERE, prepare, serving

LIMITS = {"--help": 0.3, "status": 0.3, "first call": 0.4, "nothing to do": 0.8}
ENV = os.environ | {"PYTHONPATH": str(HERE.parent), "OPENAI_API_KEY": "sk-bench"}


def timed(words: list[str], **extra: str) -> float:
    """Give the seconds of a whole process, the best of three."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *words], env=ENV | extra, capture_output=True, check=True)
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def workbench(*words: str) -> list[str]:
    """Give the words of a command line."""
    return ["-m", "workbench", *words]


def generate(project: Path, count: int, *more: str) -> list[str]:
    """Give the command line that makes `count` samples."""
    order = ["--topics", "bench", "-n", str(count), "--template", "sample", "--model", "bench"]
    return workbench("generate", *order, "-p", str(project), "--concurrency", "32", "--json", *more)


def said(name: str, seconds: float, bare: float, limit: float | None = None) -> None:
    """Print one figure."""
    goal = f"  goal {limit:.1f} s" if limit else ""
    print(f"{name:<34} {seconds:7.3f} s  {seconds / bare:5.1f} x a bare python{goal}")


def main() -> None:
    sizes = (20_000,) if "--quick" in sys.argv else (20_000, 100_000)
    bare = timed(["-c", "pass"])
    with serving(0) as port, tempfile.TemporaryDirectory() as name:
        for size in sizes:
            measure(Path(name) / f"p{size}.db", size, bare, {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"})


def measure(project: Path, size: int, bare: float, url: dict[str, str]) -> None:
    """Fill a project with `size` samples and measure before, while and after."""
    prepare(project)
    said("--help", timed(workbench("--help")), bare, LIMITS["--help"])
    said("status of a new project", timed(workbench("status", "-p", str(project))), bare, LIMITS["status"])
    first_call(project, size, bare, url)
    begun, before = time.perf_counter(), written()
    done = subprocess.run([sys.executable, *generate(project, size)], env=ENV | url, capture_output=True, check=True)
    seconds = time.perf_counter() - begun
    payload = paid_bytes(project)
    print(f"{size:,} samples at 0 ms: {seconds:.1f} s whole process; {json.loads(done.stdout)['calls']:,} calls")
    print(f"bytes: {payload:,} of payload, file {project.stat().st_size / payload:.2f} x, written", end=" ")
    print(f"{(written() - before) / payload:.2f} x")
    said(f"nothing to do at {size:,}", timed(generate(project, size), **url), bare, LIMITS["nothing to do"])
    said(f"status at {size:,}", timed(workbench("status", "-p", str(project))), bare, LIMITS["status"])


def first_call(project: Path, size: int, bare: float, url: dict[str, str]) -> None:
    """Measure from the process's start to the first request, which the record tells."""
    from workbench.store import open_project

    begun = time.time()
    subprocess.run([sys.executable, *generate(project, size, "--limit", "1")], env=ENV | url, capture_output=True)
    with open_project(project) as db:
        started = db.execute("select strftime('%s', started) + substr(started, 20, 4) from calls limit 1").fetchone()
    said("start to first call", started[0] - begun, bare, LIMITS["first call"])


def paid_bytes(project: Path) -> int:
    """Give the bytes of answers as they came, of their texts and of their prompts."""
    from workbench.store import open_project

    with open_project(project) as db:
        bodies = db.execute("select sum(length(body)) from calls").fetchone()[0]
        return int(bodies) + int(db.execute("select sum(length(text)) from prompts").fetchone()[0])


def written() -> int:
    """Give the bytes that finished children of this process wrote to disk, as the kernel counts blocks."""
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock * 512


if __name__ == "__main__":
    main()
