"""Finished samples as a dataset: chat in DeepFabric's shape, ShareGPT, Alpaca, or plain rows with their lineage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadInput
from workbench.exports.files import json_line, new_file
from workbench.exports.rows import columns, full_rows
from workbench.exports.samples import Sample, alpaca, chat_sample, sharegpt, without_system
from workbench.exports.selection import Choice, chosen
from workbench.store import Database
from workbench.store.rows import Row
from workbench.verify.check import snapshot

_NAMES: Final = tuple(column.name for column in columns())
_KEYS: Final = ("messages", "metadata", "question", "final_answer", "reasoning")


def export_dataset(
    db: Database,
    out: Path | str,
    *,
    format: str = "chat",
    stage: str = "draft",
    topics: str | None = None,
    template: str | None = None,
    model: str | None = None,
    cohort: str | None = None,
    where: str | None = None,
    cycle: int | None = None,
    force: bool = False,
    system: bool = True,
) -> dict[str, object]:
    """Write finished samples as JSON Lines, streamed, in order of cycle and topic; None takes any.

    `format` is chat, sharegpt, alpaca or jsonl; `where` is an SQL condition over `generation_texts`; `cycle` counts
    from 0; `system` keeps system messages. Rows of the offline model say `synthetic`. Gives {"rows", "path"}.
    Raises OutputExists without `force`, UnknownName, BadQuery.
    """
    choice = Choice(stage, topics, template, model, cohort, where, cycle)
    shape = _SHAPES.get(format)
    if shape is None:
        raise BadInput(f"there is no format {format!r}", mend=f"use one of {', '.join(_SHAPES)}")
    count = 0
    with snapshot(db), new_file(out, force=force) as file:
        for row in full_rows(db, chosen(db, choice)):
            file.write(json_line(shape(row, system)))
            count += 1
    return {"rows": count, "path": str(out)}


def sample_of(row: Row, system: bool = True) -> Sample:
    """Give a row's text as a sample; without `system`, its system message is left out."""
    sample = chat_sample(row["parsed"], row["prompt"], row["system"])
    return sample if system else without_system(sample)


def _chat(row: Row, system: bool) -> Sample:
    sample = sample_of(row, system)
    labelled = {**sample, "messages": list(map(_role_first, sample["messages"]))}
    labelled["metadata"] = {**metadata_of(sample), **_label(row)}
    return _in_order(labelled, _KEYS)


def _role_first(message: object) -> object:
    return _in_order(message, ("role", "content")) if isinstance(message, dict) else message


def _in_order(value: Sample, keys: tuple[str, ...]) -> Sample:
    return {key: value[key] for key in keys if key in value} | value


def metadata_of(sample: Sample) -> dict[str, Any]:
    """Give the labels that a sample carries."""
    found = sample.get("metadata")
    return found if isinstance(found, dict) else {}


def _label(row: Row) -> dict[str, Any]:
    about = {} if row["leaf_uuid"] is None else {"topic_id": row["leaf_uuid"], "cycle": row["cycle"]}
    return {**about, "gen_id": row["gen_id"], "synthetic": bool(row["synthetic"])}


def _sharegpt(row: Row, system: bool) -> Sample:
    return sharegpt(sample_of(row, system)) | _warning(row)


def _alpaca(row: Row, system: bool) -> Sample:
    return alpaca(row["parsed"], sample_of(row, system)) | _warning(row)


def _warning(row: Row) -> Sample:
    """These shapes have no place for labels, so only what no model wrote is marked."""
    return {"synthetic": True} if row["synthetic"] else {}


def _lineage(row: Row, system: bool) -> Row:
    return {name: row[name] for name in _NAMES if system or name != "system"}


_SHAPES: Final[dict[str, Callable[[Row, bool], Row]]] = {
    "chat": _chat,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "jsonl": _lineage,
}
FORMATS: Final = tuple(_SHAPES)
