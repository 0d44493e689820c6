"""A finished text as one row with its whole lineage: the columns that every table of texts has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final, Literal

from workbench.catalogue.combos import topic_path
from workbench.errors import BadInput
from workbench.exports.samples import chat_sample, plain_messages
from workbench.exports.selection import CHUNK, with_texts
from workbench.store import Database
from workbench.store.rows import Row

Kind = Literal["text", "texts", "whole", "number", "flag", "scores", "messages"]
KEPT_PATHS: Final = 10_000  # paths of topics in memory


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of texts: its name, what its values are, and what they say."""

    name: str
    kind: Kind
    about: str


_IDENTITY: Final = (
    Column("gen_id", "text", "public ID of the text"),
    Column("stage", "text", "draft, essay or evaluation"),
    Column("parent_gen_id", "text", "what it was made from: an essay's draft, an evaluation's essay"),
    Column("draft_gen_id", "text", "the root of its family; a draft's own ID"),
    Column("combo_id", "text", "what its family is about: a topic, a set of concepts, or none"),
    Column("leaf_uuid", "text", "UUID of the topic"),
    Column("topic", "text", "title of the topic"),
    Column("path", "texts", "titles from the root of the topic model to the topic"),
    Column("concepts", "texts", "names of the concepts, in order"),
    Column("cycle", "whole", "cycle of its family's draft, counted from 0; empty without a topic"),
    Column("replicate", "whole", "repetition of the same task, counted from 1"),
    Column("template_id", "text", "name of the template"),
    Column("template_hash", "text", "hash of the template's text that was used"),
    Column("llm_model_id", "text", "name of the model"),
    Column("model_hash", "text", "hash of the model's settings that were used"),
    Column("origin_cohort_id", "text", "the cohort that made it first"),
    Column("cohorts", "texts", "every cohort that selects it"),
)
_SCORES: Final = (
    Column("score", "number", "the score that an evaluation gives, in its rubric's points"),
    Column("scale_min", "number", "lowest point of that rubric"),
    Column("scale_max", "number", "highest point of that rubric"),
    Column("score_0_to_1", "number", "mean of `scores` as shares of their scales"),
    Column("scores", "scores", "every score that it gives, or that the evaluations below it gave"),
)
_FACTS: Final = (
    Column("synthetic", "flag", "no model wrote it: the offline model or a migration did"),
    Column("truncated", "flag", "the answer was cut"),
    Column("lossy", "flag", "characters that cannot be stored were replaced"),
    Column("finish_reason", "text", "why the model stopped"),
    Column("tokens_in", "whole", "tokens of the prompt"),
    Column("tokens_out", "whole", "tokens of the answer"),
    Column("prompt_hash", "text", "hash of system message and prompt"),
    Column("raw_hash", "text", "hash of the answer as it came"),
    Column("parsed_hash", "text", "hash of the text taken out of it"),
    Column("created", "text", "when it was planned or read, in UTC"),
)
_TEXTS: Final = (
    Column("messages", "messages", "the text as a conversation: role and content"),
    Column("system", "text", "system message"),
    Column("prompt", "text", "prompt"),
    Column("raw", "text", "the answer as it came"),
    Column("parsed", "text", "the text taken out of it"),
)
TEXTS: Final = tuple(column.name for column in _TEXTS)
PLAIN_TEXTS: Final = ("system", "prompt", "raw", "parsed")
SCORE: Final = (
    *("gen_id", "template_id", "llm_model_id", "replicate", "score", "scale_min", "scale_max"),
    "score_0_to_1",
)
_FLAGS: Final = tuple(column.name for column in _FACTS if column.kind == "flag")
_BELOW: Final = """
with recursive below (about, id) as (
  select value, value from json_each(?)
  union select below.about, g.id from below join generations g on g.parent_id = below.id
)
select below.about, v.gen_id, t.name as template_id, m.llm_model_id, v.replicate, s.score, s.scale_min, s.scale_max,
  case when s.scale_max > s.scale_min then (s.score - s.scale_min) / (s.scale_max - s.scale_min) end as score_0_to_1
from below join generations v on v.id = below.id and v.stage = 'evaluation' and v.status = 'done'
join scores s on s.content_id = v.content_id
left join templates t on t.id = v.template_id left join models m on m.id = v.model_id
order by below.about, t.name, m.llm_model_id, v.replicate, v.gen_id
"""
_COHORTS: Final = """
select k.generation_id, c.name from cohort_members k join cohorts c on c.id = k.cohort_id
where k.generation_id in (select value from json_each(?)) order by 1, 2
"""
_CONCEPTS: Final = """
select n.name from combo_members m join concepts n on n.id = m.concept_id where m.combo_id = ? order by m.place
"""


