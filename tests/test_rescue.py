"""After a kill, and a stranger's file: what can be saved is saved, and nothing of a stranger is ever run."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import projects
import pytest
from faults.mutants import mutated

from workbench.errors import DamagedFile, ForeignFile, OutputExists, UnknownName, WorkbenchError
from workbench.rescue import import_data, recover
from workbench.store import open_project, transaction
from workbench.store.connection import PAGE_SIZE
from workbench.verify import digest, verify


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.made(tmp_path_factory.mktemp("rescue") / "sample.db")


@pytest.fixture
def copied(sample: Path, tmp_path: Path) -> Path:
    path = tmp_path / "p.db"
    path.write_bytes(sample.read_bytes())
    return path


def digest_of(path: Path) -> str:
    with open_project(path) as db:
        return digest(db)


def counted(path: Path) -> dict[str, int]:
    with open_project(path) as db:
        tables = ("generations", "contents", "scores", "topics", "cohort_members", "calls", "prompts")
        return {t: db.execute(f"select count(*) from {t}").fetchone()[0] for t in tables}


# After a kill


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import projects
from workbench.store import open_project, running, transaction
from workbench.store.slots import slot
with open_project({path!r}, write=True) as db:
    with running(db), slot(db) as mine:
        with transaction(db):
            draft = db.execute("select min(id) from generations").fetchone()[0]
            run = projects.add(db, "runs", job="j", config="{{}}", status="running", slot=mine.number, version="1",
                started=projects.AT)
            projects.add(db, "claims", slot=mine.number, generation_id=draft)
            projects.add(db, "calls", run_id=run, generation_id=draft, attempt=2, provider="p", model="m",
                started=projects.AT, status="sent")
            db.execute("update topics set title = 'kept'")
        print("ready", flush=True)
        if {wait}:
            sys.stdin.readline()
        else:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def started(path: Path, *, wait: bool) -> subprocess.Popen[bytes]:
    code = KILLED.format(tests=str(Path(__file__).parent), path=str(path), wait=wait)
    root = str(Path(__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def ended(process: subprocess.Popen[bytes]) -> None:
    process.communicate(timeout=20)


def test_what_a_kill_left_is_settled(copied: Path) -> None:
    """Committed rows stay, the log is folded in, claim, call and run are closed, and one file is left."""
    ended(started(copied, wait=False))
    (copied.parent / ".p.db.1.part").write_bytes(b"")
    assert {p.name for p in copied.parent.iterdir()} >= {"p.db", "p.db-wal", "p.db.lock"}
    report = recover(copied)
    assert {"p.db-wal", "p.db.lock"} <= set(report.found)
    assert (report.claims, report.calls_unknown, report.runs_lost) == (1, 1, 1)
    assert report.at_rest and report.sound and report.remaining == []
    assert report.leftovers == [".p.db.1.part"]
    with open_project(copied) as db:
        assert db.execute("select distinct title from topics").fetchall() == [("kept",)]
        assert db.execute("select status from calls order by id desc limit 1").fetchone() == ("unknown",)
        assert db.execute("select status from runs").fetchall() == [("lost",)]
        assert all(check.ok for check in verify(db, full=True))
    assert [p.name for p in copied.parent.iterdir() if not p.name.endswith(".part")] == ["p.db"]


def test_work_of_a_live_process_is_left_alone(copied: Path) -> None:
    """While another process works, nothing of it is freed, and the report says that the file is not at rest."""
    process = started(copied, wait=True)
    try:
        report = recover(copied)
        assert (report.claims, report.calls_unknown, report.runs_lost) == (0, 0, 0)
        assert not report.at_rest and "p.db.lock" in report.remaining
    finally:
        ended(process)


def test_a_torn_transaction_is_rolled_back(copied: Path) -> None:
    """A kill within a transaction under the rollback journal leaves the old digest."""
    before = digest_of(copied)
    code = f"""
