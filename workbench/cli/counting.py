"""How far a long look has come: a line on stderr after the first second, then now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from workbench.cli.output import note
from workbench.clock import ticks

FIRST = 1.0  # seconds without a word
EVERY = 5.0  # seconds between lines; on a terminal one line is written anew
ANEW = 0.2
_CLEAR = "\r\x1b[K"


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """Give what hears how much of something is done, of how much, and says so when it takes long."""
    terminal, due = sys.stderr.isatty(), ticks() + FIRST
    shown = False

    def told(what: str, done: int, of: int) -> None:
        nonlocal due, shown
        if (now := ticks()) < due:
            return
        text = f"{what}: {done:,} of {of:,}"
        if terminal:
            click.echo(f"{_CLEAR}{text}", err=True, nl=False)
        else:
            note(text)
        due, shown = now + (ANEW if terminal else EVERY), True

    try:
        yield told
    finally:
        if shown and terminal:
            click.echo(_CLEAR, err=True, nl=False)
