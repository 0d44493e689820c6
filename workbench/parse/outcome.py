"""What a parse gives: a text, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Scale = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read from a model's answer: `text` when `outcome` is `ok`, else a code and one line of why.

    `score` lies within `scale` (lowest, highest) and is set by the parsers of evaluations only.
    """

    text: str | None
    outcome: str
    detail: str = ""
    score: float | None = None
    scale: Scale | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a parsed text."""
        return self.outcome == "ok"


@dataclass(frozen=True, slots=True)
class Options:
    """What a template says beside the parser's name: a JSON Schema, and the scale of its scores."""

    schema: Mapping[str, object] | None = None
    scale: Scale | None = None


class Unreadable(Exception):
    """An answer from which a parser could read nothing: a code for programs, one line for a person."""

    def __init__(self, outcome: str, detail: str) -> None:
        """Keep the code apart from the words."""
        super().__init__(detail)
        self.outcome, self.detail = outcome, detail


def failed(outcome: str, detail: str) -> Parsed:
    """Give a parse without a text."""
    return Parsed(None, outcome, detail)


def shown(text: object, length: int = 60) -> str:
    """Quote the beginning of a model's text for a message."""
    plain = str(text)
    return repr(plain if len(plain) <= length else plain[:length] + "…")
