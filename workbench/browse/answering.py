"""From a request to a response: find the page, ask the record, give HTML or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from datasette import Response
from datasette.utils import tilde_decode

from workbench.assets import asset_text
from workbench.browse.links import Links
from workbench.browse.look import look
from workbench.browse.page import Found, Page
from workbench.browse.pages import PAGES, all_pages
from workbench.browse.safety import OURS
from workbench.browse.texts import inert
from workbench.errors import BadInput, ForeignFile, Incomplete, UnknownName, WorkbenchError
from workbench.ids import content_hash

STYLE: Final = "templates/pages/workbench.css"
_HEADERS: Final = {"content-security-policy": OURS, "cache-control": "no-cache"}
_STATUS: Final = ((UnknownName, 404), (ForeignFile, 404), (BadInput, 400), (Incomplete, 503))


async def style(request: Any) -> Any:
    """Answer with the stylesheet; its address changes with its content, so it is kept for long."""
    headers = _HEADERS | {"cache-control": "max-age=31536000, immutable"}
    return Response(asset_text(STYLE), headers=headers, content_type="text/css; charset=utf-8")


async def answer(datasette: Any, request: Any) -> Any:
    """Answer one request below /DATABASE/-/workbench: a page, its JSON when the path ends in .json, or what is wrong.

    Status 404 for what is not there, 400 for what cannot be asked, 503 for what takes too long.
    """
    rest = request.url_vars["rest"] or ""
    as_json = rest.endswith(".json")
    path = [tilde_decode(part) for part in rest.removesuffix(".json").split("/") if part]
    try:
        db = datasette.get_database(route=tilde_decode(request.url_vars["database"]))
    except KeyError:
        return Response.text("There is no such database.", status=404)
    view = _View(datasette, request, db, Links(datasette.urls.database(db.name)), as_json)
    try:
        return await _page(view, path)
    except WorkbenchError as error:
        return await view.problem(error)


async def _page(view: _View, path: list[str]) -> Any:
    page, names = _find(path)
    asked = page.asked(names, {key: view.request.args[key] for key in view.request.args})
    if not await view.allowed():
        return Response.text("This database is not open to you.", status=403)
    found = await view.db.execute_fn(lambda conn: look(conn, lambda db: page.gather(db, asked)))
    if found.moved:
        target = view.links.json(*found.moved) if view.as_json else view.links.page(*found.moved)
        return Response.redirect(target)
    return view.json(found) if view.as_json else await view.html(page, names, found)


def _find(path: list[str]) -> tuple[Page, list[str]]:
    name = path[0] if path else ""
    for page in all_pages():
        if page.name == name and (name or not path):
            return page, path[1:]
    raise UnknownName(f"no page {name!r}", mend="see the menu")


def _resource(name: str) -> Any:
    """Name a database as permissions do: 1.0 has a class for it, 0.65 takes the name."""
    try:
        from datasette.resources import DatabaseResource
    except ImportError:
        return name
    return DatabaseResource(database=name)


class _View:
    """One request on its way to a response."""

    def __init__(self, datasette: Any, request: Any, db: Any, links: Links, as_json: bool) -> None:
        self.datasette, self.request, self.db, self.links, self.as_json = datasette, request, db, links, as_json

    async def allowed(self) -> bool:
        """Ask Datasette whether the one who asks may see this database."""
        visible, _ = await self.datasette.check_visibility(
            self.request.actor, action="view-database", resource=_resource(self.db.name)
        )
        return bool(visible)

    def json(self, found: Found, status: int = 200) -> Any:
        body = json.dumps({"title": found.title, **found.facts, "sql": found.sql.strip()}, default=str, indent=1)
        return Response(body, status=status, headers=_HEADERS, content_type="application/json; charset=utf-8")

    async def html(self, page: Page, names: list[str], found: Found) -> Any:
        options = {key: self.request.args[key] for key in self.request.args}
        context = {
            "page": found.facts,
            "found": found,
            "here": page.name,
            "pictures": page.draw(found.facts, self.links),
            "json_url": self.links.json(page.name, *names, **options),
            "sql_url": self.links.sql(found.sql, **found.values) if found.sql else "",
        }
        return await self._render((page.name or "overview") if page in PAGES else "rows", context)

    async def problem(self, error: WorkbenchError) -> Any:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 409)
        found = Found(error.what, {"error": error.detail, "mend": error.mend})
        if self.as_json:
            return self.json(found, status)
        return await self._render("problem", {"page": found.facts, "found": found, "here": "problem"}, status)

    async def _render(self, name: str, context: Mapping[str, Any], status: int = 200) -> Any:
        shared = {"links": self.links, "menu": [page for page in all_pages() if page.label], "project": self.db.name}
        shared["style_url"] = f"{self.datasette.urls.path('/-/workbench.css')}?{content_hash(asset_text(STYLE))[:12]}"
        shared["home"] = self.datasette.urls.instance()
        text = await self.datasette.render_template(
            f"workbench/{name}.html", shared | dict(context), request=self.request
        )
        return Response.html(inert(text), status=status, headers=_HEADERS)
