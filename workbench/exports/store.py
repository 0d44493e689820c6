"""A project as a data root of DayDreaming's layout: `gens`, `1_raw`, `combo_mappings.csv`, `cohorts`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workbench.exports.store_catalogues import write_catalogues, write_combos
from workbench.exports.store_cohorts import write_cohorts
from workbench.exports.store_folder import new_folder
from workbench.exports.store_generations import write_generations
from workbench.store import Database
from workbench.verify.check import snapshot
from workbench.verify.full import PACKED

_LEFT_OUT: Final = {
    "topic_models": "select count(*) from topic_models",
    "combos_of_topics": "select count(*) from combos where topic_id is not null",
    "prompts": f"select count(*) from prompts where text = '' and (select 1 from project where key = '{PACKED}')",
    "former_ids": "select count(distinct generation_id) from migration_map where old_id <> new_id and old_id <> ''",
}


def export_store(db: Database, out: Path | str) -> dict[str, object]:
    """Write the project as a new folder, streamed; importing it into an empty project of its scheme gives its digest.

    The layout has words for one text of a generation and of a template; the others, and what else it has no word for
    (states, scores, revisions, settings), stand beside it in keys and files called `workbench` and `answers.jsonl`.
    Left out, and counted under "left_out" where there is any: topic models (export them apart, and read them before
    the store), prompts that were dropped, former IDs; and calls, runs, events, migrations, which are no facts.
    Gives {"rows": generations, "path", "cohorts", "left_out"}. Raises OutputExists, UnknownName, Refused.
    """
    path = Path(out)
    with snapshot(db), new_folder(path) as folder:
        counts = write_generations(db, folder.below("gens"))
        write_catalogues(db, folder.below("1_raw"))
        write_combos(db, folder)
        cohorts = write_cohorts(db, folder.below("cohorts"))
        found = {name: db.execute(sql).fetchone()[0] for name, sql in _LEFT_OUT.items()}
    left_out = {name: count for name, count in found.items() if count}
    return {"rows": sum(counts.values()), "path": str(path), "cohorts": cohorts, "left_out": left_out}
