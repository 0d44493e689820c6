"""Datasette's table pages of projects without its suggestions of facets.

Each column would be counted to see whether it makes a facet, which takes seconds where rows are wide and many. The
setting `suggest_facets` goes for all databases and belongs to whoever starts Datasette; `_nosuggest` is for one page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from workbench.browse.safety import App, Message, Receive, Send

NO: Final = b"_nosuggest=1"


@dataclass(frozen=True, slots=True)
class Unhinted:
    """An ASGI application: pages /DATABASE/TABLE, of databases that `concerns` names, are asked for without hints."""

    app: App
    concerns: Callable[[str], bool]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on; a page that is asked for in so many words is passed on as it is."""
        if scope["type"] == "http" and self._is_table(scope["path"]) and b"_nosuggest=" not in scope["query_string"]:
            asked = scope["query_string"]
            scope = {**scope, "query_string": asked + b"&" + NO if asked else NO}
        await self.app(scope, receive, send)

    def _is_table(self, path: str) -> bool:
        database, _, table = path.lstrip("/").partition("/")
        plain = bool(table) and not table.startswith("-") and "/" not in table and "." not in table
        return plain and self.concerns(database)
