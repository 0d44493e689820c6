"""What a page is: a name in the address, a question to the record, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from workbench.browse.links import Links
from workbench.errors import UnknownName
from workbench.store import Database

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants to know: the names in its path, and its query string."""

    names: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)

    def number(self, option: str, default: int = 1, *, lowest: int = 1, highest: int = 1_000_000) -> int:
        """Give a whole number of the query string, within bounds; what is none counts as the default."""
        text = self.options.get(option, "")
        return min(max(int(text), lowest), highest) if text.isascii() and text.isdigit() and len(text) < 10 else default

    def row(self, name: str) -> int:
        """Give a name of the path as the number of a row; 0, which no row has, when it is none."""
        text = self.names[name]
        return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0

    def part(self, count: int, each: int) -> tuple[int, int]:
        """Give the part of a list that is asked for (`page`, from 1) and how many there are, of so many rows each."""
        parts = max(-(-count // each), 1)
        return self.number("page", highest=parts), parts

    def choice(self, option: str, *allowed: str) -> str:
        """Give one of the allowed words, the first when the query string has none of them."""
        text = self.options.get(option, "")
        return text if text in allowed else allowed[0]


@dataclass(frozen=True, slots=True)
class Found:
    """What a page shows: plain facts (its JSON), and the SQL with which one finds them oneself.

    `moved` names another page (name, names…) to go to instead; `refresh` is in seconds, 0 for never.
    """

    title: str
    facts: Facts = field(default_factory=dict)
    sql: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    refresh: int = 0


def _nothing(facts: Facts, links: Links) -> Mapping[str, Markup]:
    return {}


@dataclass(frozen=True, slots=True)
class Page:
    """One page: `name` in its address and of its template, the names that its path takes, and how many it needs.

    A page of another package has no template: its pictures are shown, and `rows` of its facts as a table.

    `gather` asks the record (in a thread, bounded in time, in one snapshot); `draw` makes the pictures from the
    facts, by name. A page with a label is in the menu.
    """

    name: str
    gather: Callable[[Database, Asked], Found]
    draw: Callable[[Facts, Links], Mapping[str, Markup]] = _nothing
    takes: tuple[str, ...] = ()
    needs: int = 0
    label: str = ""

    def asked(self, path: list[str], options: Mapping[str, str]) -> Asked:
        """Read the rest of a path as this page's names; raises UnknownName when it has too many or too few."""
        if not self.needs <= len(path) <= len(self.takes):
            raise UnknownName("no such page", mend="see the menu")
        return Asked(dict(zip(self.takes, path, strict=False)), options)
