"""Addresses of pages, tables and questions; every part of a path is tilde-encoded, as Datasette does it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from datasette.utils import tilde_encode


@dataclass(frozen=True, slots=True)
class Links:
    """Where things of one database are. `database` is its own address, without a trailing slash."""

    database: str

    def page(self, name: str = "", *names: object, **options: object) -> str:
        """Give the address of a page with the names in its path; options that are None are left out."""
        parts = "".join(f"/{tilde_encode(str(part))}" for part in (name, *names) if part != "")
        return f"{self.database}/-/workbench{parts}{_query(options)}"

    def table(self, table: str, **filters: object) -> str:
        """Give the address of Datasette's own page of a table, narrowed by columns."""
        return f"{self.database}/{tilde_encode(table)}{_query(filters)}"

    def sql(self, sql: str, **values: object) -> str:
        """Give the address of Datasette's own page of a question."""
        return f"{self.database}{_query({'sql': sql.strip()} | values)}"

    def json(self, name: str = "", *names: object, **options: object) -> str:
        """Give the address of a page's JSON."""
        return self.page(name, *names).rstrip("/") + ".json" + _query(options)


def _query(options: dict[str, object]) -> str:
    given = {key: str(value) for key, value in options.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
