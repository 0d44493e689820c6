"""A topic model's completions as a checkpoint in DeepFabric's form with thirteen keys, samples and failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workbench.catalogue.combos import topic_path
from workbench.catalogue.models import load_model
from workbench.catalogue.topics import topic_model_id
from workbench.checkpoint import Origin, WrittenFailure, WrittenSample, write_checkpoint
from workbench.clock import now
from workbench.errors import UnknownName
from workbench.exports.dataset import metadata_of, sample_of
from workbench.exports.files import refuse_output
from workbench.exports.samples import Sample, messages
from workbench.exports.selection import Choice, chosen, with_texts
from workbench.store import Database
from workbench.store.rows import Row
from workbench.verify.check import snapshot

_KIND: Final = "deepfabric-"  # what templates of imported checkpoints are called, before the conversation's type
_SUFFIX: Final = ".checkpoint.json"
_USED: Final = """
select tm.name, te.name, m.llm_model_id from generations g
join combos c on c.id = g.combo_id join topics t on t.uuid = c.combo_id
join topic_models tm on tm.id = t.topic_model_id
join templates te on te.id = g.template_id join models m on m.id = g.model_id
where g.stage = 'draft' and g.status in ('done', 'failed') and (?1 is null or tm.name = ?1)
  and (?2 is null or te.name = ?2) and (?3 is null or m.llm_model_id = ?3)
group by tm.id, te.id, m.id order by 1, 2, 3 limit 13
"""
_COUNTS: Final = """
select (select count(*) from unique_topics where topic_model_id = :topics), coalesce(max(g.replicate), 0)
from generations g join combos c on c.id = g.combo_id
join templates te on te.id = g.template_id join models m on m.id = g.model_id
where g.stage = 'draft' and te.name = :template and m.llm_model_id = :model
  and exists (select 1 from topics t where t.uuid = c.combo_id and t.topic_model_id = :topics)
"""


def export_checkpoint(
    db: Database,
    out: Path | str,
    topics: str | None = None,
    template: str | None = None,
    model: str | None = None,
    *,
    force: bool = False,
) -> dict[str, object]:
    """Write `<stem>.checkpoint.json`, its samples and its failures; importing them gives the same completions.

    `out` is the stem or the whole name. A name that is not given must be the only one that has drafts. Gives
    {"rows": samples, "failures", "path"}. Raises UnknownName, OutputExists without `force`.
    """
    path = _named(Path(out))
    refuse_output(path, force=force)
    with snapshot(db):
        choice = _settled(db, topics, template, model)
        done = chosen(db, choice)
        failed = chosen(db, _but_failed(choice))
        samples, failures = _samples(db, with_texts(db, done)), _failures(db, with_texts(db, failed))
        origin = _origin(db, choice, next(iter(with_texts(db, done[:1])), None))
        write_checkpoint(path, samples, failures, origin, force=force)
    return {"rows": len(done), "failures": len(failed), "path": str(path)}


def _named(out: Path) -> Path:
    stem = out.name.removesuffix(".json").removesuffix(".checkpoint")
    return out.with_name(stem + _SUFFIX)


def _settled(db: Database, *names: str | None) -> Choice:
    """Fill in the names that are not given; raises UnknownName unless that leaves one choice."""
    found = db.execute(_USED, [name and name.strip() for name in names]).fetchall()
    if all(names) and not found:
        topic_model_id(db, names[0] or "")
        found = [names]
    if len(found) != 1:
        shown = "; ".join(f"--topics {a} --template {b} --model {c}" for a, b, c in found[:12])
        detail = "there are several to choose from" if found else "no drafts of topics match"
        raise UnknownName(detail, mend=f"name one: {shown}" if found else "see `workbench status`")
    topics, template, model = found[0]
    return Choice(topics=topics, template=template, model=model)


def _but_failed(choice: Choice) -> Choice:
    return Choice(topics=choice.topics, template=choice.template, model=choice.model, status="failed")


def _samples(db: Database, rows: Iterator[Row]) -> Iterator[WrittenSample]:
    for row in rows:
        sample = _as_it_was(row) or sample_of(row)
        if row["synthetic"]:
            sample = {**sample, "metadata": {**metadata_of(sample), "synthetic": True}}
        yield WrittenSample(row["combo_id"], row["replicate"] - 1, sample)


def _as_it_was(row: Row) -> Sample | None:
    """Prefer the raw text where it is the sample itself: then the line that was imported is written again."""
    try:
        value = json.loads(row["raw"])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and messages(value) else None


def _failures(db: Database, rows: Iterator[Row]) -> Iterator[WrittenFailure]:
    for row in rows:
        error = row["detail"] or row["outcome"] or "failed"
        yield WrittenFailure(row["combo_id"], row["replicate"] - 1, error, topic_path(db, row["topic_id"]))


def _origin(db: Database, choice: Choice, first: Row | None) -> Origin:
    name, model = choice.template or "", load_model(db, choice.model or "")
    topics = topic_model_id(db, choice.topics or "")
    names = {"topics": topics, "template": name, "model": choice.model}
    unique, cycles = db.execute(_COUNTS, names).fetchone()
    reasoning = sample_of(first).get("reasoning") if first else None
    style = reasoning.get("style") if isinstance(reasoning, dict) else None
    plain = "chain_of_thought" if reasoning else "basic"
    return Origin(
        created_at=now(),
        provider=model.provider,
        model_name=model.name,
        conversation_type=name.removeprefix(_KIND) if name.startswith(_KIND) else plain,
        reasoning_style=style if isinstance(style, str) else None,
        unique_topics=unique,
        cycles_needed=cycles,
    )
