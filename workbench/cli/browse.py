"""`workbench browse`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Final

import click

from workbench.assets import program
from workbench.cli.options import project_option
from workbench.cli.output import line, note
from workbench.errors import Incomplete, Refused

START: Final = 30.0  # seconds for Datasette to answer
END: Final = 5.0  # seconds for it to finish what it answers


@click.command()
@project_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--open", "opened", is_flag=True, help="Open it in the web browser.")
def browse(project: Path, port: int, opened: bool) -> None:
    """Look at the project in Datasette, with the workbench's pages, until Ctrl-C.

    On this machine only, and only to read. It may stay open while `generate` runs. Ctrl-C ends it with exit code 130,
    as it interrupts any command.

    \b
    Example:
      workbench browse --open
    """
    from workbench.store import open_project

    with open_project(project):
        pass  # what is wrong with the file is said before anything starts
    try:
        with _stopping(), _datasette(_named(project), _free_port(port)) as (process, url):
            line(url)
            note("Ctrl-C ends it.")
            _open(url, opened)
            process.wait()
            raise Incomplete(f"Datasette ended with code {process.returncode}", mend="run it again")
    finally:
        with open_project(project):
            pass  # a run that ended meanwhile left its log to the last reader


def _named(project: Path) -> str:
    """Give the file's whole path; Datasette puts it into a URI as it stands."""
    path = str(project.resolve())
    if any(sign in path for sign in "?#%"):
        raise Refused(f"Datasette cannot open a path with one of ? # %: {path}", mend="rename the file or its folder")
    return path


def _free_port(wanted: int) -> int:
    import socket

    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise Refused(f"port {wanted}: {error.strerror}", mend="choose another --port, or none") from None
        return int(found.getsockname()[1])


@contextmanager
def _stopping() -> Iterator[None]:
    """Take SIGTERM as Ctrl-C."""
    import signal

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _datasette(path: str, port: int) -> Iterator[tuple[Popen[bytes], str]]:
    """Run Datasette in a process of its own; its stdin is the sign that we live."""
    from subprocess import DEVNULL, PIPE
    from tempfile import TemporaryFile

    words = [*program("workbench.browse"), path, str(port)]
    with TemporaryFile() as said:
        process = Popen(words, stdin=PIPE, stdout=DEVNULL, stderr=said, start_new_session=True)
        try:
            url = _ready(process, port)
            if url is None:
                said.seek(0)
                last = said.read().decode(errors="replace").strip().splitlines()[-1:]
                raise Refused(f"Datasette did not start: {''.join(last)}", mend="choose another --port")
            yield process, url
        finally:
            _end(process)


def _ready(process: Popen[bytes], port: int) -> str | None:
    """Wait until the project's pages answer and give their address; None when the process ends or is too slow."""
    import time
    from http.client import HTTPConnection

    from workbench.clock import ticks

    end = ticks() + START
    while ticks() < end and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=START)
        try:
            connection.request("GET", "/-/workbench")
            where = connection.getresponse().headers["Location"]
            return f"http://127.0.0.1:{port}{where}" if where and process.poll() is None else None
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    return None


def _end(process: Popen[bytes]) -> None:
    from subprocess import TimeoutExpired

    process.terminate()
    try:
        process.wait(END)
    except TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()


def _open(url: str, wanted: bool) -> None:
    if wanted:
        import webbrowser

        webbrowser.open(url)
