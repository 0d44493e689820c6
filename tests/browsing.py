"""Datasette in this process with the plugin, and a project whose every text is hostile."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterable
from html import unescape
from pathlib import Path
from typing import Any

from datasette.app import Datasette
from datasette.plugins import pm

from workbench.browse import plugin

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>{{ 7*7 }}{% raw %}"
    "\x1b[31m\x07\u202egnp.exe\u2066\u200b\u0085 العربية "
)
LONG = "w" * 3_000
TEXTS = {
    "topics": "title",
    "topic_models": "name",
    "templates": "name",
    "models": "llm_model_id",
    "cohorts": "name",
    "prompts": "text",
    "concepts": "name",
    "calls": "error",
    "runs": "job",
}


def register() -> None:
    """Make the plugin known, as its entry point does where the package is installed."""
    if not any(getattr(one, "__name__", "") == plugin.__name__ for one in pm.get_plugins()):
        pm.register(plugin, name=plugin.__name__)


async def start(*paths: Path) -> Any:
    """Give a Datasette over some files."""
    register()
    datasette = Datasette([str(path) for path in paths])
    await datasette.invoke_startup()
    return datasette


def get(path: Path, *addresses: str, **options: Any) -> list[Any]:
    """Ask one Datasette for some addresses and give its responses."""

    async def inner() -> list[Any]:
        datasette = await start(path)
        return [await datasette.client.get(address, **options) for address in addresses]

    return asyncio.run(inner())


def links(html: str) -> list[str]:
    """Give the addresses that a page leads to, without the places inside of pages."""
    return [unescape(link).partition("#")[0] for link in re.findall(r'href="([^"]*)"', html)]


def crawl(path: Path, first: Iterable[str], prefix: str, most: int = 400) -> dict[str, Any]:
    """Follow every link below a prefix, breadth first, and give the responses by address."""

    async def inner() -> dict[str, Any]:
        datasette, found, todo = await start(path), {}, list(first)
        while todo and len(found) < most:
            address = todo.pop(0)
            if address in found:
                continue
            found[address] = response = await datasette.client.get(address)
            if response.headers.get("location"):
                todo.append(response.headers["location"])
            if response.headers["content-type"].startswith("text/html"):
                todo.extend(link for link in links(response.text) if link.startswith(prefix))
        return found

    return asyncio.run(inner())


def poison(path: Path) -> None:
    """Put hostile text where a project keeps text; what identifies generations is made legacy for it."""
    with sqlite3.connect(path) as conn:
        for table, column in TEXTS.items():
            conn.execute(f"update {table} set {column} = ? || {column}", (HOSTILE,))
        conn.execute("update contents set raw = ? || ?, parsed = ? || ?", (HOSTILE, LONG, LONG, HOSTILE))
        conn.execute("update contents set raw_hash = 'a', parsed_hash = 'b', detail = ?", (HOSTILE,))
        conn.execute(
            "update generations set outcome = ?, legacy = 1, gen_id = ? || gen_id where id % 5 = 0", [HOSTILE] * 2
        )
        conn.execute("update generations set status = 'failed', outcome = ? where id % 7 = 0", (HOSTILE,))
        conn.execute(
            "insert into alerts (kind, facts, blocking, at) values (?, json_object('what', ?), 1, ?)", [HOSTILE] * 3
        )
    conn.close()
