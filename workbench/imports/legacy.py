"""What the metadata of a DayDreaming generation says, in the words of every era, made one. Pure.

What an imported store leaves for a migration to start from, for each of its generations:

- `generations`: `gen_id` is the directory's name as it stood. `legacy = 0` when that is the function of the row's
  signature under the project's scheme with its parent linked, else 1. `replicate` is what was recorded, null when
  nothing usable was. A row that cannot be placed has status `blocked` and its reason, one of `REASONS`, as outcome;
  `parent_id` is null unless the parent itself is blocked. A copy-mode essay without a parent whose combo, draft
  template and model are known is no such row: it is `done` and legacy without a parent (`is_orphan_copy`), and a
  migration gives it a synthetic draft.
- `import_rows` of that generation, by name: `metadata`, `raw_metadata`, `parsed_metadata` verbatim, and `normalised`:
  the JSON of its `Recorded` (keys as its fields), from which SQL reads the recorded replicate, the parent as it was
  found, mode, draft template and cohort: `select generation_id, metadata ->> '$.parent' from import_rows where
  name = 'normalised'`. A row whose metadata could not be read has no `normalised`.
- `migration_problems` of the import: each with stage, ID as `place`, code and detail.

`normalise`, `recorded_replicate`, `is_id_of`, `missing_fields` are the same functions for both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, NamedTuple

from workbench.errors import BadFile, InvalidSignature
from workbench.ids import Scheme, canonical_json, checked_replicate, fold
from workbench.providers.texts import cleaned
from workbench.reading import json_text
from workbench.verify.functions import id_fits

Severity = Literal["error", "warning", "info"]
PARENT: Final = {"essay": "draft", "evaluation": "essay"}  # the stage in which a stage has its parents
REASONS: Final = frozenset(
    {
        *("metadata_missing", "metadata_unreadable", "metadata_invalid_json", "metadata_not_an_object"),
        *("field_missing", "field_unusable"),
        *("parent_id_absent", "parent_missing", "parent_ambiguous", "parent_blocked"),
    }
)
_TEMPLATE: Final = {
    "draft": ("template_id", "draft_template_id", "draft_template"),
    "essay": ("template_id", "essay_template_id", "essay_template"),
    "evaluation": ("template_id", "evaluation_template_id", "evaluation_template"),
}
_MODEL: Final = {
    "draft": ("llm_model_id", "model_id", "generation_model_id", "generation_model"),
    "essay": ("llm_model_id", "model_id", "generation_model_id", "generation_model"),
    "evaluation": ("llm_model_id", "model_id", "evaluation_model_id", "evaluation_model"),
}


class Finding(NamedTuple):
    """What is odd about one generation, with a code for programs."""

    severity: Severity
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A generation's signature as its metadata records it; empty is what it does not say.

    `replicate` is `recorded_replicate` as a number, None when that is none. `parent` is the text that was found, a
    generation's ID or not. `draft_template`, `essay_template` and `task` are what copies say of their origin.
    """

    stage: str
    gen_id: str
    mode: str = ""
    combo: str = ""
    template: str = ""
    model: str = ""
    replicate: int | None = None
    recorded_replicate: Any = None
    parent: str = ""
    cohort: str = ""
    draft_template: str = ""
    essay_template: str = ""
    task: str = ""

    def as_json(self) -> str:
        """Write it as one JSON object, keys in the order of the fields."""
        return cleaned(json.dumps(asdict(self), ensure_ascii=False))[0]

    @property
    def fields(self) -> dict[str, str]:
        """The text fields of its signature that its own metadata must give, by name."""
        own = {"combo_id": self.combo} if self.stage == "draft" else {}
        model = {} if self.stage == "essay" else {"llm_model_id": self.model}
        return own | {"template_id": self.template} | model


def read_metadata(text: str) -> tuple[dict[str, Any], Finding | None]:
    """Read `metadata.json`; what is no JSON object is a finding, with the reason in the JSON reader's words."""
    try:
        value = json_text(text.removeprefix("\ufeff"), "metadata.json")
    except BadFile as error:
        return {}, Finding("error", "metadata_invalid_json", cleaned(str(error.__context__ or error.detail))[0])
    if not isinstance(value, dict):
        return {}, Finding("error", "metadata_not_an_object", f"it is {type(value).__name__}")
    return value, None


