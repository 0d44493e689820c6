"""Pages beside processes that work on the project: what lives, what was killed, and a file at rest afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsing import get
from conftest import ROOT as CHECKOUT
from faults.faultllm import FaultServer
from gardens import garden
from test_cli_browse import browsing, text_at

from workbench.browse.alive import is_held
from workbench.store import open_project

ROOT = "/project/-/workbench"
HOLD = """
import sys
from workbench.record.runs import begin_run
from workbench.store import open_project, transaction
from workbench.store.slots import slot
with open_project(sys.argv[1], write=True) as db, slot(db) as mine:
    with transaction(db):
        begin_run(db, 'all', {}, mine.number)
    print(mine.number, flush=True)
    sys.stdin.read()
"""


@contextmanager
def working(path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Have a process hold a slot with a run that is on; give it and its slot."""
    words = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(CHECKOUT)}
    )
    try:
        assert process.stdout
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def refreshed(text: str) -> bool:
    """Say whether a page is read anew by itself."""
    return 'http-equiv="refresh"' in text


def test_a_run_is_looked_at_anew_while_its_process_lives(project: Path):
    """By a header of the page, without a script; of a killed one it is said, and its page stays as it is."""
    pages = (f"{ROOT}/run/1", f"{ROOT}/runs", ROOT)
    with working(project) as (process, _):
        assert [refreshed(one.text) for one in get(project, *pages)] == [True] * 3
        process.send_signal(signal.SIGKILL)
        process.wait()
        gone = get(project, *pages, f"{ROOT}/run/1.json")
    assert [refreshed(one.text) for one in gone[:3]] == [False] * 3
    assert all("process gone" in one.text for one in gone[:3])
    assert "workbench recover" in gone[0].text
    assert (gone[3].json()["run"]["status"], gone[3].json()["run"]["alive"]) == ("running", False)
    with open_project(project, write=True) as db:
        db.execute("update runs set status = 'done', ended = started")
    over = get(project, f"{ROOT}/run/1")[0].text
    assert not refreshed(over) and "process gone" not in over


def test_asking_who_lives_touches_no_lock(project: Path):
    """A slot that is free, one that is held, a file that is not there, and one that is no file."""
    lock = Path(f"{project}.lock")
    assert not is_held(lock, 1)
    with working(project) as (process, slot):
        assert [is_held(lock, number) for number in (slot, slot + 1)] == [True, False]
        process.communicate("")  # it ends by itself
        assert process.returncode == 0 and not lock.exists()
    lock.symlink_to(project)
    assert is_held(lock, 1)  # not followed; nobody can tell


def generating(path: Path, server: FaultServer, *words: str) -> subprocess.Popen[str]:
    """Start `generate` against a server, as a process of its own."""
    order = ("generate", "--topics", "garden", "-n", "36", "--template", "plain", "--model", "m")
    surroundings = {"PYTHONPATH": str(CHECKOUT), "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test-0123456789"}
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", *order, "-p", str(path), *words],
        env=os.environ | surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def look_around(root: str, seen: dict[str, Any]) -> None:
    """Read the pages that a person watches, and note what they say."""
    for name in ("", "/runs", "/run/1", "/topics/garden", "/search?q=garden", "/run/1.json"):
        try:
            text = text_at(f"{root}{name}")
        except OSError as error:  # /run/1 before the run has begun
            assert name.startswith("/run/1") and getattr(error, "code", 0) == 404, (name, error)
            continue
        assert "database is locked" not in text, name
        seen["refreshed"] = seen.get("refreshed", False) or (name == "/run/1" and refreshed(text))


def test_pages_are_read_while_a_server_fails_and_a_run_goes_on(tmp_path: Path):
    """Nobody meets a lock, pages change as work is done, and both ended leave one file in its rollback journal."""
    path = garden(tmp_path / "project.db")
    seen: dict[str, Any] = {}
    with (
        FaultServer(mix={"ok": 90, "500": 5, "reset_mid": 5}, latency=(0.05, 0.1)) as server,
        browsing(path) as (
            process,
            url,
        ),
    ):
        run = generating(path, server, "--concurrency", "8")
        while run.poll() is None:
            look_around(url, seen)
        out, err = run.communicate()
        assert "database is locked" not in out + err and run.returncode == 0, err
        assert seen["refreshed"] and not refreshed(text_at(f"{url}/run/1"))
        assert re.search(r"36 done in 3 cycles of 12 topics", text_at(url))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert [one.name for one in tmp_path.iterdir()] == ["project.db"]
    assert path.read_bytes()[18:20] == b"\x01\x01"  # the header's words for a rollback journal
