"""Which row of theirs is which row of ours: for each table a temporary one, from their number to ours.

The other project is attached as `theirs`. A row that both have has our number; one that only they have gets a new
number, above all that were ever given. Once every table has its numbers, what is new is copied in one statement a
table, each link translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workbench.store import Database

THEIRS: Final = "theirs"
_TABLE: Final = """
create temp table number_{table} (theirs integer primary key, ours integer not null, made integer not null)
"""
_MADE: Final = """
insert into temp.number_{table} (theirs, ours, made)
select r.id, (select coalesce(max(seq), 0) from main.sqlite_sequence where name = '{table}')
  + row_number() over (order by r.id), 1
from theirs.{table} r
where {wanted} and not exists (select 1 from temp.number_{table} n where n.theirs = r.id)
"""


def ours(table: str, number: str) -> str:
    """Give the SQL of our number of a row whose number in their file is the SQL `number`."""
    return f"(select n_.ours from temp.number_{table} n_ where n_.theirs = {number})"


def links(db: Database, table: str) -> dict[str, str]:
    """Give the columns that name rows, with the tables that they name rows of."""
    rows = db.execute(f"select \"from\", \"table\" from pragma_foreign_key_list('{table}', 'main')")
    return dict(rows.fetchall())


def columns(db: Database, table: str) -> list[str]:
    """Give a table's columns, the row number left out."""
    rows = db.execute(f"select name from pragma_table_info('{table}', 'main') where name <> 'id'")
    return [name for (name,) in rows.fetchall()]


def number(db: Database, table: str, same: str, wanted: str = "1") -> None:
    """Number their rows of a table: `same` is SQL that gives (theirs, ours) of those that both have.

    `wanted` is a condition on the others, as `r`; what is not wanted has no number.
    """
    db.execute(f"drop table if exists temp.number_{table}")
    db.execute(_TABLE.format(table=table))
    db.execute(f"insert into temp.number_{table} (theirs, ours, made) select theirs, ours, 0 from ({same})")
    db.execute(_MADE.format(table=table, wanted=wanted))


def made(db: Database, table: str) -> int:
    """Count the rows of a table that only they have."""
    (count,) = db.execute(f"select coalesce(sum(made), 0) from temp.number_{table}").fetchone()
    return int(count)


def translated(db: Database, table: str, values: Mapping[str, str]) -> dict[str, str]:
    """Give the SQL of each column of their row `r` as it is to stand in our file.

    `values` are columns that are not taken as they are.
    """
    named = links(db, table)
    found = {}
    for name in columns(db, table):
        plain = values.get(name, f"r.{name}")
        found[name] = ours(named[name], plain) if name in named and name not in values else plain
    return found


def bring(db: Database, table: str, values: Mapping[str, str] | None = None) -> int:
    """Copy what only they have of a table, in the order of their numbers; gives how many rows."""
    if not made(db, table):
        return 0
    told = translated(db, table, values or {})
    sql = (
        f"insert into main.{table} (id, {', '.join(told)}) select k.ours, {', '.join(told.values())}"
        f" from temp.number_{table} k cross join theirs.{table} r on r.id = k.theirs where k.made order by k.theirs"
    )
    return db.execute(sql).rowcount


@dataclass(frozen=True, slots=True)
class Alike:
    """How rows of a table without a key are known again: by `anchor`, a column that names a row, else by the rest.

    `only` is a condition on their rows `r`; `leave` is not compared; `same` is compared besides, over `o` and `r`.
    `loose`: many rows have one anchor, so its index is of no use.
    """

    anchor: str | None = None
    only: str = "1"
    leave: tuple[str, ...] = ()
    same: str = "1"
    loose: bool = False


def alike(db: Database, table: str, how: Alike, values: Mapping[str, str]) -> str:
    """Give the SQL of the rows that both have of a table without a key: those that are equal in every column.

    Equal rows are paired off one by one, so that each counts as often as in the file that has it more often.
    """
    told = {name: sql for name, sql in translated(db, table, values).items() if name not in how.leave}
    source = f"theirs.{table} r join main.{table} o on "
    if how.anchor is not None:
        named = links(db, table)[how.anchor]
        source = (
            f"temp.number_{named} a cross join theirs.{table} r on r.{how.anchor} = a.theirs and not a.made"
            f" cross join main.{table} o on {'+' * how.loose}o.{how.anchor} = a.ours and "
        )
        told.pop(how.anchor)
    equal = " and ".join([how.only, how.same, *(f"o.{name} is {sql}" for name, sql in told.items())])
    return (
        "select theirs, ours from (select r.id as theirs, o.id as ours,"
        " row_number() over (partition by o.id order by r.id) as i,"
        f" row_number() over (partition by r.id order by o.id) as j from {source}{equal}) where i = j"
    )


def forget(db: Database) -> None:
    """Drop the temporary tables."""
    rows = db.execute("select name from sqlite_temp_master where type = 'table' and name glob 'number_*'")
    for (name,) in rows.fetchall():
        db.execute(f"drop table temp.{name}")