def normalise(stage: str, gen_id: str, metadata: Mapping[str, Any]) -> tuple[Recorded, list[Finding]]:
    """Read the keys of any era, and say which of them are old or useless. Never raises."""
    template, _ = _first(metadata, _TEMPLATE[stage])
    model, model_key = _first(metadata, _MODEL[stage])
    cohort, cohort_key = _first(metadata, ("origin_cohort_id", "cohort_id"))
    told = metadata.get("replicate")
    recorded = Recorded(
        stage=stage,
        gen_id=gen_id,
        mode=_text(metadata.get("mode")).lower(),
        combo=_text(metadata.get("combo_id")),
        template=template,
        model=model,
        replicate=recorded_replicate(told),
        recorded_replicate=told,
        parent=_text(metadata.get("parent_gen_id")) if stage in PARENT else "",
        cohort=cohort,
        draft_template=_first(metadata, _TEMPLATE["draft"][1:])[0],
        essay_template=_first(metadata, _TEMPLATE["essay"][1:])[0],
        task=_first(metadata, ("parent_task_id", "task_id"))[0],
    )
    old = {"model_id_legacy": (model, model_key), "cohort_key_legacy": (cohort, cohort_key)}
    return recorded, [*_odd(recorded, metadata), *_old(old)]


def _first(metadata: Mapping[str, Any], keys: Sequence[str]) -> tuple[str, int]:
    """Give the first key's text that is not empty, and which key it was, counted from 0."""
    return next(((text, n) for n, key in enumerate(keys) if (text := _text(metadata.get(key)))), ("", 0))


def _text(value: object) -> str:
    text = value if isinstance(value, str) else "" if value is None else canonical_json(value)
    return cleaned(text)[0].strip()


def _odd(recorded: Recorded, metadata: Mapping[str, Any]) -> list[Finding]:
    found = []
    if recorded.gen_id != recorded.gen_id.lower():
        found.append(Finding("warning", "id_not_lowercase"))
    if recorded.replicate is None:
        told = recorded.recorded_replicate
        found.append(Finding("warning", "replicate_missing", "" if told is None else _text(told)[:140]))
    for key, ours in (("gen_id", recorded.gen_id), ("stage", recorded.stage)):
        told = _text(metadata.get(key))
        if told and told.lower() != ours.lower():
            found.append(Finding("warning", f"{key}_differs", f"the metadata say {told[:140]}"))
    return found


def _old(told: Mapping[str, tuple[str, int]]) -> list[Finding]:
    severities: Mapping[str, Severity] = {"model_id_legacy": "warning", "cohort_key_legacy": "info"}
    return [Finding(severities[code], code, text) for code, (text, key) in told.items() if text and key]


def recorded_replicate(value: object) -> int | None:
    """Give a recorded replicate as a number; None for what is missing, below 1, or no whole number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        return checked_replicate(value.strip() if isinstance(value, str) else value)
    except InvalidSignature:
        return None


def missing_fields(recorded: Recorded) -> Finding | None:
    """Say which fields of its own the signature lacks, or has in a form that no ID can hold; None when it is whole."""
    lacking = [name for name, value in recorded.fields.items() if not value]
    if lacking:
        return Finding("error", "field_missing", ", ".join(lacking))
    bad = {name: value for name, value in recorded.fields.items() if not is_name(value)}
    if bad:
        return Finding("error", "field_unusable", ", ".join(f"{name} {value[:140]!r}" for name, value in bad.items()))
    return None


def is_name(text: str) -> bool:
    """Say whether a text can stand in a signature."""
    try:
        fold(text)
    except InvalidSignature:
        return False
    return True


def is_orphan_copy(recorded: Recorded) -> bool:
    """Say whether an essay without a parent can get a synthetic draft: a copy that names all that a draft needs.

    Source: rule 3 of the ids migration in docs/architecture.md.
    """
    names = (recorded.combo, recorded.draft_template, recorded.model)
    return recorded.stage == "essay" and recorded.mode == "copy" and all(map(is_name, names))


def is_id_of(scheme: Scheme, gen_id: str, stage: str, fields: Sequence[str], replicate: int) -> bool:
    """Say whether an ID is the function of a signature; a suffix -n stands for the n-th task of a collision.

    `fields` are the texts of the signature in the order of `FIELDS`, without the replicate.
    """
    return id_fits(scheme, gen_id, stage, *fields, replicate)
