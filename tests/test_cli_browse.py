"""`workbench browse` as a process: it answers, stays open beside a run, and leaves one file behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT


@contextmanager
def browsing(path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `workbench browse` on a project and give the process and the address that it prints."""
    command = [sys.executable, "-m", "workbench", "browse", "-p", str(path), *words]
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def text_at(url: str) -> str:
    """Read a page."""
    with urllib.request.urlopen(url, timeout=30) as response:
        return str(response.read().decode())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_cleanly(family: Path, number: int):
    """The address is the overview's; Ctrl-C and SIGTERM end it with 130, and one file is there."""
    with browsing(family) as (process, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/project/-/workbench", url)
        assert "<h1>" in text_at(url)
        process.send_signal(number)
        assert process.wait(30) == 130
    assert [one.name for one in family.parent.iterdir()] == [family.name]


def test_it_stays_open_while_a_run_writes(tmp_path: Path, run: Callable):
    """What a run writes is on the next page; after both ended, one file in its rollback journal is there."""
    path = tmp_path / "live.db"
    assert run("init", "-p", path).code == 0
    with browsing(path) as (process, url):
        assert "No drafts of topics yet" in text_at(url)
        build = (
            "topics",
            "build",
            "garden",
            "--prompt",
            "Gardens",
            "--depth",
            "1",
            "--degree",
            "3",
            "--model",
            "offline",
        )
        assert run(*build, "-p", path).code == 0
        order = ("generate", "--topics", "garden", "-n", "6", "--template", "qa-sample", "--model", "offline")
        assert run(*order, "-p", path).code == 0
        assert "6 done in 2 cycles of 3 topics" in text_at(url)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert sorted(one.name for one in path.parent.iterdir() if one.name.startswith("live")) == ["live.db"]
    assert path.read_bytes()[18:20] == b"\x01\x01"  # the header's words for a rollback journal


def test_datasette_ends_with_the_process_that_started_it(family: Path):
    """A kill of `browse` leaves no server behind."""
    with browsing(family) as (process, url):
        port = int(re.search(r":(\d+)/", url)[1])
        process.kill()
        process.wait()
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                return
            time.sleep(0.1)
    pytest.fail("the server is still there")


def test_what_is_wrong_is_one_line(family: Path, tmp_path: Path, shell: Callable):
    """A file that is no project, a port that is taken, a path that Datasette cannot open."""
    stranger = tmp_path / "stranger.db"
    stranger.write_bytes(b"not a database, for sure" * 10)
    assert shell("browse", "-p", stranger).code == 3
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = shell("browse", "-p", family, "--port", taken.getsockname()[1])
    assert refused.code == 3 and refused.err.count("\n") == 1 and "choose another --port" in refused.err
    odd = family.rename(tmp_path / "what?.db")
    assert shell("browse", "-p", odd).code == 3
