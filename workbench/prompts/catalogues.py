"""Catalogues as CSV: what DayDreaming's `1_raw` folder says about templates and models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Final, TypeVar

from workbench.errors import BadFile, BadRow, WorkbenchError, raise_all
from workbench.prompts.template import MODES
from workbench.reading import csv_rows, json_text

_YES: Final = frozenset({"", "true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0"})
_Row = TypeVar("_Row", "CatalogueRow", "ModelRow")


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """What a catalogue says about one template; `where` is the row's file:line."""

    template_id: str
    stage: str
    template_name: str = ""
    description: str = ""
    parser: str = ""
    generator: str = "llm"
    active: bool = True
    where: str = ""

    @property
    def key(self) -> str:
        """The name that must be unique in its file."""
        return self.template_id


@dataclass(frozen=True, slots=True)
class ModelRow:
    """What a catalogue says about one model; prices are money per million tokens, None when not stated."""

    id: str
    model: str
    provider: str
    display_name: str = ""
    specialization: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    price_in: float | None = None
    price_out: float | None = None
    where: str = ""

    @property
    def key(self) -> str:
        """The name that must be unique in its file."""
        return self.id


def read_catalogue(csv_path: Path | str, stage: str) -> list[CatalogueRow]:
    """Read the catalogue of a stage's templates; every bad row is named. Raises BadFile or Problems."""
    rows, errors = [], []
    for line, row in csv_rows(csv_path, required=("template_id",)):
        try:
            rows.append(_catalogue_row(row, stage, f"{csv_path}:{line}"))
        except BadFile as error:
            errors.append(error)
    raise_all([*errors, *_repeated(rows)])
    return rows


def _catalogue_row(row: Mapping[str, str], stage: str, where: str) -> CatalogueRow:
    cell = {name: value.strip() for name, value in row.items()}
    generator = cell.get("generator", "") or "llm"
    if not cell["template_id"]:
        raise BadRow("template_id is empty", where=where, mend="name the template")
    if generator not in MODES:
        raise BadRow(f"generator is {generator[:40]!r}", where=where, mend=f"use {' or '.join(MODES)}")
    active = cell.get("active", "").lower()
    if active not in _YES | _NO:
        raise BadRow(f"active is {active[:40]!r}", where=where, mend="use true or false")
    return CatalogueRow(
        template_id=cell["template_id"],
        stage=stage,
        template_name=cell.get("template_name", ""),
        description=cell.get("description", ""),
        parser=cell.get("parser", ""),
        generator=generator,
        active=active in _YES,
        where=where,
    )


def _repeated(rows: Iterable[_Row]) -> list[WorkbenchError]:
    first: dict[str, str] = {}
    return [
        BadRow(f"{row.key!r} stands at {before} already", where=row.where, mend="keep one of them")
        for row in rows
        if (before := first.setdefault(row.key.lower(), row.where)) is not row.where
    ]


def read_models(csv_path: Path | str) -> list[ModelRow]:
    """Read the catalogue of models; every bad row is named. Raises BadFile or Problems."""
    rows, errors = [], []
    for line, row in csv_rows(csv_path, required=("id", "model", "provider")):
        try:
            rows.append(_model_row(row, f"{csv_path}:{line}"))
        except BadFile as error:
            errors.append(error)
    raise_all([*errors, *_repeated(rows)])
    return rows


def _model_row(row: Mapping[str, str], where: str) -> ModelRow:
    cell = {name: value.strip() for name, value in row.items()}
    for name in ("id", "model", "provider"):
        if not cell[name]:
            raise BadRow(f"{name} is empty", where=where, mend="fill it in")
    parameters = json_text(cell.get("parameters") or "{}", where)
    if not isinstance(parameters, dict):
        raise BadRow("parameters is no JSON object", where=where, mend='write {"temperature": 0.7}')
    return ModelRow(
        id=cell["id"],
        model=cell["model"],
        provider=cell["provider"],
        display_name=cell.get("display_name", ""),
        specialization=cell.get("specialization", ""),
        parameters=parameters,
        price_in=_price(cell.get("price_in", ""), "price_in", where),
        price_out=_price(cell.get("price_out", ""), "price_out", where),
        where=where,
    )


def _price(text: str, name: str, where: str) -> float | None:
    if not text:
        return None
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not (isfinite(price) and price >= 0):
        raise BadRow(f"{name} is {text[:40]!r}", where=where, mend="write money per million tokens, as 0.15")
    return price
