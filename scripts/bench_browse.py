"""Median time of each page beside the time that its own questions to the record take.

    python scripts/bench_browse.py [PROJECT.db] [--generations 200000] [--runs 9]

Without a file, the synthetic project of scripts/bench_browse_project.py is made first. "Whole" is the page as a
browser gets it, through Datasette in this process; "ask" is what the page asks the record, in the same transaction
and with the same limits, without pictures, HTML and HTTP. Then Datasette's own pages of the largest tables.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_browse_project import make  # noqa: E402
from datasette.app import Datasette  # noqa: E402
from datasette.plugins import pm  # noqa: E402

from workbench.browse import plugin  # noqa: E402
from workbench.browse.look import look  # noqa: E402
from workbench.browse.page import Page  # noqa: E402
from workbench.browse.pages import PAGES  # noqa: E402
from workbench.store import open_project  # noqa: E402

OF_ONE = {
    "draft": "select gen_id from generations where stage = 'draft' and status = 'done' order by id limit 1 offset 5000",
    "evaluation": "select gen_id from generations where stage = 'evaluation' and status = 'done' order by id limit 1",
    "topic": "select uuid from topics where topic_model_id = 1 and leaf = 1 order by place limit 1",
    "combo": "select d.gen_id, c.combo_id from generations e join generations d on d.id = e.parent_id"
    " join combos c on c.id = d.combo_id where e.stage = 'essay' and e.status = 'done' order by e.id limit 1",
    "run": "select id from runs order by calls desc limit 1",
}
TABLES = ("generations", "contents", "calls", "events", "migration_map", "coverage")


def addresses(path: Path) -> list[tuple[str, str, str]]:
    """Give what is measured: page, the rest of its path, its query string."""
    with open_project(path) as db:
        one = {name: db.execute(sql).fetchone()[-1] for name, sql in OF_ONE.items()}
        other = db.execute("select gen_id from generations where gen_id > ? order by 1", (one["draft"],)).fetchone()[0]
    return [
        ("", "", ""),
        *(("topics", rest, "") for rest in ("encyclopedia", "links")),
        ("topic", one["topic"], ""),
        *(("cohort", "pilot", query) for query in ("", "stage=evaluation")),
        *(("generation", one[stage], "") for stage in ("draft", "evaluation")),
        ("lineage", one["combo"], ""),
        ("diff", f"{one['draft']}/{other}", ""),
        ("runs", "", ""),
        ("run", str(one["run"]), ""),
        *(("scores", "", query) for query in ("", "cohort=pilot")),
        ("migrations", "1", ""),
        *(("search", "", f"q={words}") for words in ("%22soil+water%22", "water")),
        ("sql", "", ""),
    ]


async def whole(datasette: Any, address: str, runs: int) -> float:
    """Give the median seconds of a page as a browser gets it."""
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        response = await datasette.client.get(address)
        taken.append(time.perf_counter() - begun)
        assert response.status_code == 200, (address, response.status_code)
    return median(taken)


async def asking(datasette: Any, page: Page, path: list[str], options: dict[str, str], runs: int) -> float:
    """Give the median seconds of what a page asks the record."""
    asked, db, taken = page.asked(path, options), datasette.get_database(), []
    for _ in range(runs):

        def ask(conn: Any) -> float:
            begun = time.perf_counter()
            look(conn, lambda file: page.gather(file, asked))
            return time.perf_counter() - begun

        taken.append(await db.execute_fn(ask))
    return median(taken)


async def measure(path: Path, runs: int) -> None:
    """Print the times of every page, then those of Datasette's own."""
    if not any(getattr(one, "__name__", "") == plugin.__name__ for one in pm.get_plugins()):
        pm.register(plugin, name=plugin.__name__)
    datasette = Datasette([str(path)], settings={"suggest_facets": False, "sql_time_limit_ms": 5_000})
    await datasette.invoke_startup()
    name = path.stem
    known = {page.name: page for page in PAGES}
    print(f"{'page':<44}{'ask ms':>9}{'whole ms':>10}{'ratio':>7}")
    for page, rest, query in addresses(path):
        options = {key: value.replace("+", " ").replace("%22", '"') for key, value in _pairs(query)}
        ask = await asking(datasette, known[page], [part for part in rest.split("/") if part], options, runs)
        parts = "/".join(part for part in (page, rest) if part)
        got = await whole(datasette, f"/{name}/-/workbench/{parts}?{query}".replace("workbench/?", "workbench?"), runs)
        said = f"{parts or 'overview'} {query}"[:43]
        print(f"{said:<44}{ask * 1e3:>9.1f}{got * 1e3:>10.1f}{got / ask:>7.2f}")
    for table in TABLES:
        got = await whole(datasette, f"/{name}/{table}", min(runs, 5))
        print(f"{f'(table) {table}':<53}{got * 1e3:>10.1f}")


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (part.partition("=") for part in query.split("&") if part)]


def main() -> None:
    """Make the project unless one is named, then measure."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("project", type=Path, nargs="?")
    options.add_argument("--generations", type=int, default=200_000)
    options.add_argument("--runs", type=int, default=9)
    given = options.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        path = given.project or make(Path(folder) / "big.db", given.generations)
        print(f"{path.stat().st_size / 1e6:,.0f} MB")
        asyncio.run(measure(path, given.runs))


if __name__ == "__main__":
    main()
