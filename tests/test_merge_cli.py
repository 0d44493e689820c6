"""`workbench merge` as people and programs meet it: what it says, how it ends, what it refuses."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import projects
import pytest
from conftest import DATA, Ran

from workbench.store import open_project, transaction
from workbench.verify import digest

Run = Callable[..., Ran]


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of one project, the second with one more answer and one more draft."""
    ours = projects.made(tmp_path / "ours.db")
    theirs = Path(shutil.copy(ours, tmp_path / "theirs.db"))
    change(theirs, "insert into replication (stage, replicates) values ('evaluation', 3)")
    with open_project(theirs, write=True) as db, transaction(db):
        projects.answer(db, projects.add_draft(db, "memory-play", 9), "one more")
        projects.index(db)
    return ours, theirs


def change(path: Path, *statements: str) -> None:
    """Change a project behind the workbench's back."""
    with open_project(path, write=True) as db:
        db.execute("pragma foreign_keys=off")
        for sql in statements:
            db.execute(sql)
            db.conn.commit()


def test_programs_read_what_was_added(twins: tuple[Path, Path], run: Run) -> None:
    """The keys of the contract; a second merge says nothing was to be done."""
    ours, theirs = twins
    tried = run("merge", theirs, "-p", ours, "--dry-run", "--json")
    assert (tried.code, tried.json["added"]["draft"], tried.json["migration"]) == (0, 1, None)
    done = run("merge", theirs, "-p", ours, "--json")
    assert (done.code, done.json["added"], done.json["conflicts"]) == (0, {"draft": 1, "essay": 0, "evaluation": 0}, [])
    assert done.json["same"] == {"draft": 9, "essay": 4, "evaluation": 8}
    assert ours.with_name(done.json["snapshot"]).exists() and done.json["digest_after"]
    again = run("merge", theirs, "-p", ours)
    assert again.code == 0 and again.out.startswith("nothing to do")
    assert sorted(p.name for p in ours.parent.glob("*.db*")) == ["ours.before-migration-1.db", "ours.db", "theirs.db"]
    assert run("migrate", "show", "1", "-p", ours, "--json").json["kind"] == "merge"
    assert run("migrate", "rollback", "-p", ours, "--json").json["exact"] is True


