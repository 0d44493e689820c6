"""Every operation in any order, on real files: the rules hold after each step, and so do the laws.

Running finished work again sends nothing and leaves the digest; a rollback gives the digest of before; merging is
commutative, associative and idempotent; a clean copy, and a stranger's copy taken over, have the digest; what fails
changes nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import projects
import pytest
from conftest import DATA
from faults.faultllm import FaultServer
from faults.kills import start, surroundings
from faults.test_kills import wait_for
from gardens import garden
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from workbench.catalogue.starters import install_starters
from workbench.catalogue.topics import store_topics
from workbench.cohorts import spec_from_texts
from workbench.errors import WorkbenchError
from workbench.exports import export_checkpoint
from workbench.generate import Terms, generate, generate_cohort
from workbench.imports.checkpoint import import_checkpoint
from workbench.imports.store import import_store
from workbench.merge import merge
from workbench.migrate.apply import Request, apply
from workbench.migrate.rename import rename
from workbench.migrate.rollback import rollback
from workbench.pack import pack
from workbench.plan.compiling import compile_cohort
from workbench.plan.orders import Order
from workbench.rescue.recover import recover
from workbench.rescue.take import import_data
from workbench.store import Database, open_project, scheme_of, transaction
from workbench.topics import read_topics
from workbench.verify import digest

TREE = DATA / "deepfabric" / "tree_v4"
STORE = DATA / "daydreaming" / "legacy_store"
MIX = {"ok": 84, "400": 4, "refusal": 4, "empty_content": 4, "no_usage": 4}  # nothing that waits
SPEC = """
topics: garden
axes:
  draft_template: [plain]
  draft_llm: [m]
  draft_replicate: ['{replicate}']
  essay_template: [essay-polish, essay-copy]
  essay_llm: [m]
  evaluation_template: [rubric-clarity]
  evaluation_llm: [offline]
"""
NAMES = {"template": "templates where stage = 'draft'", "model": "models", "cohort": "cohorts"}


def digest_of(path: Path) -> str:
    """Give a file's digest."""
    with open_project(path) as db:
        return digest(db)


