"""The rows of a rule's list, read as values of the axes that the rule names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any

from workbench.cohorts.factors import Level, Reference
from workbench.cohorts.includes import MARK, Listing
from workbench.reading import Faults


def text(value: Any) -> str | None:
    """Give a level as text: text without outer blanks, or a whole number's digits; None for anything else."""
    if isinstance(value, str):
        return None if value.startswith(MARK) else value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


class Items:
    """Reads each row of a list into one value (of one or more columns) for each reference."""

    def __init__(self, label: str, refs: Sequence[Reference], listing: Listing, faults: Faults) -> None:
        """Take the rule's label for messages, what it refers to, and its list."""
        self.label, self.refs, self.listing, self.faults = label, refs, listing, faults
        self.widths = [len(ref.key) for ref in refs]
        self.names = list(chain.from_iterable(ref.columns for ref in refs))
        self.order = self._order()

    def rows(self) -> Iterator[tuple[int, list[Level]]]:
        """Give each good row's 0-based number and its values; the others are noted."""
        if self.order is None:
            return
        for number, value in enumerate(self.listing.values):
            flat = self._flat(value)
            if flat is None or not all(flat):
                self.fault(number, self._complaint(value), f"give it {', '.join(self.names)}")
            else:
                yield number, self._split(flat)

    def fault(self, number: int, detail: str, mend: str) -> None:
        """Note a fault of one row."""
        self.faults.note(f"{self.label}, row {number + 1}: {detail}", self.listing.where(number), mend)

    def _complaint(self, value: Any) -> str:
        shown = list(value) if isinstance(value, tuple) else value
        return f"{str(shown)[:140]} is no value of {' × '.join(ref.name for ref in self.refs)}"

    def _order(self) -> list[int] | None:
        """Find the CSV columns to take, by name, or in the order given if the header names none of them."""
        header = self.listing.header
        if not header or header == tuple(self.names):
            return list(range(len(self.names)))
        if set(header) == set(self.names):
            return [header.index(name) for name in self.names]
        if len(header) == len(self.names) and not set(header) & set(self.names):
            return list(range(len(self.names)))
        detail = f"{self.label}: the header is {','.join(header)[:140]}"
        self.faults.note(detail, f"{self.listing.source}:1", f"write {','.join(self.names)}")
        return None

    def _flat(self, value: Any) -> list[str | None] | None:
        if isinstance(value, tuple):  # a CSV row
            return [value[n] for n in self.order or ()]
        if isinstance(value, dict):
            return self._from_mapping(value)
        if not isinstance(value, list):
            return [text(value)] if self.widths == [1] else None
        if len(value) == len(self.widths) and any(isinstance(part, list) for part in value):
            parts = [part if isinstance(part, list) else [part] for part in value]
            return self._texts(parts) if [len(part) for part in parts] == self.widths else None
        return self._texts([value]) if len(value) == sum(self.widths) else None

    def _from_mapping(self, value: dict[str, Any]) -> list[str | None] | None:
        if set(value) == set(self.names):
            return self._texts([[value[name] for name in self.names]])
        if set(value) == {ref.name for ref in self.refs}:
            return self._flat([value[ref.name] for ref in self.refs])
        return None

    def _texts(self, parts: Sequence[Sequence[Any]]) -> list[str | None]:
        return [text(value) for part in parts for value in part]

    def _split(self, flat: Sequence[str | None]) -> list[Level]:
        if len(flat) == len(self.widths):
            return [(str(value),) for value in flat]
        ends = list(accumulate(self.widths))
        return [tuple(map(str, flat[end - width : end])) for end, width in zip(ends, self.widths, strict=True)]
