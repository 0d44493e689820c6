"""A rehearsal: what would appear is made whole beside its place, with every check, and thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_on: ContextVar[bool] = ContextVar("rehearsal", default=False)


@contextmanager
def rehearsal(on: bool) -> Iterator[None]:
    """Let nothing that is made in this block take its place, if `on`."""
    token = _on.set(on)
    try:
        yield
    finally:
        _on.reset(token)


def is_rehearsal() -> bool:
    """Say whether what is made is to be thrown away."""
    return _on.get()
