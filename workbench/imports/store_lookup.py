"""Names in a store's metadata to numbers of the catalogue, as far as IDs can hold them."""

from __future__ import annotations

from typing import Final

from workbench.imports.legacy import is_name
from workbench.plan import lookup
from workbench.store import Database

_COHORT: Final = "select id from cohorts where name = ?"
_GAPS: Final = """
select t.stage || ' template ' || t.name from templates t
where t.version_id is null and exists (select 1 from generations g where g.template_id = t.id)
union all
select 'model ' || m.llm_model_id from models m
where m.version_id is null and exists (select 1 from generations g where g.model_id = m.id)
union all
select 'combo ' || c.combo_id from combos c
where c.topic_id is null and c.combo_id <> 'none' and not exists (select 1 from combo_members k where k.combo_id = c.id)
  and exists (select 1 from generations g where g.combo_id = c.id)
order by 1
"""


class Lookup:
    """Finds templates, models, combos and cohorts by name; a name that no ID could hold has no number."""

    def __init__(self, db: Database) -> None:
        """Look up in `db`, in the caller's transaction."""
        self._db, self._known = db, lookup.Lookup(db)
        self._cohorts: dict[str, int | None] = {}

    def template(self, stage: str, name: str) -> int | None:
        """Give a template's number."""
        return self._known.template(stage, name) if is_name(name) else None

    def model(self, name: str) -> int | None:
        """Give a model's number."""
        return self._known.model(name) if is_name(name) else None

    def combo(self, name: str) -> int | None:
        """Give a combo's number; a topic's uuid is a combo of one."""
        return self._known.combo(name) if is_name(name) else None

    def cohort(self, name: str) -> int | None:
        """Give a cohort's number; one that is only named somewhere is not made."""
        if name not in self._cohorts:
            found = self._db.execute(_COHORT, (name,)).fetchone() if name else None
            self._cohorts[name] = found and int(found[0])
        return self._cohorts[name]

    def gaps(self) -> list[str]:
        """Name what generations of the project name and its catalogue has no text, settings or concepts for."""
        return [name for (name,) in self._db.execute(_GAPS)]
