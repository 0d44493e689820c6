"""What a merge did, and what stood against it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from workbench.errors import Conflict, WorkbenchError
from workbench.migrate.books import Problem

Prefer = Literal["ours", "theirs", "both"]
LONGEST: Final = 120  # characters of a value that a conflict quotes


class Clash(NamedTuple):
    """Something that both projects have under one name and that differs: `field` says in what.

    `decided` is how it was settled: ours, theirs or both; empty while nobody has said how.
    """

    kind: str
    name: str
    field: str
    ours: str
    theirs: str
    decided: str = ""

    @property
    def told(self) -> str:
        """Say in words what differs."""
        be = "are" if self.field.endswith("s") else "is"
        return f"{self.kind} {self.name}: its {self.field} {be} {self.ours} here and {self.theirs} there"

    def error(self) -> WorkbenchError:
        """Give it as the error that refuses a merge."""
        return Conflict(self.told, mend="say whose stands with --prefer ours, theirs or both", clash=self)


class Clashes:
    """Gathers what differs, and says how it is settled; undecided ones are settled as ours until they refuse it all."""

    def __init__(self, prefer: Prefer | None) -> None:
        """Begin with none."""
        self.prefer = prefer
        self.found: list[Clash] = []

    def note(self, kind: str, name: object, what: str, ours: object, theirs: object) -> Prefer:
        """Note one difference; gives how it is settled."""
        clash = Clash(kind, str(name), what, _quoted(ours), _quoted(theirs), self.prefer or "")
        if clash not in self.found[-1:]:
            self.found.append(clash)
        return self.prefer or "ours"


def _quoted(value: object) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@dataclass(slots=True)
class MergeReport:
    """What a merge added, or would add: generations by stage, those that both had, and what differed.

    `rows` counts what was added or changed, by table. `migration` is its number in the log; None when it was only
    tried, or there was nothing to do.
    """

    added: dict[str, int]
    same: dict[str, int]
    conflicts: list[Clash] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    migration: int | None = None
    snapshot: str | None = None
    digest_before: str = ""
    digest_after: str = ""

    @property
    def is_undecided(self) -> bool:
        """Whether something differs and nobody has said whose stands, so that a merge is refused."""
        return any(not clash.decided for clash in self.conflicts)
