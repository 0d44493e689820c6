"""How fast `generate` is, beside a plain aiohttp loop that commits one transaction a sample, as a ratio in one run.

    python scripts/bench_generate.py [--quick] [--only LATENCY/WIDTH[x]] [--rounds N]     x: exponential latency

Both sides are processes of their own, in turn, against servers of the same kind, timed from their first request until
their file is closed and at rest; the processor's time is counted over the same span, since it does not depend on who
else uses the machine. BENCH_DIR names the folder of the files (a RAM disk shows the work without the disk's).
"""

from __future__ import annotations

import heapq
import json
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
TOPICS = 1000


@dataclass(frozen=True)
class Case:
    """So many samples, so many at once, of a server with a latency in ms, fixed or exponential."""

    latency: int
    width: int
    count: int
    exponential: bool = False

    @property
    def name(self) -> str:
        return f"{self.latency}/{self.width}{'x' if self.exponential else ''}"

    def ideal(self) -> float | None:
        """Give the seconds of a sliding window over the very latencies that the server draws, in order."""
        if not self.latency:
            return None
        dice = random.Random(1)  # as the server has it
        ends = [0.0] * self.width
        for _ in range(self.count):
            wait = dice.expovariate(1000 / self.latency) if self.exponential else self.latency / 1000
            heapq.heapreplace(ends, ends[0] + wait)
        return max(ends)


CASES = [
    *(Case(0, 1, 1000), Case(0, 32, 6000), Case(0, 128, 6000)),
    *(Case(50, 1, 60), Case(50, 32, 4000), Case(50, 128, 8000), Case(50, 32, 4000, exponential=True)),
]


class Watch:
    """Time, processor time and bytes written since the first request."""

    def __init__(self) -> None:
        self.begun = 0.0

    def start(self) -> None:
        self.cpu, self.written, self.begun = self._cpu(), self._written(), time.perf_counter()

    @staticmethod
    def _cpu() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    @staticmethod
    def _written() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_oublock * 512

    def facts(self) -> dict[str, float]:
        return {
            "seconds": time.perf_counter() - self.begun,
            "cpu": self._cpu() - self.cpu,
            "written": self._written() - self.written,
            "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def loop(port: int, case: Case, project: Path, watch: Watch) -> None:
    """The peer: aiohttp, a semaphore, one transaction a sample."""
    import asyncio

    import aiohttp

    db = sqlite3.connect(project.with_suffix(".peer"), isolation_level=None)
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=full")
    db.execute("create table samples (id integer primary key, prompt text, answer text)")

    async def one(session: aiohttp.ClientSession, gate: asyncio.Semaphore, number: int) -> None:
        prompt = f"Write a sample about topic {number}."
        body = {"model": "bench", "messages": [{"role": "user", "content": prompt}]}
        async with gate, session.post(f"http://127.0.0.1:{port}/v1/chat/completions", json=body) as response:
            answer = (await response.json())["choices"][0]["message"]["content"]
        db.execute("begin immediate")
        db.execute("insert into samples values (?, ?, ?)", (number, prompt, answer))
        db.execute("commit")

    async def run() -> None:
        gate = asyncio.Semaphore(case.width)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=case.width)) as session:
            watch.start()
            await asyncio.gather(*(one(session, gate, n) for n in range(case.count)))

    asyncio.run(run())
    db.close()


def ours(port: int, case: Case, project: Path, watch: Watch) -> None:
    """The workbench, through its Python API, as the command line drives it."""
    from workbench.generate import Terms, generate
    from workbench.plan.orders import Order
    from workbench.providers import Provider, provider_for
    from workbench.store import open_project

    os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{port}/v1"
    os.environ["OPENAI_API_KEY"] = "sk-bench"

    def watched(alias: str) -> Provider:
        provider = provider_for(alias)
        call = provider.call

        async def first(request: Any) -> Any:
            provider.call = call  # type: ignore[method-assign]
            watch.start()
            return await call(request)

        provider.call = first  # type: ignore[method-assign]
        return provider

    with open_project(project, write=True) as db:
        order = Order("sample", "bench", case.count, "bench")
        summary = generate(db, order, Terms(concurrency=case.width), providers=watched)
    assert summary.done == case.count, summary


