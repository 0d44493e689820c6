"""Rows of our own exports as what they say of themselves: a signature, its texts, its origin. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from workbench.errors import BadRow, InvalidSignature
from workbench.ids import STAGES, checked_replicate, fold
from workbench.providers.texts import cleaned
from workbench.record.answers import Result

Value = Mapping[str, Any]
_MEND: Final = "export it again, or name --template and --model to file every row as a draft"
_TEXTS: Final = ("system", "prompt", "raw", "parsed", "messages")


class Told(NamedTuple):
    """What a row says of its place: everything but its texts. Names are folded as signatures have them."""

    stage: str
    gen_id: str
    parent: str | None
    combo: str | None
    topic: str | None
    template: str
    model: str | None
    replicate: int


class Answered(NamedTuple):
    """What a row says of its text: the prompt, the answer, hashes of versions that were used, and cohorts."""

    prompt: str | None
    system: str
    result: Result
    template_hash: str | None
    model_hash: str | None
    cohorts: list[str]


def is_lineage(value: Value) -> bool:
    """Say whether a row is one of our own exports' with its whole signature."""
    names = ("gen_id", "stage", "raw", "template_id")
    return all(isinstance(value.get(name), str) for name in names) and value["stage"] in STAGES


def told(value: Value) -> Told:
    """Read what a row says of its place; raises BadRow."""
    if not is_lineage(value):
        raise BadRow("no row of an export with lineage, as the first one is", mend=_MEND)
    stage = value["stage"]
    needed = {"draft": ("combo_id", "llm_model_id"), "essay": ("parent_gen_id",)}
    for name in needed.get(stage, ("parent_gen_id", "llm_model_id")):
        if not isinstance(value.get(name), str):
            raise BadRow(f"{name} of a {stage} is no text", mend=_MEND)
    try:
        template, replicate = fold(value["template_id"], "template_id"), checked_replicate(value.get("replicate"))
        model, combo = (_folded(value, name) for name in ("llm_model_id", "combo_id"))
    except InvalidSignature as error:
        raise BadRow(f"{error.what}: {error.detail}", mend=_MEND) from None
    parent = None if stage == "draft" else value["parent_gen_id"]
    return Told(stage, value["gen_id"], parent, combo, _text(value, "leaf_uuid"), template, model, replicate)


def _folded(value: Value, name: str) -> str | None:
    return fold(value[name], name) if isinstance(value.get(name), str) else None


def _text(value: Value, name: str) -> str | None:
    found = value.get(name)
    return cleaned(found)[0] if isinstance(found, str) else None


def answered(value: Value) -> Answered:
    """Read what a row says of its text; what is not of its type is left out."""
    raw = cleaned(value["raw"])[0]
    low, high = number_in(value, "scale_min"), number_in(value, "scale_max")
    judged = value["stage"] == "evaluation"
    result = Result(
        outcome="ok",
        raw=raw,
        parsed=raw if (parsed := _text(value, "parsed")) is None else parsed,
        lossy=value.get("lossy") is True,
        truncated=value.get("truncated") is True,
        synthetic=value.get("synthetic") is True,
        finish_reason=_text(value, "finish_reason"),
        tokens_in=_count(value, "tokens_in"),
        tokens_out=_count(value, "tokens_out"),
        score=number_in(value, "score") if judged else None,
        scale=None if low is None or high is None or not judged else (low, high),
    )
    hashes = _text(value, "template_hash"), _text(value, "model_hash")
    return Answered(_text(value, "prompt"), _text(value, "system") or "", result, *hashes, _names(value))


def number_in(value: Value, name: str) -> float | None:
    """Give a number of a JSON object as a float; None where there is none that a float holds."""
    found: Any = value.get(name)
    known = isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 1e300
    return float(found) if known else None


def _count(value: Value, name: str) -> int | None:
    found = value.get(name)
    return found if type(found) is int and 0 <= found < 2**53 else None


def _names(value: Value) -> list[str]:
    found = value.get("cohorts")
    return [cleaned(name)[0] for name in found if isinstance(name, str)] if isinstance(found, list) else []


def without_texts(value: Value) -> dict[str, Any]:
    """Give a row without its texts, to be kept beside the text that it was read from."""
    return {name: item for name, item in value.items() if name not in _TEXTS}
