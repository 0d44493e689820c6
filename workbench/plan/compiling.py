"""Compile a cohort: its spec to members, the members into the record; the same spec gives the same IDs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import repeat

from workbench.catalogue.cohorts import replication, store_cohort
from workbench.catalogue.combos import ensure_plain_combo, ensure_topic_combos
from workbench.catalogue.topics import topic_model_id
from workbench.cohorts import Design, EssaySource, Member, Spec, TopicSource, compiled, members, over_limit
from workbench.cohorts.factors import Factor
from workbench.errors import BadQuery
from workbench.ids import NO_TOPIC
from workbench.plan.essays import essays_today
from workbench.record.members import Enrolled, Names, enrol, gather
from workbench.store import Database, insert, scheme_of, sqlite3, transaction

OTHER_WRITERS = "essays are known and written by another model than asked for: give them replicates of their own"
MAX_COMBOS = 100_000  # whose numbers are kept in memory


@dataclass(slots=True)
class Compiled:
    """What compiling a cohort did; `problems` say which names the catalogue lacks, and what is not as it was asked."""

    cohort: str
    enrolled: Enrolled
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Give it as plain data: `new` and `reused` count all stages, `…_by_stage` each."""
        found = self.enrolled
        return {
            "cohort": self.cohort,
            "members": found.members,
            "new": sum(found.new.values()),
            "reused": sum(found.reused.values()),
            "new_by_stage": found.new,
            "reused_by_stage": found.reused,
            "origins": found.origins,
            "dropped": found.dropped,
            "problems": self.problems,
        }


class _Undo(Exception):
    """Ends a dry run's transaction."""


@contextmanager
def attempt(db: Database, dry_run: bool) -> Iterator[None]:
    """Hold a transaction that is kept, or taken back at its end when it is only a dry run."""
    try:
        with transaction(db):
            yield
            if dry_run:
                raise _Undo
    except _Undo:
        return


def compile_cohort(db: Database, name: str, spec: Spec, *, dry_run: bool = False) -> Compiled:
    """Make a cohort from a spec, or find again that it is there; a dry run changes nothing.

    Its members are what the spec selects now: what a topic model or a query no longer gives is dropped from the
    cohort, never from the record. Raises BadSpec, Conflict, UnknownName, InvalidSignature.
    """
    with attempt(db, dry_run):
        cohort_id = store_cohort(db, name, "spec", spec.text, spec.files, {"seed": spec.seed})
        if spec.topics is not None:
            ensure_topic_combos(db, topic_model_id(db, spec.topics.name))
        design = project_design(db, spec)
        over_limit(design, replication(db))
        return enrolled(db, cohort_id, zip(members(design, scheme_of(db)), repeat(False)))


def enrolled(db: Database, cohort_id: int, found: Iterable[tuple[Member, bool]]) -> Compiled:
    """Put members into the record and the cohort; the flag says that the cohort allocated the replicate.

    The caller holds the transaction.
    """
    lookup = Lookup(db)
    gather(db, found, lookup.names())
    done = enrol(db, cohort_id, scheme_of(db))
    (name,) = db.execute("select name from cohorts where id = ?", (cohort_id,)).fetchone()
    problems = lookup.problems()
    if done.other_writers:
        problems.append(f"{done.other_writers:,} {OTHER_WRITERS}")
    return Compiled(name, done, problems)


def project_design(db: Database, spec: Spec) -> Design:
    """Compile a spec to its design, with the topics and essays of the project that it names."""
    design = compiled(spec, topics=lambda s: topic_uuids(db, s), essays=lambda s: queried_essays(db, s, spec))
    return replace(design, factors=tuple(_named_today(db, factor, spec) for factor in design.factors))


def _named_today(db: Database, factor: Factor, spec: Spec) -> Factor:
    """Put today's IDs for listed essays, which must be essays of this project."""
    if "essay_gen_id" not in factor.columns or spec.document.essays is not None:
        return factor
    at, where = factor.columns.index("essay_gen_id"), spec.document.located.where("essays")
    today = essays_today(db, ((level[at], where) for level in factor.levels or ()))
    levels = dict.fromkeys((*level[:at], today[level[at]], *level[at + 1 :]) for level in factor.levels or ())
    return replace(factor, levels=tuple(levels))


def topic_uuids(db: Database, source: TopicSource) -> Iterator[str]:
    """Give the unique topics of a topic model, in order."""
    number = topic_model_id(db, source.name)
    for (uuid,) in db.execute("select uuid from unique_topics where topic_model_id = ? order by place", (number,)):
        yield uuid


def queried_essays(db: Database, source: EssaySource, spec: Spec) -> Iterable[str]:
    """Give the essays that a spec's query names."""
    where = spec.document.located.where("essays")
    return essays_today(db, ((name, where) for name in _queried(db, source.query))).values()


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


_COMBO = (  # with what shows that it is more than a name
    "select c.id, case when c.combo_id = 'none' then 1 else coalesce(c.topic_id,"
    " (select 1 from combo_members m where m.combo_id = c.id)) end from combos c where c.combo_id = ?"
)


class Lookup:
    """Names of a spec to numbers of the catalogue; a name that is not there is made, and told."""

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
        topic = None if row else self._db.execute("select id, uuid from topics where uuid = ?", (name,)).fetchone()
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