def prepare(path: Path, topics: int = TOPICS) -> None:
    """Make a project with so many topics, the template `sample` and the model `bench`."""
    from workbench.catalogue.models import Model, store_model
    from workbench.catalogue.templates import store_template
    from workbench.catalogue.topics import store_topics
    from workbench.prompts import Template
    from workbench.store import create_project, open_project, transaction
    from workbench.topics import read_topics

    tree = path.with_suffix(".jsonl")
    tree.write_text("".join(json.dumps({"path": ["bench", f"topic {n}"]}) + "\n" for n in range(topics)))
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        store_topics(db, read_topics(tree, name="bench"))
        store_template(db, Template("sample", "draft", "Write a sample about {{ topic }}, number {{ replicate }}."))
        store_model(db, Model("bench", "openai", "bench"))


@contextmanager
def serving(latency: float, *flags: str) -> Iterator[int]:
    """Run the server and give its port."""
    command = [sys.executable, str(HERE / "bench_server.py"), str(latency), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def child(kind: str, port: int, project: Path, case: Case) -> None:
    watch = Watch()
    {"loop": loop, "ours": ours}[kind](port, case, project, watch)
    print(json.dumps(watch.facts()))


def measure(kind: str, case: Case, folder: str) -> dict[str, float]:
    """Run one side in a process of its own; `whole` is from its start to its end."""
    project = Path(folder) / "bench.db"
    if kind == "ours":
        prepare(project)
    with serving(case.latency, *["--exponential"] * case.exponential) as port:
        facts = [case.latency, case.width, case.count, int(case.exponential)]
        command = [sys.executable, __file__, "child", kind, str(port), str(project), *map(str, facts)]
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout) | {"whole": time.perf_counter() - begun}  # type: ignore[no-any-return]


def pairs(case: Case, rounds: int) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Measure both sides in turn, so that what else the machine does falls on both."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
            found.append((measure("loop", case, folder), measure("ours", case, folder)))
    return found


HEAD = f"{'case':>8} {'loop/s':>7} {'ours/s':>7} {'ratio':>6} {'cpu':>6} {'whole':>6} {'ideal':>6}"
HEAD += f" {'loop ms':>8} {'ours ms':>8} {'KB':>6} {'MB':>5}"


def line(case: Case, found: list[tuple[dict[str, float], dict[str, float]]]) -> str:
    """Sum a case up: medians of the pairs' ratios, and of each side's figures."""

    def ratio(name: str) -> float:
        return statistics.median(peer[name] / mine[name] for peer, mine in found)

    def middle(side: int, name: str) -> float:
        return statistics.median(pair[side][name] for pair in found)

    ideal = f"{case.ideal() / middle(1, 'seconds'):6.2f}" if case.latency else f"{'-':>6}"
    return (
        f"{case.name:>8} {case.count / middle(0, 'seconds'):7.0f} {case.count / middle(1, 'seconds'):7.0f}"
        f" {ratio('seconds'):6.2f} {ratio('cpu'):6.2f} {ratio('whole'):6.2f} {ideal}"
        f" {middle(0, 'cpu') / case.count * 1000:8.3f} {middle(1, 'cpu') / case.count * 1000:8.3f}"
        f" {middle(1, 'written') / case.count / 1024:6.1f} {middle(1, 'mb'):5.0f}"
    )


def main() -> None:
    words = sys.argv[1:]
    only = words[words.index("--only") + 1] if "--only" in words else None
    rounds = int(words[words.index("--rounds") + 1]) if "--rounds" in words else 3
    print(HEAD)
    for case in CASES:
        if only in (None, case.name):
            asked = replace(case, count=max(30, case.count // 4)) if "--quick" in words else case
            print(line(asked, pairs(asked, rounds)), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        numbers = [int(word) for word in sys.argv[5:]]
        child(
            sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Case(numbers[0], numbers[1], numbers[2], numbers[3] > 0)
        )
    else:
        main()
