"""Compile a cohort: its spec to members, the members into the record; the same spec gives the same IDs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice, repeat

from workbench.catalogue.cohorts import replication, store_cohort
from workbench.catalogue.combos import ensure_topic_combos
from workbench.catalogue.topics import topic_model_id
from workbench.cohorts import Design, EssaySource, Member, Spec, TopicSource, compiled, members, over_limit
from workbench.cohorts.factors import Factor
from workbench.cohorts.rules import MAX_LEVELS
from workbench.errors import BadQuery, Incomplete
from workbench.plan.essays import essays_today
from workbench.plan.lookup import Lookup
from workbench.record.members import Enrolled, enrol, gather
from workbench.store import Database, scheme_of, transaction
from workbench.store.ask import ask

OTHER_WRITERS = "essays are known and written by another model than asked for: give them replicates of their own"
SECONDS = 60.0  # that a spec's query may take


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
    return essays_today(db, ((name, where) for name in _queried(db, source.query, where))).values()


def _queried(db: Database, sql: str, where: str) -> list[str]:
    """Run a spec's own query, which may come from a stranger: it can read, for a while, and do nothing else."""
    try:
        with ask(db, sql, seconds=SECONDS) as rows:
            found = [str(next(iter(row.values()))) for row in islice(rows, MAX_LEVELS + 1)]
    except (BadQuery, Incomplete) as error:
        mend = "give one select that names essays by gen_id"
        raise BadQuery(f"{error.detail} in the spec's query", where=where, mend=mend) from None
    if len(found) > MAX_LEVELS:
        raise BadQuery(f"more than {MAX_LEVELS:,} essays in the spec's query", where=where, mend="narrow it")
    return found
