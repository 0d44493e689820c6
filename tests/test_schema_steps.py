"""Steps of the project file: snapshot, one transaction each, refusal; every released version opens."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import projects
import pytest
from conftest import DATA, ROOT

from workbench import assets, queries
from workbench.errors import Conflict, NewerProject, Refused
from workbench.migrate import books
from workbench.migrate.rollback import rollback
from workbench.store import open_project, steps
from workbench.verify import digest, verify

KEPT = sorted((DATA / "projects").glob("v*.db.gz"))
STEP = """
-- Notes that people leave; a step that an artificial second version makes.
create table notes (
  id integer primary key autoincrement,
  generation_id integer not null references generations (id),
  text text not null
) strict;
insert into notes (generation_id, text) select id, 'made by the step' from generations;
"""
NOW = len(KEPT)  # the present version of the schema
NewSchema = Callable[..., None]


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewSchema]:
    """Give a way to be a newer workbench, with more steps."""
    folder = tmp_path / "assets"
    shutil.copytree(ROOT / "schema", folder / "schema")
    caches = (assets.assets, assets.asset_text, steps.step_names, steps.shape_at, queries.questions)

    def forget() -> None:
        for cache in caches:
            cache.cache_clear()

    def become(*sql: str) -> None:
        for number, text in enumerate(sql, len(list(folder.glob("schema/0*.sql"))) + 1):
            (folder / "schema" / f"{number:04}_more.sql").write_text(text, encoding="utf-8")
        forget()
        for module in (assets, steps):
            monkeypatch.setattr(module, "assets", lambda: folder)

    yield become
    monkeypatch.undo()
    forget()


def unpacked(packed: Path, folder: Path) -> Path:
    """Unpack a kept project."""
    path = folder / "kept.db"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


@pytest.mark.parametrize("packed", KEPT, ids=lambda path: path.name)
def test_every_released_version_opens(packed: Path, tmp_path: Path) -> None:
    """A project of any released version can be read, written and verified, and holds the same facts.

    Before its release a version may still change: then `tests/data/projects/make.py` makes its project anew.
    """
    path = unpacked(packed, tmp_path)
    facts = packed.with_name(packed.name.replace(".db.gz", ".digest")).read_text(encoding="utf-8").strip()
    with open_project(path) as db:
        assert digest(db) == facts
    with open_project(path, write=True) as db:
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
        assert digest(db) == facts


def test_one_project_is_kept_of_each_version() -> None:
    """The folder has them all."""
    assert [path.name for path in KEPT] == [f"v{n}.db.gz" for n in range(1, len(steps.step_names()) + 1)]


def test_the_first_write_of_a_newer_workbench_takes_the_step(tmp_path: Path, newer: NewSchema) -> None:
    """Reading leaves an older file alone; writing snapshots it, takes the step, records it, and keeps all facts."""
    path = projects.made(tmp_path / "p.db")
    with open_project(path) as db:
        facts = digest(db)
    newer(STEP)
    with open_project(path) as db:
        assert db.execute("pragma user_version").fetchone() == (NOW,) and digest(db) == facts
    assert sorted(p.name for p in tmp_path.glob("*.db")) == ["p.db"]
    with open_project(path, write=True) as db:
        assert db.execute("select count(*) from notes").fetchone() == (21,)
        assert db.execute("pragma user_version").fetchone() == (NOW + 1,) and digest(db) == facts
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
        (row,) = books.log(db)
        assert (row["kind"], row["plan"]) == ("schema", {"step": f"{NOW + 1:04}_more", "from": NOW, "to": NOW + 1})
        assert row["snapshot"] == f"p.before-schema-{NOW + 1}.db"
    with open_project(path, write=True) as db:
        assert len(books.log(db)) == 1
    with open_project(tmp_path / f"p.before-schema-{NOW + 1}.db") as db:
        assert db.execute("pragma user_version").fetchone() == (NOW,) and digest(db) == facts


def test_a_step_has_no_way_back_but_its_snapshot(tmp_path: Path, newer: NewSchema) -> None:
    """Rolling back across it is refused."""
    path = projects.made(tmp_path / "p.db")
    newer(STEP)
    with open_project(path, write=True) as db, pytest.raises(Conflict, match="snapshot"):
        rollback(db)


@pytest.mark.parametrize(
    "bad",
    ["create table half (id integer primary key) strict; insert into nowhere values (1);", "this is no SQL"],
)
def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, newer: NewSchema, bad: str) -> None:
    """The steps before it hold, it left nothing, and the error names the snapshot."""
    path = projects.made(tmp_path / "p.db")
    with open_project(path) as db:
        facts = digest(db)
    newer(STEP, bad)
    with pytest.raises(Refused, match=rf"brought to version {NOW + 2}.*p\.before-schema-{NOW + 2}\.db"):
        open_project(path, write=True).__enter__()
    with open_project(path) as db:
        assert db.execute("pragma user_version").fetchone() == (NOW + 1,) and digest(db) == facts
        assert [check.name for check in verify(db, full=True) if not check.ok] == []


def test_an_older_workbench_refuses_a_newer_file(tmp_path: Path, newer: NewSchema) -> None:
    """One line, with the version that is needed, and nothing run."""
    path = projects.made(tmp_path / "p.db")
    newer(STEP)
    with open_project(path, write=True):
        pass
    words = [sys.executable, "-m", "workbench", "status", "-p", str(path)]
    done = subprocess.run(words, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and f"schema version {NOW + 1}, this workbench knows {NOW}" in done.stderr
    assert NewerProject.exit_code == 3
