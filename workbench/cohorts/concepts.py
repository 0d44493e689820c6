"""Concepts with their descriptions, read from a DayDreaming `1_raw` folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import BadInput, BadRow, InvalidSignature, WorkbenchError, raise_all
from workbench.ids import STAGES, checked_replicate, fold
from workbench.reading import csv_rows, text_file

LEVELS: Final = ("sentence", "paragraph", "article")


@dataclass(frozen=True, slots=True)
class Concept:
    """A named idea; a description level that it lacks is empty."""

    concept_id: str
    name: str
    sentence: str = ""
    paragraph: str = ""
    article: str = ""


def describe(concept: Concept, level: str | None) -> str:
    """Give a concept's description at a level (`name`: its name), else its paragraph, its sentence, its name.

    Raises BadInput for a level that does not exist.
    """
    if level == "name":
        return concept.name
    if level not in (None, *LEVELS):
        raise BadInput(f"description level {level[:40]!r}", mend=f"use {', '.join(LEVELS)}")
    texts = (getattr(concept, wanted) for wanted in filter(None, (level, "paragraph", "sentence")))
    return next((text for text in texts if text.strip()), concept.name)


def read_concepts(root: Path | str) -> list[Concept]:
    """Read a folder's concepts: `concepts_metadata.csv` and `concepts/descriptions-LEVEL/CONCEPT_ID.txt`.

    Texts are kept as they stand. Raises BadFile, BadRow, or Problems with all of them.
    """
    source = Path(root) / "concepts_metadata.csv"
    texts = {level: _descriptions(Path(root), level) for level in LEVELS}
    found: dict[str, Concept] = {}
    errors: list[WorkbenchError] = []
    for line, row in csv_rows(source, ("concept_id", "name")):
        concept_id, name, where = row["concept_id"].strip(), row["name"].strip(), f"{source}:{line}"
        if complaint := complaint_about(concept_id, name, found):
            errors.append(BadRow(complaint, where=where, mend="mend the row"))
            continue
        files = [texts[level].get(concept_id) for level in LEVELS]
        found[concept_id] = Concept(concept_id, name, *[text_file(file) if file else "" for file in files])
    raise_all(errors)
    return list(found.values())


def stray_descriptions(root: Path | str) -> list[Path]:
    """List description files that belong to no concept of the folder, which an import must report."""
    known = {row["concept_id"].strip() for _, row in csv_rows(Path(root) / "concepts_metadata.csv", ("concept_id",))}
    files = (file for level in LEVELS for file in _descriptions(Path(root), level).items())
    return [path for concept_id, path in files if concept_id not in known]


def read_replication(path: Path | str) -> dict[str, int]:
    """Read `replication_config.csv`: stage → replicates that one cohort build may allocate.

    Raises BadFile, BadRow, or Problems with all of them.
    """
    found: dict[str, int] = {}
    errors: list[WorkbenchError] = []
    for line, row in csv_rows(path, ("stage", "replicates")):
        stage = row["stage"].strip()
        try:
            if stage not in STAGES or stage in found:
                raise BadRow(f"stage {stage[:40]!r}", mend=f"give {', '.join(STAGES)} one row each")
            found[stage] = checked_replicate(row["replicates"].strip())
        except BadInput as error:
            errors.append(BadRow(str(error), where=f"{path}:{line}", mend=error.mend))
    raise_all(errors)
    return found


def _descriptions(root: Path, level: str) -> dict[str, Path]:
    """Find a level's files by concept; paths come from the folder, never from the data."""
    folder = root / "concepts" / f"descriptions-{level}"
    return {path.stem: path for path in _texts(folder)}


def _texts(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*.txt")) if not path.name.startswith("."))


def complaint_about(concept_id: str, name: str, found: dict[str, Concept]) -> str:
    """Say what is wrong with a concept's ID and name beside those found before, or nothing."""
    try:
        fold(concept_id, "concept_id")
    except InvalidSignature as error:
        return str(error)
    if concept_id in found:
        return f"the concept {concept_id} stands twice"
    return "" if name else f"the concept {concept_id} has no name"