import os, signal
from workbench.store import open_project
with open_project({str(copied)!r}, write=True) as db:
    db.execute("pragma cache_size=1")
    db.execute("begin immediate")
    db.execute("update topics set title = 'torn'")
    db.execute("update contents set raw = raw || printf('%.*c', 20000, 'x')")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    root = str(Path(__file__).parent.parent)
    killed = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, timeout=30)
    assert killed.returncode == -signal.SIGKILL
    report = recover(copied)
    assert report.found == ["p.db-journal"] and report.at_rest and report.sound
    assert digest_of(copied) == before


def test_a_project_at_rest_has_nothing_to_recover(copied: Path) -> None:
    """A second time, or without a kill, nothing is found; the file is the same byte for byte."""
    before = copied.read_bytes()
    report = recover(copied)
    assert report.found == report.remaining == report.leftovers == []
    assert (report.claims, report.calls_unknown, report.runs_lost) == (0, 0, 0)
    assert copied.read_bytes() == before


def test_recover_needs_a_project(tmp_path: Path) -> None:
    """A name that is nothing, and a file that is no project, are refused as everywhere."""
    with pytest.raises(UnknownName):
        recover(tmp_path / "none.db")
    (tmp_path / "x.db").write_bytes(b"x" * 200)
    with pytest.raises(ForeignFile):
        recover(tmp_path / "x.db")


# A stranger's file


def by_sql(*statements: str) -> Callable[[Path], None]:
    def attack(path: Path) -> None:
        conn = sqlite3.connect(path)
        conn.executescript(";\n".join(statements))
        conn.close()

    return attack


def in_master(*statements: str) -> Callable[[Path], None]:
    return by_sql("pragma writable_schema=on", *statements, "pragma writable_schema=reset")


def bytes_at(offset: int, data: bytes) -> Callable[[Path], None]:
    def attack(path: Path) -> None:
        found = bytearray(path.read_bytes())
        found[offset : offset + len(data)] = data
        path.write_bytes(found)

    return attack


CANARY = "create table canary (a)"
BOMB = "with recursive b (n) as (select 1 union all select n + 1 from b) select n from b"
ATTACKS: dict[str, tuple[Callable[[Path], None], bool]] = {
    "a trigger": (
        by_sql(
            CANARY,
            "create trigger evil after update on project begin insert into canary values (1); end",
            "create trigger worse before insert on events begin delete from generations; end",
        ),
        True,
    ),
    "a view in place of a table": (
        by_sql(
            "drop table scores",
            f"create view scores as select n as id, n as generation_id, n as content_id from ({BOMB})",
        ),
        False,
    ),
    "a generated column": (
        by_sql(
            "alter table concepts rename to old",
            "create table concepts (id integer primary key, concept_id text, name text, sentence text, paragraph text,"
            " article text generated always as (hex(zeroblob(100000000))) virtual)",
            "insert into concepts (id, concept_id, name) select id, concept_id, name from old",
            "drop table old",
        ),
        True,
    ),
    "a virtual table": (
        by_sql("drop table events", "create virtual table events using fts5 (id, run_id, at, event, data)"),
        True,
    ),
    "a check that calls functions": (
        by_sql(
            "alter table replication rename to old",
            "create table replication (id integer primary key, stage text,"
            " replicates integer check (length(hex(randomblob(1000))) > 0))",
            "insert into replication select * from old",
            "drop table old",
        ),
        True,
    ),
    "an index over an expression": (
        by_sql("create index evil on topics (hex(title)) where length(hex(title)) > 0"),
        True,
    ),
    "names of attached files": (
        by_sql(
            'create table "main.generations" (id integer primary key)',
            'create view "temp" as select 1',
            'create table "sqlite" (a)',
        ),
        True,
    ),
    "an edited sqlite_master": (
        in_master(
            "update sqlite_master set sql = replace(sql, 'at text not null', 'at text default (load_extension(''x''))')"
            " where name = 'alerts'",
        ),
        True,
    ),
    "a hidden trigger": (
        in_master(
            "insert into sqlite_master values ('trigger', 'sqlite_evil', 'project', 0,"
            " 'create trigger sqlite_evil after update on project begin delete from generations; end')"
        ),
        True,
    ),
    "a table that stands on another's pages": (
        in_master(
            "update sqlite_master set rootpage = (select rootpage from sqlite_master where name = 'topics')"
            " where name = 'replication'"
        ),
        False,
    ),
    "garbage in sqlite_master": (
        in_master(
            "insert into sqlite_master values ('table', 'junk', 'junk', 3, 'create table junk (')",
            "insert into sqlite_master values (x'00', 7, null, 'x', x'ff')",
        ),
        True,
    ),
    "a huge page count": (bytes_at(28, b"\x7f\xff\xff\xff"), True),
    "another program's application_id": (by_sql("pragma application_id=42"), True),
    "a newer version": (by_sql("pragma user_version=99"), True),
    "a renamed table": (by_sql("alter table cohort_members rename to followers"), False),
    "a column that is gone": (by_sql("alter table calls drop column body"), True),
}


