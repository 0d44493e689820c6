"""What the digest is made of: for each kind of fact, SQL that gives one canonical JSON array a fact.

Every line begins with its kind. A generation is named by its public ID and its parent's, or, where IDs are left
out, by its whole signature chain; never by a row number. A line stands for a generation with its current answer;
answers that are not current have lines of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Facts that hold no ID of a generation.
PLAIN: Final = {
    "cohort": "select json_array('cohort', lower(name), mode, text_hash(spec), text_hash(settings)) from cohorts",
    "cohort file": "select json_array('cohort file', lower(c.name), f.path, f.hash)"
    " from cohort_files f join cohorts c on c.id = f.cohort_id",
    "combo": "select json_array('combo', lower(combo_id), topic_id is not null, level, k) from combos",
    "concept": "select json_array('concept', lower(concept_id), name, text_hash(sentence), text_hash(paragraph),"
    " text_hash(article)) from concepts",
    "concept of combo": "select json_array('concept of combo', lower(c.combo_id), lower(n.concept_id), m.place)"
    " from combo_members m join combos c on c.id = m.combo_id join concepts n on n.id = m.concept_id",
    "edge": "select json_array('edge', lower(t.name), lower(a.uuid), lower(b.uuid), e.place, e.main)"
    " from topic_edges e join topics a on a.id = e.parent_id join topics b on b.id = e.child_id"
    " join topic_models t on t.id = a.topic_model_id",
    "model": "select json_array('model', lower(llm_model_id), display_name) from models",
    "model version": "select json_array('model version', lower(m.llm_model_id), v.hash, v.id is m.version_id)"
    " from model_versions v join models m on m.id = v.model_id",
    "replication": "select json_array('replication', stage, replicates) from replication",
    "template": "select json_array('template', stage, lower(name)) from templates",
    "template version": "select json_array('template version', t.stage, lower(t.name), v.hash,"
    " v.id is t.version_id) from template_versions v join templates t on t.id = v.template_id",
    "topic": "select json_array('topic', lower(m.name), lower(t.uuid), t.title, t.leaf, t.depth, t.place)"
    " from topics t join topic_models m on m.id = t.topic_model_id",
    "topic model": "select json_array('topic model', lower(name), kind, leaves_only) from topic_models",
}

_OWN: Final = """
  left join templates t on t.id = g.template_id
  left join models m on m.id = g.model_id and g.stage <> 'essay'
  left join generations p on p.id = g.parent_id"""
_ABOVE: Final = """
  left join templates pt on pt.id = p.template_id
  left join models pm on pm.id = p.model_id and p.stage <> 'essay'
  left join generations q on q.id = p.parent_id
  left join templates qt on qt.id = q.template_id
  left join models qm on qm.id = q.model_id"""
_SCORES: Final = "\n  left join scores s on s.content_id = x.id and g.stage = 'evaluation'"
# The parent's answer that it was made from: 1 for the current one, which the parent's own line tells.
_MADE_FROM: Final = """case when x.parent_content_id is null then null
    when x.parent_content_id = p.content_id then 1
    else (select px.hash from contents px where px.id = x.parent_content_id) end"""


def _digits(number: str) -> str:
    """Give a number's first nine decimals by arithmetic: SQLite prints floats slowly, and not always alike."""
    return f"case when abs({number}) < 1e9 then cast({number} * 1e9 as integer) else {number} end"


_ANSWER: Final = ", ".join(
    (f"x.revision, x.hash, {_MADE_FROM}, s.id is not null", *map(_digits, ("s.score", "s.scale_min", "s.scale_max")))
)


@dataclass(frozen=True, slots=True)
class Naming:
    """How lines name generations: `signature` of their own rows, `chain` elsewhere; or their IDs, `row` and `name`."""

    signature: str
    chain: str
    combo: str
    joins: str
    row: str
    name: str


BY_CHAIN: Final = Naming(
    signature="lower(c.combo_id), lower(qt.name), lower(qm.llm_model_id), q.replicate, lower(pt.name),"
    " lower(pm.llm_model_id), p.replicate, lower(t.name), lower(m.llm_model_id), g.replicate",
    chain="g.stage, lower(c.combo_id), lower(qt.name), lower(qm.llm_model_id), q.replicate, lower(pt.name),"
    " lower(pm.llm_model_id), p.replicate, lower(t.name), lower(m.llm_model_id), g.replicate",
    combo="coalesce(g.combo_id, p.combo_id, q.combo_id)",
    joins=_ABOVE,
    row="",
    name="",
)
BY_ID: Final = Naming(
    signature="lower(c.combo_id), lower(t.name), lower(m.llm_model_id), g.replicate",
    chain="",
    combo="g.combo_id",
    joins="",
    row="g.gen_id, g.legacy, p.gen_id",
    name="g.gen_id",
)


def _line(columns: str, ids: str, rows: str, *, apart: bool) -> str:
    """Give the SQL of a fact as one JSON array; `apart` as two, without IDs and of these, and row numbers for them."""
    if apart:
        return f"json_array({columns}) as fact, json_array({ids}) as ids, {rows} as rows"
    return f"json_array({', '.join(filter(None, (columns, ids)))}) as fact"


def _family(naming: Naming) -> str:
    return f"{_OWN}{naming.joins}\n  left join combos c on c.id = {naming.combo}"


def generations(naming: Naming, *, apart: bool = False) -> str:
    """Give the SQL of the lines of all generations numbered from :first to :last, as one text; `apart` as three."""
    columns = f"g.stage, {naming.signature}, g.status, x.generation_id is g.id, {_ANSWER}"
    line = _line(columns, naming.row, "coalesce(g.parent_id, 0)", apart=apart)
    texts = ", ".join(f"group_concat({part}, char(10))" for part in (("fact", "ids", "rows") if apart else ("fact",)))
    return (
        f"select {texts} from (select {line} from generations g{_family(naming)}\n"
        f"  left join contents x on x.id = g.content_id{_SCORES}\n  where g.id between :first and :last)"
    )


def named(naming: Naming, *, apart: bool = False) -> dict[str, str]:
    """Give the SQL of other facts that name generations: answers that are not current, members, the scheme."""
    chain = f", {naming.chain}" if naming.chain else ""
    answer = _line(f"'answer', {_ANSWER}{chain}", naming.name, "g.id", apart=apart)
    member = _line(f"'member', lower(o.name), k.place{chain}", naming.name, "g.id", apart=apart)
    facts = {
        # Found by an index that has numbers alone, so that no text is read of those that are current.
        "answer": f"select {answer} from contents k cross join generations g on g.id = k.generation_id"
        f" and g.content_id is not k.id cross join contents x on x.id = k.id{_family(naming)}{_SCORES}",
        "member": f"select {member} from cohort_members k join cohorts o on o.id = k.cohort_id"
        f" join generations g on g.id = k.generation_id{_family(naming)}",
    }
    if naming.name:
        scheme = _line("'scheme'", "value", "0", apart=apart)
        facts["scheme"] = f"select {scheme} from project where key = 'scheme'"
    return facts
