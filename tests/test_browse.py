"""The pages of a project in Datasette, in process: the same tests run under 0.65 and under 1.0."""

from __future__ import annotations

import contextlib
import functools
import gzip
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import browsing
import pytest
from conftest import DATA

from workbench.browse.look import look
from workbench.errors import Refused
from workbench.store import open_project

PAGES = "/project/-/workbench"
KEPT = sorted((DATA / "projects").glob("v*.db.gz"))


@pytest.fixture
def get(family: Path) -> Callable[..., Any]:
    """Ask Datasette for an address: `get("/")` gives the response."""
    return lambda address, **options: browsing.get(family, address, **options)[0]


def test_the_overview_has_a_page_and_the_same_as_json(get):
    """HTML and JSON have one address each, and say the same."""
    page, twin = get(PAGES), get(f"{PAGES}.json")
    assert (page.status_code, twin.status_code) == (200, 200)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert twin.json()["generations"]["draft"]
    assert f'href="{PAGES}.json"' in page.text


@pytest.mark.parametrize(
    "address", [PAGES, f"{PAGES}.json", f"{PAGES}/nothing", "/", "/project", "/nothing", "/-/workbench.css"]
)
def test_every_response_is_guarded(get, address):
    """Datasette's own pages and errors have the headers too."""
    headers = get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"].split("style-src")[0]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example", "evil.example:80"]
)
def test_an_unknown_host_is_refused(get, host):
    """A page of another site cannot read the project by giving its own name this machine's address."""
    answer = get(PAGES, headers={"host": host})
    assert answer.status_code == 400
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost", "LOCALHOST:9", "[::1]:8001"])
def test_the_names_of_this_machine_are_known(get, host):
    """Loopback, with and without a port."""
    assert get(PAGES, headers={"host": host}).status_code == 200


def test_what_is_not_there_is_said_on_a_page(get):
    """An unknown page or name is 404, as a page and as JSON."""
    assert get(f"{PAGES}/nothing").status_code == 404
    assert get(f"{PAGES}/nothing.json").json()["error"]


@pytest.mark.parametrize("packed", KEPT, ids=lambda path: path.name)
def test_a_project_of_an_older_schema_is_looked_at_as_it_is(packed, tmp_path):
    """Pages need nothing that later steps of the schema brought, and change nothing."""
    path = tmp_path / "project.db"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    before = path.read_bytes()
    found = browsing.crawl(path, [PAGES], PAGES, most=150)
    assert {one.status_code for one in found.values()} <= {200, 302} and len(found) > 20
    assert path.read_bytes() == before


def test_a_page_that_asks_an_older_schema_for_more_says_so(tmp_path):
    """In one line with what mends it, and only where the schema is old."""
    path = tmp_path / "project.db"
    path.write_bytes(gzip.decompress(KEPT[0].read_bytes()))
    ask = functools.partial(look, ask=lambda db: db.execute("select * from what_comes_later"))
    with contextlib.closing(sqlite3.connect(path)) as conn, pytest.raises(Refused, match="what_comes_later"):
        ask(conn)
    with open_project(path, write=True):
        pass
    with contextlib.closing(sqlite3.connect(path)) as conn, pytest.raises(sqlite3.OperationalError):
        ask(conn)


def test_sql_knows_the_functions_and_cannot_write(get):
    """The functions of `query` are there; the connection only reads."""
    sql = "select gen_id('draft', 'c', 't', 'm', 1) as id"
    rows = get(f"/project.json?_shape=array&sql={sql}", follow_redirects=True).json()
    assert rows[0]["id"].startswith("d_")
