"""Merging is commutative, associative and idempotent by digest, and rollback takes it back, whatever was done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import projects
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.ids import model_hash, path_uuid
from workbench.merge import Prefer, merge
from workbench.migrate.apply import Request, apply
from workbench.migrate.rename import rename
from workbench.migrate.rollback import rollback
from workbench.record.answers import fail, refresh
from workbench.record.selection import CohortSelection, want_again
from workbench.store import Database, open_project, transaction
from workbench.verify import digest
from workbench.verify.digest import lines

COMBOS = ("memory-play", *(path_uuid(["root", title]) for title in projects.TITLES))
small = st.integers(0, 3)
DEEDS = st.one_of(
    st.tuples(st.just("draft"), small, st.integers(2, 5)),
    st.tuples(st.just("child"), small, small),
    st.tuples(st.just("answer"), st.integers(0, 30), small),
    st.tuples(st.just("refuse"), st.integers(0, 30), small),
    st.tuples(st.just("fail"), st.integers(0, 30), small),
    st.tuples(st.just("retry"), small, small),
    st.tuples(st.just("topic"), small, small),
    st.tuples(st.just("template"), small, small),
    st.tuples(st.just("settings"), small, small),
    st.tuples(st.just("back"), small, small),
    st.tuples(st.just("concept"), small, small),
    st.tuples(st.just("describe"), small, small),
    st.tuples(st.just("cohort"), small, small),
    st.tuples(st.just("limit"), small, small),
    st.tuples(st.just("rename"), small, small),
)
LIVES = st.lists(DEEDS, max_size=5)


class Deeds:
    """What people do with a copy of a project, each by two small numbers."""

    def __init__(self, db: Database) -> None:
        """Work on one open copy."""
        self.db = db

    def do(self, deed: tuple[str, int, int]) -> None:
        """Do one thing; what is there already is left alone."""
        name, one, two = deed
        if name == "rename":
            self.rename(one, two)
            return
        with transaction(self.db):
            getattr(self, name)(one, two)
            projects.index(self.db)

    def some(self, one: int) -> tuple[int, str]:
        """Give a generation and its stage."""
        rows = self.db.execute("select id, stage from generations where status <> 'blocked' order by gen_id").fetchall()
        return tuple(rows[one % len(rows)])

    def draft(self, one: int, two: int) -> None:
        """Plan a draft."""
        if self.known(f"g.gen_id = '{projects.gen_of(self.db, COMBOS[one], two)}'"):
            return
        template = projects.number(self.db, "templates", stage="draft")
        (name,) = self.db.execute("select name from templates where id = ?", (template,)).fetchone()
        if name == "plain":
            number = projects.add_draft(self.db, COMBOS[one], two)
            self.db.execute("update generations set ready = 1 where id = ?", (number,))

    def known(self, where: str) -> bool:
        """Whether there is such a generation."""
        return self.db.execute(f"select 1 from generations g where {where}").fetchone() is not None

    def child(self, one: int, two: int) -> None:
        """Plan an essay or an evaluation of what is done."""
        rows = self.db.execute(
            "select id, stage from generations where stage <> 'evaluation' and status = 'done' order by gen_id"
        ).fetchall()
        parent, stage = rows[one % len(rows)]
        if self.db.execute("select 1 from migrations where kind = 'rename'").fetchone():
            return
        below = "essay" if stage == "draft" else "evaluation"
        if not self.known(f"g.parent_id = {parent} and g.replicate = {two + 1}"):
            number = projects.add_child(self.db, below, parent, two + 1)
            self.db.execute("update generations set ready = 1 where id = ?", (number,))

    def answer(self, one: int, two: int, outcome: str = "ok") -> None:
        """Give an answer, or another one."""
        number, stage = self.some(one)
        (last,) = self.db.execute(
            "select coalesce(max(revision), 0) from contents where generation_id = ?", (number,)
        ).fetchone()
        text = f"Score: {two}.5" if stage == "evaluation" else f"text {two}"
        projects.answer(self.db, number, text, revision=last + 1, outcome=outcome)
        refresh(self.db, number)

    def refuse(self, one: int, two: int) -> None:
        """Give an answer that cannot be used."""
        self.answer(one, two, outcome="refused")

    def fail(self, one: int, two: int) -> None:
        """Let a task fail without an answer."""
        number, _ = self.some(one)
        (status,) = self.db.execute("select status from generations where id = ?", (number,)).fetchone()
        if status == "planned":
            fail(self.db, number, "timeout")

    def retry(self, one: int, two: int) -> None:
        """Want the failed members of a cohort again."""
        want_again(self.db, CohortSelection(1), failed=True, done=False)

    def topic(self, one: int, two: int) -> None:
        """Add a topic behind the others."""
        title = f"topic {one}"
        if self.db.execute("select 1 from topics where title = ?", (title,)).fetchone() is None:
            (place,) = self.db.execute("select max(place) + 1 from topics").fetchone()
            projects.add_topic(self.db, 1, title, place)

    def template(self, one: int, two: int) -> None:
        """Give a template another text."""
        rows = self.db.execute("select name, stage from templates order by stage, name").fetchall()
        name, stage = rows[one % len(rows)]
        projects.add_template(self.db, name, stage, f"Otherwise {two} about {{{{ topic }}}}.")

    def settings(self, one: int, two: int) -> None:
        """Give a model other settings, and another name for people."""
        name = ("writer", "judge", "third")[one % 3]
        settings = {"temperature": 0.5 + two}
        hashed = model_hash("offline", name, settings)
        found = self.db.execute("select id, model_id from model_versions where hash = ?", (hashed,)).fetchone()
        if found:
            self.db.execute("update models set version_id = ? where id = ?", found)
        elif self.db.execute("select 1 from models where llm_model_id = ?", (name,)).fetchone() or name == "third":
            projects.add_model(self.db, name, **settings)
        if two == 3:
            self.db.execute("update models set display_name = ? where llm_model_id = ?", (f"Model {one}", name))

    def back(self, one: int, two: int) -> None:
        """Go back to the first text of a template."""
        rows = self.db.execute("select id from templates order by stage, name").fetchall()
        (number,) = rows[one % len(rows)]
        self.db.execute(
            "update templates set version_id = (select min(id) from template_versions where template_id = ?1)"
            " where id = ?1",
            (number,),
        )

    def concept(self, one: int, two: int) -> None:
        """Add a concept, and put it into a combo."""
        name = f"concept{one}"
        if self.db.execute("select 1 from concepts where concept_id = ?", (name,)).fetchone() is None:
            concept = projects.add(self.db, "concepts", concept_id=name, name=name, sentence=f"On {two}.")
            combo = projects.number(self.db, "combos", combo_id=COMBOS[0])
            projects.add(self.db, "combo_members", combo_id=combo, concept_id=concept, place=2 + two)

    def describe(self, one: int, two: int) -> None:
        """Describe a concept in other words."""
        self.db.execute("update concepts set paragraph = ? where concept_id = 'memory'", (f"In {one} {two} words.",))

    def cohort(self, one: int, two: int) -> None:
        """Make a cohort, or give one more members."""
        row = self.db.execute("select id from cohorts where name = ?", (f"cohort{one}",)).fetchone()
        cohort = row[0] if row else projects.add_cohort(self.db, f"cohort{one}", [])
        if row is None and two == 3:
            self.db.execute("update cohorts set spec = 'axes: {a: [b]}' where id = ?", (cohort,))
        rows = self.db.execute("select id from generations order by gen_id").fetchall()
        for place, (number,) in enumerate(rows[two : two + 4]):
            self.db.execute(
                "insert or ignore into cohort_members (cohort_id, generation_id, place) values (?, ?, ?)",
                (cohort, number, place),
            )

    def limit(self, one: int, two: int) -> None:
        """Limit the replicates of a stage."""
        self.db.execute("update replication set replicates = ? where stage = 'essay'", (one + 1,))

    def rename(self, one: int, two: int) -> None:
        """Rename a template or a model."""
        kind, name, stage = (("template", "long", "essay"), ("model", "judge", None))[two % 2]
        try:
            rename(self.db, kind, name, f"name{one}", stage=stage)  # type: ignore[arg-type]
        except WorkbenchError:
            return


class Copies:
    """Copies of one project that live apart."""

    def __init__(self, folder: Path) -> None:
        """Make the project that all begin with."""
        self.folder, self.numbers = folder, count()
        self.first = projects.made(folder / "first.db")

    def copy(self, path: Path | None = None) -> Path:
        """Give a new copy of a project."""
        new = self.folder / f"copy{next(self.numbers)}.db"
        shutil.copy(path or self.first, new)
        return new

    def lived(self, deeds: list[tuple[str, int, int]]) -> Path:
        """Give a copy on which something was done."""
        path = self.copy()
        with open_project(path, write=True) as db:
            for deed in deeds:
                Deeds(db).do(deed)
            assert projects.broken(db) == []
        return path

    def merged(self, *paths: Path, prefer: Prefer | None = "both") -> Path:
        """Give a copy of the first with the others merged into it."""
        path = self.copy(paths[0])
        with open_project(path, write=True) as db:
            for other in paths[1:]:
                merge(db, [other], prefer=prefer, snapshot=False, digests=False)
            assert projects.broken(db) == []
        return path


def facts(path: Path) -> list[str]:
    """Give what the digest is made of."""
    with open_project(path) as db:
        return lines(db)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    """Copies in a folder of this module."""
    yield Copies(tmp_path_factory.mktemp("copies"))


# Shrinking would take longer than reading: the deeds are few.
few = settings(max_examples=4, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])


@few
@given(one=LIVES, two=LIVES, three=LIVES)
def test_order_and_repetition_do_not_matter(copies: Copies, one: Any, two: Any, three: Any) -> None:
    """Under `both`: commutative, associative, idempotent."""
    a, b, c = (copies.lived(deeds) for deeds in (one, two, three))
    ab, bc = copies.merged(a, b), copies.merged(b, c)
    assert facts(ab) == facts(copies.merged(b, a))
    assert facts(copies.merged(ab, c)) == facts(copies.merged(a, bc))
    assert facts(copies.merged(ab, a, b, ab)) == facts(ab)
    assert facts(copies.merged(a, copies.copy(a))) == facts(a)


@few
@given(one=LIVES, two=LIVES, later=LIVES)
def test_rollback_takes_a_merge_back(copies: Copies, one: Any, two: Any, later: Any) -> None:
    """The digest of before, or a refusal without a change when something hangs on what came."""
    a, b = copies.lived(one), copies.lived(two)
    ab = copies.merged(a, b)
    with open_project(ab, write=True) as db:
        if db.execute("select max(id) from migrations where kind = 'merge'").fetchone()[0] is None:
            return
        rollback(db)
        assert projects.broken(db) == []
    assert facts(ab) == facts(a)


@few
@given(one=LIVES, two=LIVES, scheme=st.sampled_from(["daydreaming", "v1/3"]))
def test_migrating_and_merging_change_places(copies: Copies, one: Any, two: Any, scheme: str) -> None:
    """migrate(merge(a, b)) = merge(migrate(a), migrate(b))."""

    def migrated(path: Path) -> Path:
        new = copies.copy(path)
        with open_project(new, write=True) as db:
            apply(db, Request(to_scheme=scheme))
        return new

    a, b = copies.lived(one), copies.lived(two)
    assert facts(migrated(copies.merged(a, b))) == facts(copies.merged(migrated(a), migrated(b)))


@few
@given(one=LIVES, two=LIVES)
def test_without_a_word_a_merge_is_whole_or_nothing(copies: Copies, one: Any, two: Any) -> None:
    """Conflicts refuse it in both directions and leave the file; without one the order does not matter."""
    a, b = copies.lived(one), copies.lived(two)
    try:
        ab = copies.merged(a, b, prefer=None)
    except WorkbenchError:
        held = copies.copy(b)
        with open_project(held, write=True) as db:
            before = digest(db)
            with pytest.raises(WorkbenchError):
                merge(db, [a], snapshot=False)
            assert digest(db) == before
        return
    assert facts(ab) == facts(copies.merged(b, a, prefer=None))
