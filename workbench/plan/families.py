"""Essays of the record with what they were made from, and the replicates that exist in each signature group."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from workbench.cohorts import Family, group
from workbench.cohorts.curate import Group
from workbench.errors import BadInput, WorkbenchError, raise_all
from workbench.ids import DraftTask, EssayTask
from workbench.store import Database

_FAMILY = (
    "select c.combo_id, dt.name, dm.llm_model_id, d.replicate, d.gen_id, et.name, e.replicate, em.llm_model_id"
    " from generations e left join generations d on d.id = e.parent_id left join combos c on c.id = d.combo_id"
    " left join templates dt on dt.id = d.template_id left join models dm on dm.id = d.model_id"
    " left join templates et on et.id = e.template_id left join models em on em.id = e.model_id"
    " where e.gen_id = ? and e.stage = 'essay'"
)


def families(db: Database, essays: Sequence[str], rubrics: Sequence[tuple[str, str]]) -> list[Family]:
    """Give essays by ID with their drafts, to be judged by pairs of evaluation template and model.

    Raises BadInput, or Problems with all essays whose draft, template or replicate is not known.
    """
    found: list[Family] = []
    errors: list[WorkbenchError] = []
    for gen_id in essays:
        combo, template, model, replicate, draft, essay_template, essay_replicate, writer = db.execute(
            _FAMILY, (gen_id,)
        ).fetchone()
        if None in (combo, template, model, replicate, draft, essay_template, essay_replicate):
            mend = "mend it by a migration, or leave it out"
            errors.append(BadInput(f"what the essay {gen_id} was made from is not known", mend=mend))
            continue
        made_from = DraftTask(combo, template, model, replicate)
        task = EssayTask(draft, essay_template, essay_replicate)
        found.append(Family(made_from, task, gen_id, writer or "", tuple(rubrics)))
    raise_all(errors)
    return found


def evaluators(db: Database, essays: Iterable[str]) -> list[tuple[str, str]]:
    """Give every pair of evaluation template and model that judged, or is to judge, any of these essays, by name."""
    found: set[tuple[str, str]] = set()
    numbers = iter(essays)
    while chunk := list(islice(numbers, 500)):
        found.update(
            db.execute(
                "select distinct t.name, m.llm_model_id from generations e join generations v on v.parent_id = e.id"
                " join templates t on t.id = v.template_id join models m on m.id = v.model_id"
                f" where v.stage = 'evaluation' and e.gen_id in ({', '.join('?' * len(chunk))})",
                chunk,
            )
        )
    return sorted(found)


_REPLICATES = {
    "draft": "select g.replicate from combos c join generations g on g.combo_id = c.id"
    " join templates t on t.id = g.template_id join models m on m.id = g.model_id"
    " where c.combo_id = ? and t.name = ? and m.llm_model_id = ? and g.stage = 'draft' and g.replicate is not null",
    "essay": "select g.replicate from generations p join generations g on g.parent_id = p.id"
    " join templates t on t.id = g.template_id"
    " where p.gen_id = ? and t.name = ? and g.stage = 'essay' and g.replicate is not null",
    "evaluation": "select g.replicate from generations p join generations g on g.parent_id = p.id"
    " join templates t on t.id = g.template_id join models m on m.id = g.model_id"
    " where p.gen_id = ? and t.name = ? and m.llm_model_id = ? and g.stage = 'evaluation'"
    " and g.replicate is not null",
}


class Existing(Mapping[Group, Collection[int]]):
    """The replicates of the record by signature group, looked up when asked for; it does not list its groups."""

    def __init__(self, db: Database) -> None:
        """Look up in `db`."""
        self._db = db

    def __getitem__(self, key: Group) -> Collection[int]:
        stage, *fields = key
        found = {replicate for (replicate,) in self._db.execute(_REPLICATES[stage], fields)}
        if not found:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[Group]:
        return iter(())

    def __len__(self) -> int:
        return 0


def allocated_before(db: Database, cohort_id: int) -> dict[Group, set[int]]:
    """Give the replicates that a cohort allocated in earlier builds, by signature group."""
    rows = db.execute(
        "select g.stage, coalesce(c.combo_id, p.gen_id), t.name, m.llm_model_id, g.replicate from cohort_members k"
        " join generations g on g.id = k.generation_id join templates t on t.id = g.template_id"
        " left join combos c on c.id = g.combo_id left join generations p on p.id = g.parent_id"
        " left join models m on m.id = g.model_id where k.cohort_id = ? and k.allocated = 1",
        (cohort_id,),
    )
    found: dict[Group, set[int]] = {}
    for stage, first, template, model, replicate in rows:
        fields = (first, template) if stage == "essay" else (first, template, model)
        found.setdefault(group(stage, *fields), set()).add(replicate)
    return found