BY_ITS_PAGES = "a table that stands on another's pages"  # its schema is ours, word by word


def test_pages_of_two_tables_are_found_by_verify(copied: Path) -> None:
    """What the schema cannot show, the check of integrity does."""
    ATTACKS[BY_ITS_PAGES][0](copied)
    with open_project(copied) as db:
        assert "integrity" in {c.name for c in verify(db) if not c.ok}


@pytest.mark.parametrize("name", [n for n in ATTACKS if n != BY_ITS_PAGES])
def test_a_changed_schema_is_refused(copied: Path, name: str) -> None:
    """Every attack is refused with exit 3, reading or writing; the file stays byte for byte and stands alone."""
    ATTACKS[name][0](copied)
    before = copied.read_bytes()
    for write in (False, True):
        with pytest.raises(WorkbenchError) as caught, open_project(copied, write=write):
            pass
        assert caught.value.exit_code == 3, caught.value
        assert "\n" not in str(caught.value)
    assert copied.read_bytes() == before
    assert [p.name for p in copied.parent.iterdir()] == ["p.db"]


@pytest.mark.parametrize("name", ATTACKS)
def test_a_changed_schema_gives_up_its_rows(copied: Path, sample: Path, name: str) -> None:
    """The rows of every attacked file are taken into a sound project; the file itself stays as it was."""
    attack, whole = ATTACKS[name]
    attack(copied)
    before = copied.read_bytes()
    out = copied.parent / "out.db"
    taken = import_data(copied, out)
    assert copied.read_bytes() == before
    assert {p.name for p in copied.parent.iterdir()} == {"p.db", "out.db"}
    unsound = [c.name for c in taken.checks if not c.ok and c.name in ("integrity", "foreign keys", "header", "schema")]
    assert unsound == []
    if whole:
        assert all(c.ok for c in taken.checks), taken
        assert counted(out) == counted(sample)
    else:
        assert taken.problems and not taken.ok
        assert counted(out)["contents"] == counted(sample)["contents"]


def test_a_good_project_is_taken_whole(sample: Path, tmp_path: Path) -> None:
    """Without an attack nothing is left out: the digest, the facts and the search index are those of the source."""
    taken = import_data(sample, tmp_path / "out.db")
    assert taken.ok and taken.problems == [] and taken.counts["generations"] == counted(sample)["generations"]
    assert digest_of(tmp_path / "out.db") == digest_of(sample)
    with open_project(sample) as a, open_project(tmp_path / "out.db") as b:
        facts = "select key, value from project where key in ('name', 'uuid', 'scheme', 'created') order by key"
        assert a.execute(facts).fetchall() == b.execute(facts).fetchall()
        found = "select rowid from search where search match 'draft' order by rowid"
        assert a.execute(found).fetchall() == b.execute(found).fetchall() != []


