"""What one rendering may cost: counted work, not time, so that a template always ends the same way."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from jinja2 import Undefined

MAX_SOURCE: Final = 256 * 2**10  # bytes of one template
MAX_OUTPUT: Final = 8 * 2**20  # characters of one prompt
MAX_WORK: Final = 1_000_000  # syntax nodes visited by loops, plus one for each 64 characters handled
MAX_BITS: Final = 256  # of a whole number
Scalar = str | int | float | bool | None


class TooMuch(Exception):
    """A template asks for more than one rendering may cost."""


class Budget:
    """The work that is left to one rendering."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        """Begin with all of it."""
        self.left = MAX_WORK

    def spend(self, work: int) -> None:
        """Take some of it; raises TooMuch when there is not so much left."""
        self.left -= work
        if self.left < 0:
            raise TooMuch(f"the template takes more than {MAX_WORK:,} steps")


current: Final[ContextVar[Budget]] = ContextVar("current")


def spend(work: int) -> None:
    """Take work from the rendering that is going on."""
    current.get().spend(work)


def spend_text(length: int) -> None:
    """Take the work of making or reading a text of so many characters."""
    if length > MAX_OUTPUT:
        raise TooMuch(f"the template makes a text of more than {MAX_OUTPUT:,} characters")
    current.get().spend(1 + (length >> 6))


def spend_value(value: Any) -> Any:
    """Take the work of looking at all of a value, however often its parts repeat, and give it back."""
    if type(value) is str:
        spend_text(len(value))
    elif isinstance(value, (list, tuple, Mapping)):
        _spend_parts(value)
    elif isinstance(value, Undefined):
        str(value)  # raises: a strict undefined has no text
    return value


def _spend_parts(value: Any) -> None:
    left = [value]
    while left:
        item = left.pop()
        if type(item) is str:
            spend_text(len(item))
        elif isinstance(item, (list, tuple, Mapping)):
            spend(1 + 2 * len(item))
            left.extend(item.values() if isinstance(item, Mapping) else item)
        else:
            spend_value(item)
