"""Cohorts as folders of DayDreaming's layout: spec with its files, manifest, membership in order."""

from __future__ import annotations

from typing import Any, Final

from workbench.catalogue.cohorts import cohort_files
from workbench.exports.store_folder import Folder
from workbench.exports.store_names import file_name
from workbench.ids import STAGES
from workbench.store import Database

_HEADER: Final = (
    *("stage", "gen_id", "cohort_id", "parent_gen_id", "combo_id", "template_id"),
    *("llm_model_id", "replicate", "place", "allocated"),
)
_MEMBERS: Final = """
select g.stage, g.gen_id, o.name, p.gen_id, c.combo_id, t.name, m.llm_model_id, g.replicate, k.place, k.allocated
from cohort_members k join cohorts o on o.id = k.cohort_id join generations g on g.id = k.generation_id
left join generations p on p.id = g.parent_id left join combos c on c.id = g.combo_id
left join templates t on t.id = g.template_id left join models m on m.id = g.model_id
where k.cohort_id = ? order by k.place, k.id
"""
_NAMED: Final = """
select distinct {name} from cohort_members k join generations g on g.id = k.generation_id
left join combos c on c.id = g.combo_id left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
where k.cohort_id = ? and g.stage = ? and {name} is not null order by 1
"""


def write_cohorts(db: Database, cohorts: Folder) -> int:
    """Write every cohort and give how many there are."""
    rows = db.execute("select id, name, mode, spec, settings from cohorts order by name").fetchall()
    for number, name, mode, spec, settings in rows:
        folder = cohorts.new(file_name(name))
        own = {"mode": mode, "settings": settings}
        folder.json("manifest.json", _manifest(db, number) | {"workbench": own})
        folder.csv("membership.csv", _HEADER, db.execute(_MEMBERS, (number,)))
        files = cohort_files(db, number)
        if spec is not None or files:
            _write_spec(folder.below("spec"), spec, files)
    return len(rows)


def _write_spec(folder: Folder, spec: str | None, files: dict[str, str]) -> None:
    folder.text("config.yaml", spec)
    for path, text in files.items():
        *above, name = map(file_name, path.split("/"))
        (folder.below(*above) if above else folder).text(name, text)


def _manifest(db: Database, number: int) -> dict[str, Any]:
    def named(name: str, stage: str) -> list[str]:
        return [text for (text,) in db.execute(_NAMED.format(name=name), (number, stage))]

    return {
        "combos": named("c.combo_id", "draft"),
        "templates": {stage: named("t.name", stage) for stage in STAGES},
        "llms": {
            "generation": named("m.llm_model_id", "draft"),
            "evaluation": named("m.llm_model_id", "evaluation"),
        },
    }
