"""What Datasette's own pages show of a project: prose, labels, facets, questions; for 0.65 and 1.0 alike.

In 0.65 the hooks `get_metadata` and `canned_queries` ask for it; 1.0 has neither, there it is told at startup.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Final

from datasette.utils import tilde_decode
from markupsafe import Markup
from pluggy import HookimplMarker

from workbench.browse.links import Links
from workbench.browse.look import is_project
from workbench.browse.prose import described
from workbench.queries import questions

Settings = dict[str, Any]

hookimpl = HookimplMarker("datasette")
_ID = re.compile(r"[dev]_[0-9a-z]{1,20}(?:-[0-9]{1,6})?")
_projects: set[str] = set()  # paths, known once Datasette has started

LABELS: Final = {
    **{"generations": "gen_id", "combos": "combo_id", "topics": "title", "topic_models": "name", "concepts": "name"},
    **{"templates": "name", "template_versions": "created", "models": "llm_model_id", "model_versions": "name"},
    **{"cohorts": "name", "contents": "outcome", "runs": "job", "calls": "outcome", "migrations": "kind"},
    "imports": "source",
}
FACETS: Final = {
    "generations": ["stage", "status", "template_id", "model_id"],
    "calls": ["status", "run_id"],
    "batches": ["state"],
    "batch_lines": ["batch_id", "open"],
    "events": ["event"],
    "topics": ["topic_model_id", "depth", "leaf"],
    "migration_map": ["migration_id", "stage", "status"],
    "migration_problems": ["severity", "code"],
    "alerts": ["kind", "blocking"],
    "agreement": ["evaluation_template", "agreement"],
    "scores_by_evaluation": ["evaluation_template", "evaluation_model"],
}
IDS: Final = frozenset(
    ("gen_id", "parent_gen_id", "essay_gen_id", "draft_gen_id", "ancestor", "example", "new_id", "old_id", "alias")
)
ASK: Final = "ask_"  # before a question's name: some have the name of a table or view
LAST_FIRST: Final = ("runs", "batches", "calls", "events", "migrations", "alerts", "imports")
HIDDEN: Final = (
    *("search", "search_config", "search_data", "search_docsize", "search_idx"),
    *("_sqlite_migrations", "sqlite_stat1", "claims", "migration_images"),
)


def table_settings(name: str) -> Settings:
    """Give a table's settings in Datasette's words: label_column, facets, sort_desc, hidden."""
    found: Settings = {}
    if name in LABELS:
        found["label_column"] = LABELS[name]
    if FACETS.get(name):
        found["facets"] = list(FACETS[name])
    if name in LAST_FIRST:
        found["sort_desc"] = "id"
    if name in HIDDEN:
        found["hidden"] = True
    return found


def all_settings() -> dict[str, Settings]:
    """Give the settings of every table and view that has some."""
    names = dict.fromkeys((*described(), *LABELS, *FACETS, *HIDDEN))
    return {name: found for name in names if (found := table_settings(name))}


@cache
def metadata() -> Settings:
    """Give a project's metadata as Datasette 0.65 asks for it: settings, prose and what columns hold."""
    tables: dict[str, Settings] = all_settings()
    for name, one in described().items():
        mine = tables.setdefault(name, {})
        mine |= {"description": one.prose} if one.prose else {}
        mine |= {"columns": dict(one.columns)} if one.columns else {}
    return {"tables": tables}


@cache
def canned() -> dict[str, dict[str, str]]:
    """Give the named questions as Datasette 0.65 asks for them."""
    return {
        f"{ASK}{one.name}": {"sql": one.sql, "title": one.name, "description": one.prose}
        for one in questions().values()
    }


def is_known(datasette: Any, route: str) -> bool:
    """Say whether the database at an address is a project."""
    name = tilde_decode(route)
    return any(str(db.path) in _projects and db.route == name for db in datasette.databases.values())


@hookimpl
def startup(datasette: Any) -> Callable[[], Awaitable[None]]:
    """Note which databases are projects, and tell Datasette 1.0 what 0.65 asks for."""

    async def inner() -> None:
        for name, db in datasette.databases.items():
            if db.path and await db.execute_fn(is_project):
                _projects.add(str(db.path))
                await _tell(datasette, name)

    return inner


@hookimpl(optionalhook=True)
def get_metadata(datasette: Any) -> Settings:
    """Give 0.65 the metadata of every project."""
    return {"databases": {name: metadata() for name, db in datasette.databases.items() if str(db.path) in _projects}}


@hookimpl(optionalhook=True)
def canned_queries(datasette: Any, database: str) -> dict[str, dict[str, str]]:
    """Give 0.65 the named questions of a project."""
    return canned() if str(datasette.databases[database].path) in _projects else {}


@hookimpl
def render_cell(value: object, column: str, database: str | None, datasette: Any) -> Markup | None:
    """IDs of generations lead to their pages."""
    if column not in IDS or not isinstance(value, str) or not _ID.fullmatch(value) or database is None:
        return None
    if str(datasette.databases[database].path) not in _projects:
        return None
    url = Links(datasette.urls.database(database)).page("generation", value)
    return Markup('<a href="{}">{}</a>').format(url, value)


async def _tell(datasette: Any, database: str) -> None:
    if not hasattr(datasette, "set_resource_metadata"):
        return  # 0.65
    _configure(datasette, database)
    for name, one in described().items():
        if one.prose:
            await datasette.set_resource_metadata(database, name, "description", one.prose)
        for column, prose in one.columns.items():
            await datasette.set_column_metadata(database, name, column, "description", prose)
    if hasattr(datasette, "add_query"):
        for query in questions().values():
            said = {"title": query.name, "description": query.prose}
            await datasette.add_query(database, f"{ASK}{query.name}", query.sql, source="workbench", **said)


def _configure(datasette: Any, database: str) -> None:
    """Add our settings below what a person configured."""
    config = getattr(datasette, "config", None)
    if not isinstance(config, dict):
        return
    tables = config.setdefault("databases", {}).setdefault(database, {}).setdefault("tables", {})
    for name, settings in all_settings().items():
        given: Mapping[str, Any] = tables.get(name) or {}
        tables[name] = settings | dict(given)