def test_conflicts_end_with_3_and_are_all_listed(twins: tuple[Path, Path], run: Run) -> None:
    """One line each for people, a list for programs; a dry run lists them too."""
    ours, theirs = twins
    change(theirs, "update concepts set sentence = 'theirs'")
    held = ours.read_bytes()
    for words in ((), ("--dry-run",)):
        done = run("merge", theirs, "-p", ours, "--json", *words)
        assert (done.code, len(done.json["conflicts"])) == (3, 2)
        assert done.json["conflicts"][0] == {
            "kind": "concept",
            "name": "memory",
            "field": "sentence",
            "ours": "On memory.",
            "theirs": "theirs",
            "decided": "",
        }
    told = run("merge", theirs, "-p", ours)
    assert (told.code, told.out, told.err.count("Error: ")) == (3, "", 2)
    assert ours.read_bytes() == held
    assert run("merge", theirs, "-p", ours, "--prefer", "theirs", "--no-snapshot").code == 0
    assert [p.name for p in ours.parent.glob("*.before-*")] == []


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("update generations set gen_id = 'd_other' where id = (select max(id) from generations)", "rule of ids"),
        ("update contents set raw = 'another text' where id = (select max(id) from contents)", "rule of text hashes"),
        ("update contents set hash = 'x' where id = (select max(id) from contents)", "rule of answer hashes"),
        ("update contents set call_id = 99999 where id = (select max(id) from contents)", "name no row by call_id"),
        ("update calls set generation_id = 99999 where id = (select max(id) from calls)", "name no row"),
        ("insert into scores (generation_id, content_id, score) select 1, max(id), 5 from contents", "rule of scores"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(twins: tuple[Path, Path], run: Run, harm: str, words: str) -> None:
    """Damaged or made to deceive: one line, and nothing came."""
    ours, theirs = twins
    change(theirs, harm)
    held = ours.read_bytes()
    done = run("merge", theirs, "-p", ours, "--no-snapshot")
    assert (done.code, done.err.count("\n")) == (3, 1), done
    assert words in done.err and "theirs.db" in done.err
    assert ours.read_bytes() == held


def test_a_damaged_page_there_is_not_blamed_on_ours(twins: tuple[Path, Path], run: Run) -> None:
    """The line names the file whose pages cannot be read."""
    ours, theirs = twins
    with open_project(theirs) as db:
        (page,) = db.execute("select rootpage from sqlite_master where name = 'generations'").fetchone()
        (size,) = db.execute("pragma page_size").fetchone()
    data = bytearray(theirs.read_bytes())
    data[(page - 1) * size : (page - 1) * size + 64] = b"\xff" * 64
    theirs.write_bytes(data)
    done = run("merge", theirs, "-p", ours, "--no-snapshot")
    assert done.code == 3 and done.err.startswith(f"Error: {theirs}: ") and done.err.count("\n") == 1


def test_files_of_others_are_refused(twins: tuple[Path, Path], run: Run, tmp_path: Path) -> None:
    """What is no project, what is missing, what a newer workbench wrote, what has more in its schema."""
    ours, theirs = twins
    (tmp_path / "text.db").write_text("no database")
    newer = tmp_path / "newer.db"
    data = bytearray(theirs.read_bytes())
    data[60:64] = (99).to_bytes(4, "big")
    newer.write_bytes(data)
    change(theirs, "create table more (id integer)")
    for other, code in ((tmp_path / "text.db", 3), (tmp_path / "none.db", 2), (newer, 3), (theirs, 3)):
        done = run("merge", other, "-p", ours, "--no-snapshot")
        assert (done.code, done.err.count("\n")) == (code, 1), done
    assert run("merge", "-p", ours).code == 2


def test_a_live_file_can_be_merged(twins: tuple[Path, Path], run: Run) -> None:
    """Somebody writes to the other file meanwhile: what is committed comes, and he is not in the way."""
    ours, theirs = twins
    with open_project(theirs, write=True) as db:
        db.execute("pragma journal_mode=wal").fetchone()
        db.execute("begin immediate")
        db.execute("update replication set replicates = 99")
        done = run("merge", theirs, "-p", ours, "--no-snapshot")
        db.rollback()
    assert done.code == 0, done
    with open_project(ours) as db:
        assert db.execute("select max(replicates) from replication").fetchone() == (3,)


def test_an_older_file_is_brought_up_as_a_copy(tmp_path: Path, project: Path, run: Run) -> None:
    """The other file stays as it is, whatever its version; all that it held is here."""
    old = tmp_path / "old.db"
    old.write_bytes(gzip.decompress((DATA / "projects" / "v1.db.gz").read_bytes()))
    held = old.read_bytes()
    assert run("merge", old, "-p", project, "--no-snapshot").code == 0
    assert old.read_bytes() == held
    with open_project(old) as before, open_project(project) as after:
        assert digest(after) == digest(before)


def test_two_people_end_with_one_digest(tmp_path: Path, shell: Callable[..., Ran]) -> None:
    """The whole way on the command line: copies continued apart, merged both ways."""
    shell("init")
    words = ("--topics", "garden", "--template", "qa-sample", "--model", "offline")
    shell("topics", "build", "garden", "--prompt", "A garden", "--depth", "1", "--degree", "3", "--model", "offline")
    shell("generate", *words, "-n", "3")
    for name in ("ann.db", "bob.db"):
        shutil.copy(tmp_path / "project.db", tmp_path / name)
    shell("generate", *words, "-n", "8", "-p", "ann.db")
    shell("generate", *words, "-n", "5", "--force", "-p", "bob.db")
    shutil.copy(tmp_path / "bob.db", tmp_path / "bob2.db")
    assert shell("merge", "ann.db", "-p", "bob2.db").code == 0
    assert shell("merge", "bob.db", "-p", "ann.db").code == 0
    with open_project(tmp_path / "ann.db") as ann, open_project(tmp_path / "bob2.db") as bob:
        assert digest(ann) == digest(bob)
