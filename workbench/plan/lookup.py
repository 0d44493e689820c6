"""Names to numbers of the catalogue; what is not there is made, without a text of its own."""

from __future__ import annotations

from workbench.catalogue.combos import ensure_plain_combo
from workbench.ids import NO_TOPIC
from workbench.record.members import Names
from workbench.store import Database, insert

MAX_COMBOS = 100_000  # whose numbers are kept in memory
_COMBO = (  # with what shows that it is more than a name
    "select c.id, case when c.combo_id = 'none' then 1 else coalesce(c.topic_id,"
    " (select 1 from combo_members m where m.combo_id = c.id)) end from combos c where c.combo_id = ?"
)
_TOPIC = "select id, uuid from topics where uuid = ? order by topic_model_id limit 1"


class Lookup:
    """Finds templates, models and combos by name; one that is not there is made, and told."""

    def __init__(self, db: Database) -> None:
        """Look up in `db`."""
        self._db = db
        self._templates: dict[tuple[str, str], int] = {}
        self._models: dict[str, int | None] = {"": None}
        self._combos: dict[str, int] = {}
        self._unknown: list[str] = []

    def names(self) -> Names:
        """Give the lookups that members are gathered with."""
        return Names(self.template, self.model, self.combo)

    def template(self, stage: str, name: str) -> int:
        """Give a template's number."""
        key = (stage, name)
        if key not in self._templates:
            sql = "select id, version_id from templates where stage = ? and name = ?"
            self._templates[key] = self._found(sql, (stage, name), "templates", {"stage": stage, "name": name})
        return self._templates[key]

    def model(self, name: str) -> int | None:
        """Give a model's number."""
        if name not in self._models:
            sql = "select id, version_id from models where llm_model_id = ?"
            self._models[name] = self._found(sql, (name,), "models", {"llm_model_id": name})
        return self._models[name]

    def combo(self, name: str) -> int | None:
        """Give a combo's number; a topic's uuid is a combo of one."""
        number = self._combos.get(name)
        if number is None and name:
            if len(self._combos) > MAX_COMBOS:
                self._combos.clear()
            number = self._combos[name] = self._combo(name)
        return number

    def _combo(self, name: str) -> int:
        row = self._db.execute(_COMBO, (name,)).fetchone()
        if row is None and name.lower() == NO_TOPIC:
            return ensure_plain_combo(self._db)
        topic = None if row else self._db.execute(_TOPIC, (name,)).fetchone()
        if topic:
            return insert(self._db, "combos", {"combo_id": topic[1], "topic_id": topic[0]})
        return self._numbered(row, "combos", {"combo_id": name})

    def _found(self, sql: str, key: tuple[str, ...], table: str, values: dict[str, object]) -> int:
        return self._numbered(self._db.execute(sql, key).fetchone(), table, values)

    def _numbered(self, row: tuple[int, int | None] | None, table: str, values: dict[str, object]) -> int:
        """Give the number of what was found, made when it was not; what has no content yet is told."""
        if row is None or row[1] is None:
            self._unknown.append(f"{table[:-1]} {' '.join(map(str, values.values()))}")
        return row[0] if row else insert(self._db, table, values)

    def problems(self) -> list[str]:
        """Say which names the catalogue knows nothing more of; their tasks wait until it does."""
        return [f"{name} is not in the catalogue yet" for name in dict.fromkeys(self._unknown)]
