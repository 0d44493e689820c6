"""What `--full` adds: every hash, current choice, score and index entry is made again and compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from workbench.catalogue.templates import load_version
from workbench.errors import WorkbenchError
from workbench.store import Database
from workbench.verify.check import UNREADABLE, Check, Rule, examine, examined

PACKED: Final = "packed_without_prompts"  # project key of a copy whose prompt texts were dropped

PROMPTS: Final = Rule(
    "prompt hashes",
    "Every prompt is the text that its hash was made of.",
    f"""
    select p.hash, 0 from prompts p
    where not (p.text = '' and p.system = '' and exists (select 1 from project where key = '{PACKED}'))
      and prompt_hash(cast(p.system as blob), cast(p.text as blob)) is not p.hash
    """,
)

TEXTS: Final = Rule(
    "text hashes",
    "Every raw and parsed text is the one that its hash was made of.",
    """
    select coalesce(g.gen_id, 'text ' || x.id), 0 from contents x
    left join generations g on g.id = x.generation_id
    where bytes_hash(cast(x.raw as blob)) is not x.raw_hash
      or bytes_hash(cast(case when x.parsed_hash = x.raw_hash then coalesce(x.parsed, x.raw) else x.parsed end as blob))
        is not x.parsed_hash
    """,
)

ANSWERS: Final = Rule(
    "answer hashes",
    "Every answer's hash is made of its outcome, its texts' hashes and its parent's answer.",
    """
    select coalesce(g.gen_id, 'text ' || x.id), 0 from contents x
    left join generations g on g.id = x.generation_id
    left join contents px on px.id = x.parent_content_id
    where answer_hash(x.outcome, x.prompt_hash, x.raw_hash, x.parsed_hash, px.hash) is not x.hash
    """,
)

MODELS: Final = Rule(
    "model hashes",
    "Every model version's hash is made of its settings.",
    """
    select m.llm_model_id, 0 from model_versions v left join models m on m.id = v.model_id
    where model_hash(v.provider, v.name, v.parameters) is not v.hash
    """,
)

FILES: Final = Rule(
    "file hashes",
    "Every file that a cohort's spec includes is the text that its hash was made of.",
    """
    select c.name || ' ' || f.path, 0 from cohort_files f left join cohorts c on c.id = f.cohort_id
    where bytes_hash(cast(f.text as blob)) is not f.hash
    """,
)

CURRENT: Final = Rule(
    "current texts",
    "The current text is a good one before a bad one, then the highest revision, then the greatest hash.",
    """
    select g.gen_id, 0 from generations g where g.content_id is not (
      select x.id from contents x where x.generation_id = g.id
      order by x.outcome = 'ok' desc, x.revision desc, x.hash desc limit 1)
    """,
)

SCORES: Final = Rule(
    "recorded scores",
    "Every score is the number that its evaluation's parsed text says.",
    """
    select g.gen_id, 0 from contents x
    join generations g on g.id = x.generation_id and g.stage = 'evaluation'
    left join scores s on s.content_id = x.id
    left join template_versions v on v.id = x.template_version_id
    where (s.id is null and x.outcome = 'ok' and x.call_id is not null and v.parser in ('score', 'in_last_line'))
      or abs(s.score - number_in(cast(coalesce(x.parsed, x.raw) as blob))) > 1e-9
      or (s.id is not null and s.score is null and x.parsed_hash is not null
        and number_in(cast(coalesce(x.parsed, x.raw) as blob)) is not null)
    """,
)

SEARCHED: Final = Rule(
    "search",
    "The full-text index knows every text up to the point that it says, and no other.",
    """
    select 'text ' || x.id, 0 from contents x
    where x.id <= (select cast(value as integer) from project where key = 'searched')
      and not exists (select 1 from search_docsize d where d.id = x.id)
    union all
    select 'text ' || d.id, 0 from search_docsize d where not exists (select 1 from contents x where x.id = d.id)
    """,
)

SCALES: Final = Rule(
    "template scales",
    "A template's scale has both ends or none.",
    """
    select t.name, 0 from template_versions v left join templates t on t.id = v.template_id
    where (v.scale_min is null) <> (v.scale_max is null)
    """,
)

RULES: Final = (PROMPTS, TEXTS, ANSWERS, SCALES, MODELS, FILES, CURRENT, SCORES, SEARCHED)


def recomputed(db: Database) -> list[Check]:
    """Make everything that is derived again and compare it with what is recorded."""
    checks = [examine(db, rule) for rule in RULES]
    checks.append(
        examined("template hashes", "Every template's hash is made of its text and settings.", odd_templates(db))
    )
    checks.append(examined("search index", "The full-text index agrees with the texts.", _index(db)))
    return checks


def odd_templates(db: Database, first: int = 0) -> Iterator[tuple[object, object]]:
    """Make the hash of each template version again, from a number on; one that is no template any more has none."""
    for number, recorded in db.execute("select id, hash from template_versions where id >= ?", (first,)).fetchall():
        try:
            template = load_version(db, number)
            if template.hash != recorded:
                yield f"{template.stage} {template.name}", 0
        except (WorkbenchError, ValueError, TypeError) as error:
            yield f"version {number}: {error}", 0


def _index(db: Database) -> Iterator[tuple[object, object]]:
    """Let FTS5 compare its index with the texts: a command that SQLite counts as a write."""
    if not _can_compare(db):
        return
    try:
        with db.atomic():
            db.execute("insert into search (search) values ('integrity-check')")
    except UNREADABLE as error:
        yield error, 0


def _can_compare(db: Database) -> bool:
    read_only = db.execute("pragma query_only").fetchone()[0]
    lagging = db.execute(
        "select 1 from contents where id > coalesce("
        "(select cast(value as integer) from project where key = 'searched'), 0) limit 1"
    ).fetchone()
    return not read_only and lagging is None
