"""Generations as folders of DayDreaming's layout: texts, metadata, and what the layout has no word for beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.errors import BadFile
from workbench.exports.store_folder import Folder
from workbench.exports.store_names import file_name
from workbench.ids import STAGES
from workbench.reading import json_text
from workbench.store import Database
from workbench.store.rows import Row, streamed

OWN: Final = "workbench"  # the key of what the layout has no word for
_ANSWER: Final = """
  x.revision, x.outcome as answered, x.detail, x.prompt_hash, x.raw, x.raw_hash, x.parsed_hash,
  case when x.parsed_hash = x.raw_hash then x.raw else x.parsed end as parsed, x.lossy, x.truncated,
  x.synthetic as made, x.finish_reason, x.tokens_in, x.tokens_out, nullif(pr.system, '') as system,
  case when pr.text <> '' or pr.system <> '' or pr.hash = content_hash('') then pr.text end as prompt,
  px.hash as parent_hash, px.revision as parent_revision, tv.hash as template_hash, mv.hash as model_hash,
  s.id as scored, s.score, s.scale_min, s.scale_max
"""
_OF_ANSWER: Final = """
left join prompts pr on pr.hash = x.prompt_hash
left join contents px on px.id = x.parent_content_id
left join template_versions tv on tv.id = x.template_version_id
left join model_versions mv on mv.id = x.model_version_id
left join scores s on s.content_id = x.id
"""
_GENERATIONS: Final = f"""
select g.id, g.gen_id, g.stage, g.replicate, g.status, g.outcome, g.ready, g.place, g.legacy, g.synthetic, g.content_id,
  c.combo_id, p.gen_id as parent_gen_id, t.name as template_id, m.llm_model_id, o.name as origin_cohort_id,
  coalesce(tv.mode, cv.mode) as mode,
  (select count(*) from contents k where k.generation_id = g.id and k.id is not g.content_id) as earlier, {_ANSWER}
from generations g
left join generations p on p.id = g.parent_id
left join generations a on a.id = p.parent_id
left join combos c on c.id = coalesce(g.combo_id, p.combo_id, a.combo_id)
left join templates t on t.id = g.template_id
left join template_versions cv on cv.id = t.version_id
left join models m on m.id = g.model_id
left join cohorts o on o.id = g.origin_cohort_id
left join contents x on x.id = g.content_id
{_OF_ANSWER}
where g.stage = ? order by g.gen_id
"""
_EARLIER: Final = f"""
select {_ANSWER} from contents x {_OF_ANSWER}
where x.generation_id = ? and x.id is not ? order by x.revision, x.hash
"""
_VERBATIM: Final = """
select r.name, r.metadata from import_rows r join imports i on i.id = r.import_id
where r.generation_id = ? and i.kind = 'store'
  and r.name in ('metadata', 'raw_metadata', 'parsed_metadata', 'prompt') order by r.id
