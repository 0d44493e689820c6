"""Models from files: a CSV catalogue, or YAML with an entry for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Final

from workbench.catalogue.models import Model
from workbench.errors import BadFile, WorkbenchError, raise_all
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


def read_model_file(path: Path) -> list[Model]:
    """Read models from CSV (id, model, provider, …) or YAML (ID: {provider, name, parameters, price_in, …}).

    Raises BadFile, BadRow, or Problems with every fault and its line.
    """
    if path.suffix.lower() != ".csv":
        return _from_yaml(yaml_file(path))
    return [
        Model(row.id, row.provider, row.model, row.parameters, row.display_name, row.price_in, row.price_out)
        for row in read_models(path)
    ]


def _from_yaml(file: Located) -> list[Model]:
    top: tuple[object, ...] = ()
    entries = file.value
    if isinstance(entries, dict) and isinstance(entries.get("models"), dict) and len(entries) == 1:
        top, entries = ("models",), entries["models"]
    if not isinstance(entries, dict) or not entries:
        raise BadFile("no models", where=file.where(), mend=_MEND)
    raise_all([fault for key, entry in entries.items() for fault in _faults(file, (*top, key), entry)])
    return [Model(key, **{_KEYS[k][0]: value for k, value in entry.items()}) for key, entry in entries.items()]


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
