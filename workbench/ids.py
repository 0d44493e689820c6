"""Identity: what a task is, and every hash that the workbench makes. Pure; the only place that hashes."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any, ClassVar, Final

from workbench.errors import BadReplicate, ForbiddenCharacter, InvalidSignature, MissingField, UnknownName

STAGES: Final = ("draft", "essay", "evaluation")
PREFIX: Final = {"draft": "d", "essay": "e", "evaluation": "v"}
FIELDS: Final = {
    "draft": ("combo_id", "draft_template_id", "generation_model_id", "replicate"),
    "essay": ("draft_gen_id", "essay_template_id", "replicate"),
    "evaluation": ("essay_gen_id", "evaluation_template_id", "evaluation_model_id", "replicate"),
}
NO_TOPIC: Final = "none"  # the reserved combo of samples without topics
# Merges depend on this constant: it never changes.
NAMESPACE: Final = uuid.UUID("6f1d8a54-3c6b-5e0e-9a53-2b8f7a1c4e90")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._:/+@-]{0,127}")
_FOLDED: Final = {len(f): re.compile(r"\|".join([_NAME.pattern] * (len(f) - 1))) for f in FIELDS.values()}
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class DraftTask:
    """One draft to write: a combo, a template, a model and a 1-based replicate."""

    stage: ClassVar[str] = "draft"
    combo: str
    template: str
    model: str
    replicate: int

    @property
    def fields(self) -> tuple[str, ...]:
        """The text fields of the signature, in canonical order."""
        return (self.combo, self.template, self.model)


@dataclass(frozen=True, slots=True)
class EssayTask:
    """One essay to write from a draft: the draft's ID, a template and a 1-based replicate."""

    stage: ClassVar[str] = "essay"
    draft: str
    template: str
    replicate: int

    @property
    def fields(self) -> tuple[str, ...]:
        """The text fields of the signature, in canonical order."""
        return (self.draft, self.template)


@dataclass(frozen=True, slots=True)
class EvaluationTask:
    """One judgement of an essay: the essay's ID, a template, a model and a 1-based replicate."""

    stage: ClassVar[str] = "evaluation"
    essay: str
    template: str
    model: str
    replicate: int

    @property
    def fields(self) -> tuple[str, ...]:
        """The text fields of the signature, in canonical order."""
        return (self.essay, self.template, self.model)


Task = DraftTask | EssayTask | EvaluationTask


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a signature becomes an ID: whether the stage is hashed too, and the digest's size in bytes."""

    name: str
    names_stage: bool
    digest_size: int = 10
    rehashes_collisions: bool = False

    def canonical(self, stage: str, fields: Iterable[str], replicate: int) -> str:
        """Join checked fields to the string that is hashed."""
        text = f"{'|'.join(fields)}|{replicate}"
        return f"{stage}|{text}" if self.names_stage else text

    def id_of(self, stage: str, canonical: str, collision: int = 0) -> str:
        """Hash a canonical string; the n-th task of a collision gets the suffix -n."""
        if collision and self.rehashes_collisions:
            canonical = f"{canonical}|collision:{collision}"
        digest = blake2b(canonical.encode(), digest_size=self.digest_size).digest()
        suffix = f"-{collision}" if collision else ""
        return f"{PREFIX[stage]}_{base36(int.from_bytes(digest, 'big'))}{suffix}"


V1: Final = Scheme("v1", names_stage=True)
DAYDREAMING: Final = Scheme("daydreaming", names_stage=False, rehashes_collisions=True)
SCHEMES: Final = {s.name: s for s in (V1, DAYDREAMING)}


def scheme_named(name: str) -> Scheme:
    """Find a scheme by name; `NAME/BYTES` (`v1/1`) has a smaller digest, for proving collisions."""
    base, _, size = name.partition("/")
    scheme = SCHEMES.get(base)
    if scheme is None or (size and not (size.isdecimal() and 1 <= int(size) <= 10)):
        raise UnknownName(f"no scheme {name!r}", mend=f"use one of {', '.join(SCHEMES)}")
    if not size:
        return scheme
    return Scheme(name, scheme.names_stage, int(size), scheme.rehashes_collisions)


_PAIRS: Final = tuple(a + b for a in _DIGITS for b in _DIGITS)  # few enough to stay in the processor's cache


def base36(number: int) -> str:
    """Write a whole number ≥ 0 in 0-9a-z without padding."""
    text = ""
    while number:
        text = _PAIRS[number % 1296] + text
        number //= 1296
    return text.lstrip("0") or "0"


def fold(value: object, field: str = "field") -> str:
    """Give one signature field as it is hashed: trimmed and lower-cased.

    Raises MissingField for nothing or blanks, ForbiddenCharacter for `|`, control characters and the rest.
    """
    if value is None or (text := str(value).strip().lower()) == "":
        raise MissingField(f"{field} is empty", mend="give it a value")
    if _NAME.fullmatch(text) is None:
        raise ForbiddenCharacter(f"{field} is {str(value)[:140]!r}")
    return text


def checked_replicate(value: object) -> int:
    """Give a replicate as an integer ≥ 1, from an integer or plain decimal digits; raises BadReplicate."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**63:
        return value
    if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,17}", value):
        return int(value)
    raise BadReplicate(f"got {str(value)[:40]!r}")


def canonical(stage: str, values: Sequence[Any], scheme: Scheme = V1) -> str:
    """Check a stage's signature values, replicate last, and join them to the canonical string."""
    names = FIELDS.get(stage)
    if names is None:
        raise InvalidSignature(f"unknown stage {stage!r}", mend=f"use one of {', '.join(STAGES)}")
    if len(values) != len(names):
        raise InvalidSignature(f"a {stage} has {len(names)} fields ({', '.join(names)}), got {len(values)}")
    replicate, fields = checked_replicate(values[-1]), values[:-1]
    try:
        text = "|".join(fields)
    except TypeError:  # not all are texts
        text = ""
    if _FOLDED[len(names)].fullmatch(text) is None:  # no field can hold a bar: all are looked at in one go
        text = "|".join(map(fold, fields, names))
    return scheme.canonical(stage, (text,), replicate)


