"""The frame of every import: one transaction, recorded as a migration, with its rows and its problems."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from workbench import __version__
from workbench.clock import now
from workbench.migrate.journal import journaled
from workbench.providers.texts import cleaned
from workbench.store import Database, insert, transaction

Severity = Literal["error", "warning", "info"]
_CONCLUDE: Final = (
    "update migrations set changes = ?, plan = json_set(plan, '$.last_generation',"
    " (select coalesce(max(seq), 0) from sqlite_sequence where name = 'generations')) where id = ?"
)


class Problem(NamedTuple):
    """What could not be placed, or was placed with a doubt: `where` is file:line or an ID, `code` is for programs."""

    severity: Severity
    where: str
    code: str
    detail: str
    stage: str = "draft"  # or cohort, catalogue


@dataclass(slots=True)
class ImportReport:
    """What an import did: generations that got something from the file and those that had it, by stage.

    `completions` counts the file's samples that the project has now, `failures` its failed tasks. `migration` is
    the number under which the import is recorded; None when nothing was new, or nothing was to be changed.
    `catalogue` counts what was added beside generations, `gaps` names what generations name and nothing describes.
    """

    source: str
    added: dict[str, int]
    unchanged: dict[str, int]
    completions: int = 0
    failures: int = 0
    problems: list[Problem] = field(default_factory=list)
    template: str = ""
    model: str = ""
    migration: int | None = None
    catalogue: dict[str, int] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)


class _Undo(Exception):
    """Ends the transaction of an import that is not to stay."""


class Import:
    """One import while it goes on: what it read and what it did, inside its transaction."""

    def __init__(self, db: Database, report: ImportReport, folder: Path, migration_id: int, import_id: int) -> None:
        """Belong to the rows that `recorded` made; `folder` is left out of every place that is stored."""
        self.db, self.report = db, report
        self._folder, self._migration_id, self._import_id = folder, migration_id, import_id

    def row(
        self, where: str, name: str, metadata: str, *, generation_id: int | None = None, topic_id: int | None = None
    ) -> None:
        """Keep where something came from, with its metadata verbatim; without a generation: it was not placed."""
        self.db.execute(
            "insert into import_rows (import_id, generation_id, topic_id, place, name, metadata)"
            " values (?, ?, ?, ?, ?, ?)",
            (self._import_id, generation_id, topic_id, self._short(where), name, metadata),
        )

    def problem(self, severity: Severity, where: str, code: str, detail: str, stage: str = "draft") -> None:
        """Report something that a person should know."""
        self.report.problems.append(Problem(severity, where, code, detail, stage))

    def hashed(self, digest: str) -> None:
        """Say what the hash of the source is, where only its reading told it."""
        self.db.execute("update imports set hash = ? where id = ?", (digest, self._import_id))

    def _short(self, where: str) -> str:
        """Leave the machine's folders out: a project may travel."""
        return cleaned(where.replace(f"{self._folder}{os.sep}", ""))[0]

    def conclude(self) -> None:
        """Write down what came of it."""
        for problem in self.report.problems:
            self.db.execute(
                "insert into migration_problems (migration_id, severity, stage, place, code, detail)"
                " values (?, ?, ?, ?, ?, ?)",
                (
                    self._migration_id,
                    problem.severity,
                    problem.stage,
                    self._short(problem.where),
                    problem.code,
                    self._short(problem.detail),
                ),
            )
        changes = {
            stage: {"added": count, "unchanged": self.report.unchanged[stage]}
            for stage, count in self.report.added.items()
        }
        self.db.execute(_CONCLUDE, (json.dumps(changes), self._migration_id))
        self.report.migration = self._migration_id


@contextmanager
def recorded(
    db: Database, kind: str, path: Path, digest: str, plan: Mapping[str, object], *, dry_run: bool = False
) -> Iterator[Import]:
    """Run an import in one transaction and record it, whole or not at all, journaled so that it can be rolled back.

    `kind` is what is imported (checkpoint, dataset), `digest` the hash of its file, `plan` what was asked for. An
    import that adds nothing is not recorded: the file stays as it was. `dry_run` takes all of it back at the end,
    the report stays.
    """
    try:
        with transaction(db):
            migration = _open(db, kind, path, plan)
            with journaled(db, migration):
                going = _begin(db, migration, kind, path, digest)
                yield going
            if not any((*going.report.added.values(), *going.report.catalogue.values())):
                raise _Undo
            going.conclude()
            if dry_run:
                going.report.migration = None
                raise _Undo
    except _Undo:
        pass


def _open(db: Database, kind: str, path: Path, plan: Mapping[str, object]) -> int:
    what = json.dumps({"import": kind, "source": cleaned(path.name)[0], **plan}, ensure_ascii=False)
    facts = {"kind": "import", "plan": what, "state": "applied", "at": now(), "version": __version__}
    return insert(db, "migrations", facts)


def _begin(db: Database, migration: int, kind: str, path: Path, digest: str) -> Import:
    source = cleaned(path.name)[0]
    facts = {"migration_id": migration, "kind": kind, "source": source, "hash": digest, "at": now()}
    report = ImportReport(source, {"draft": 0}, {"draft": 0})
    return Import(db, report, path.parent, migration, insert(db, "imports", facts))
