"""An open project: its methods, and how it is left."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar

from workbench.catalogue.combos import topic_path
from workbench.catalogue.topics import topic_model_id
from workbench.cohorts import read_spec
from workbench.errors import InvalidSignature, Refused, UnknownName
from workbench.generate import Summary, Terms, generate, generate_cohort
from workbench.ids import DraftTask, EssayTask, EvaluationTask, gen_id
from workbench.lineage import resolve
from workbench.plan.cohorts import cohort_number
from workbench.plan.compiling import compile_cohort
from workbench.plan.forecast import Forecast, forecast
from workbench.plan.orders import Order
from workbench.project import questions
from workbench.project.data import Build, Found, Generation, Score, Signature, Topic
from workbench.store import Database, open_project, scheme_of, sqlite3

T = TypeVar("T")
PAGE: Final = 200  # generations read at a time; no cursor stays open in between


class Project:
    """An open project; use it in a `with` block, or close it."""

    def __init__(self, path: Path, write: bool) -> None:
        """Open a project file; `Project.open` is the way to do it."""
        self.path, self.write = path, write
        self._enter()

    @classmethod
    def open(cls, path: Path | str, *, write: bool = False) -> Project:
        """Open a project for looking, or with `write` for changing it too.

        Raises UnknownName, ForeignFile, NewerProject, DamagedFile.
        """
        return cls(Path(path), write)

    def _enter(self) -> None:
        opened: AbstractContextManager[Database] = open_project(self.path, write=self.write)
        self._db = opened.__enter__()
        self._finalizer = weakref.finalize(self, _leave, opened)

    def close(self) -> None:
        """Leave the file at rest. A second time does nothing."""
        self._finalizer()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def signature_for(self, gen_id: str) -> Signature:
        """Give the signature of a generation by its ID, of today or of before a migration, folded as it is hashed.

        Raises UnknownName; InvalidSignature for a legacy row that lacks a part of its signature.
        """
        row = self._db.execute(questions.SIGNATURE, (resolve(self._db, gen_id),)).fetchone()
        stage, combo, parent, template, model, replicate = row
        first = combo if stage == "draft" else parent
        parts = (first, template) if stage == "essay" else (first, template, model)
        if None in (*parts, replicate):
            raise InvalidSignature(f"{gen_id} lacks a part of its signature", mend="mend it by a migration")
        kind: Any = {"draft": DraftTask, "essay": EssayTask, "evaluation": EvaluationTask}[stage]
        task: Signature = kind(*(part.lower() for part in parts), replicate)
        return task

    def find(self, signature: Signature, cohort: str | None = None) -> Found | None:
        """Find the task of a signature, whatever the case of its names.

        `is_reused` says that a cohort other than the first selects it: any, or the one named. Raises
        InvalidSignature, UnknownName.
        """
        gen_id(signature, scheme_of(self._db))  # checks every field
        number = None if cohort is None else cohort_number(self._db, cohort)
        names = [part.strip() for part in signature.fields]
        values = (number, number, signature.replicate, *names)
        row = self._db.execute(questions.FIND[signature.stage], values).fetchone()
        return None if row is None else Found(row[0], row[1], bool(row[2]), row[3])

    def generations(
        self,
        *,
        stage: str | None = None,
        cohort: str | None = None,
        status: str | None = None,
        template: str | None = None,
        model: str | None = None,
        combo: str | None = None,
    ) -> Iterator[Generation]:
        """Stream generations with their texts, in the order in which they were planned, narrowed as asked.

        `combo` also finds the essays and evaluations below its drafts. Nothing is locked while the iterator waits;
        what is added meanwhile may be seen. Raises UnknownName for a cohort that is not there.
        """
        number = None if cohort is None else cohort_number(self._db, cohort)
        asked: dict[str, Any] = {"stage": stage, "status": status, "template": template, "model": model}
        asked |= {"combo": combo, "cohort": number}
        given = {name: value for name, value in asked.items() if value is not None}
        sql = questions.TEXTS.format(
            base="generations g" if number is None else questions.OF_COHORT,
            key="g.id" if number is None else "k.generation_id",
            where="".join(f" and {questions.NARROWED[name]}" for name in given),
            page=PAGE,
        )
        return self._pages(sql, list(given.values()))

    def _pages(self, sql: str, values: list[Any]) -> Iterator[Generation]:
        last = 0
        while rows := self._db.execute(sql, (last, *values)).fetchall():
            last = rows[-1][0]
            for row in rows:
                texts: tuple[Any, ...] = (*row[1:-1], bool(row[-1]))
                yield Generation(*texts)

    def get_unique_topics(self, name: str) -> list[Topic]:
        """Give the topics of a model that samples are made of, in order. Raises UnknownName."""
        number = topic_model_id(self._db, name)
        return [Topic(*row) for row in self._db.execute(questions.TOPICS, (number,)).fetchall()]

    def topic_path(self, uuid: str) -> list[str]:
        """Give the titles from the root to a topic, by its main path. Raises UnknownName."""
        (number,) = self._db.execute("select min(id) from topics where uuid = ?", (uuid.strip(),)).fetchone()
        if number is None:
            raise UnknownName(f"no topic {uuid[:60]!r}", mend="get_unique_topics gives them")
        return topic_path(self._db, number)

    def scores(self, cohort: str | None = None) -> list[Score]:
        """Give every current score, or those of a cohort's evaluations. Raises UnknownName."""
        number = None if cohort is None else cohort_number(self._db, cohort)
        return [Score(*row) for row in self._db.execute(questions.SCORES, (number,)).fetchall()]

    def compile_cohort(self, name: str, spec_path: Path | str) -> Build:
        """Make a cohort from a spec, or find again that it is there. Raises BadSpec, Conflict, UnknownName, Refused."""
        found = compile_cohort(self._writable(), name, read_spec(spec_path))
        done = found.enrolled
        new, reused = (sum(counts.values()) for counts in (done.new, done.reused))
        return Build(found.cohort, done.members, new, reused, done.origins, tuple(found.problems))

    def forecast(self, order: Order) -> Forecast:
        """Say what `generate` would do, without a call. Raises UnknownName, BadInput."""
        return forecast(self._db, order)

    def generate(self, order: Order, terms: Terms | None = None) -> Summary:
        """Do what is not done of an order. Raises as the command does, and Refused without `write`."""
        return self._run(lambda db: generate(db, order, terms))

    def generate_cohort(self, name: str, stage: str | None = None, terms: Terms | None = None) -> Summary:
        """Do what is not done of a cohort. Raises as the command does, and Refused without `write`."""
        return self._run(lambda db: generate_cohort(db, name, stage, terms))

    def _writable(self) -> Database:
        if not self.write:
            raise Refused("the project was opened for looking", mend="Project.open(path, write=True)")
        return self._db

    def _run(self, work: Callable[[Database], T]) -> T:
        """Run here, or beside a notebook's own event loop in a thread with a connection of its own."""
        db = self._writable()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return work(db)
        self.close()
        try:
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(_in_thread, self.path, work).result()
        finally:
            self._enter()


def _in_thread(path: Path, work: Callable[[Database], T]) -> T:
    with open_project(path, write=True) as db:
        return work(db)


def _leave(opened: AbstractContextManager[Database]) -> None:
    with suppress(sqlite3.ProgrammingError):  # the last owner let go of it in another thread
        opened.__exit__(None, None, None)