def test_each_bad_row_is_listed_and_left(copied: Path) -> None:
    """Wrong types, broken checks, bytes that are no text and doubles are named; the rest comes along."""
    conn = sqlite3.connect(copied)
    conn.executescript(
        """
        pragma foreign_keys=off; pragma ignore_check_constraints=on;
        update topics set title = cast(x'ff41' as text) where leaf = 0;
        update generations set status = 'great' where id = 1;
        insert into runs (job, config, status, slot, version, started) values ('j', '{}', 'running', 3, '1', 't');
        insert into claims (slot, generation_id) values (3, 2);
        insert into calls (run_id, generation_id, attempt, provider, model, started, status)
          values (1, 2, 1, 'p', 'm', 't', 'sent');
        insert into project (key, value) values ('url', 'http://elsewhere');
        """
    )
    conn.close()
    taken = import_data(copied, copied.parent / "out.db")
    listed = {(p.where, p.code) for p in taken.problems}
    assert ("topics 1", "row refused") in listed
    assert ("generations 1", "row refused") in listed
    assert ("project 'url'", "not taken") in listed
    assert ("topic_edges 1", "row dropped") in listed
    assert any(p.where.startswith("contents") and p.code == "row dropped" for p in taken.problems)
    assert taken.total == len(taken.problems)
    with open_project(copied.parent / "out.db") as db:
        assert db.execute("select count(*) from claims").fetchone() == (0,)
        assert db.execute("select status, slot from runs").fetchall() == [("lost", None)]
        assert db.execute("select count(*) from calls where status = 'sent'").fetchone() == (0,)
        for table, n in taken.counts.items():
            assert db.execute(f"select count(*) from {table}").fetchone() == (n,), table


def test_a_lie_in_a_row_is_found_by_the_checks(copied: Path) -> None:
    """A text that was changed passes our schema; the full check of the new project names it."""
    conn = sqlite3.connect(copied)
    conn.execute("update contents set raw = 'something else' where id = 1")
    conn.commit()
    conn.close()
    taken = import_data(copied, copied.parent / "out.db")
    assert taken.total == 0 and not taken.ok
    assert [c.name for c in taken.checks if not c.ok] == ["text hashes"]


@pytest.mark.parametrize("page", [2, 5, 9, 20, 40, -3, -2])
def test_of_damaged_pages_the_rest_is_taken(tmp_path: Path, page: int) -> None:
    """Whichever page is overwritten, the rows of the others come along and the lost ones are listed or unneeded."""
    path = projects.made(tmp_path / "p.db", replicates=80)
    whole = counted(path)
    size = PAGE_SIZE
    data = bytearray(path.read_bytes())
    start = page * size if page > 0 else len(data) + page * size
    data[start : start + size] = os.urandom(size)
    path.write_bytes(data)
    taken = import_data(path, tmp_path / "out.db", seconds=60)
    after = counted(tmp_path / "out.db")
    lost = sum(whole.values()) - sum(after.values())
    assert lost == 0 or taken.total > 0
    with open_project(tmp_path / "out.db") as db:
        assert all(c.ok for c in verify(db) if c.name in ("integrity", "foreign keys", "header", "schema"))


def test_a_lost_leaf_costs_its_own_rows_only(tmp_path: Path) -> None:
    """Zeros over one leaf of the texts: the rows before and behind it are taken, the gap is listed with its ends."""
    path = projects.made(tmp_path / "p.db", replicates=300)
    conn = sqlite3.connect(path)
    pages = conn.execute("select pageno from dbstat where name = 'contents' and pagetype = 'leaf'").fetchall()
    whole = conn.execute("select count(*) from contents").fetchone()[0]
    conn.close()
    assert len(pages) > 10
    data = bytearray(path.read_bytes())
    at = (pages[5][0] - 1) * PAGE_SIZE
    data[at : at + PAGE_SIZE] = bytes(PAGE_SIZE)
    path.write_bytes(data)
    taken = import_data(path, tmp_path / "out.db", seconds=60)
    gaps = [p for p in taken.problems if p.code == "unreadable"]
    assert len(gaps) == 1 and gaps[0].where.startswith("contents ")
    assert whole - 60 < taken.counts["contents"] < whole


