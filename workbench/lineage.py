"""One generation and its family, read from the record as plain dicts."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from workbench.catalogue.combos import topic_path
from workbench.errors import DamagedFile, UnknownName
from workbench.ids import FIELDS
from workbench.store import Database
from workbench.store.rows import Row, rows_of

# As it was typed, then in lower case, then in any case (a scan, hence last); today's IDs before older ones.
_RESOLVE = (
    "select id from generations where gen_id = :id",
    "select distinct generation_id from migration_map where old_id = :id and generation_id > 0",
    "select id from generations where gen_id = lower(:id)",
    "select distinct generation_id from migration_map where old_id = lower(:id) and generation_id > 0",
    "select id from generations where gen_id = :id collate nocase",
    "select distinct generation_id from gen_id_aliases where alias = :id collate nocase",
)
_NEAR = "select gen_id from generations where gen_id >= :start and gen_id < :start || 'zzzz' order by 1 limit 3"

_GENERATION = """
select g.id, g.gen_id, g.stage, g.status, g.outcome, x.detail, g.replicate, g.legacy, g.synthetic,
  c.combo_id, p.gen_id as parent_gen_id, t.name as template_id, m.llm_model_id, o.name as origin_cohort_id,
  g.created, nullif(pr.system, '') as system, nullif(pr.text, '') as prompt, x.raw,
  case when x.parsed_hash = x.raw_hash then x.raw else x.parsed end as parsed,
  x.prompt_hash, x.raw_hash, x.parsed_hash, x.revision, x.finish_reason, x.tokens_in, x.tokens_out,
  x.truncated, x.lossy, x.created as answered, tv.hash as template_hash,
  tv.id <> t.version_id as template_changed, mv.hash as model_hash, mv.id <> m.version_id as model_changed,
  px.id <> p.content_id as parent_changed
from generations g
left join combos c on c.id = g.combo_id
left join generations p on p.id = g.parent_id
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
left join cohorts o on o.id = g.origin_cohort_id
left join contents x on x.id = g.content_id
left join prompts pr on pr.hash = x.prompt_hash
left join template_versions tv on tv.id = x.template_version_id
left join model_versions mv on mv.id = x.model_version_id
left join contents px on px.id = x.parent_content_id
where g.id = ?
"""
_ALIASES = """
select old_id from migration_map where generation_id = :id and old_id not in ('', :gen_id)
union select new_id from migration_map where generation_id = :id and new_id not in ('', :gen_id)
"""
_CHILDREN = """
select g.gen_id, g.stage, g.status, t.name as template_id, m.llm_model_id, g.replicate
from generations g left join templates t on t.id = g.template_id left join models m on m.id = g.model_id
where g.parent_id = ? order by g.id
"""
_SCORES = """
select g.gen_id, t.name as template_id, m.llm_model_id, g.replicate, s.score, s.scale_min, s.scale_max, s.detail
from generations g join scores s on s.content_id = g.content_id
left join templates t on t.id = g.template_id left join models m on m.id = g.model_id
where g.id = :id or (g.parent_id = :id and g.stage = 'evaluation') order by g.id
"""
_CALLS = """
select id, attempt, provider, model, started, latency_ms, status, outcome, http_status, tokens_in, tokens_out,
  cost, error
from calls where generation_id = ? order by id
"""
_ANSWERS = """
select x.revision, x.outcome, x.detail, x.raw_hash, x.parsed_hash, x.created, x.id = g.content_id as current
from contents x join generations g on g.id = x.generation_id where g.id = ? order by x.revision, x.id
"""
_COHORTS = """
select c.name from cohort_members m join cohorts c on c.id = m.cohort_id where m.generation_id = ? order by 1
"""
_FAMILY = """
with recursive up (id, distance) as (
  select :id, 0 union all
  select g.parent_id, distance - 1 from up join generations g on g.id = up.id
  where g.parent_id is not null and distance > -10
), down (id, distance) as (
  select :id, 0 union all
  select g.id, distance + 1 from down join generations g on g.parent_id = down.id where distance < 10
)
select g.gen_id, g.stage, g.status, g.outcome, p.gen_id as parent_gen_id, c.combo_id, t.name as template_id,
  m.llm_model_id, g.replicate, s.score, f.distance
