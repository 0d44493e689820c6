"""What one side renamed or migrated and the other did not: nothing is guessed, a person is told."""

from __future__ import annotations

from typing import Final

from workbench.migrate.books import Problem
from workbench.store import Database

_ANY: Final = "select exists (select 1 from main.migration_map where new_id <> old_id)"
_INDEX: Final = "create index temp.number_generations_ours on number_generations (ours)"
# Tasks that came under an ID that a migration of ours had replaced, whose task of now they do not know.
_HERE: Final = """
select k.migration_id, count(*), min(g.gen_id) from temp.number_generations n
cross join main.generations g on g.id = n.ours and n.made
cross join main.migration_map k on k.old_id = g.gen_id and k.new_id <> k.old_id and k.generation_id <> g.id
where not exists (select 1 from temp.number_generations m where m.ours = k.generation_id)
group by k.migration_id order by 1
"""
# Tasks of ours under an ID that a migration of theirs had replaced, which they no longer know.
_THERE: Final = """
select k.migration_id, count(*), min(g.gen_id) from temp.number_migration_map n
cross join main.migration_map k on k.id = n.ours and n.made and k.new_id <> k.old_id
cross join main.generations g on g.gen_id = k.old_id and g.id <> k.generation_id
where not exists (select 1 from temp.number_generations m where m.ours = g.id)
group by k.migration_id order by 1
"""
_TOLD: Final = (
    (_HERE, "renamed_here", "migration {0} gave it another name here; {1:,} tasks came under the name of before"),
    (_THERE, "renamed_there", "migration {0} gave it another name there; {1:,} tasks keep the name of before"),
)


def told(db: Database) -> list[Problem]:
    """Give a line for each migration that one side did and whose old names the other still has."""
    if not db.execute(_ANY).fetchone()[0]:
        return []
    db.execute(_INDEX)
    return [
        Problem("warning", first, code, detail.format(migration, count))
        for sql, code, detail in _TOLD
        for migration, count, first in db.execute(sql).fetchall()
    ]
