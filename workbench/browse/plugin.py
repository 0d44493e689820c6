"""The Datasette plugin, for 0.65 and 1.0 alike: what only one of them has is optional."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from datasette import Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from pluggy import HookimplMarker

from workbench.assets import assets
from workbench.browse import answering, look, safety, tables
from workbench.browse.charts import took
from workbench.browse.links import Links
from workbench.browse.rows import table_of
from workbench.browse.tables import canned_queries as canned_queries
from workbench.browse.tables import get_metadata as get_metadata
from workbench.browse.tables import render_cell as render_cell
from workbench.browse.tables import startup as startup
from workbench.browse.texts import laid_out, prose
from workbench.browse.unhinted import Unhinted
from workbench.store import sqlite3

hookimpl = HookimplMarker("datasette")


@hookimpl
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Connections to projects only read, and know the workbench's SQL functions."""
    look.prepare(conn)


@hookimpl
def prepare_jinja2_environment(env: Environment) -> None:
    """Our templates lie under `workbench/`; scripts of all templates get the nonce of the response."""
    ours = PrefixLoader({"workbench": FileSystemLoader(assets() / "templates" / "pages")})
    theirs = [env.loader] if env.loader else []
    env.loader = ChoiceLoader([ours, *map(safety.Nonced, theirs)])
    env.globals["workbench_nonce"] = safety.current_nonce
    env.filters |= {"laid_out": laid_out, "took": took, "prose": prose, "table_of": table_of}


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Awaitable[Any]]]]:
    """All pages of a project are below /DATABASE/-/workbench."""
    return [
        (r"^/-/workbench\.css$", answering.style),
        (r"^/-/workbench$", _first),
        (r"^/(?P<database>[^/]+)/-/workbench(?P<rest>[/.].*)?$", answering.answer),
    ]


@hookimpl
def asgi_wrapper(datasette: Any) -> Callable[[safety.App], safety.Guard]:
    """Every response is guarded. More host names: plugin setting `hosts`, a list."""
    more = (datasette.plugin_config("workbench") or {}).get("hosts") or []
    hosts = safety.HOSTS | frozenset(str(name).lower() for name in more)
    return lambda app: safety.Guard(Unhinted(app, lambda route: tables.is_known(datasette, route)), hosts)


@hookimpl(hookwrapper=True)
def handle_exception(exception: Exception) -> Generator[None, Any, None]:
    """Answer for addresses that no route knows, in the place of all others.

    Datasette would print a traceback with rich, which we bring along; outside of an except block that fails.
    """
    handled = sys.exc_info()[0] is not None
    outcome = yield
    if not handled and getattr(exception, "status", None) == 404:
        outcome.force_result([Response.text("There is no such page.", status=404)])


async def _first(datasette: Any) -> Any:
    """Lead to the only project, or to Datasette's list of databases."""
    names = await _projects(datasette)
    return Response.redirect(_overview(datasette, names[0]) if len(names) == 1 else datasette.urls.instance())


async def _projects(datasette: Any) -> list[str]:
    found = []
    for name, db in datasette.databases.items():
        if db.path and await db.execute_fn(look.is_project):
            found.append(name)
    return found


@hookimpl
def menu_links(datasette: Any) -> Callable[[], Awaitable[list[dict[str, str]]]]:
    """Each project's overview is in Datasette's menu."""

    async def inner() -> list[dict[str, str]]:
        names = await _projects(datasette)
        return [{"href": _overview(datasette, name), "label": f"Workbench: {name}"} for name in names]

    return inner


@hookimpl
def database_actions(datasette: Any, database: str) -> Callable[[], Awaitable[list[dict[str, str]]]]:
    """A project's database page leads to its overview."""

    async def inner() -> list[dict[str, str]]:
        if database not in await _projects(datasette):
            return []
        return [{"href": _overview(datasette, database), "label": "Workbench overview"}]

    return inner


def _overview(datasette: Any, name: str) -> str:
    return Links(datasette.urls.database(name)).page()
