"""Members of a combo or a cohort that both files have: those of theirs or of ours that are not wanted go."""

from __future__ import annotations

from typing import Literal

from workbench.store import Database

Owner = Literal["combo", "cohort"]


def leave_theirs(db: Database, owner: Owner, there: int) -> None:
    """Let the members that only they have lose their number, so that they are not brought."""
    db.execute(
        f"delete from temp.number_{owner}_members where made"
        f" and theirs in (select id from theirs.{owner}_members where {owner}_id = ?)",
        (there,),
    )


def drop_ours(db: Database, owner: Owner, here: int) -> int:
    """Remove the members that only we have; gives how many."""
    sql = f"select ours from temp.number_{owner}_members"
    dropped = db.execute(f"delete from main.{owner}_members where {owner}_id = ? and id not in ({sql})", (here,))
    return int(dropped.rowcount)
