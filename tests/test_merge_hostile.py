"""Another project that lies, is damaged or changes meanwhile: refused in one line with its name, and ours as it was."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import projects
import pytest

from workbench.catalogue.combos import topic_path
from workbench.cli import main
from workbench.errors import Conflict, DamagedFile, ForeignFile
from workbench.ids import bytes_hash
from workbench.merge import merge
from workbench.merge.others import attach
from workbench.store import create_project, open_project
from workbench.verify import digest, verify

NO_TEXT = "cast(x'41ff' as text)"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return projects.made(tmp_path / "other.db")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.db"
    create_project(path)
    return path


def edit(path: Path, *statements: str) -> None:
    """Change a file as somebody would who does not mean well."""
    conn = sqlite3.connect(path)
    conn.create_function("bytes_hash", 1, bytes_hash)
    for sql in statements:
        conn.execute(sql)
    conn.commit()
    conn.close()


def refused(mine: Path, *others: Path) -> str:
    """Merge in vain, as the command does, and give what was said; nothing may have changed."""
    before = [path.read_bytes() for path in (mine, *others)]
    with pytest.raises(DamagedFile) as caught, open_project(mine, write=True) as db:
        merge(db, others, prefer="both")
    assert [path.read_bytes() for path in (mine, *others)] == before
    assert sorted(path.name for path in mine.parent.glob("mine*")) == ["mine.db"]
    return str(caught.value)


@pytest.mark.parametrize(
    "place",
    [
        *("topics.title", "topic_models.name", "models.display_name", "templates.description", "cohorts.spec"),
        *("concepts.sentence", "cohorts.name", "generations.outcome", "contents.finish_reason", "calls.error"),
        *("cohort_files.path", "topic_models.growth", "runs.job", "contents.detail"),
    ],
)
@pytest.mark.parametrize("filled", [False, True])
def test_bytes_that_are_no_text_never_come(mine, other, tmp_path, place, filled):
    """A column of texts holds what SQLite was given; no command could show such a row, so that it stays where it is."""
    table, column = place.split(".")
    edit(other, "insert into runs (job, config, status, version, started) values ('j', '{}', 'done', '1', '1')")
    edit(other, f"update {table} set {column} = {NO_TEXT}")
    if filled:
        mine.unlink()
        projects.made(mine, replicates=1)
    said = refused(mine, other)
    assert "other.db" in said and f"no UTF-8 in {table}" in said and "import-data" in said


def test_a_hash_of_such_bytes_does_not_help(mine, other):
    hashed = "bytes_hash(cast(raw as blob))"
    edit(other, f"update contents set raw = {NO_TEXT}, parsed = null", f"update contents set raw_hash = {hashed}")
    assert "no UTF-8 in contents" in refused(mine, other)


def test_what_is_wrong_with_ours_is_said_of_ours(other, tmp_path):
    mine = projects.made(tmp_path / "mine.db")
    edit(mine, f"update cohorts set spec = {NO_TEXT}")
    said = refused(mine, other)
    assert "mine.db" in said and "other.db" not in said


def test_a_failed_merge_lets_go_of_both_files(mine, other):
    """The connection that was refused can be used again, and so can the files."""
    edit(other, f"update topics set title = {NO_TEXT}")
    with open_project(mine, write=True) as db:
        for _ in range(2):
            with pytest.raises(DamagedFile):
                merge(db, [other])
        assert "theirs" not in [name for _, name, _ in db.execute("pragma database_list").fetchall()]
        with open_project(mine, write=True) as again:
            assert digest(again) == digest(db)


def test_damage_is_found_in_single_rows_too(mine, other):
    """Every command names the file and the way out instead of a fault of its own."""
    edit(other, f"update models set display_name = {NO_TEXT}")
    for words in (["models"], ["status"], ["verify", "--full"], ["merge", str(mine)]):
        with pytest.raises(SystemExit) as ended:
            main([*words, "-p", str(other)])
        assert ended.value.code in (0, 1, 3)


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("update model_versions set parameters = '['", "model hashes"),
        ("update template_versions set text = text || '!'", "template hashes"),
        ("update prompts set text = 'another'", "prompt hashes"),
        ("update cohort_files set text = 'another'", "file hashes"),
        ("update contents set raw = 'another'", "text hashes"),
        ("update contents set hash = 'another' || id", "answer hashes"),
        ("update generations set gen_id = 'd_0' where id = 1", "ids"),
        ("update scores set score = 4.5", "recorded scores"),
        ("update contents set parent_content_id = id where parent_content_id is not null", "lineage"),
        ("update generations set parent_id = id where stage = 'essay'", "parents"),
        ("delete from combo_members", "combos"),
    ],
)
def test_lies_are_found_before_they_may_stay(mine, other, sql, rule):
    """Whatever `verify --full` would find afterwards refuses the merge."""
    edit(other, "pragma foreign_keys = off", sql)
    assert f"the rule of {rule}" in refused(mine, other)


def test_what_came_in_spite_of_lies_keeps_every_rule(tmp_path, other):
    """Where both have a row, ours stands and theirs is not looked at."""
    mine = projects.made(tmp_path / "mine.db")
    edit(other, "update contents set raw = 'another'")
    with open_project(mine, write=True) as db:
        before = digest(db)
        merge(db, [other], prefer="ours")
        assert digest(db) == before and [check.name for check in verify(db, full=True) if not check.ok] == []


def test_another_file_in_its_place_is_not_read(mine, other, tmp_path):
    """Between the look at its schema and the merge, a file may be exchanged for one with views of its own."""
    edit(other, "create view evil as select 1")
    with open_project(mine, write=True) as db, pytest.raises(ForeignFile, match="changed while it was read"):
        attach(db, other)


def test_the_project_itself_by_any_name_is_nothing_to_do(other, tmp_path):
    os.link(other, tmp_path / "hard.db")
    (tmp_path / "soft.db").symlink_to(other)
    before = other.read_bytes()
    with open_project(other, write=True) as db:
        report = merge(db, [tmp_path / "hard.db", tmp_path / "soft.db", other])
    assert not any(report.added.values()) and other.read_bytes() == before


@pytest.mark.parametrize("kind", ["fifo", "folder", "text", "gone", "loop"])
def test_what_is_no_file_is_refused_at_once(mine, tmp_path, kind, capsys):
    path = tmp_path / "odd.db"
    make = {
        "fifo": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "text": lambda: path.write_text("no database\n" * 99),
        "gone": lambda: path.symlink_to(tmp_path / "nowhere"),
        "loop": lambda: path.symlink_to(path),
    }
    make[kind]()
    with pytest.raises(SystemExit) as ended:
        main(["merge", str(path), "-p", str(mine)])
    said = capsys.readouterr().err
    assert ended.value.code in (2, 3) and len(said.splitlines()) == 1 and "odd.db" in said


@pytest.mark.parametrize("biggest", [2**63 - 1, -(2**63), 2**62])
@pytest.mark.parametrize("table", ["topics", "generations", "contents", "calls", "migrations", "events"])
def test_counters_at_their_end_do_no_harm(tmp_path, biggest, table):
    """A file whose numbers are used up is refused, never wrongly numbered."""
    mine, other = projects.made(tmp_path / "mine.db", replicates=1), projects.made(tmp_path / "other.db")
    copy, plain = tmp_path / "copy.db", tmp_path / "plain.db"
    shutil.copy(mine, plain)
    edit(mine, f"update sqlite_sequence set seq = {biggest} where name = '{table}'")
    shutil.copy(mine, copy)
    with pytest.raises(SystemExit) as ended:
        main(["merge", str(other), "-p", str(mine), "--no-snapshot"])
    assert ended.value.code in (0, 3)
    if ended.value.code:
        assert mine.read_bytes() == copy.read_bytes()
        return
    with open_project(mine) as db, open_project(plain, write=True) as there:
        merge(there, [other])
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
        assert digest(db) == digest(there)


def test_signatures_that_name_nothing_are_told_of_their_file(other, tmp_path):
    """Rows that lost their template have no signature; which file they are in is said."""
    mine = projects.made(tmp_path / "mine.db")
    edit(other, "pragma foreign_keys = off", "update generations set template_id = 9999")
    assert "other.db" in refused(mine, other)


EDGE = "insert into topic_edges (parent_id, child_id, place, main)"
CIRCLES = {
    "child": f"{EDGE} select max(child_id), 1, 9, {{main}} from topic_edges",
    "itself": f"{EDGE} values (1, 1, 9, {{main}})",
}


@pytest.mark.parametrize("main_path", [0, 1])
@pytest.mark.parametrize("kind", CIRCLES)
def test_topics_below_each_other_never_come(mine, other, kind, main_path):
    """Not with a topic model of their own either: no path above such a topic would end."""
    edit(other, CIRCLES[kind].format(main=main_path))
    with pytest.raises(Conflict, match="circle"), open_project(mine, write=True) as db:
        merge(db, [other])
    with open_project(mine) as db:
        assert db.execute("select count(*) from topics").fetchone() == (0,)


@pytest.mark.parametrize("kind", CIRCLES)
def test_a_path_without_end_is_told_and_not_walked(other, kind):
    """A stranger's file opened directly: nothing hangs."""
    edit(other, CIRCLES[kind].format(main=1))
    with open_project(other) as db:
        (last,) = db.execute("select max(child_id) from topic_edges").fetchone()
        with pytest.raises(DamagedFile, match="has no end"):
            topic_path(db, last)
