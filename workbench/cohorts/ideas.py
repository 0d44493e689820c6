"""Concepts as people list them: one CSV or JSON Lines file, a row each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from workbench.cohorts.concepts import LEVELS, Concept, complaint_about
from workbench.errors import BadRow
from workbench.reading import Faults, csv_rows, jsonl

COLUMNS: Final = ("concept_id", "name", *LEVELS)
_MEND: Final = f"give it {', '.join(COLUMNS)}, of which only name is needed"


def read_ideas(path: Path) -> list[Concept]:
    """Read concepts from a CSV file with a row of names, or from JSON Lines: a name and what describes it.

    Without `concept_id`, or `id`, the name makes it: `Deep Work` is `deep-work`. Raises BadFile, BadRow, or Problems
    with all of them.
    """
    found: dict[str, Concept] = {}
    faults = Faults(str(path))
    for line, row in _rows(path):
        try:
            concept = _concept(row)
            if complaint := complaint_about(concept.concept_id, concept.name, found):
                raise BadRow(complaint, mend="mend the row")
            found[concept.concept_id] = concept
        except BadRow as error:
            error.where = f"{path}:{line}"
            faults.add(error)
    faults.raise_any()
    if not found:
        raise BadRow("no concepts", where=str(path), mend=_MEND)
    return list(found.values())


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from jsonl(path)
        return
    for line, row in csv_rows(path, ("name",)):
        _refuse_unknown(row, f"{path}:1")  # of all rows at once
        yield line, row


def _refuse_unknown(row: Mapping[str, Any], where: str = "") -> None:
    if unknown := [name for name in row if name not in (*COLUMNS, "id")]:
        raise BadRow(f"nobody knows what {', '.join(unknown)[:100]} is", where=where, mend=_MEND)


def _concept(row: Any) -> Concept:
    if not isinstance(row, Mapping):
        raise BadRow("the row is no object", mend=_MEND)
    _refuse_unknown(row)
    if wrong := [name for name, value in row.items() if not isinstance(value, str | None)]:
        raise BadRow(f"{', '.join(wrong)} is no text", mend="write it in quotes")
    texts = {name: (row.get(name) or "").strip() for name in COLUMNS}
    named = texts["concept_id"] or (row.get("id") or "").strip()
    return Concept(**texts | {"concept_id": named or id_from(texts["name"])})


def id_from(name: str) -> str:
    """Make a concept's ID from its name: lower case, accents dropped, hyphens for what an ID cannot hold."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return re.sub(r"[^a-z0-9._-]+", "-", plain.lower()).strip("-._")[:100]
