"""Names and places that would do harm: parts of a project, leftovers, devices, loops, files that another one writes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Ran
from gardens import garden, order

from workbench.errors import Refused, WorkbenchError
from workbench.generate import Terms, generate
from workbench.pack import pack
from workbench.store import create_project, open_project, transaction
from workbench.store.slots import slot
from workbench.verify import digest, verify

Run = Callable[..., Ran]
ORDER = ("generate", "--topics", "garden", "-n", "6", "--template", "plain", "--model", "m")
PARTS = ("p.db-journal", "p.db-wal", "p.db-shm", "p.db.lock", "p.db.shards")
WRITERS = (
    ("init", "-p", "OUT"),
    ("pack", "OUT", "-p", "p.db"),
    ("import-data", "p.db", "-p", "OUT"),
    ("export", "dataset", "OUT", "-p", "p.db"),
    ("export", "dataset", "OUT", "-p", "p.db", "--force"),
    ("export", "prov", "OUT", "-p", "p.db"),
    ("export", "store", "OUT", "-p", "p.db"),
    ("export", "huggingface", "OUT", "-p", "p.db"),
    ("migrate", "apply", "--to-scheme", "daydreaming", "--stage-on", "OUT", "-p", "p.db"),
    (*ORDER, "--shard", "1/2", "--into", "OUT", "-p", "p.db"),
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project that holds some samples, entered."""
    monkeypatch.chdir(tmp_path)
    path = garden(tmp_path / "p.db", provider="offline")
    with open_project(path, write=True) as db:
        assert generate(db, order(3), Terms()).done == 3
    return tmp_path


def facts(path: Path) -> str:
    with open_project(path) as db:
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
        return digest(db)


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_nothing_is_written_where_it_would_be_taken_for_a_part_of_a_project(here: Path, run: Run, words):
    """SQLite would delete it, or roll the project back by it; the last process would remove it as its lock."""
    before, names = facts(here / "p.db"), tree(here)
    for part in PARTS:
        done = run(*(part if word == "OUT" else word for word in words))
        assert done.code == 3 and part in done.err and done.err.startswith("Error: "), (part, done)
        assert tree(here) == names
    assert facts(here / "p.db") == before


@pytest.mark.parametrize("side", ["-journal", "-wal", "-shm"])
def test_no_project_is_made_beside_what_another_left(here: Path, run: Run, side):
    """A log that stands there already would be read as its own."""
    (here / f"new.db{side}").write_bytes(b"left by another")
    for words in (WRITERS[0], WRITERS[1], WRITERS[2], WRITERS[-2], WRITERS[-1]):
        done = run(*("new.db" if word == "OUT" else word for word in words))
        assert done.code == 3 and f"new.db{side} lies there" in done.err, (words, done)
    assert not (here / "new.db").exists() and (here / f"new.db{side}").read_bytes() == b"left by another"


def test_such_a_name_without_its_project_is_a_name(tmp_path: Path):
    create_project(tmp_path / "notes-journal")
    create_project(tmp_path / ".lock")
    assert facts(tmp_path / "notes-journal") and facts(tmp_path / ".lock")


def test_a_lock_file_of_somebody_else_is_left_alone(here: Path, run: Run):
    """A run is refused before a call, and the file stays; one of ours, which holds zeros at most, is used."""
    (here / "p.db.lock").write_text("minutes of a meeting\n")
    for words in (ORDER, ("recover",)):
        done = run(*words, "-p", "p.db")
        assert done.code == 3 and "p.db.lock" in done.err and "move it away" in done.err, done
    assert (here / "p.db.lock").read_text() == "minutes of a meeting\n"
    (here / "p.db.lock").write_bytes(bytes(5000))
    with open_project("p.db", write=True) as db, slot(db):
        pass
    assert not (here / "p.db.lock").exists()


@pytest.mark.parametrize("kind", ["folder", "loop", "pipe"])
def test_a_lock_that_is_no_file_is_told(here: Path, run: Run, kind):
    """One line with its name; nothing hangs and nothing is sent."""
    path = here / "p.db.lock"
    {"folder": path.mkdir, "loop": lambda: path.symlink_to(path), "pipe": lambda: os.mkfifo(path)}[kind]()
    done = run(*ORDER, "-p", "p.db")
    assert done.code in (1, 3) and "p.db.lock" in done.err and "unexpected" not in done.err, done


def odd_places(here: Path) -> list[str]:
    """Make a place of each odd kind and name it."""
    (here / "loop").symlink_to("loop")
    (here / "dangling").symlink_to("nowhere")
    (here / "folder").mkdir()
    os.mkfifo(here / "pipe")
    (here / "empty").touch()
    sqlite3.connect(here / "foreign").executescript("create table x (a);")
    return ["loop", "dangling", "folder", "pipe", "empty", "foreign", "/dev/full", "/dev/null", "no/such/no", "n" * 300]


def test_odd_places_are_neither_read_nor_written(here: Path, run: Run):
    """Whoever reads or writes there says so in one line with the name; nothing hangs, nothing is made or changed."""
    places, before = odd_places(here), facts(here / "p.db")
    names = tree(here)
    readers = (("verify", "-p", "IT"), ("digest", "-p", "IT"), ("recover", "-p", "IT"), ("status", "-p", "IT"))
    readers += (("merge", "IT", "-p", "p.db"), ("import-data", "IT", "-p", "new.db"))
    readers += (("import", "dataset", "IT", "-p", "p.db"), ("topics", "import", "IT", "--name", "t", "-p", "p.db"))
    for place in places:
        writers = () if place in ("empty", "foreign") else WRITERS
        for words in (*readers, *writers):
            told = [place if word in ("IT", "OUT") else word for word in words]
            if place == "foreign" and words[0] == "import-data":
                continue
            done = run(*told)
            assert done.code in (1, 2, 3) and done.err.startswith("Error: "), (told, done)
            assert place.removesuffix("/no") in done.err and "unexpected" not in done.err, (told, done.err)
            assert done.err.count("Error: ") == done.err.count("\n"), (told, done.err)
    assert tree(here) == names and facts(here / "p.db") == before


