"""Generations of the project by the IDs that a store uses: today's, one from before a migration, or another case."""

from __future__ import annotations

from typing import Final, NamedTuple

from workbench.imports.legacy import REASONS
from workbench.store import Database

_COLUMNS: Final = "g.id, g.gen_id, g.status, g.outcome, g.content_id, g.legacy"
_EXACT: Final = f"select {_COLUMNS} from generations g where g.gen_id = ? and g.stage = ?"
_FORMER: Final = (
    f"select distinct {_COLUMNS} from migration_map k join generations g on g.id = k.generation_id"
    " where k.old_id = ? and g.stage = ? limit 2"
)
_FOLDED: Final = (
    f"select {_COLUMNS} from folded_ids f join generations g on g.id = f.generation_id"
    " where f.folded = ? and f.stage = ? limit 3"
)
_FOLD: Final = (
    "insert or ignore into folded_ids (folded, stage, generation_id)"
    " select lower(gen_id), stage, id from generations where stage = ?1 union"
    " select lower(k.old_id), g.stage, g.id from migration_map k join generations g on g.id = k.generation_id"
    " where g.stage = ?1 and k.old_id <> ''"
)
_FOLDED_IDS: Final = (
    "create temp table folded_ids (folded text, stage text, generation_id integer,"
    " primary key (folded, stage, generation_id)) without rowid"
)


class Generation(NamedTuple):
    """A generation of the project, as far as its children and a second import need to know it."""

    id: int
    gen_id: str
    status: str
    outcome: str | None
    content_id: int | None
    legacy: int

    @property
    def is_unplaced(self) -> bool:
        """Whether an import could not place it: it is blocked for one of the reasons that only a migration mends."""
        return self.legacy == 1 and self.status == "blocked" and self.outcome in REASONS


class Match(NamedTuple):
    """What an ID of the store leads to: one generation, or several in another case; `exact` but for the case."""

    found: list[Generation]
    exact: bool


class Known:
    """Finds generations by ID within a stage, in the import's transaction."""

    def __init__(self, db: Database) -> None:
        """Look in `db`; IDs without regard to case are indexed when the first one is needed."""
        self._db = db
        self._folded: set[str] = set()
        db.execute("drop table if exists temp.folded_ids")
        db.execute(_FOLDED_IDS)

    def find(self, stage: str, gen_id: str) -> Generation | None:
        """Give the generation that has this ID, or had it before a migration."""
        row = self._db.execute(_EXACT, (gen_id, stage)).fetchone()
        if row is None:
            rows = self._db.execute(_FORMER, (gen_id, stage)).fetchall()
            row = rows[0] if len(rows) == 1 else None
        return None if row is None else Generation(*row)

    def resolve(self, stage: str, gen_id: str) -> Match:
        """Give what an ID leads to: as it stands, else whatever differs from it in case only.

        The stage must be complete: its IDs are folded once. Source: rule 3 of the ids migration.
        """
        if found := self.find(stage, gen_id):
            return Match([found], exact=True)
        if stage not in self._folded:
            self._folded.add(stage)
            self._db.execute(_FOLD, (stage,))
        rows = self._db.execute(_FOLDED, (gen_id.lower(), stage)).fetchall()
        return Match([Generation(*row) for row in rows], exact=False)

    def stage_of(self, gen_id: str) -> str | None:
        """Give the stage of the generation that has this ID today."""
        row = self._db.execute("select stage from generations where gen_id = ?", (gen_id,)).fetchone()
        return None if row is None else str(row[0])

    def forget(self) -> None:
        """Drop what was kept for the lookups."""
        self._db.execute("drop table if exists temp.folded_ids")
