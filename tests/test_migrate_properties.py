"""Any sequence of work, renames, migrations and rollbacks keeps the rules; the way back is the identity."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import projects
import pytest
from conftest import DATA
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workbench.errors import WorkbenchError
from workbench.imports.store import import_store
from workbench.migrate import books
from workbench.migrate.apply import Request, apply
from workbench.migrate.rename import rename
from workbench.migrate.rollback import rollback
from workbench.store import Database, open_project, sqlite3, transaction
from workbench.verify import digest

STORE = DATA / "daydreaming" / "legacy_store"
SCHEMES = st.sampled_from(["v1", "daydreaming", "v1/1", "daydreaming/1", "v1/2"])
RENAMES = st.tuples(st.sampled_from(["template", "model", "combo", "cohort"]), st.integers(0, 9), st.integers(0, 99))
_NAMES = {
    "template": ("templates", "name"),
    "model": ("models", "llm_model_id"),
    "combo": ("combos", "combo_id"),
    "cohort": ("cohorts", "name"),
}


def rename_any(db: Database, kind: Any, which: int, new: int) -> bool:
    """Rename something that is there; False when the name is taken."""
    table, column = _NAMES[kind]
    names = [name for (name,) in db.execute(f"select {column} from {table} order by id")]
    stage = None
    if kind == "template":
        stage = db.execute("select stage from templates order by id").fetchall()[which % len(names)][0]
    try:
        rename(db, kind, names[which % len(names)], f"name{new}", stage=stage)
    except WorkbenchError:
        return False
    return True


def work(db: Database, replicate: int) -> None:
    """Do work as a run would: a draft of whatever the names are now, its essay, an evaluation."""
    (combo,) = db.execute("select combo_id from combos where topic_id is not null order by id").fetchone()
    names = {
        "template": db.execute("select name from templates where stage = 'draft' order by id").fetchone()[0],
        "model": db.execute("select llm_model_id from models order by id").fetchone()[0],
    }
    with transaction(db):
        try:
            draft = projects.add_draft(db, combo, replicate, **names)
        except sqlite3.IntegrityError:  # a small digest has no free ID for it, or it is there
            return
        projects.answer(db, draft, f"draft {replicate} {combo}")
        projects.index(db)


class Sequences(RuleBasedStateMachine):
    """Work, renames, migrations, imports and rollbacks in any order on one project."""

    folder: Path
    number = 0

    @initialize()
    def begin(self) -> None:
        """Start with a filled project."""
        Sequences.number += 1
        path = projects.made(self.folder / f"p{Sequences.number}.db")
        self.opened = open_project(path, write=True)
        self.db = self.opened.__enter__()

    def teardown(self) -> None:
        """Close the project."""
        if hasattr(self, "opened"):
            self.opened.__exit__(None, None, None)

    @rule(scheme=SCHEMES)
    def migrate(self, scheme: str) -> None:
        """To any scheme: what is no ID stays; a second time is nothing."""
        content = digest(self.db, without_ids=True)
        done = apply(self.db, Request(to_scheme=scheme, lenient=True))
        assert digest(self.db, without_ids=True) == content or any(c for c in done.changes.values())
        assert apply(self.db, Request(to_scheme=scheme, lenient=True)).is_idle

    @rule(what=RENAMES)
    def rename(self, what: tuple[str, int, int]) -> None:
        """Anything gets another name."""
        rename_any(self.db, *what)

    @rule(replicate=st.integers(20, 40))
    def generate(self, replicate: int) -> None:
        """Work goes on under the names and the scheme of now."""
        work(self.db, replicate)

    @rule()
    def take_over(self) -> None:
        """A store is imported, or found to be here."""
        import_store(self.db, STORE)

    @rule(scheme=SCHEMES)
    def mend(self, scheme: str) -> None:
        """Legacy rows become tasks."""
        apply(self.db, Request(legacy=True, to_scheme=scheme, lenient=True))

    @precondition(lambda self: any(row["state"] == "applied" for row in books.log(self.db)))
    @rule()
    def back(self) -> None:
        """The latest migration is taken back, or refused without a change."""
        before = digest(self.db)
        try:
            rollback(self.db)
        except WorkbenchError:
            assert digest(self.db) == before

    @rule(scheme=SCHEMES)
    def there_and_back(self, scheme: str) -> None:
        """Rollback after apply is the identity on the digest."""
        before = digest(self.db)
        if apply(self.db, Request(to_scheme=scheme, lenient=True)).migration:
            assert rollback(self.db).exact
        assert digest(self.db) == before

    @invariant()
    def every_rule_holds(self) -> None:
        """`verify --full` finds nothing."""
        if hasattr(self, "db"):
            assert projects.broken(self.db) == []


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_any_sequence_keeps_the_rules(tmp_path: Path) -> None:
    """A few sequences of up to eight steps each; LAWS=200 runs so many."""
    from hypothesis.stateful import run_state_machine_as_test

    Sequences.folder = tmp_path
    count = int(os.environ.get("LAWS", "8"))
    few = settings(max_examples=count, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Sequences, settings=few)


@given(schemes=st.lists(SCHEMES, min_size=1, max_size=4), replicates=st.integers(1, 3))
@settings(max_examples=8, deadline=None)
def test_back_is_the_identity_and_twice_is_once(
    tmp_path_factory: pytest.TempPathFactory, schemes: list[str], replicates: int
) -> None:
    """Any way through the schemes and back gives every digest again in reverse; any second run is idle."""
    path = projects.made(tmp_path_factory.mktemp("way") / "p.db", replicates=replicates)
    with open_project(path, write=True) as db:
        seen = [digest(db)]
        for scheme in schemes:
            if apply(db, Request(to_scheme=scheme)).migration:
                seen.append(digest(db))
            assert apply(db, Request(to_scheme=scheme)).is_idle
        for wanted in seen[-2::-1]:
            assert rollback(db).exact and digest(db) == wanted