SHARES = ("", "abc", "-1", "/", "0/0", "0/4", "5/4", "1/0", "1/4/4", "1.0/4", "01/4", "+1/4", "nan/4", "1/4097")
ODD_SHARES = (*SHARES, f"1/{10**30}", f"{10**30}/4", "\u0663/\u0664", "1/4\n2/4", "\x1b[2J1/4", "1/4;rm -rf .")


@pytest.mark.parametrize("by", ["option", "environment"])
def test_hostile_numbers_of_a_slurm_array_are_refused(here: Path, run: Run, by):
    """A variable that is not set, or is none of a number: exit 2, one line, no file; never a run of the whole."""
    order = (*ORDER, "-p", "p.db")
    names = tree(here)
    for share in ODD_SHARES:
        said = ("--shard", share) if by == "option" else ()
        done = run(*order, *said, "--into", "s.db", env={} if said else {"WORKBENCH_GENERATE_SHARD": share})
        assert done.code == 2 and done.err.count("\n") == 1 and "\x1b" not in done.err, (share, done)
    assert tree(here) == names
    for option in ("--into", "--scheduler", "--engine", "--workers"):
        assert run(*order, "--shard", "1/2", "--into", "s.db", option, "").code in (2, 3)
    assert run(*order, "--workers", "2", "--engine", "dask", "--scheduler", "").code == 2
    for number in ("-1", "0", "257", str(10**30), "1e9", "nan", "two"):
        assert run(*order, env={"WORKBENCH_GENERATE_WORKERS": number}).code == 2
    assert tree(here) == names


def test_a_project_that_is_written_meanwhile_is_read_in_one_piece(here: Path):
    """Copies and merges of a file that a process writes to hold what was there at one moment."""
    code = """
import sys
from workbench.store import open_project, transaction
from workbench.store.connection import running
with open_project(sys.argv[1], write=True) as db, running(db):
    for number in range(10_000):
        with transaction(db):
            db.execute("insert into events (event, at, data) values ('a', '', ?)", (f'{{"n": {number}}}',))
            db.execute("insert into events (event, at, data) values ('b', '', ?)", (f'{{"n": {number}}}',))
        if number == 20:
            print("on", flush=True)
"""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", code, str(here / "p.db")]
    with subprocess.Popen(words, env=surroundings, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "on\n"
        try:
            for number in range(3):
                with open_project(here / "p.db") as db:
                    pack(db, here / f"copy{number}.db")
                with open_project(here / f"copy{number}.db") as copy:
                    counts = copy.execute("select event, count(*) from events where event in ('a', 'b') group by 1")
                    assert len({count for _, count in counts.fetchall()}) == 1
                assert facts(here / f"copy{number}.db")
        finally:
            writer.kill()
    assert facts(here / "p.db")


def test_a_file_that_is_cut_while_it_is_read_is_told(here: Path):
    """Half a project, as a copy that still goes on leaves it: one of our errors, whichever command reads it."""
    whole = (here / "p.db").read_bytes()
    for share in (1, 3, 5, 7):
        (here / "half.db").write_bytes(whole[: len(whole) * share // 8])
        for words in (("verify", "--full"), ("digest",), ("status",), ("pack", "out.db"), ("recover",)):
            done = subprocess_free(words, here / "half.db")
            assert done is None or isinstance(done, WorkbenchError) or done == 1, (share, words, done)
        assert not (here / "out.db").exists() or shutil.move(here / "out.db", here / f"out{share}.db")


def subprocess_free(words: tuple[str, ...], path: Path) -> object:
    """Run a command in this process and give what it raised, or its exit code; a foreign error is raised."""
    from click.testing import CliRunner

    from workbench.cli import main

    done = CliRunner().invoke(main, [*words, "-p", str(path)])
    assert "unexpected" not in done.stderr and "Traceback" not in done.stderr, done.stderr
    if done.exit_code in (2, 3):
        assert path.name in done.stderr or "out.db" in done.stderr, done.stderr
        return None
    return done.exit_code or None


def test_a_read_only_folder_is_told(here: Path, run: Run):
    """Outputs, runs and migrations say that they cannot write; what only reads goes on. Root may write anywhere."""
    if os.geteuid() == 0:
        pytest.skip("root writes anywhere")
    here.chmod(0o500)
    try:
        for words in (("pack", "x.db"), ("export", "dataset", "x"), ("migrate", "apply", "--to-scheme", "daydreaming")):
            done = run(*words, "-p", "p.db")
            assert done.code in (1, 3) and done.err.startswith("Error: ") and "unexpected" not in done.err, done
        assert run("verify", "-p", "p.db").code == 0
    finally:
        here.chmod(0o700)


def test_a_transaction_that_meets_a_stale_log_of_another_project_is_sound(here: Path):
    """A log of another project beside ours is never played into it."""
    other = garden(here / "other.db", provider="offline")
    with open_project(other, write=True) as db:
        db.execute("pragma journal_mode=wal").fetchone()
        with transaction(db):
            db.execute("insert into events (event, at, data) values ('theirs', '', '{}')")
        stale = Path(f"{other}-wal").read_bytes()
    before = facts(here / "p.db")
    (here / "p.db-wal").write_bytes(stale)
    try:
        assert facts(here / "p.db") == before
    except (Refused, WorkbenchError):
        (here / "p.db-wal").unlink()
        assert facts(here / "p.db") == before
