"""Every link from the overview on, over a project with hostile text in every column that can hold text."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from browsing import HOSTILE, crawl, get, links
from projects import add, fill, number
from tinyhtml5.parser import HTMLParser

from workbench.store import create_project, open_project, transaction

ROOT = "/project/-/workbench"
ACTIVE = {"script", "iframe", "object", "embed", "img", "base"}
HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-resource-policy")


def enrich(path: Path) -> None:
    """Add what small projects lack: a run with calls, retries and events, a migration, an import, an alert."""
    with open_project(path, write=True) as db, transaction(db):
        at = "2026-01-01T00:00:00.000Z"
        run = add(db, "runs", job="all", config='{"a": 1}', status="running", version="0", started=at)
        db.execute("update calls set run_id = ?, latency_ms = id * 100, tokens_in = 5, cost = 0.1", (run,))
        add(db, "calls", run_id=run, attempt=2, provider="p", model="m", started=at, status="sent")
        add(db, "events", run_id=run, at=at, event="retry", data='{"outcome": "timeout", "wait": 1.5}')
        add(db, "events", run_id=run, at=at, event="strange", data="{")
        values = {"plan": '{"to": "v1"}', "changes": '{"draft": {"migrate": 1}}', "digest_after": "abc"}
        one = add(db, "migrations", kind="ids", state="applied", at=at, version="0", **values)
        add(db, "migrations", kind="rename", plan="{}", state="rolled back", at=at, version="0", rolled_back_at=at)
        db.execute(
            "insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status)"
            " select ?, id, stage, 'Old-' || id, gen_id, 'migrate' from generations",
            (one,),
        )
        add(db, "migration_problems", migration_id=one, severity="error", place="row 1", code="orphan", detail="none")
        imported = add(db, "imports", migration_id=one, kind="store", source="folder", at=at)
        draft = number(db, "generations", id=1)
        add(db, "import_rows", import_id=imported, generation_id=draft, place="a:1", metadata="{}")
        add(db, "alerts", kind="drift", facts="{}", blocking=1, at=at)


def poison(path: Path) -> int:
    """Put hostile text before what stands in each column of texts, or into its JSON; give how many columns took it."""
    poisoned = 0
    with sqlite3.connect(path) as conn:
        tables = conn.execute("select name from sqlite_master where type = 'table' and sql like 'create table%'")
        for (table,) in tables.fetchall():
            for _, column, kind, *_ in conn.execute(f"pragma table_info({table})").fetchall():
                if kind.upper() == "TEXT" and table != "project" and not table.startswith(("sqlite", "_", "search")):
                    kept = f"json_valid({column}) and json_type({column}) = 'object'"
                    value = f"case when {kept} then json_set({column}, '$.what', ?1) else ?1 || {column} end"
                    sql = f"update or ignore {table} set {column} = {value} where {column} is not null"
                    poisoned += conn.execute(sql, (HOSTILE,)).rowcount > 0
        conn.execute("update or ignore generations set legacy = 1, gen_id = ? || gen_id where id % 5 = 0", (HOSTILE,))
        conn.execute("insert into search (search) values ('rebuild')")
    conn.close()
    return poisoned


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project of everything that a project can hold, all of it hostile."""
    path = tmp_path_factory.mktemp("crawl") / "project.db"
    create_project(path, name="hostile")
    with open_project(path, write=True) as db:
        fill(db)
    enrich(path)
    assert poison(path) > 50
    return path


@pytest.fixture(scope="module")
def found(hostile: Path) -> dict[str, Any]:
    """Give every page of ours that is reached from the overview and from some searches, by address."""
    searches = [f"{ROOT}/search?q={words}" for words in ("essay", "%22", "alert", "a%3Ab+(", "%00", "NEAR(")]
    return crawl(hostile, [ROOT, *searches], ROOT, most=1_000)


def html(found: dict[str, Any]) -> dict[str, str]:
    """Keep the texts of HTML pages."""
    return {key: one.text for key, one in found.items() if one.headers["content-type"].startswith("text/html")}


def test_every_page_is_reached_and_answers(found):
    """No link of ours leads nowhere, and every kind of page is among those found."""
    assert {address: one.status_code for address, one in found.items() if one.status_code not in (200, 302)} == {}
    kinds = {re.split(r"[/?.]", address.removeprefix(ROOT).lstrip("/"))[0] for address in html(found)}
    assert kinds >= {"", "topics", "topic", "cohort", "generation", "lineage", "diff"}
    assert kinds >= {"run", "runs", "scores", "migrations", "search", "sql"}


def test_every_page_is_valid_html(found):
    """A parser that follows the standard to the letter has nothing to mend."""
    for address, text in html(found).items():
        parser = HTMLParser()
        parser.parse(text)
        assert parser.errors == [], (address, parser.errors[:3])


def test_hostile_text_is_only_text(found):
    """It makes no element and no attribute, and no template runs it."""
    texts = html(found)
    assert sum("alert(1)" in text for text in texts.values()) > 20
    for address, text in texts.items():
        parser = HTMLParser(namespace_html_elements=False)
        for element in parser.parse(text).iter():
            assert str(element.tag).lower() not in ACTIVE, address
            assert not [name for name in element.attrib if str(name).startswith("on")], address
        assert "alert(3)&gt;49" not in text, address


def test_every_response_has_its_headers(found):
    """Pages, JSON, redirects: all are guarded, and none of our pages may run a script."""
    for address, one in found.items():
        assert [name for name in HEADERS if name not in one.headers] == [], address
        if one.status_code == 200:
            assert "script-src" not in one.headers["content-security-policy"], address


def test_every_page_has_its_json(hostile, found):
    """A page names its JSON; that has a title and the SQL with which one asks oneself."""
    twins = {}
    for address, text in html(found).items():
        twin = re.search(r'<link rel="alternate" type="application/json" href="([^"]+)"', text)
        assert twin, address
        twins[twin[1].replace("&amp;", "&")] = address
    for twin, answer in zip(twins, get(hostile, *twins), strict=True):
        assert answer.status_code == 200, twin
        assert {"title", "sql"} <= set(json.loads(answer.text)), twin


def test_datasettes_pages_that_ours_lead_to_answer(hostile, found):
    """Tables, rows, questions and SQL behind our links; there hostile text is escaped as well."""
    leading = {link for text in html(found).values() for link in links(text) if link.startswith("/project")}
    theirs = sorted(link for link in leading if not link.startswith(ROOT))[:150]
    assert any("ask_coverage" in link for link in theirs) and any("sql=" in link for link in theirs)
    for address, answer in zip(theirs, get(hostile, *theirs, follow_redirects=True), strict=True):
        assert answer.status_code == 200, address
        assert "<script>alert(1)" not in answer.text and "<img src=x" not in answer.text, address
        assert [name for name in HEADERS if name not in answer.headers] == [], address


@pytest.mark.parametrize("address", ["/a/b/c/d/e", "/project/x/y/z/w", "/nothing", "/project/nothing"])
def test_an_address_that_leads_nowhere(hostile, address):
    """Is 404 with all headers, whether a route knows it or none does."""
    (answer,) = get(hostile, address)
    assert answer.status_code == 404
    assert [name for name in HEADERS if name not in answer.headers] == []
