"""What a stranger puts beside a project does nothing to any other file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import projects
import pytest

from workbench.cli import main
from workbench.errors import ForeignFile
from workbench.store import open_project

MAGIC = bytes.fromhex("d9d505f920a163d7")
PRECIOUS = "not yours\n" * 5_000


def journal_naming(project: Path, victim: Path) -> bytes:
    """Write a rollback journal that names another file, as SQLite writes one for several databases."""
    pages = project.stat().st_size // 4096
    head = MAGIC + struct.pack(">5I", 0, 7, pages, 512, 4096)
    name = os.fsencode(victim)
    total = sum(byte if byte < 128 else byte - 256 for byte in name) & 0xFFFFFFFF
    page = 2**30 // 4096 + 1
    return head.ljust(512, b"\0") + struct.pack(">I", page) + name + struct.pack(">2I", len(name), total) + MAGIC


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return projects.made(tmp_path / "stranger.db")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "victim.txt"
    path.parent.mkdir()
    path.write_text(PRECIOUS)
    return path


def test_sqlite_deletes_what_a_journal_names(project, victim):
    """The danger is real: without the look, the named file is gone once the database is read."""
    project.with_name("stranger.db-journal").write_bytes(journal_naming(project, victim))
    conn = sqlite3.connect(project)
    conn.execute("select count(*) from sqlite_master").fetchone()
    conn.close()
    assert not victim.exists()


@pytest.mark.parametrize("write", [False, True])
def test_a_journal_that_names_another_file_is_refused(project, victim, write):
    side = project.with_name("stranger.db-journal")
    side.write_bytes(journal_naming(project, victim))
    with pytest.raises(ForeignFile, match="names another file"), open_project(project, write=write):
        pass
    assert victim.read_text() == PRECIOUS and side.exists()


def test_links_to_a_project_are_looked_behind(project, victim, tmp_path):
    """SQLite looks for the journal beside the file itself."""
    project.with_name("stranger.db-journal").write_bytes(journal_naming(project, victim))
    (tmp_path / "link.db").symlink_to(project)
    with pytest.raises(ForeignFile), open_project(tmp_path / "link.db"):
        pass
    assert victim.exists()


@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm"])
def test_a_link_in_place_of_a_log_is_refused(project, victim, ending):
    """In its log's place a link would have SQLite write to the file behind it, or cut it off."""
    with sqlite3.connect(project) as conn:
        conn.execute("pragma journal_mode=wal").fetchone()
    conn.close()
    project.with_name(f"stranger.db{ending}").symlink_to(victim)
    with pytest.raises(ForeignFile, match="no regular file"), open_project(project):
        pass
    assert victim.read_text() == PRECIOUS


def _merge(mine: Path, other: Path) -> list[str]:
    return ["merge", str(other), "-p", str(mine)]


def _verify(mine: Path, other: Path) -> list[str]:
    return ["verify", "-p", str(other)]


@pytest.mark.parametrize("words", [_merge, _verify])
def test_commands_say_which_file_to_move_away(
    project, victim, tmp_path, words: Callable[[Path, Path], list[str]], capsys
):
    mine = projects.made(tmp_path / "mine.db", replicates=1)
    side = project.with_name("stranger.db-journal")
    side.write_bytes(journal_naming(project, victim))
    with pytest.raises(SystemExit, match="3"):
        main(words(mine, project))
    said = capsys.readouterr().err
    assert "stranger.db-journal" in said and "import-data" in said and len(said.splitlines()) == 1
    assert victim.exists() and side.exists()


def test_an_honest_journal_is_still_played_back(project, tmp_path):
    """What a kill left half written is undone by the next who opens the file."""
    before, copy, conn = project.read_bytes(), tmp_path / "hot.db", sqlite3.connect(project)
    conn.execute("pragma cache_size=1")
    conn.execute("begin immediate")
    conn.execute("update contents set raw = raw || raw")
    conn.execute("create table big as select hex(randomblob(4000)) as x from contents")
    shutil.copy(project, copy)
    shutil.copy(f"{project}-journal", f"{copy}-journal")
    assert copy.read_bytes() != before
    conn.rollback()
    conn.close()
    with open_project(copy) as db, open_project(project) as same:
        sql = "select id, raw from contents order by id"
        assert db.execute(sql).fetchall() == same.execute(sql).fetchall()
    assert not copy.with_name("hot.db-journal").exists()
