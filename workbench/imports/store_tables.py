"""The catalogues of a store's `1_raw`: concepts, models, replication. What the project has already stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from workbench.catalogue.cohorts import replication, set_replication
from workbench.catalogue.models import Model, store_model
from workbench.cohorts.concepts import LEVELS, Concept, read_concepts, read_replication
from workbench.errors import BadInput, BadRow
from workbench.exports.store_names import name_of
from workbench.imports.legacy import is_name
from workbench.imports.store_files import Files, is_folder, listed
from workbench.prompts import ModelRow, read_models
from workbench.providers.texts import cleaned, one_line
from workbench.reading import jsonl, text_file
from workbench.store import insert

OWN_MODELS: Final = "workbench_models.jsonl"  # of our own exports: every setting that a model ever had
_CONCEPT: Final = "select id, name, sentence, paragraph, article from concepts where concept_id = ?"
_FILL: Final = "update concepts set name = ?, sentence = ?, paragraph = ?, article = ? where id = ?"
_MODEL: Final = "select id, version_id, display_name, price_in, price_out from models where llm_model_id = ?"
_KEEP: Final = "update models set version_id = ?, display_name = ?, price_in = ?, price_out = ? where id = ?"


def take_concepts(files: Files) -> int:
    """Take the concepts with their descriptions over, and give how many are new."""
    source = files.file("1_raw", "concepts_metadata.csv")
    if source is None:
        return 0
    added = 0
    with files.reading("concepts_metadata.csv"):
        texts = {level: _descriptions(files, level) for level in LEVELS}
        for concept in read_concepts(source.parent):
            levels = [_level(concept, level, texts[level]) for level in LEVELS]
            added += _keep_concept(files, concept, levels)
    return added


def _descriptions(files: Files, level: str) -> dict[str, Path]:
    folder = files.file("1_raw", "concepts", f"descriptions-{level}")
    if folder is None or not is_folder(folder):
        return {}
    return {name_of(e.name, ".txt"): Path(e.path) for e in listed(folder) if e.name.endswith(".txt")}


def _level(concept: Concept, level: str, texts: dict[str, Path]) -> str | None:
    """Give a description; None when there is no file, so that an empty one stays an empty one."""
    path = texts.get(concept.concept_id)
    return None if path is None else cleaned(getattr(concept, level) or text_file(path))[0]


def _keep_concept(files: Files, concept: Concept, levels: list[str | None]) -> int:
    db, name = files.going.db, cleaned(concept.name)[0]
    row = db.execute(_CONCEPT, (concept.concept_id,)).fetchone()
    if row is None:
        values = dict(zip(LEVELS, levels, strict=True))
        insert(db, "concepts", {"concept_id": concept.concept_id, "name": name, **values})
        return 1
    if row[1] == concept.concept_id and not any(row[2:]) and [name, *levels] != [row[1], *row[2:]]:
        db.execute(_FILL, (name, *levels, row[0]))  # it was only named until now
        return 1
    if [name, *levels] != [row[1], *row[2:]]:
        detail = "the project has another name or description, which stays"
        files.going.problem("info", concept.concept_id, "concept_differs", detail, "catalogue")
    return 0


class Models:
    """Takes models over; the settings that the project has stay those of new work."""

    def __init__(self, files: Files) -> None:
        """Write in the import's transaction."""
        self._files, self._db = files, files.going.db
        rows = self._db.execute("select lower(llm_model_id) from models where version_id is not null")
        self._settled = {name for (name,) in rows}
        self._told: dict[str, Model] = {}  # the current settings of our own export

    def take(self) -> int:
        """Take the catalogue over, and give how many models and settings are new."""
        before = self._count()
        if own := self._files.file("1_raw", OWN_MODELS):
            with self._files.reading(OWN_MODELS):
                for line, value in jsonl(own):
                    self._own(value, f"{own}:{line}")
        if source := self._files.file("1_raw", "llm_models.csv"):
            with self._files.reading("llm_models.csv"):
                for row in read_models(source):
                    self._listed(row)
        return self._count() - before

    def _count(self) -> int:
        sql = "select (select count(*) from models) + (select count(*) from model_versions)"
        return int(self._db.execute(sql).fetchone()[0])

    def _listed(self, row: ModelRow) -> None:
        """Take a row of the catalogue unless our own export says the same."""
        title = cleaned(row.display_name)[0]
        model = Model(row.id, row.provider, row.model, row.parameters, title, row.price_in, row.price_out)
        told = self._told.get(row.id.lower())
        if told is None or told.hash != model.hash:
            self._keep(model, current=True)

    def _own(self, value: Any, where: str) -> None:
        """Take one setting of a model, or its bare name, as our own export wrote it."""
        if not isinstance(value, dict) or not is_name(str(value.get("llm_model_id"))):
            raise BadRow("no model", where=where, mend="export the store again")
        name, title = str(value["llm_model_id"]), str(value.get("display_name") or "")
        if value.get("provider") is None:
            if self._db.execute(_MODEL, (name,)).fetchone() is None:
                insert(self._db, "models", {"llm_model_id": name, "display_name": title})
            return
        parameters, current = value.get("parameters"), value.get("current") is True
        if not isinstance(parameters, dict):
            raise BadRow("parameters are no object", where=where, mend="export the store again")
        prices = [_price(value.get(key)) for key in ("price_in", "price_out")]
        model = Model(name, str(value["provider"]), str(value.get("name")), parameters, title, *prices)
        self._keep(model, current=current)
        if current:
            self._told[name.lower()] = model

    def _keep(self, model: Model, *, current: bool) -> None:
        """Keep one setting; it becomes that of new work when it is current and the project had none."""
        row = self._db.execute(_MODEL, (model.llm_model_id,)).fetchone()
        try:
            store_model(self._db, model)
        except BadInput as error:
            self._files.going.problem("warning", model.llm_model_id, "model_unusable", one_line(error), "catalogue")
            return
        if model.llm_model_id.lower() in self._settled or (row and row[1] is not None and not current):
            self._db.execute(_KEEP, (*row[1:], row[0]))


def _price(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e15 else None


def take_replication(files: Files) -> int:
    """Take the limits of replicates over for stages that have none yet, and give how many."""
    source = files.file("1_raw", "replication_config.csv")
    if source is None:
        return 0
    db, added = files.going.db, 0
    with files.reading("replication_config.csv"):
        ours = replication(db)
        for stage, replicates in read_replication(source).items():
            if stage not in ours:
                set_replication(db, stage, replicates)
                added += 1
            elif ours[stage] != replicates:
                detail = f"{stage} has {ours[stage]} here, which stays; the store has {replicates}"
                files.going.problem("info", "replication_config.csv", "replication_differs", detail, "catalogue")
    return added
