"""The folder that brings concepts with templates, models and limits: DayDreaming's `1_raw`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from workbench.catalogue import Change
from workbench.catalogue.cohorts import replication, set_replication
from workbench.catalogue.concepts import store_concept
from workbench.catalogue.model_files import read_model_file
from workbench.catalogue.models import Model, store_model
from workbench.catalogue.sources import read_sources
from workbench.catalogue.templates import store_template
from workbench.cohorts import Concept, read_concepts, read_ideas, read_replication, stray_descriptions
from workbench.errors import WorkbenchError, raise_all
from workbench.prompts import Template
from workbench.prompts.rendering import problems_of
from workbench.store import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RawFolder:
    """What a `1_raw` folder holds; `strays` are description files that belong to no concept."""

    concepts: list[Concept]
    templates: list[tuple[Template, Path]]
    models: list[Model]
    replication: dict[str, int]
    strays: list[Path]


def read_raw(root: Path, provider: str | None = None) -> RawFolder:
    """Read a whole folder; `provider` is the alias by which all its models are reached, else each as it says.

    A file is one of concepts alone. In a folder concepts must be there; templates, `llm_models.csv` and
    `replication_config.csv` may be. Raises BadFile, BadRow, BadTemplate, or Problems with everything that is wrong in
    any of the files.
    """
    if root.is_file():
        return RawFolder(read_ideas(root), [], [], {}, [])
    errors: list[WorkbenchError] = []
    models, limits = root / "llm_models.csv", root / "replication_config.csv"
    has_templates = (root / "templates").is_dir() or any(root.glob("*_templates.csv"))
    found = RawFolder(
        concepts=_read(lambda: read_concepts(root), [], errors),
        templates=_read(lambda: read_sources([root]), [], errors) if has_templates else [],
        models=_read(lambda: read_model_file(models, provider), [], errors) if models.exists() else [],
        replication=_read(lambda: read_replication(limits), {}, errors) if limits.exists() else {},
        strays=[] if errors else stray_descriptions(root),
    )
    raise_all(errors)
    return found


def _read(read: Callable[[], T], otherwise: T, errors: list[WorkbenchError]) -> T:
    try:
        return read()
    except WorkbenchError as error:
        errors += problems_of(error)
        return otherwise


def store_raw(db: Database, folder: RawFolder, source_of: Callable[[Path], str]) -> dict[str, dict[str, list[str]]]:
    """Keep a folder's content; gives, by kind, the names that were added, changed and unchanged.

    `source_of` turns a template's file into what is kept of it. The caller holds the transaction.
    """
    return {
        "concepts": _sorted_out((concept.concept_id, store_concept(db, concept)) for concept in folder.concepts),
        "templates": _sorted_out(
            (f"{template.stage}/{template.name}", store_template(db, template, source_of(path)))
            for template, path in folder.templates
        ),
        "models": _sorted_out((model.llm_model_id, store_model(db, model)) for model in folder.models),
        "replication": _sorted_out(_limited(db, folder.replication)),
    }


def _sorted_out(changes: Iterable[tuple[str, Change]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": []}
    for name, change in changes:
        found[change].append(name)
    return found


def _limited(db: Database, limits: dict[str, int]) -> Iterator[tuple[str, Change]]:
    before = replication(db)
    for stage, replicates in limits.items():
        set_replication(db, stage, replicates)
        same: Change = "unchanged" if before.get(stage) == replicates else "changed"
        yield stage, same if stage in before else "added"
