"""What a person must look at, and the note that they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.clock import now
from workbench.errors import UnknownName
from workbench.store import Database, transaction
from workbench.store.json_columns import told_facts
from workbench.store.rows import rows_of

Row = dict[str, Any]

_ALERTS = """
select a.id, a.kind, a.blocking, g.gen_id, a.at, a.acknowledged, a.facts
from alerts a left join generations g on g.id = a.generation_id
where :all or a.acknowledged is null order by a.id
"""


def alerts(db: Database, *, acknowledged: bool = False) -> list[Row]:
    """Give the open alerts, or all with the acknowledged ones; `facts` as data."""
    rows = rows_of(db, _ALERTS, {"all": acknowledged})
    return [row | {"blocking": bool(row["blocking"]), "facts": told_facts(row["facts"])} for row in rows]


def acknowledge(db: Database, numbers: Sequence[int]) -> int:
    """Mark alerts as seen and give how many were open; raises UnknownName, then nothing is marked."""
    changed = 0
    with transaction(db):
        for number in numbers:
            if not db.execute("select 1 from alerts where id = ?", (number,)).fetchone():
                raise UnknownName(f"no alert {number}", mend="see `workbench alerts`")
            sql = "update alerts set acknowledged = ? where id = ? and acknowledged is null"
            changed += db.execute(sql, (now(), number)).rowcount
    return changed
