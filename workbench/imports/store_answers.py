"""The texts of a store's generation as answers of the record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple

from workbench.errors import BadFile
from workbench.ids import content_hash, prompt_hash
from workbench.imports.legacy import Finding, read_metadata
from workbench.imports.store_files import ANSWERS, Folder
from workbench.imports.store_known import Generation
from workbench.parse import DEFAULT_SCALE
from workbench.providers.texts import cleaned, one_line
from workbench.reading import json_text
from workbench.record.answers import Origin, Result, store_answer, store_prompt
from workbench.store import Database, sqlite3

OWN: Final = "workbench"  # the key under which our own exports say what the layout has no word for
Facts = Mapping[str, Any]
_VERSION: Final = {
    "template": "select id from template_versions where template_id = ? and hash = ?",
    "model": "select id from model_versions where model_id = ? and hash = ?",
}
_MADE_FROM: Final = (
    "select id from contents where generation_id = ? and hash = ? order by revision is ? desc, revision desc limit 1"
)


class Answer(NamedTuple):
    """An answer of a store: its texts, how it was judged, and what our own exports say of it."""

    prompt: str | None
    result: Result
    own: Facts


def object_in(value: Facts, key: str) -> Facts:
    """Give an object of a JSON object; empty when it is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def answers_in(folder: Folder) -> Iterator[Answer]:
    """Give the answers of a generation's folder, earlier ones first; what is odd is added to its findings."""
    yield from _earlier(folder)
    facts, parsing = _metadata(folder, "raw_metadata.json"), _metadata(folder, "parsed_metadata.json")
    own = object_in(facts, OWN)
    raw, parsed = folder.text("raw.txt"), folder.text("parsed.txt")
    if raw is None and parsed is None and not isinstance(own.get("outcome"), str):
        return
    _find_gaps(folder, own)
    lossy = any(folder.texts[name].lossy for name in ("raw.txt", "parsed.txt") if name in folder.texts)
    yield Answer(folder.text("prompt.txt"), _result(raw, parsed, facts, parsing, lossy=lossy), own)


def _find_gaps(folder: Folder, own: Facts) -> None:
    raw, parsed = "raw.txt" in folder.texts, "parsed.txt" in folder.texts
    if raw and not parsed and not own:
        folder.findings.append(Finding("warning", "raw_without_parsed"))
    if parsed and not raw:
        detail = "the parsed text stands for the raw one"
        folder.findings.append(Finding("warning", "parsed_without_raw", detail))
    if raw and "raw_metadata.json" not in folder.texts:
        folder.findings.append(Finding("info", "raw_without_raw_metadata"))


def _metadata(folder: Folder, name: str) -> Facts:
    if (text := folder.text(name)) is None:
        return {}
    facts, finding = read_metadata(text)
    if finding:
        stem = name.removesuffix(".json")
        folder.findings.append(Finding("warning", finding.code.replace("metadata", stem, 1), finding.detail))
    return facts


def _earlier(folder: Folder) -> Iterator[Answer]:
    """Give the answers of `answers.jsonl`, one object a line: prompt, raw, parsed, raw_metadata."""
    for number, line in enumerate((folder.text(ANSWERS) or "").split("\n"), 1):
        if line.strip():
            try:
                value = json_text(line, ANSWERS)
            except BadFile as error:
                folder.findings.append(Finding("error", "answer_not_read", f"line {number}: {error.detail}"))
                continue
            facts = object_in(value if isinstance(value, dict) else {}, "raw_metadata")
            texts = [_storable(value.get(key)) if facts else None for key in ("prompt", "raw", "parsed")]
            yield Answer(texts[0], _result(texts[1], texts[2], facts, {}), object_in(facts, OWN))


def _storable(value: object) -> str | None:
    return cleaned(value)[0] if isinstance(value, str) else None