def test_time_is_bounded(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that takes too long is left where time is up: what was read is kept, what was not is listed."""
    with pytest.raises(DamagedFile, match="time is up"):
        import_data(sample, tmp_path / "none.db", seconds=-1.0)
    assert list(tmp_path.iterdir()) == []
    steps = iter(range(10_000))
    monkeypatch.setattr("workbench.rescue.stepping.ticks", lambda: 0.0 if next(steps) < 200 else float("inf"))
    taken = import_data(sample, tmp_path / "out.db")
    late = [p for p in taken.problems if p.code == "unreadable"]
    assert late and all("time is up" in p.detail for p in late)
    assert 0 < sum(taken.counts.values()) < 200


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0", b"SQLite format 3\0" + bytes(9000)])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """Exit 3 in one line, and no project is made."""
    path = tmp_path / "x.db"
    path.write_bytes(content)
    with pytest.raises((ForeignFile, DamagedFile)):
        import_data(path, tmp_path / "out.db")
    assert [p.name for p in tmp_path.iterdir()] == ["x.db"]


def test_other_databases_links_and_pipes_are_refused(copied: Path, tmp_path: Path) -> None:
    """A database without our tables, a symbolic link, a pipe, a folder, nothing: each is one error."""
    other = tmp_path / "other.db"
    by_sql("create table people (name)")(other)
    (tmp_path / "link.db").symlink_to(copied)
    os.mkfifo(tmp_path / "pipe.db")
    for name in ("other.db", "link.db", "pipe.db", "."):
        with pytest.raises(ForeignFile):
            import_data(tmp_path / name, tmp_path / "out.db")
    with pytest.raises(UnknownName):
        import_data(tmp_path / "none.db", tmp_path / "out.db")
    assert not (tmp_path / "out.db").exists()


def test_nothing_is_overwritten(copied: Path, tmp_path: Path) -> None:
    """An output that is there is refused before anything is read."""
    (tmp_path / "out.db").write_text("mine")
    with pytest.raises(OutputExists):
        import_data(copied, tmp_path / "out.db")
    assert (tmp_path / "out.db").read_text() == "mine"


def test_unfinished_work_beside_a_file_is_named(copied: Path) -> None:
    """A log beside the file is not read, and the report says so."""
    Path(f"{copied}-wal").write_bytes(b"stale")
    taken = import_data(copied, copied.parent / "out.db")
    assert [(p.where, p.code) for p in taken.problems] == [("p.db-wal", "not read")]


def test_odd_characters_in_a_path_are_a_path(sample: Path, tmp_path: Path) -> None:
    """`?`, `#` and `%` in a file's name stay part of its name."""
    path = tmp_path / "a?mode=rwc#b%20.db"
    path.write_bytes(sample.read_bytes())
    assert import_data(path, tmp_path / "out.db").ok


def test_links_between_rescued_rows_may_be_missing(copied: Path) -> None:
    """A generation whose cohort of origin is gone stays, without that link."""
    with open_project(copied, write=True) as db:
        db.execute("pragma foreign_keys=off")
        with transaction(db):
            db.execute("update generations set origin_cohort_id = 77 where id = 1")
    taken = import_data(copied, copied.parent / "out.db")
    assert [(p.where, p.code) for p in taken.problems] == [("generations 1", "link dropped")]
    assert digest_of(copied.parent / "out.db") == digest_of(copied)


MUTANTS = 40


@pytest.mark.parametrize("seed", range(4))
def test_no_mutated_file_breaks_the_rescue(sample: Path, tmp_path: Path, seed: int) -> None:
    """Random damage gives a sound new project with what was readable, or a refusal in one line; never another error."""
    rng, data = Random(seed), sample.read_bytes()
    for number in range(MUTANTS // 4):
        path, out = tmp_path / f"{number}.db", tmp_path / f"{number}.out.db"
        path.write_bytes(mutated(rng, data))
        try:
            taken = import_data(path, out, seconds=20)
        except (DamagedFile, ForeignFile) as error:
            assert "\n" not in str(error) and not out.exists()
            continue
        assert all(c.ok for c in taken.checks if c.name in ("integrity", "foreign keys", "header", "schema"))
        assert all("\n" not in p.detail for p in taken.problems)
