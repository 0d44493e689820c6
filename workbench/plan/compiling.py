"""Compile a cohort: its spec to members, the members into the record; the same spec gives the same IDs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from workbench.catalogue.cohorts import replication, store_cohort
from workbench.catalogue.combos import ensure_topic_combos
from workbench.catalogue.topics import topic_model_id
from workbench.cohorts import EssaySource, Spec, TopicSource, compiled, members, over_limit
from workbench.errors import BadQuery, UnknownName
from workbench.record.members import Enrolled, Names, enrol, gather
from workbench.store import Database, insert, scheme_of, sqlite3, transaction


@dataclass(slots=True)
class Compiled:
    """What compiling a cohort did; `problems` are names that the catalogue lacks a text or settings for."""

    cohort: str
    enrolled: Enrolled
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Give it as plain data: cohort, members, new, reused, origins, problems."""
        return {"cohort": self.cohort, **asdict(self.enrolled), "problems": self.problems}


class _Undo(Exception):
    """Ends a dry run's transaction."""


def compile_cohort(db: Database, name: str, spec: Spec, *, dry_run: bool = False) -> Compiled:
    """Make a cohort from a spec, or find again that it is there; a dry run changes nothing.

    Raises BadSpec, Conflict, UnknownName, InvalidSignature.
    """
    result: Compiled | None = None
    try:
        with transaction(db):
            result = _compile(db, name, spec)
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    assert result is not None
    return result


def _compile(db: Database, name: str, spec: Spec) -> Compiled:
    settings = {"seed": spec.seed}
    cohort_id = store_cohort(db, name, "spec", spec.text, spec.files, settings)
    design = compiled(spec, topics=lambda s: topic_uuids(db, s), essays=lambda s: essay_ids(db, s))
    over_limit(design, replication(db))
    scheme = scheme_of(db)
    lookup = Lookup(db)
    gather(db, ((member, False) for member in members(design, scheme)), lookup.names())
    return Compiled(name, enrol(db, cohort_id, scheme), lookup.problems())


def topic_uuids(db: Database, source: TopicSource) -> Iterator[str]:
    """Give the unique topics of a topic model as combos, in order."""
    number = topic_model_id(db, source.name)
    ensure_topic_combos(db, number)
    for (uuid,) in db.execute("select uuid from unique_topics where topic_model_id = ? order by place", (number,)):
        yield uuid


def essay_ids(db: Database, source: EssaySource) -> Iterable[str]:
    """Give the essays that a spec lists or queries for, checked to be essays of this project."""
    wanted: Iterable[str] = source.ids
    if source.query:
        wanted = _queried(db, source.query)
    found = []
    for gen_id in wanted:
        row = db.execute("select gen_id from generations where gen_id = ? and stage = 'essay'", (gen_id,)).fetchone()
        if row is None:
            raise UnknownName(f"no essay {gen_id!r}", mend="list essays of this project: `workbench query` finds them")
        found.append(row[0])
    return found


def _queried(db: Database, sql: str) -> list[str]:
    """Run a spec's own query, which may come from a stranger: it can read and do nothing else."""
    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    db.conn.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY)
    try:
        return [str(row[0]) for row in db.conn.execute(sql)]
    except sqlite3.Error as error:
        raise BadQuery(f"{error} in the spec's query", mend="give one select that names essays by gen_id") from None
    finally:
        db.conn.set_authorizer(None)


class Lookup:
    """Names of a spec to numbers of the catalogue; a name that is not there is made, and told."""

    def __init__(self, db: Database) -> None:
        """Look up in `db`."""
        self._db = db
        self._templates: dict[tuple[str, str], int] = {}
        self._models: dict[str, int | None] = {"": None}
        self._combos: dict[str, int | None] = {"": None}
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
        if name not in self._combos:
            sql = (
                "select c.id, coalesce(c.topic_id, (select 1 from combo_members m where m.combo_id = c.id))"
                " from combos c where c.combo_id = ?"
            )
            topic = self._db.execute("select id, uuid from topics where uuid = ?", (name,)).fetchone()
            values: dict[str, object] = {"combo_id": name}
            if topic:
                values = {"combo_id": topic[1], "topic_id": topic[0]}
            self._combos[name] = self._found(sql, (name,), "combos", values)
        return self._combos[name]

    def _found(self, sql: str, key: tuple[str, ...], table: str, values: dict[str, object]) -> int:
        row = self._db.execute(sql, key).fetchone()
        number = int(row[0]) if row else insert(self._db, table, values)
        if (row is None or row[1] is None) and "topic_id" not in values:
            self._unknown.append(f"{table[:-1]} {' '.join(key)}")
        return number

    def problems(self) -> list[str]:
        """Say which names the catalogue knows nothing more of; their tasks wait until it does."""
        return [f"{name} is not in the catalogue yet" for name in self._unknown]