def _result(raw: str | None, parsed: str | None, facts: Facts, parsing: Facts, *, lossy: bool = False) -> Result:
    own, usage = object_in(facts, OWN), object_in(facts, "usage")
    outcome = _word(own.get("outcome")) or ("ok" if parsed is not None else "parse_missing")
    if parsed is None and outcome == "ok":
        outcome = "parse_missing"
    score, scale = _score(own, outcome, parsed, parsing)
    detail = own.get("detail") if own else parsing.get("error")
    return Result(
        outcome=outcome,
        raw=parsed if raw is None else raw,
        parsed=parsed,
        detail=_storable(detail),
        lossy=lossy or own.get("lossy") is True,
        truncated=facts.get("truncated") is True,
        synthetic=own.get("synthetic") is True,
        finish_reason=_word(facts.get("finish_reason")) or None,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        score=score,
        scale=scale,
    )


def _word(value: object) -> str:
    return one_line(value)[:100] if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def _number(value: object) -> float | None:
    if not isinstance(value, str | int | float) or isinstance(value, bool) or len(str(value)) > 40:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _score(
    own: Facts, outcome: str, parsed: str | None, parsing: Facts
) -> tuple[float | None, tuple[float, float] | None]:
    """Give the score: as our own export says it, else the number that the parsed text is, else the one beside it."""
    if "score" in own:
        told = object_in(own, "score")
        low, high = _number(told.get("scale_min")), _number(told.get("scale_max"))
        return _number(told.get("score")), None if low is None or high is None else (low, high)
    score = _number(parsed) if outcome == "ok" else None
    if score is None and outcome == "ok":
        score = _number(parsing.get("score"))
    fits = score is not None and DEFAULT_SCALE[0] <= score <= DEFAULT_SCALE[1]
    return score, DEFAULT_SCALE if fits else None


class Answers:
    """Stores answers for generations that the import placed."""

    def __init__(self, db: Database) -> None:
        """Write into `db`, in the caller's transaction."""
        self._db = db

    def keep(self, row: Mapping[str, Any], number: int, answer: Answer, parent: Generation | None) -> None:
        """Append an answer to a generation, whose row names stage, template and model; its status follows."""
        result, own = answer.result, answer.own
        if row["stage"] != "evaluation":
            result = replace(result, score=None, scale=None)
        revision = own.get("revision")
        known = type(revision) is int and 1 <= revision < 2**53
        with suppress(sqlite3.IntegrityError):  # the same answer twice
            origin = self._origin(row, number, answer, parent)
            store_answer(self._db, origin, result, revision=revision if known else None)

    def _origin(self, row: Mapping[str, Any], number: int, answer: Answer, parent: Generation | None) -> Origin:
        digest, own = None, answer.own
        if answer.prompt is not None:
            system = _storable(own.get("system")) or ""
            digest = prompt_hash(system, answer.prompt)
            store_prompt(self._db, digest, system, answer.prompt)
        return Origin(
            number,
            digest,
            self._version("template", row["template_id"], own),
            self._version("model", row["model_id"], own),
            self._parent(parent, own),
        )

    def _version(self, kind: str, number: object, own: Facts) -> int | None:
        """Find the version that our own export names by its hash; other stores do not say which text they used."""
        row = self._db.execute(_VERSION[kind], (number, _storable(own.get(kind)))).fetchone()
        return None if row is None else int(row[0])

    def _parent(self, parent: Generation | None, own: Facts) -> int | None:
        """Give the parent's text that it was made from: the one that our own export names, else the current one."""
        if parent is None or "parent" not in own:
            return parent and parent.content_id
        row = self._db.execute(_MADE_FROM, (parent.id, _storable(own["parent"]), _count(own.get("parent_revision"))))
        found = row.fetchone()
        return None if found is None else int(found[0])

    def has(self, number: int, result: Result) -> bool:
        """Say whether a generation ever got this answer."""
        hashes = [None if text is None else content_hash(text) for text in (result.raw, result.parsed)]
        row = self._db.execute(
            "select 1 from contents where generation_id = ? and raw_hash is ? and parsed_hash is ? and outcome = ?",
            (number, *hashes, result.outcome),
        ).fetchone()
        return row is not None
