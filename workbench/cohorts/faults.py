"""Every fault of one spec, gathered and raised together."""

from __future__ import annotations

from typing import Final

from workbench.errors import BadSpec, WorkbenchError, raise_all

SHOWN: Final = 500  # a file of a million bad rows must not become a message of a million lines


class Faults:
    """The faults found so far, in the order in which they were found."""

    def __init__(self) -> None:
        """Start with none."""
        self.found: list[WorkbenchError] = []
        self.more = 0

    def add(self, detail: str, where: str, mend: str) -> None:
        """Note what is wrong, where (`file:line`) and what to do about it."""
        self.note(BadSpec(detail, where=where, mend=mend))

    def note(self, error: WorkbenchError) -> None:
        """Take an error that something else raised."""
        if self.full:
            self.more += 1
        else:
            self.found.append(error)

    @property
    def full(self) -> bool:
        """Whether further faults are only counted."""
        return len(self.found) >= SHOWN

    def raise_any(self) -> None:
        """Raise nothing, the one fault, or all of them together."""
        rest = [BadSpec(f"{self.more:,} more of the same kind", mend="mend these first")] if self.more else []
        raise_all([*self.found, *rest])