class Laws(RuleBasedStateMachine):
    """One project, a colleague's copy of it that goes its own way, and everything that can be done to them."""

    folder: Path
    number = 0

    @initialize()
    def begin(self) -> None:
        """Begin with topics, starter templates, a model behind a server that fails now and then."""
        Laws.number += 1
        self.here = self.folder / str(Laws.number)
        self.here.mkdir()
        self.mine, self.theirs = garden(self.here / "mine.db"), self.here / "theirs.db"
        with open_project(self.mine, write=True) as db, transaction(db):
            install_starters(db)
        self.stack = ExitStack()
        self.server = self.stack.enter_context(FaultServer(mix=MIX, seed=Laws.number, text="A text.\nSCORE: 7 {token}"))
        patch = self.stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        patch.setenv("OPENAI_BASE_URL", self.server.url)
        self.stems = 0

    def teardown(self) -> None:
        """Stop the server."""
        if hasattr(self, "stack"):
            self.stack.close()
            shutil.rmtree(self.here)

    @property
    def projects(self) -> list[Path]:
        """The files that there are: mine, and from some step on theirs."""
        return [path for path in (self.mine, self.theirs) if path.exists()]

    def chosen(self, theirs: bool) -> Path:
        """Give one of the two."""
        return self.projects[-1] if theirs else self.mine

    @rule(count=st.integers(1, 30), theirs=st.booleans(), retry=st.booleans())
    def samples(self, count: int, theirs: bool, retry: bool) -> None:
        """Samples over the topics; the same order again sends nothing and leaves the digest."""
        self.twice(self.chosen(theirs), lambda db, terms: generate(db, self.order(db, count), terms), retry)

    def order(self, db: Database, count: int) -> Any:
        """Order samples under the names of now."""
        return Order(*self.names(db), count, "garden")

    def names(self, db: Database) -> tuple[str, str]:
        """Give the names of now of the first draft template and the first model."""
        (template,) = db.execute("select name from templates where stage = 'draft' order by id").fetchone()
        (model,) = db.execute("select llm_model_id from models order by id").fetchone()
        return template, model

    def twice(self, path: Path, work: Callable[[Database, Terms], Any], retry: bool) -> None:
        """Work, then the same again: nothing is sent, nothing changes."""
        with open_project(path, write=True) as db:
            work(db, Terms(concurrency=4, retry_failed=retry))
            before, requests = digest(db), len(self.server.records)
            again = work(db, Terms(concurrency=4))
            assert (again.calls, len(self.server.records)) == (0, requests)
            assert digest(db) == before

    @rule(replicate=st.integers(1, 2), theirs=st.booleans())
    def cohort(self, replicate: int, theirs: bool) -> None:
        """A cohort through three stages; compiled again it is the same, run again it sends nothing."""
        name, spec = f"pilot{replicate}", spec_from_texts(SPEC.format(replicate=replicate))
        path = self.chosen(theirs)
        with open_project(path, write=True) as db:
            try:
                compile_cohort(db, name, spec)
            except WorkbenchError:  # a template or model has another name by now
                return
            before = digest(db)
            compile_cohort(db, name, spec)
            assert digest(db) == before
        try:
            self.twice(path, lambda db, terms: generate_cohort(db, name, terms=terms), retry=False)
        except WorkbenchError:  # the spec's names are not in the catalogue any more
            return

    @rule(after=st.integers(1, 12))
    def crash(self, after: int) -> None:
        """A process is killed while it generates; what it left is sound, and cleared up by `recover`."""
        with FaultServer(fault="ok", latency=(0.005, 0.02)) as server:
            process = start(self.mine, surroundings(server.url, self.here), 60)
            wait_for(lambda: len(server.records) >= after or process.poll() is not None)
            process.kill()
            process.wait()
        recover(self.mine)

    @rule(scheme=st.sampled_from(["v1", "daydreaming"]), theirs=st.booleans(), legacy=st.booleans())
    def migrate(self, scheme: str, theirs: bool, legacy: bool) -> None:
        """To a scheme; a second time is nothing, the way back gives the digest."""
        with open_project(self.chosen(theirs), write=True) as db:
            before = digest(db)
            if apply(db, Request(legacy=legacy, to_scheme=scheme, lenient=True)).migration:
                assert apply(db, Request(to_scheme=scheme, lenient=True)).is_idle
                after = digest(db)
                assert rollback(db).exact and digest(db) == before
                apply(db, Request(legacy=legacy, to_scheme=scheme, lenient=True))
                assert digest(db) == after

    @rule(kind=st.sampled_from(sorted(NAMES)), new=st.integers(0, 5), theirs=st.booleans())
    def rename(self, kind: Any, new: int, theirs: bool) -> None:
        """Something gets another name, or that is refused and nothing changed."""
        column = "llm_model_id" if kind == "model" else "name"
        with open_project(self.chosen(theirs), write=True) as db:
            row = db.execute(f"select {column} from {NAMES[kind]} order by id limit 1").fetchone()
            if row:
                self.unless_refused(db, lambda: rename(db, kind, row[0], f"{kind}-{new}"))

    def unless_refused(self, db: Database, work: Callable[[], Any]) -> Any:
        """Do it; when it is refused, nothing changed."""
        before = digest(db)
        try:
            return work()
        except WorkbenchError:
            assert digest(db) == before
            return None

    @rule(theirs=st.booleans())
    def back(self, theirs: bool) -> None:
        """The latest migration is taken back, or refused without a change."""
        with open_project(self.chosen(theirs), write=True) as db:
            self.unless_refused(db, lambda: rollback(db))

    @rule(what=st.sampled_from(["checkpoint", "store"]), theirs=st.booleans())
    def take_over(self, what: str, theirs: bool) -> None:
        """Other programs' files come in; a second time adds nothing."""
        with open_project(self.chosen(theirs), write=True) as db:
            take = self.checkpoint if what == "checkpoint" else lambda db: import_store(db, STORE)
            if self.unless_refused(db, lambda: take(db)) is not None:
                before = digest(db)
                take(db)
                assert digest(db) == before

    def checkpoint(self, db: Database) -> Any:
        """Import the tree and the checkpoint over it."""
        with transaction(db):
            store_topics(db, read_topics(TREE / "topics_tree.jsonl", name="tree"))
        return import_checkpoint(db, next(TREE.glob("ckpt/*.checkpoint.json")))

    @rule(theirs=st.booleans())
    def out_and_in(self, theirs: bool) -> None:
        """A checkpoint that was written adds nothing when read; a shared copy and a copy of a stranger agree."""
        self.stems += 1
        path = self.chosen(theirs)
        with open_project(path, write=True) as db:
            before = digest(db)
            pack(db, self.here / f"pack{self.stems}.db")
            names = self.names(db)
            out = self.here / f"out{self.stems}"
            if written := self.unless_refused(db, lambda: export_checkpoint(db, out, "garden", *names)):
                path = Path(str(written["path"]))
                import_checkpoint(db, path, topics="garden", template=names[0], model=names[1])
                assert digest(db) == before
        taken = self.here / f"taken{self.stems}.db"
        import_data(self.here / f"pack{self.stems}.db", taken)
        assert {digest_of(self.here / f"pack{self.stems}.db"), digest_of(taken)} == {before}

    @precondition(lambda self: not self.theirs.exists())
    @rule()
    def part(self) -> None:
        """A colleague takes a copy."""
        with open_project(self.mine, write=True) as db:
            pack(db, self.theirs)

    @precondition(lambda self: self.theirs.exists())
    @rule()
    def meet(self) -> None:
        """Both ways give one digest, a second time nothing, and the way back what was there."""
        schemes = {scheme_of_file(path) for path in self.projects}
        ours, other = (Path(shutil.copy(path, self.here / f"copy-{path.name}")) for path in self.projects)
        if len(schemes) > 1:
            with open_project(ours, write=True) as db:
                self.unless_refused(db, lambda: merge(db, [self.theirs], prefer="both"))
            return
        before = digest_of(ours)
        merged = [self.merged(ours, self.theirs), self.merged(other, self.mine)]
        assert merged[0] == merged[1]
        assert self.merged(ours, self.theirs) == merged[0]
        shutil.copy(ours, self.here / "kept.db")
        if merged[0] != before:
            with open_project(ours, write=True) as db:
                assert rollback(db).exact and digest(db) == before
        shutil.move(self.here / "kept.db", self.mine)
        self.theirs.unlink()

    def merged(self, path: Path, other: Path) -> str:
        """Merge into a file and give its digest; every rule holds."""
        with open_project(path, write=True) as db:
            merge(db, [other], prefer="both")
            assert projects.broken(db) == []
            return digest(db)

    @invariant()
    def every_rule_holds(self) -> None:
        """`verify --full` finds nothing, in either file, and each is one file."""
        for path in self.projects if hasattr(self, "mine") else []:
            with open_project(path, write=True) as db:
                assert projects.broken(db) == []
            assert [p.name for p in self.here.glob(f"{path.name}?*")] == []


def scheme_of_file(path: Path) -> str:
    """Give the name of a file's scheme."""
    with open_project(path) as db:
        return scheme_of(db).name


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_any_order_of_operations_keeps_the_rules_and_the_laws(tmp_path: Path) -> None:
    """A few sequences; LAWS=200 runs so many."""
    Laws.folder = tmp_path
    count = int(os.environ.get("LAWS", "12"))
    few = settings(max_examples=count, stateful_step_count=9, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Laws, settings=few)
