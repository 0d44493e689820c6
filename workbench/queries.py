"""Named questions: the SQL in `schema/queries.sql`, each with a name and a line of prose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from workbench.assets import asset_text
from workbench.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Question:
    """One shipped question: its name, what it asks, and its SQL with `:named` parameters."""

    name: str
    prose: str
    sql: str

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, in order of appearance."""
        return tuple(dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", self.sql)))


@cache
def questions() -> dict[str, Question]:
    """Give all shipped questions by name, in file order."""
    found: dict[str, Question] = {}
    for part in re.split(r"(?m)^-- name: *", asset_text("schema/queries.sql"))[1:]:
        name, _, rest = part.partition("\n")
        lines = rest.splitlines()
        prose = [line[3:] for line in lines if line.startswith("-- ")]
        sql = "\n".join(line for line in lines if not line.startswith("-- ")).strip()
        found[name.strip()] = Question(name.strip(), " ".join(prose), sql.rstrip(";"))
    return found


def question(name: str) -> Question:
    """Find a shipped question; raises UnknownName with the names that exist."""
    try:
        return questions()[name]
    except KeyError:
        known = ", ".join(questions())
        raise UnknownName(f"no question {name!r}", mend=f"use one of {known}") from None
