"""Prompts of copies that were packed without them: their hashes stand, and who has the text gives it."""

from __future__ import annotations

from typing import Final

from workbench.store import Database
from workbench.verify.full import PACKED

_FILL: Final = """
update main.prompts set system = k.system, text = k.text from (
  select n.ours, r.system, r.text from temp.number_prompts n cross join theirs.prompts r on r.id = n.theirs
  where not n.made and (r.text <> '' or r.system <> '')) k
where k.ours = prompts.id and prompts.text = '' and prompts.system = ''
"""
_MARK: Final = f"""
insert or ignore into main.project (key, value)
select '{PACKED}', value from theirs.project where key = '{PACKED}' and exists (
  select 1 from temp.number_prompts n cross join theirs.prompts r on r.id = n.theirs
  where n.made and r.text = '' and r.system = '')
"""


def fill(db: Database) -> int:
    """Take texts that only they still have; gives how many. What nobody has is marked as packed here too."""
    db.execute(_MARK)
    if db.execute("select 1 from main.project where key = ?", (PACKED,)).fetchone() is None:
        return 0
    return db.execute(_FILL).rowcount
