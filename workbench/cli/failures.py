"""How a command ends: its exit code, and one line on stderr for everything that can go wrong."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from workbench.cli.visible import visible
from workbench.errors import Problems, WorkbenchError

INTERRUPTED = 130
SHOWN = 200  # errors of one input that are told


class ReaderLeft(Exception):
    """Whoever read our output closed it."""


@contextmanager
def noting_readers() -> Iterator[None]:
    """Give a reader that left a name of our own: of a broken pipe click would make exit code 1."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderLeft from error


def code_after(call: Callable[[], object]) -> int:
    """Run a command and give the exit code: a whole number that it returns, 0, or that of its error."""
    _open_closed_streams()
    _accept_any_text()
    try:
        result = call()
        sys.stdout.flush()
        return result if type(result) is int else 0
    except (BrokenPipeError, ReaderLeft):
        return _reader_left()
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    if os.environ.get("WORKBENCH_DEBUG") == "1":
        traceback.print_exception(error)
    match error:
        case Problems():
            for one in error.errors[:SHOWN]:
                _say(str(one))
            if (more := len(error.errors) - SHOWN) > 0:
                _say(f"and {more:,} more errors; mend these first")
            return error.exit_code
        case WorkbenchError():
            _say(str(error))
            return error.exit_code
        case click.ClickException():
            _say(f"{error.format_message().rstrip('.')}{_more_help(error)}")
            return 2
        case OSError(filename=name, strerror=str(reason)):
            _say(f"{name}: {reason}" if name else reason)
            return 1
    _say(f"unexpected {type(error).__name__}: {error}; please report it, with the output under WORKBENCH_DEBUG=1")
    return 1


def _more_help(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"{_meant(error.format_message(), context)}; see `{context.command_path} --help`" if context else ""


def _meant(message: str, context: click.Context) -> str:
    """Say which option a word that stands by itself most likely belongs to; nothing where nobody knows."""
    word = message.partition("Got unexpected extra argument (")[2].rpartition(")")[0]
    options = {option for one in context.command.params for option in one.opts}
    if word.endswith((".db", ".sqlite", ".sqlite3")) and "--project" in options:
        return f"; a project is named with -p {shlex.quote(word)}"
    if word and {"--topics", "--cohort"} <= options:
        return f"; say --topics {shlex.quote(word)} or --cohort {shlex.quote(word)}"
    return ""


def _say(text: str) -> None:
    click.echo(f"Error: {visible(' '.join(line.strip() for line in text.splitlines()))}", err=True)


def _open_closed_streams() -> None:
    """A service may start us with stdout or stderr closed; Python then has None in their place."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until we exit


def _accept_any_text() -> None:
    """Lone surrogates and terminals that are not UTF-8 must not end a command."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def _reader_left() -> int:
    """Be quiet, at interpreter exit too: what is still to be written goes nowhere."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 0
