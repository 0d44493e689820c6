"""Names in a store's metadata to numbers of the catalogue; what is not there is made, without a text of its own."""

from __future__ import annotations

from typing import Final

from workbench.imports.legacy import is_name
from workbench.store import Database, insert

_TEMPLATE: Final = "select id from templates where stage = ? and name = ?"
_MODEL: Final = "select id from models where llm_model_id = ?"
_COMBO: Final = "select id from combos where combo_id = ?"
_TOPIC: Final = "select id, uuid from topics where uuid = ? order by topic_model_id limit 1"
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
        self._db = db
        self._templates: dict[tuple[str, str], int] = {}
        self._models: dict[str, int] = {}
        self._cohorts: dict[str, int | None] = {}

    def template(self, stage: str, name: str) -> int | None:
        """Give a template's number."""
        if not is_name(name):
            return None
        key = (stage, name.lower())
        if key not in self._templates:
            found = self._db.execute(_TEMPLATE, (stage, name)).fetchone()
            values = {"stage": stage, "name": name}
            self._templates[key] = int(found[0]) if found else insert(self._db, "templates", values)
        return self._templates[key]

    def model(self, name: str) -> int | None:
        """Give a model's number."""
        if not is_name(name):
            return None
        key = name.lower()
        if key not in self._models:
            found = self._db.execute(_MODEL, (name,)).fetchone()
            self._models[key] = int(found[0]) if found else insert(self._db, "models", {"llm_model_id": name})
        return self._models[key]

    def combo(self, name: str) -> int | None:
        """Give a combo's number; a topic's uuid is a combo of one."""
        if not is_name(name):
            return None
        found = self._db.execute(_COMBO, (name,)).fetchone()
        if found:
            return int(found[0])
        topic = self._db.execute(_TOPIC, (name,)).fetchone()
        values = {"combo_id": topic[1], "topic_id": topic[0]} if topic else {"combo_id": name}
        return insert(self._db, "combos", values)

    def cohort(self, name: str) -> int | None:
        """Give a cohort's number; one that is only named somewhere is not made."""
        if name not in self._cohorts:
            found = self._db.execute(_COHORT, (name,)).fetchone() if name else None
            self._cohorts[name] = found and int(found[0])
        return self._cohorts[name]

    def gaps(self) -> list[str]:
        """Name what generations of the project name and its catalogue has no text, settings or concepts for."""
        return [name for (name,) in self._db.execute(_GAPS)]