def gen_id(task: Task, scheme: Scheme = V1) -> str:
    """Derive a task's generation ID: stage prefix, then unpadded base36 of a 10-byte BLAKE2b.

    Source: the deterministic ID contract in docs/architecture.md. Raises InvalidSignature.
    """
    return gen_id_from(scheme, task.stage, *task.fields, task.replicate)


def gen_id_from(scheme: Scheme, stage: str, *values: object) -> str:
    """Derive an ID from loose signature values, replicate last: the Python twin of SQL's `gen_id(…)`."""
    return scheme.id_of(stage, canonical(stage, values, scheme))


def content_hash(text: str) -> str:
    """Hash one text: 32 hex digits of BLAKE2b over UTF-8."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def bytes_hash(data: bytes) -> str:
    """Hash raw bytes: 32 hex digits of BLAKE2b."""
    return blake2b(data, digest_size=16).hexdigest()


def chunks_hash(chunks: Iterable[bytes]) -> str:
    """Hash bytes that come in pieces, as `bytes_hash` would hash them whole."""
    digest = blake2b(digest_size=16)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """Write JSON in the one form that is hashed: sorted keys, no blanks, no escapes that are not needed."""
    return _CANONICAL.encode(value)


def json_hash(value: Any) -> str:
    """Hash a JSON value by its canonical form."""
    return content_hash(canonical_json(value))


def prompt_hash(system: str, text: str) -> str:
    """Hash a prompt: of its text alone when there is no system prompt."""
    return content_hash(f"{system}\x00{text}" if system else text)


def answer_hash(outcome: str, prompt: str | None, raw: str | None, parsed: str | None, parent: str | None) -> str:
    """Hash an answer by its outcome, the hashes of its texts, and the parent's answer that it was made from."""
    return json_hash([outcome, prompt, raw, parsed, parent])


def model_hash(provider: str, name: str, parameters: Mapping[str, object]) -> str:
    """Hash the settings of a model: provider alias, the provider's name for it, parameters."""
    return json_hash([provider, name, dict(parameters)])


def path_uuid(path: Sequence[str]) -> str:
    """Give the stable UUID of a tree's path that came without one."""
    return str(uuid.uuid5(NAMESPACE, canonical_json(list(path))))


def node_uuid(root_title: str, node_id: str) -> str:
    """Give the stable UUID of a graph's node that came without one."""
    return str(uuid.uuid5(NAMESPACE, canonical_json([root_title, node_id])))


def event_uuid(project: str, *names: str) -> str:
    """Give the stable UUID under which something that a project did is known in other systems."""
    return path_uuid([project, *names])


def deepfabric_aliases(path: Sequence[str]) -> tuple[str, str]:
    """Give the two topic IDs that DeepFabric derived from a path: releases ≥ 4.11, then 4.10."""
    newer, older = json.dumps(list(path)).encode(), "::".join(path).encode("utf-8", "surrogatepass")
    return sha256(newer).hexdigest()[:16], sha256(older).hexdigest()[:16]


def combo_id(concepts: Iterable[str], level: str, k_max: int) -> str:
    """Give DayDreaming's ID of a set of concepts at a level.

    Source: the combo rule of the DayDreaming store, version v1.
    """
    spec = "|".join([*sorted(concepts), level, str(k_max)])
    return f"combo_v1_{sha256(spec.encode()).hexdigest()[:12]}"


class FactDigest:
    """One hash over a set of facts, whatever their order: facts are sorted as canonical JSON lines."""

    def __init__(self) -> None:
        """Start with no facts."""
        self._hash = blake2b(digest_size=32)

    def add_sorted(self, lines: Iterable[str]) -> None:
        """Take lines that come in sorted order."""
        for line in lines:
            self._hash.update(line.encode("utf-8", "surrogatepass") + b"\n")

    def hexdigest(self) -> str:
        """Give the digest as 64 hex digits."""
        return self._hash.hexdigest()


class FactSet:
    """One hash over a set of facts, whatever their order: the hash of each, 16 bytes, sorted and hashed again."""

    def __init__(self) -> None:
        """Start with no facts."""
        self._hashes = [bytearray() for _ in range(256)]  # by their first byte: sorted part by part

    def hexdigest(self) -> str:
        """Give the digest as 64 hex digits."""
        whole = blake2b(digest_size=32)
        for part in map(bytes, self._hashes):
            whole.update(b"".join(sorted([part[at : at + 16] for at in range(0, len(part), 16)])))
        return whole.hexdigest()

    def add(self, facts: str, endings: str = "") -> None:
        """Put facts, JSON arrays one a line, into the set; `endings`: arrays, one a line, that each goes on with."""
        lines = facts.encode().split(b"\n")
        if endings:
            pairs = zip(lines, endings.encode().split(b"\n"), strict=True)
            lines = [fact[:-1] + b"," + ending[1:] for fact, ending in pairs]
        hashes = self._hashes
        for digest in [blake2b(line, digest_size=16).digest() for line in lines]:
            hashes[digest[0]] += digest
