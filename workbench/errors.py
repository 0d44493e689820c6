"""The error tree. A class's docstring is its message; facts, place and remedy travel beside it.

WorkbenchError                 exit 1
├── BadInput                   exit 2   the user's words or files must change
│   ├── InvalidSignature       MissingField · ForbiddenCharacter · BadReplicate
│   ├── BadFile                BadRow · TooLarge
│   ├── BadTemplate  BadSpec  BadConfig  BadQuery
│   └── UnknownName
├── Refused                    exit 3   nothing was changed
│   ├── ForeignFile  NewerProject  DamagedFile  OldCheckpoint
│   ├── OutputExists  Conflict  KeyNotBound  RunIsOn
├── Incomplete                 exit 1   something failed or is left to do
│   └── MissingExtra  Stopped
└── Problems                   many errors of one input, listed together
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class WorkbenchError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1

    def __init__(self, detail: str = "", *, where: str = "", mend: str = "", **facts: object) -> None:
        """Keep the facts apart from the words: `where` is file:line or row, `mend` says what to do."""
        super().__init__(detail)
        self.detail, self.where, self.mend, self.facts = detail, where, mend, facts

    @property
    def what(self) -> str:
        """What is wrong in general, taken from the class's docstring without its full stop."""
        return (type(self).__doc__ or "").strip().splitlines()[0].rstrip(".")

    def __str__(self) -> str:
        text = f"{self.what}: {self.detail}" if self.detail else self.what
        text = f"{self.where}: {text}" if self.where else text
        return f"{text}; {self.mend}" if self.mend else text


class BadInput(WorkbenchError):
    """The input cannot be used."""

    exit_code = 2


class InvalidSignature(BadInput):
    """A signature does not identify a task."""


class MissingField(InvalidSignature):
    """A field that the signature needs has no value."""


class ForbiddenCharacter(InvalidSignature):
    """A name must be letters, digits and . _ : / + @ - (at most 128, starting with a letter or digit)."""


class BadReplicate(InvalidSignature):
    """A replicate must be a whole number of at least 1."""


class BadFile(BadInput):
    """The file is not what its format says."""


class BadRow(BadFile):
    """A row is not what the format says."""


class TooLarge(BadFile):
    """The input is larger than the limit."""


class BadTemplate(BadInput):
    """The template cannot be used."""


class BadSpec(BadInput):
    """The cohort spec cannot be compiled."""


class BadConfig(BadInput):
    """The configuration cannot be used."""


class BadQuery(BadInput):
    """The SQL cannot be run."""


class UnknownName(BadInput):
    """There is nothing of this name."""


class Refused(WorkbenchError):
    """Refused; nothing was changed."""

    exit_code = 3


class ForeignFile(Refused):
    """This file is not a workbench project."""


class NewerProject(Refused):
    """This project was written by a newer workbench."""


class DamagedFile(Refused):
    """This project file is damaged."""


class OldCheckpoint(Refused):
    """This checkpoint cannot be taken over."""


class OutputExists(Refused):
    """The output is there already."""


class Conflict(Refused):
    """This conflicts with what the project holds."""


class KeyNotBound(Refused):
    """No key may be sent there."""


class RunIsOn(Refused):
    """Another process is working on this project."""


class Incomplete(WorkbenchError):
    """Something failed or is left to do."""


class MissingExtra(Incomplete):
    """An optional part is not installed."""


class Stopped(Incomplete):
    """The run stopped before its end."""


class Problems(WorkbenchError):
    """Several things are wrong."""

    def __init__(self, errors: Sequence[WorkbenchError]) -> None:
        """Hold every error found in one input, in order, so that all are shown and not the first only."""
        super().__init__()
        self.errors = list(errors)
        self.exit_code = max((e.exit_code for e in self.errors), default=1)  # type: ignore[misc]

    def __str__(self) -> str:
        return "\n".join(str(e) for e in self.errors)


def raise_all(errors: Sequence[WorkbenchError]) -> None:
    """Raise nothing, the one error, or all of them together."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Problems(errors)
