"""Answers enter the record: text first, then what follows for the generation and its children."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.clock import now
from workbench.ids import answer_hash, content_hash
from workbench.store import Database


@dataclass(frozen=True, slots=True)
class Origin:
    """What an answer was made from: prompt, versions, and the parent's answer."""

    generation_id: int
    prompt_hash: str | None
    template_version_id: int | None
    model_version_id: int | None
    parent_content_id: int | None = None
    call_id: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """An answer's texts and how they were judged. `score` is on the template's `scale`."""

    outcome: str
    raw: str | None
    parsed: str | None
    detail: str | None = None
    lossy: bool = False
    truncated: bool = False
    synthetic: bool = False
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    score: float | None = None
    scale: tuple[float, float] | None = None


def store_prompt(db: Database, digest: str, system: str, text: str) -> None:
    """Keep a prompt, once however many calls share it."""
    db.execute("insert or ignore into prompts (hash, system, text) values (?, ?, ?)", (digest, system, text))


def store_answer(db: Database, origin: Origin, result: Result, *, revision: int | None = None) -> int:
    """Append an answer to a generation and let status, score and children follow; gives its number."""
    content_id = _append(db, origin, result, revision)
    if result.score is not None or result.scale is not None:
        low, high = result.scale or (None, None)
        db.execute(
            "insert into scores (generation_id, content_id, score, scale_min, scale_max, detail)"
            " values (?, ?, ?, ?, ?, ?)",
            (origin.generation_id, content_id, result.score, low, high, result.detail),
        )
    if result.outcome == "ok":
        _follow(db, origin.generation_id, content_id, "ok")  # the latest good answer is always the current one
    else:
        refresh(db, origin.generation_id)
    return content_id


def _append(db: Database, origin: Origin, result: Result, revision: int | None) -> int:
    """Add the answer's row. A parsed text that is the raw text is not stored twice: their hashes say so."""
    raw_hash = None if result.raw is None else content_hash(result.raw)
    same = result.parsed is not None and result.parsed == result.raw
    parsed_hash = None if result.parsed is None else raw_hash if same else content_hash(result.parsed)
    parent_hash = _hash_of(db, origin.parent_content_id)
    cursor = db.execute(
        _INSERT,
        (
            *(origin.generation_id, revision, origin.generation_id),
            answer_hash(result.outcome, origin.prompt_hash, raw_hash, parsed_hash, parent_hash),
            *(result.outcome, result.detail, origin.prompt_hash, raw_hash, parsed_hash),
            *(result.raw, None if same else result.parsed, result.lossy, result.truncated, result.synthetic),
            *(result.finish_reason, result.tokens_in, result.tokens_out),
            *(origin.parent_content_id, origin.template_version_id, origin.model_version_id, origin.call_id),
            now(),
        ),
    )
    return int(cursor.lastrowid or 0)


_INSERT = (
    "insert into contents (generation_id, revision, hash, outcome, detail, prompt_hash, raw_hash, parsed_hash, raw,"
    " parsed, lossy, truncated, synthetic, finish_reason, tokens_in, tokens_out, parent_content_id,"
    " template_version_id, model_version_id, call_id, created) values (?, coalesce(?,"
    " (select max(revision) from contents where generation_id = ?) + 1, 1), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?)"
)


def _hash_of(db: Database, content_id: int | None) -> str | None:
    if content_id is None:
        return None
    return str(db.execute("select hash from contents where id = ?", (content_id,)).fetchone()[0])


CURRENT = "select id, outcome from contents where generation_id = ? order by outcome <> 'ok', revision desc, hash desc"


def refresh(db: Database, generation_id: int) -> None:
    """Let a generation follow its answers: a good one before a bad one, then the latest, then by hash."""
    content_id, outcome = db.execute(CURRENT + " limit 1", (generation_id,)).fetchone()
    _follow(db, generation_id, content_id, outcome)


def _follow(db: Database, generation_id: int, content_id: int, outcome: str) -> None:
    status = "done" if outcome == "ok" else "failed"
    db.execute(
        "update generations set status = ?, ready = 0, outcome = ?, content_id = ? where id = ?",
        (status, outcome, content_id, generation_id),
    )
    settle_children(db, generation_id, status)


def fail(db: Database, generation_id: int, outcome: str) -> None:
    """Mark a task that got no answer as failed; a text that it had before stays its text."""
    had = db.execute(CURRENT + " limit 1", (generation_id,)).fetchone()
    if had and had[1] == "ok":
        refresh(db, generation_id)
        return
    db.execute(
        "update generations set status = 'failed', ready = 0, outcome = ? where id = ?",
        (outcome, generation_id),
    )
    settle_children(db, generation_id, "failed")


def settle_children(db: Database, generation_id: int, status: str) -> None:
    """Let the children of a settled generation go on, or block them and all below with the reason."""
    children = db.execute("select exists (select 1 from generations where parent_id = ?)", (generation_id,))
    if not children.fetchone()[0]:
        return
    if status == "done":
        db.execute(
            "update generations set status = 'planned', outcome = null where id in (with recursive below (id) as ("
            " select id from generations where parent_id = ?1 union"
            " select g.id from below join generations g on g.parent_id = below.id)"
            " select id from below) and status = 'blocked' and outcome = 'parent_failed'",
            (generation_id,),
        )
        db.execute("update generations set ready = 1 where parent_id = ? and status = 'planned'", (generation_id,))
        return
    db.execute(
        "update generations set status = 'blocked', ready = 0, outcome = 'parent_failed' where id in ("
        " with recursive below (id) as (select id from generations where parent_id = ?1 union"
        " select g.id from below join generations g on g.parent_id = below.id)"
        " select id from below) and status = 'planned'",
        (generation_id,),
    )
