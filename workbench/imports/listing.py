"""The imports of a project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.store import Database
from workbench.store.rows import rows_of

_IMPORTS: Final = """
select i.id, i.kind, i.source, i.at, i.migration_id as migration, m.state,
  (select count(distinct r.generation_id) from import_rows r where r.import_id = i.id) as generations,
  (select count(*) from migration_problems p where p.migration_id = i.migration_id) as problems
from imports i left join migrations m on m.id = i.migration_id order by i.id
"""


def list_imports(db: Database) -> Iterator[dict[str, Any]]:
    """Give every recorded import: kind, source, when, its migration, how many generations and problems."""
    yield from rows_of(db, _IMPORTS)
