"""Members on their way into the record: a temporary table that names everything by number and holds no text twice.

`incoming` has one row for each member, in order: its ID, what it is of (`owner`: the combo of a draft, the place of
the parent before it, or minus the number of a parent that is in the record), and its `kind`: a row of `kinds`, which
says the rest of the signature. `known` says, by place, which are in the record already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from workbench.cohorts import Member
from workbench.ids import fold
from workbench.store import Database

CHUNK = 20_000  # members handed to SQLite at a time
PARENT = {"essay": "draft", "evaluation": "essay"}


@dataclass(frozen=True, slots=True)
class Names:
    """From a name to its number, for templates of a stage, models and combos; unknown names are made."""

    template: Callable[[str, str], int]
    model: Callable[[str], int | None]
    combo: Callable[[str], int | None]


_TABLES = """
drop table if exists temp.incoming;
drop table if exists temp.kinds;
drop table if exists temp.known;
drop table if exists temp.strays;
drop table if exists temp.suffixed;
create temp table incoming (place integer primary key, gen_id text not null, owner integer, kind integer not null);
create temp table kinds (id integer primary key, stage text not null, template_id integer, model_id integer,
  replicate integer not null, allocated integer not null, template text not null, model text not null);
create temp table known (place integer primary key, id integer not null, status text not null, outcome text,
  origin integer, same integer not null);
create temp table strays (place integer primary key, parent text not null);
"""


def gather(db: Database, found: Iterable[tuple[Member, bool]], names: Names) -> None:
    """Put members, parents first, into the temporary tables, streaming; the flag says: its replicate was allocated."""
    db.executescript(_TABLES)
    rows = _Rows(db, names).of(found)
    while chunk := list(islice(rows, CHUNK)):
        db.conn.executemany("insert into incoming (gen_id, owner, kind) values (?, ?, ?)", chunk)


def forget(db: Database) -> None:
    """Drop the temporary tables."""
    for table in ("incoming", "kinds", "known", "strays"):
        db.execute(f"drop table temp.{table}")


Kind = tuple[str, str, str, int, bool]


class _Rows:
    """Turns members into rows; each parent stands before its children, most often right before them."""

    def __init__(self, db: Database, names: Names) -> None:
        self._db, self._names = db, names
        self._kinds: dict[Kind, int] = {}
        self._last: dict[str, tuple[str, int]] = {}

    def of(self, found: Iterable[tuple[Member, bool]]) -> Iterator[tuple[str, int | None, int]]:
        """Give (ID, owner, kind) of each member."""
        kinds, last, combo_number = self._kinds, self._last, self._names.combo
        for place, ((stage, gen_id, parent, combo, template, model, replicate), allocated) in enumerate(found, 1):
            key = (stage, template, model, replicate, allocated)
            kind = kinds.get(key) or self._kind(key)
            if stage == "draft":
                owner = combo_number(combo)
            else:
                before = last.get(PARENT[stage])
                owner = before[1] if before and before[0] == parent else self._owner(stage, parent, place)
            if stage != "evaluation":
                last[stage] = (gen_id, place)
            yield gen_id, owner, kind

    def _kind(self, key: Kind) -> int:
        stage, template, model, replicate, allocated = key
        numbers = (self._names.template(stage, template), self._names.model(model))
        folded = (fold(template, "template"), fold(model, "model") if model else "")
        self._kinds[key] = len(self._kinds) + 1
        row = (self._kinds[key], stage, *numbers, replicate, allocated, *folded)
        self._db.execute("insert into kinds values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return self._kinds[key]

    def _owner(self, stage: str, parent: str, place: int) -> int | None:
        """Find a parent that does not stand right before its child: in the record, else further above."""
        row = self._db.execute(
            "select id, status, outcome, origin_cohort_id from generations where gen_id = ?", (parent,)
        ).fetchone()
        if row is None:
            self._db.execute("insert into strays values (?, ?)", (place, parent))
            return None
        self._db.execute("insert or ignore into known values (?, ?, ?, ?, ?, 1)", (-row[0], *row))
        self._last[PARENT[stage]] = (parent, -row[0])
        return -int(row[0])


def place_strays(db: Database) -> None:
    """Find the parents that stand further above than right before their children."""
    if db.execute("select exists (select 1 from strays)").fetchone()[0]:
        db.execute("create index temp.incoming_gen_id on incoming (gen_id)")
        db.execute(
            "update incoming set owner = (select min(p.place) from strays s join incoming p on p.gen_id = s.parent"
            " where s.place = incoming.place) where place in (select place from strays)"
        )
