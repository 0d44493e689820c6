"""Our own exports back into the record: every text under its own signature, below its own parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from workbench.catalogue.combos import ensure_plain_combo
from workbench.errors import UnknownName
from workbench.ids import NO_TOPIC, STAGES, content_hash, prompt_hash
from workbench.imports.lineage_rows import Answered, Told, Value, answered, told, without_texts
from workbench.imports.record import Import
from workbench.imports.shapes import verbatim
from workbench.imports.topics import TopicFinder
from workbench.record.answers import Origin, store_answer, store_prompt
from workbench.record.seed import Seed, seed_tasks
from workbench.store import scheme_of

Rows = Callable[[], Iterator[tuple[int, Value]]]  # reads the file anew, each row with its line
_FIND: Final = {
    "draft": "select id from generations where stage = 'draft' and legacy = 0 and combo_id = :about"
    " and template_id = :template and model_id = :model and replicate = :replicate",
    "essay": "select id from generations where stage = 'essay' and legacy = 0 and parent_id = :about"
    " and template_id = :template and replicate = :replicate",
    "evaluation": "select id from generations where stage = 'evaluation' and legacy = 0 and parent_id = :about"
    " and template_id = :template and model_id = :model and replicate = :replicate",
}
_TEMPLATE: Final = "select id from templates where stage = ? and name = ? and version_id is not null"
_MODEL: Final = "select id from models where llm_model_id = ? and version_id is not null"
_COMBO: Final = "select id from combos where combo_id = ?"
_NEW_COMBO: Final = "insert into combos (combo_id, topic_id) values (?, ?)"
_VERSION: Final = {
    "template": "select id from template_versions where hash = ? and template_id ="
    " (select template_id from generations where id = ?)",
    "model": "select id from model_versions where hash = ? and model_id ="
    " (select model_id from generations where id = ?)",
}
_STATE: Final = (
    "select g.gen_id, g.status, p.content_id from generations g left join generations p on p.id = g.parent_id"
    " where g.id = ?"
)
_MEMBER: Final = (
    "insert or ignore into cohort_members (cohort_id, generation_id, place) select c.id, ?1,"
    " coalesce((select max(k.place) + 1 from cohort_members k where k.cohort_id = c.id), 0) from cohorts c"
    " where c.name = ?2"
)


def has_names(going: Import, rows: Rows) -> bool:
    """Say whether the project knows every template and model of the file, so that each row can keep its own.

    Raises UnknownName when it does not and there are essays or evaluations, which are nothing without their own.
    """
    names = {(row.stage, row.template, row.model) for row in (told(value) for _, value in rows())}
    templates, models = sorted({name[:2] for name in names}), sorted({model for _, _, model in names if model})
    missing = [f"{stage} template {name}" for stage, name in templates if not _known(going, _TEMPLATE, stage, name)]
    missing += [f"model {model}" for model in models if not _known(going, _MODEL, model)]
    if missing and any(stage != "draft" for stage, _, _ in names):
        what = f"{', '.join(missing[:3])}{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}"
        mend = "add them first (`workbench templates import`, `workbench models add`), or name --template and --model"
        raise UnknownName(f"the file holds texts of {what}, which the project does not know", mend=mend)
    return not missing


def _known(going: Import, sql: str, *values: str) -> int | None:
    row = going.db.execute(sql, values).fetchone()
    return None if row is None else int(row[0])


class Family:
    """Places the rows of one file stage by stage: drafts below their combos, then what was made from them."""

    def __init__(self, going: Import, finder: TopicFinder, source: str) -> None:
        """Write into the import's transaction; `source` names the file in problems."""
        self._going, self._db, self._source = going, going.db, source
        self._topics = finder
        self._template = lru_cache(None)(lambda stage, name: _known(going, _TEMPLATE, stage, name))
        self._model = lru_cache(None)(lambda name: None if name is None else _known(going, _MODEL, name))
        self._numbers: dict[str, int] = {}  # of generations, by the ID that the file gives them
        self._names: dict[int, str] = {}  # IDs of this project, by number
        self._gaps: Counter[str] = Counter()

    def take(self, rows: Rows) -> None:
        """Plan what is missing and give every planned task its text."""
        for stage in STAGES:
            self._going.report.added.setdefault(stage, 0)
            self._going.report.unchanged.setdefault(stage, 0)
            placed = dict(self._placed(stage, rows))
            for line, value in rows() if placed else ():
                if line in placed:
                    self._keep(placed[line], line, value)
        for code, count in (+self._gaps).items():
            self._going.problem("info", self._source, code, f"{count:,} texts")

    def _placed(self, stage: str, rows: Rows) -> Iterator[tuple[int, int]]:
        """Give line → number of the rows of a stage; what is not in the record is planned, all at once."""
        seeds: dict[tuple[object, ...], Seed] = {}
        lines: list[tuple[int, str, Seed]] = []
        for line, value in rows():
            row = told(value)
            if row.stage == stage and (seed := self._seed(row, line, value)) is not None:
                lines.append((line, row.gen_id, seed))
                if self._find(seed) is None:
                    seeds[(seed.fields, seed.replicate)] = seed
        seed_tasks(self._db, list(seeds.values()), scheme_of(self._db))
        for line, gen_id, seed in lines:
            number = self._find(seed)
            assert number is not None, "every task is planned before it is filled"
            self._numbers[gen_id] = number
            yield line, number

    def _find(self, seed: Seed) -> int | None:
        about = seed.combo_id if seed.stage == "draft" else seed.parent_id
        values = {"about": about, "template": seed.template_id, "model": seed.model_id, "replicate": seed.replicate}
        row = self._db.execute(_FIND[seed.stage], values).fetchone()
        return None if row is None else int(row[0])

    def _seed(self, row: Told, line: int, value: Value) -> Seed | None:
        template, model = self._template(row.stage, row.template), self._model(row.model)
        assert template is not None, "has_names looked"
        if row.stage == "draft":
            return self._draft(row, template, model, line, value)
        parent = self._numbers.get(row.parent or "") or _known(
            self._going, "select id from generations where gen_id = ?", row.parent or ""
        )
        if parent is None:
            self._lost(line, value, "unknown-parent", f"made from {row.parent!r}, which is not here")
            return None
        above = str(self._db.execute(_STATE, (parent,)).fetchone()[0])
        fields = (above, row.template) if row.stage == "essay" else (above, row.template, row.model or "")
        return Seed(row.stage, fields, row.replicate, template, model, parent_id=parent)

    def _draft(self, row: Told, template: int, model: int | None, line: int, value: Value) -> Seed | None:
        combo, place = self._combo(row)
        if combo is None:
            kind = "unknown-topic" if row.topic else "unknown-combo"
            self._lost(line, value, kind, f"about {row.topic or row.combo!r}, which is not here")
            return None
        fields = (row.combo or "", row.template, row.model or "")
        return Seed("draft", fields, row.replicate, template, model, combo, place=place)

    def _combo(self, row: Told) -> tuple[int | None, int]:
        about = row.combo or ""
        topic = self._topics.find(row.topic) if row.topic else None
        if about == NO_TOPIC:
            return ensure_plain_combo(self._db), 0
        found = _known(self._going, _COMBO, about)
        if found is None and topic is not None and topic.uuid == about:
            self._db.execute(_NEW_COMBO, (about, topic.id))
            found = _known(self._going, _COMBO, about)
        return found, topic.place if topic else 0

    def _lost(self, line: int, value: Value, code: str, detail: str) -> None:
        where = f"{self._source}:{line}"
        self._going.problem("error", where, code, detail, value["stage"])
        self._going.row(where, "unplaced sample", verbatim(value))

    def _keep(self, number: int, line: int, value: Value) -> None:
        report, row, where = self._going.report, answered(value), f"{self._source}:{line}"
        stage, (gen_id, status, parent) = value["stage"], self._db.execute(_STATE, (number,)).fetchone()
        if status == "done":
            report.unchanged[stage] += 1
            if not self._has(number, row):
                detail = f"{gen_id} is done here with another text, which stays"
                self._going.problem("error", where, "conflict", detail, stage)
                return
        else:
            store_answer(self._db, self._origin(number, row, parent), row.result)
            report.added[stage] += 1
            self._going.row(where, "sample", verbatim(without_texts(value)), generation_id=number)
        report.completions += stage == "draft" and isinstance(value.get("leaf_uuid"), str)
        self._join(number, row.cohorts)

    def _has(self, number: int, row: Answered) -> bool:
        sql = "select 1 from contents where generation_id = ? and raw_hash = ? and outcome = 'ok'"
        return self._db.execute(sql, (number, content_hash(row.result.raw or ""))).fetchone() is not None

    def _origin(self, number: int, row: Answered, parent: int | None) -> Origin:
        digest = None
        if row.prompt is not None:
            digest = prompt_hash(row.system, row.prompt)
            store_prompt(self._db, digest, row.system, row.prompt)
        template, model = (self._version(kind, number, row) for kind in ("template", "model"))
        return Origin(number, digest, template, model, parent)

    def _version(self, kind: str, number: int, row: Answered) -> int | None:
        hash = row.template_hash if kind == "template" else row.model_hash
        if hash is None:
            return None
        found = self._db.execute(_VERSION[kind], (hash, number)).fetchone()
        self._gaps[f"{kind}-version-unknown"] += found is None
        return None if found is None else int(found[0])

    def _join(self, number: int, cohorts: list[str]) -> None:
        for name in cohorts:
            if _known(self._going, "select id from cohorts where name = ?", name) is None:
                self._gaps["cohort-unknown"] += 1
            else:
                self._db.execute(_MEMBER, (number, name))