"""
_HELD_UP: Final = ("parent_failed", "collision")  # why a task of the project's own may be blocked
_SIGNATURE: Final = (
    *("parent_gen_id", "mode", "template_id", "combo_id"),
    *("llm_model_id", "replicate", "origin_cohort_id"),
)
_STALE: Final = (
    *("model_id", "cohort_id", *_SIGNATURE),
    *("raw_path", "raw_metadata_path", "parsed_path", "parsed_metadata_path"),
)


def write_generations(db: Database, gens: Folder) -> dict[str, int]:
    """Write every generation as a folder of its stage, streamed; gives how many there are by stage."""
    imported = db.execute("select 1 from imports where kind = 'store' limit 1").fetchone() is not None
    counts = dict.fromkeys(STAGES, 0)
    for stage in STAGES:
        folder = gens.below(stage)
        for row in streamed(db, _GENERATIONS, (stage,)):
            before = dict(db.execute(_VERBATIM, (row["id"],)).fetchall()) if imported else {}
            _write(db, folder.new(file_name(row["gen_id"])), row, before)
            counts[stage] += 1
    return counts


def _write(db: Database, folder: Folder, row: Row, before: Mapping[str, str]) -> None:
    """Write one generation; `before` is what an imported one came with, verbatim."""
    if _is_unplaced(row) and row["template_id"] is None:
        folder.text("metadata.json", before.get("metadata"))  # it could not be read; it stays byte for byte
    else:
        folder.json("metadata.json", _metadata(row, _object(before, "metadata")))
    if row["revision"] is not None:
        folder.json("raw_metadata.json", _raw_metadata(row, _object(before, "raw_metadata")))
        folder.json("parsed_metadata.json", _parsed_metadata(row, _object(before, "parsed_metadata")))
    folder.text("prompt.txt", row["prompt"] if row["revision"] is not None else before.get("prompt"))
    folder.text("raw.txt", row["raw"])
    folder.text("parsed.txt", row["parsed"])
    if row["earlier"]:
        folder.jsonl("answers.jsonl", map(_earlier, streamed(db, _EARLIER, (row["id"], row["content_id"]))))


def _object(before: Mapping[str, str], name: str) -> Row:
    """Give what an imported row came with, as far as it is a JSON object."""
    try:
        found = json_text(before.get(name, "{}").removeprefix("\ufeff"), name)
    except BadFile:
        return {}
    return found if isinstance(found, dict) else {}


def _is_unplaced(row: Row) -> bool:
    """Say whether an import could not place it, and will say so again."""
    return bool(row["legacy"]) and row["status"] == "blocked" and row["outcome"] not in _HELD_UP


def _metadata(row: Row, before: Row) -> Row:
    """Put today's names over what an imported row came with; keys of older eras go where theirs is known."""
    known = {name: row[name] for name in _SIGNATURE if row[name] is not None}
    old = {key for name, keys in _old_keys(row["stage"]).items() if name in known for key in keys}
    kept = {key: value for key, value in before.items() if key not in {*old, OWN}}
    own = _state(row)
    return {**kept, "stage": row["stage"], "gen_id": row["gen_id"], **known, **({OWN: own} if own else {})}


def _state(row: Row) -> Row:
    """Say of a generation's state what its files do not."""
    own: Row = {"place": row["place"]} if row["place"] else {}
    own |= {"synthetic": True} if row["synthetic"] else {}
    if row["status"] == "done" or _is_unplaced(row):
        return own
    return own | {"status": row["status"], "outcome": row["outcome"], "ready": bool(row["ready"])}


def _old_keys(stage: str) -> dict[str, tuple[str, ...]]:
    template = (f"{stage}_template", f"{stage}_template_id")
    return {"template_id": template, "llm_model_id": ("model_id",), "origin_cohort_id": ("cohort_id",)}


def _raw_metadata(row: Row, before: Row) -> Row:
    usage = before.get("usage")
    tokens = {"prompt_tokens": row["tokens_in"], "completion_tokens": row["tokens_out"]}
    told = {name: row[name] for name in ("mode", "llm_model_id", "finish_reason") if row.get(name) is not None}
    return {
        **{key: value for key, value in before.items() if key not in (*_STALE, OWN)},
        **{name: row[name] for name in ("stage", "gen_id") if name in row},
        **told,
        "truncated": bool(row["truncated"]),
        "usage": {**(usage if isinstance(usage, dict) else {}), **{k: n for k, n in tokens.items() if n is not None}},
        OWN: _judged(row),
    }


def _judged(row: Row) -> Row:
    """Say what the layout has no word for: how the answer was judged, and what it was made from, by hashes."""
    own = {"revision": row["revision"], "outcome": row["answered"], "parent": row["parent_hash"]}
    own |= {name: row[name] for name in ("parent_revision", "detail", "system") if row[name] is not None}
    own |= {name: row[f"{name}_hash"] for name in ("template", "model") if row[f"{name}_hash"] is not None}
    own |= {name: True for name, value in (("lossy", row["lossy"]), ("synthetic", row["made"])) if value}
    scored = {name: row[name] for name in ("score", "scale_min", "scale_max")} if row["scored"] is not None else None
    return own | {"score": scored}


def _parsed_metadata(row: Row, before: Row) -> Row:
    return {
        **{key: value for key, value in before.items() if key not in _STALE},
        "stage": row["stage"],
        "gen_id": row["gen_id"],
        "success": row["answered"] == "ok",
        "error": row["detail"],
        **({"score": row["score"]} if row["score"] is not None else {}),
    }


def _earlier(row: Row) -> Row:
    texts = {name: row[name] for name in ("prompt", "raw", "parsed")}
    return {**texts, "raw_metadata": _raw_metadata(row, {})}