from (select id, distance from up union select id, distance from down) f
join generations g on g.id = f.id
left join generations p on p.id = g.parent_id
left join combos c on c.id = g.combo_id
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
left join scores s on s.content_id = g.content_id
order by f.distance, g.id
"""
_CONCEPTS = """
select n.concept_id, n.name from combos c join combo_members b on b.combo_id = c.id
join concepts n on n.id = b.concept_id where c.combo_id = ? order by b.place
"""


def resolve(db: Database, gen_id: str) -> int:
    """Give the row number of a generation by its ID, in any case, of today or of before a migration.

    Raises UnknownName when nothing, or more than one generation, is meant.
    """
    wanted = {"id": gen_id.strip()}
    for sql in _RESOLVE:
        found = [int(row[0]) for row in db.execute(sql, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownName(f"{gen_id!r} is several generations", mend=f"name one of {_listed(db, found)}")
    near = [row[0] for row in db.execute(_NEAR, {"start": wanted["id"].lower()[:4]})] if wanted["id"] else []
    every = "list them with `workbench query 'select gen_id, stage from generations'`"
    mend = f"did you mean {', '.join(near)}?" if near else every
    raise UnknownName(f"no generation {gen_id!r}", mend=mend)


def _listed(db: Database, numbers: Iterable[int]) -> str:
    chosen = list(numbers)[:5]
    marks = ",".join("?" * len(chosen))
    return ", ".join(row[0] for row in db.execute(f"select gen_id from generations where id in ({marks})", chosen))


def show(db: Database, gen_id: str) -> Row:
    """Give one generation with its signature, texts, parents (nearest first), children, scores and calls.

    `aliases` are the IDs that it had before, `answers` all that it ever got, `about` its topic path or
    concepts; `changed` names what is no longer as it was when the answer was made. Raises UnknownName.
    """
    number = resolve(db, gen_id)
    row = rows_of(db, _GENERATION, (number,))[0]
    family = rows_of(db, _FAMILY, {"id": number})
    parents = sorted((f for f in family if f["distance"] < 0), key=lambda f: -f["distance"])
    flags = {"template": "template_changed", "model": "model_changed", "parent": "parent_changed"}
    changed = [name for name, flag in flags.items() if row.pop(flag)]
    head = {key: row.pop(key) for key in ("gen_id", "stage")}
    row.pop("id")
    return {
        **head,
        "signature": _signature(head["stage"], row),
        **row,
        "aliases": _aliases(db, number, head["gen_id"]),
        "about": about(db, (parents[-1] if parents else row)["combo_id"]),
        "parents": [_brief(parent) for parent in parents],
        "children": rows_of(db, _CHILDREN, (number,)),
        "cohorts": [r[0] for r in db.execute(_COHORTS, (number,))],
        "changed": changed,
        "answers": rows_of(db, _ANSWERS, (number,)),
        "scores": rows_of(db, _SCORES, {"id": number}),
        "calls": rows_of(db, _CALLS, (number,)),
    }


def _signature(stage: str, row: Row) -> Row:
    first = row["combo_id"] if stage == "draft" else row["parent_gen_id"]
    models = () if stage == "essay" else (row["llm_model_id"],)
    return dict(zip(FIELDS[stage], (first, row["template_id"], *models, row["replicate"]), strict=True))


def _brief(row: Row) -> Row:
    return {key: row[key] for key in ("gen_id", "stage", "status", "template_id", "llm_model_id", "replicate")}


def _aliases(db: Database, number: int, gen_id: str) -> list[str]:
    return [row[0] for row in db.execute(_ALIASES, {"id": number, "gen_id": gen_id})]


def about(db: Database, combo_id: str | None) -> Row:
    """Say what a combo is: `topic_path` from the root, or `concepts`; empty for none, and where a path has no end."""
    if combo_id is None:
        return {}
    (topic_id,) = db.execute("select max(topic_id) from combos where combo_id = ?", (combo_id,)).fetchone()
    path: list[str] = []
    with suppress(DamagedFile):
        path = [] if topic_id is None else topic_path(db, topic_id)
    concepts = rows_of(db, _CONCEPTS, (combo_id,))
    found: Row = {"combo_id": combo_id}
    return found | ({"topic_path": path} if path else {}) | ({"concepts": concepts} if concepts else {})


def family(db: Database, gen_id: str) -> Row:
    """Give a generation's ancestors and descendants, eldest first, with `distance` (0: itself) and score.

    Keys: gen_id (as it is today), about, members. Raises UnknownName.
    """
    members = rows_of(db, _FAMILY, {"id": resolve(db, gen_id)})
    itself = next(row["gen_id"] for row in members if row["distance"] == 0)
    return {"gen_id": itself, "about": about(db, members[0]["combo_id"]), "members": members}


def text_of(db: Database, gen_id: str, kind: str = "parsed") -> tuple[str, str]:
    """Give a generation's ID of today and its prompt, raw or parsed text (raw where nothing was parsed).

    Raises UnknownName when it has no such text yet.
    """
    row = rows_of(db, _GENERATION, (resolve(db, gen_id),))[0]
    text = row[kind] if kind != "parsed" or row["parsed"] is not None else row["raw"]
    if text is None:
        raise UnknownName(f"{row['gen_id']} has no {kind} text", mend=f"it is {row['status']}; generate it first")
    return row["gen_id"], str(text)
