"""A migration's mapping, and the drafts that it made for copies, as CSV files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from workbench.exports.files import new_file, refuse_output
from workbench.migrate.statements import statements
from workbench.store import Database


@dataclass(frozen=True, slots=True)
class Sheets:
    """Where to write the mapping (stage, old_id, new_id, status, reason) and the list of synthetic drafts."""

    mapping: Path | None = None
    synthetic: Path | None = None

    def refuse(self) -> None:
        """Raise OutputExists, or what else stands against a file, before anything is done."""
        for path in (self.mapping, self.synthetic):
            if path is not None:
                refuse_output(path, force=False)

    def write(self, db: Database) -> None:
        """Write what was asked for from the migration's temporary tables, inside its transaction."""
        for path, name in ((self.mapping, "sheet"), (self.synthetic, "synthetic sheet")):
            if path is not None:
                _write(db, statements("ids")[name], path)


def _write(db: Database, sql: str, path: Path) -> None:
    rows = db.execute(sql)
    with new_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column[0] for column in rows.description)
        writer.writerows(rows)
