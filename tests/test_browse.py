"""The pages of a project in Datasette, in process: the same tests run under 0.65 and under 1.0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import browsing
import pytest

PAGES = "/project/-/workbench"


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


def test_sql_knows_the_functions_and_cannot_write(get):
    """The functions of `query` are there; the connection only reads."""
    sql = "select gen_id('draft', 'c', 't', 'm', 1) as id"
    rows = get(f"/project.json?_shape=array&sql={sql}", follow_redirects=True).json()
    assert rows[0]["id"].startswith("d_")
