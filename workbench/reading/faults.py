"""Every fault of one input, gathered and raised together."""

from __future__ import annotations

from typing import Final

from workbench.errors import BadFile, BadRow, WorkbenchError, raise_all

SHOWN: Final = 20  # an input of a million bad rows must not become a message of a million lines


class Faults:
    """The errors found in one input so far, the first in full and the others counted; and what is only worth a word."""

    def __init__(self, source: str, kind: type[WorkbenchError] = BadRow, most: int = SHOWN) -> None:
        """Start with none for the input of this name; `most` are told in full."""
        self.source = source
        self.errors: list[WorkbenchError] = []
        self.more = 0
        self.notes: list[str] = []
        self._kind, self._most = kind, most

    def __len__(self) -> int:
        return len(self.errors) + self.more

    @property
    def is_full(self) -> bool:
        """Whether further errors are only counted."""
        return len(self.errors) >= self._most

    def add(self, error: WorkbenchError) -> None:
        """Keep an error that something else raised, or count it."""
        if self.is_full:
            self.more += 1
        else:
            self.errors.append(error)

    def note(self, detail: str, where: str, mend: str) -> None:
        """Note what is wrong, where (`file:line`) and what to do about it."""
        self.add(self._kind(detail, where=where, mend=mend))

    def raise_any(self) -> None:
        """Raise nothing, the one error, or all of them together."""
        rest = [BadFile(f"and {self.more:,} more errors", where=self.source, mend="mend these first")]
        raise_all([*self.errors, *(rest if self.more else [])])