def columns(texts: Sequence[str] = PLAIN_TEXTS) -> tuple[Column, ...]:
    """Give the columns of a table: lineage, scores, facts, and the texts that are asked for, in their own order.

    Raises BadInput for a text that there is not.
    """
    if unknown := [name for name in texts if name not in TEXTS]:
        raise BadInput(f"there is no text {unknown[0]!r}", mend=f"use some of {', '.join(TEXTS)}, or none")
    return (*_IDENTITY, *_SCORES, *_FACTS, *(column for column in _TEXTS if column.name in texts))


def lineage_rows(db: Database, numbers: Iterable[int], texts: Sequence[str] = PLAIN_TEXTS) -> Iterator[Row]:
    """Stream generations as rows of `columns(texts)`, in the order of their numbers, some hundred in memory."""
    names = [column.name for column in columns(texts)]
    for row in full_rows(db, numbers, conversations="messages" in texts):
        yield {name: row[name] for name in names}


def full_rows(db: Database, numbers: Iterable[int], *, conversations: bool = False) -> Iterator[Row]:
    """Stream generations with every column, and the numbers of what they were made from."""
    path = lru_cache(KEPT_PATHS)(lambda topic_id: topic_path(db, topic_id))
    concepts = lru_cache(KEPT_PATHS)(lambda combo: [name for (name,) in db.execute(_CONCEPTS, (combo,))])
    left = iter(numbers)
    while part := list(islice(left, CHUNK)):
        cohorts, scores = _cohorts(db, part), _scores(db, part)
        for row in with_texts(db, part):
            row["path"] = None if row["topic_id"] is None else path(row["topic_id"])
            row["concepts"] = None if row["combo"] is None else concepts(row["combo"]) or None
            row["cohorts"], row["scores"] = cohorts.get(row["id"], []), scores.get(row["id"], [])
            yield _told(row, conversations)


def _told(row: Row, conversations: bool) -> Row:
    own = row["scores"][0] if row["stage"] == "evaluation" and row["scores"] else {}
    row |= {name: own.get(name) for name in ("score", "scale_min", "scale_max")}
    row["score_0_to_1"] = _mean(row["scores"])
    row |= {"combo_id": row["about"], "draft_gen_id": row["root"]}
    row["cycle"] = None if row["leaf_uuid"] is None else row["root_cycle"]
    row |= {name: bool(row[name]) for name in _FLAGS}
    if conversations:
        row["messages"] = plain_messages(chat_sample(row["parsed"] or "", row["prompt"], row["system"]))
    return row


def _mean(scores: Sequence[Mapping[str, Any]]) -> float | None:
    shares = [score["score_0_to_1"] for score in scores if score["score_0_to_1"] is not None]
    return sum(shares) / len(shares) if shares else None


def _cohorts(db: Database, part: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for number, name in db.execute(_COHORTS, (json.dumps(part),)):
        found.setdefault(number, []).append(name)
    return found


def _scores(db: Database, part: list[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for number, *values in db.execute(_BELOW, (json.dumps(part),)):
        found.setdefault(number, []).append(dict(zip(SCORE, values, strict=True)))
    return found
