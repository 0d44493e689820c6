"""Models from files: a CSV catalogue, or YAML with an entry for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Final

from workbench.catalogue.models import Model, checked_model
from workbench.errors import BadFile, BadInput, WorkbenchError, raise_all
from workbench.prompts import read_models
from workbench.reading import Located, yaml_file

_KEYS: Final[Mapping[str, tuple[str, str]]] = {  # key: field, what it holds
    "provider": ("provider", "text"),
    "name": ("name", "text"),
    "model": ("name", "text"),
    "parameters": ("parameters", "a mapping"),
    "price_in": ("price_in", "a number"),
    "price_out": ("price_out", "a number"),
    "display_name": ("display_name", "text"),
}
_MEND: Final = "write `ID: {provider: ALIAS, name: NAME, parameters: {…}}`"


def read_model_file(path: Path, provider: str | None = None) -> list[Model]:
    """Read models from CSV (id, model, provider, …) or YAML (ID: {provider, name, parameters, price_in, …}).

    `provider` stands for every provider that the file names. Raises BadInput of several kinds, or Problems with every
    fault and its line.
    """
    found = list(_from_csv(path)) if path.suffix.lower() == ".csv" else _from_yaml(yaml_file(path))
    if provider:
        found = [(replace(model, provider=provider.strip()), where) for model, where in found]
    faults: list[WorkbenchError] = []
    for model, where in found:
        try:
            checked_model(model, where)
        except BadInput as fault:
            faults.append(fault)
    raise_all(faults)
    return [model for model, _ in found]


def _from_csv(path: Path) -> Iterator[tuple[Model, str]]:
    for row in read_models(path):
        prices = (row.price_in, row.price_out)
        yield Model(row.id, row.provider, row.model, row.parameters, row.display_name, *prices), row.where


def _from_yaml(file: Located) -> list[tuple[Model, str]]:
    top: tuple[object, ...] = ()
    entries = file.value
    if isinstance(entries, dict) and isinstance(entries.get("models"), dict) and len(entries) == 1:
        top, entries = ("models",), entries["models"]
    if not isinstance(entries, dict) or not entries:
        raise BadFile("no models", where=file.where(), mend=_MEND)
    faults = [fault for key, entry in entries.items() for fault in _faults(file, (*top, key), entry)]
    raise_all([*faults, *_repeated(file, top, entries)])
    return [
        (Model(key, **{_KEYS[k][0]: value for k, value in entry.items()}), file.where(*top, key))
        for key, entry in entries.items()
    ]


def _repeated(file: Located, top: tuple[object, ...], entries: Iterable[str]) -> Iterator[WorkbenchError]:
    """Names are the same in any case; YAML's own check of keys does not know that."""
    first: dict[str, str] = {}
    for key in entries:
        if (before := first.setdefault(key.lower(), key)) is not key:
            detail = f"{key!r} stands at {file.where(*top, before)} already"
            yield BadFile(detail, where=file.where(*top, key), mend="keep one of them")


def _faults(file: Located, at: tuple[object, ...], entry: Any) -> Iterator[WorkbenchError]:
    if not isinstance(entry, dict):
        yield BadFile(f"model {at[-1]!r} is no mapping", where=file.where(*at), mend=_MEND)
        return
    for key, value in entry.items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1, 0.4) or list(_KEYS)
            yield BadFile(f"there is no key {key[:40]!r}", where=file.where(*at, key), mend=f"use {', '.join(near)}")
        elif not _fits(_KEYS[key][1], value):
            mend = f"write {_KEYS[key][1]}"
            yield BadFile(f"{key} is {str(value)[:60]!r}", where=file.where(*at, key), mend=mend)
    if "provider" not in entry or ("name" in entry) == ("model" in entry):
        what = f"model {at[-1]!r} needs provider and name"
        yield BadFile(what, where=file.where(*at), mend="name is the provider's own name of the model")


def _fits(kind: str, value: Any) -> bool:
    if kind == "a mapping":
        return isinstance(value, dict)
    if kind == "text":
        return isinstance(value, str) and bool(value.strip())
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0
