"""What one value of a configuration may be. A check gives the value, or raises ValueError with what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.config.amounts import WANTED, checked_amount
from workbench.errors import BadConfig

Check = Callable[[Any], Any]


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def filled(value: Any) -> str:
    """Text that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text that is not empty")
    return value


def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def whole(least: int, most: int) -> Check:
    """A whole number within limits."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"a whole number from {least:,} to {most:,}")
        return value

    return check


def number(least: float, most: float) -> Check:
    """A number within limits."""

    def check(value: Any) -> float:
        if type(value) not in (int, float) or not least <= value <= most:
            raise ValueError(f"a number from {least:g} to {most:g}")
        return float(value)

    return check


def one_of(*names: str) -> Check:
    """One of some names."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return value

    return check


def amount(value: Any) -> int | str:
    """A wanted number of samples; a number must not stand in quotes."""
    try:
        checked = checked_amount(value)
    except BadConfig:
        raise ValueError(WANTED) from None
    if checked != value:
        raise ValueError(f"{WANTED}, a number without quotes")
    return checked


def json_schema(value: Any) -> dict[str, Any]:
    """A JSON Schema written out as a mapping."""
    if not isinstance(value, dict):
        raise ValueError("a JSON Schema, written out")
    return value


def shown(value: Any) -> str:
    """Show a value in a few words."""
    if isinstance(value, (dict, list)):
        return "a section" if isinstance(value, dict) else "a list"
    return f"{value!r:.40}"
