"""Speed of `generate` beside an aiohttp loop with one SQLite transaction a sample, and beside the ideal.

    python scripts/bench_generate.py [--quick]

Both sides run in processes of their own, in turn, against the same kind of server; ratios within this run count.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
CASES = [(0, 1, 1000), (0, 32, 6000), (0, 128, 6000), (50, 1, 60), (50, 32, 4000), (50, 128, 8000)]


def loop(port: int, count: int, concurrency: int, folder: Path) -> dict[str, float]:
    """The peer: aiohttp, a semaphore, one transaction a sample."""
    import asyncio

    import aiohttp

    db = sqlite3.connect(folder / "peer.db", isolation_level=None)
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

    async def run() -> float:
        gate = asyncio.Semaphore(concurrency)
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with aiohttp.ClientSession(connector=connector) as session:
            begun = time.perf_counter()
            await asyncio.gather(*(one(session, gate, n) for n in range(count)))
            return time.perf_counter() - begun

    return {"seconds": asyncio.run(run())}


def ours(port: int, count: int, concurrency: int, folder: Path) -> dict[str, float]:
    """The workbench, through its Python API, as the command line drives it."""
    from workbench.catalogue.models import Model, store_model
    from workbench.catalogue.templates import store_template
    from workbench.catalogue.topics import store_topics
    from workbench.generate import Terms, generate
    from workbench.plan.orders import Order
    from workbench.prompts import Template
    from workbench.store import create_project, open_project, transaction
    from workbench.topics import read_topics

    os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{port}/v1"
    os.environ["OPENAI_API_KEY"] = "sk-bench"
    tree = folder / "tree.jsonl"
    tree.write_text("".join(json.dumps({"path": ["bench", f"topic {n}"]}) + "\n" for n in range(1000)))
    create_project(folder / "bench.db")
    with open_project(folder / "bench.db", write=True) as db:
        with transaction(db):
            store_topics(db, read_topics(tree, name="bench"))
            store_template(db, Template("sample", "draft", "Write a sample about {{ topic }}, number {{ replicate }}."))
            store_model(db, Model("bench", "openai", "bench"))
        begun = time.perf_counter()
        summary = generate(db, Order("sample", "bench", count, "bench"), Terms(concurrency=concurrency))
        seconds = time.perf_counter() - begun
    assert summary.done == count, summary
    return {"seconds": seconds}


def child(kind: str, port: int, count: int, concurrency: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        result = {"loop": loop, "ours": ours}[kind](port, count, concurrency, Path(folder))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        written = next(
            (int(line.split()[1]) for line in Path("/proc/self/io").read_text().splitlines() if "write_bytes" in line),
            0,
        )
    facts = {"cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024, "written": written}
    print(json.dumps(result | facts))


def measure(kind: str, port: int, count: int, concurrency: int) -> dict[str, float]:
    command = [sys.executable, __file__, kind, str(port), str(count), str(concurrency)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def serve(latency: float, *flags: str) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, str(HERE / "bench_server.py"), str(latency), *flags]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, int(server.stdout.readline())


def main() -> None:
    quick = "--quick" in sys.argv
    print(
        f"{'latency':>8} {'width':>6} {'loop/s':>8} {'ours/s':>8} {'ratio':>6} {'of ideal':>9} {'ms cpu':>7} {'MB':>5}"
    )
    for latency, concurrency, count in CASES:
        count = max(30, count // 4) if quick else count
        server, port = serve(latency)
        try:
            pairs = [
                (measure("loop", port, count, concurrency), measure("ours", port, count, concurrency)) for _ in "123"
            ]
        finally:
            server.kill()
        peer, mine = sorted(pairs, key=lambda pair: pair[0]["seconds"] / pair[1]["seconds"])[1]
        ideal = f"{count * latency / 1000 / concurrency / mine['seconds']:9.2f}" if latency else f"{'-':>9}"
        print(
            f"{latency:>5} ms {concurrency:>6} {count / peer['seconds']:8.0f} {count / mine['seconds']:8.0f}"
            f" {peer['seconds'] / mine['seconds']:6.2f} {ideal} {mine['cpu'] / count * 1000:7.2f} {mine['mb']:5.0f}"
        )


if __name__ == "__main__":
    if len(sys.argv) == 5:
        child(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        main()
