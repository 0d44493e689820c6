"""What one side renamed or migrated and the other did not: nothing is guessed, a person is told."""

from __future__ import annotations

from typing import Final

from workbench.migrate.books import Problem
from workbench.store import Database

_HERE: Final = """
select k.migration_id, count(*), min(g.gen_id) from temp.number_generations n
cross join main.generations g on g.id = n.ours and n.made
cross join main.migration_map k on k.old_id = g.gen_id and k.new_id <> k.old_id and k.generation_id <> g.id
cross join main.generations o on o.id = k.generation_id and o.gen_id <> g.gen_id
where not exists (select 1 from temp.number_generations m where m.ours = k.generation_id)
group by k.migration_id order by 1
"""


def told(db: Database) -> list[Problem]:
    """Give a line for each migration whose old names came back as tasks of their own."""
    return [
        Problem(
            "warning",
            first,
            "renamed_here",
            f"and {count - 1:,} more: what migration {migration} gave another ID came back under the one of before",
        )
        for migration, count, first in db.execute(_HERE).fetchall()
    ]
