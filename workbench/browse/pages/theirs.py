"""Pages of other packages: one that cannot be had or that breaks says so at its own address, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any, Final, NoReturn

from markupsafe import Markup

from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.errors import BadConfig, WorkbenchError
from workbench.plugins import BROKEN, MEND, broken, plugin
from workbench.store import Database, sqlite3

LONGEST: Final = 40  # characters of a label
DEEPEST: Final = 30  # lists and objects in each other


def page_of(name: str, taken: set[str]) -> Page:
    """Give the page that a package adds as `name`, or one that says why there is none; `taken` names hide nothing."""
    try:
        return _guarded(name, _sound(name, plugin("pages", name), taken))
    except WorkbenchError as error:
        return _instead(name, error, taken)


def _sound(name: str, page: object, taken: set[str]) -> Page:
    if not isinstance(page, Page):
        raise BadConfig(f"{name!r} of pages is {type(page).__name__}, no Page", mend=MEND)
    if not isinstance(page.name, str) or not isinstance(page.label, str):
        raise BadConfig(f"{name!r} of pages has a name or label that is no text", mend=MEND)
    if page.name in taken:
        raise BadConfig(f"{name!r} of pages is called {page.name!r}, as another page is", mend=MEND)
    return page


def _instead(name: str, error: WorkbenchError, taken: set[str]) -> Page:
    def refuse(db: Database, asked: Asked) -> NoReturn:
        raise error

    free = next(one for one in (name, f"broken-{name}", f"broken-{name}-page") if one not in taken)
    return Page(free, refuse, label=f"{name[:LONGEST]} (broken)")


def _guarded(name: str, page: Page) -> Page:
    def gather(db: Database, asked: Asked) -> Found:
        try:
            found = page.gather(db, asked)
            return _plain_found(found)
        except WorkbenchError:
            raise
        except BROKEN as error:
            if isinstance(error, sqlite3.OperationalError) and str(error) == "interrupted":
                raise  # it took too long, which is told by whoever asked
            raise broken(f"the page {name!r} broke", error) from error

    def draw(facts: Facts, links: Links) -> Mapping[str, Any]:
        try:
            return {key: Markup.escape(picture) for key, picture in page.draw(facts, links).items()}
        except BROKEN as error:
            raise broken(f"the page {name!r} broke", error) from error

    return replace(page, gather=gather, draw=draw, label=page.label[:LONGEST])


def _plain_found(found: object) -> Found:
    """Give what a page found as JSON can hold it and a table can show it; raises TypeError or ValueError."""
    if not isinstance(found, Found):
        raise TypeError(f"it gave {type(found).__name__}, no Found")
    facts = plain(dict(found.facts))
    rows = facts.get("rows", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError("its rows are no list of rows by column")
    title, sql, moved = str(found.title)[:200], str(found.sql or ""), tuple(map(str, found.moved))
    return Found(title, facts, sql, dict(found.values), moved, int(found.refresh or 0))


def plain(value: Any, depth: int = 0) -> Any:
    """Give a value of a fact as JSON has it: no number that is none, no huge ones, names that are texts."""
    if depth > DEEPEST:
        raise ValueError("its facts are nested too deeply")
    match value:
        case bool() | str() | None:
            return value
        case int():
            return value if abs(value) < 2**63 else f"a number of {value.bit_length():,} bits"
        case float():
            return value if isfinite(value) else None
        case Mapping():
            return {str(name): plain(item, depth + 1) for name, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item, depth + 1) for item in value]
    return str(value)
