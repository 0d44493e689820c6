"""What a project is asked, as SQL."""

from __future__ import annotations

from typing import Final

SIGNATURE: Final = """
select g.stage, c.combo_id, p.gen_id, t.name, m.llm_model_id, g.replicate from generations g
left join combos c on c.id = g.combo_id left join generations p on p.id = g.parent_id
left join templates t on t.id = g.template_id left join models m on m.id = g.model_id where g.id = ?
"""

# By stage, with the number of the asking cohort (or null) twice, the replicate, then the signature's fields in order.
_FOUND: Final = """
select g.gen_id, o.name, exists (select 1 from cohort_members k where k.generation_id = g.id
  and k.cohort_id is not g.origin_cohort_id and (? is null or k.cohort_id = ?)), g.status
from {first} join templates t on t.id = g.template_id{model} left join cohorts o on o.id = g.origin_cohort_id
where g.stage = '{stage}' and g.legacy = 0 and g.replicate = ?{fields}
"""
_MODEL: Final = " join models m on m.id = g.model_id"
_BELOW: Final = "generations p join generations g on g.parent_id = p.id"
_OF_PARENT: Final = " and p.gen_id = lower(?) and t.name = ?"
FIND: Final = {
    "draft": _FOUND.format(
        stage="draft",
        first="combos c join generations g on g.combo_id = c.id",
        model=_MODEL,
        fields=" and c.combo_id = ? and t.name = ? and m.llm_model_id = ?",
    ),
    "essay": _FOUND.format(stage="essay", first=_BELOW, model="", fields=_OF_PARENT),
    "evaluation": _FOUND.format(
        stage="evaluation", first=_BELOW, model=_MODEL, fields=f"{_OF_PARENT} and m.llm_model_id = ?"
    ),
}

# Texts page by page: `{base}` is generations, or a cohort's members first; `{key}` the number that pages go by.
TEXTS: Final = """
select g.id, g.gen_id, g.stage, c.combo_id, p.gen_id, t.name, m.llm_model_id, g.replicate, g.status, g.outcome,
  nullif(pr.system, ''), pr.text, x.raw, iif(x.parsed_hash = x.raw_hash, x.raw, x.parsed), o.name,
  max(g.synthetic, coalesce(x.synthetic, 0))
from {base}
left join generations p on p.id = g.parent_id left join generations d on d.id = p.parent_id
left join combos c on c.id = coalesce(g.combo_id, p.combo_id, d.combo_id)
left join templates t on t.id = g.template_id left join models m on m.id = g.model_id
left join contents x on x.id = g.content_id left join prompts pr on pr.hash = x.prompt_hash
left join cohorts o on o.id = g.origin_cohort_id
where {key} > ?{where} order by {key} limit {page}
"""
OF_COHORT: Final = "cohort_members k cross join generations g on g.id = k.generation_id"
NARROWED: Final = {
    "stage": "g.stage = ?",
    "status": "g.status = ?",
    "template": "g.template_id in (select id from templates where name = ?)",
    "model": "g.model_id in (select id from models where llm_model_id = ?)",
    "combo": """g.id in (
      with recursive below (id) as (
        select g.id from combos c join generations g on g.combo_id = c.id where c.combo_id = ?
        union select g.id from below join generations g on g.parent_id = below.id)
      select id from below)""",
    "cohort": "k.cohort_id = ?",
}

TOPICS: Final = "select uuid, title from unique_topics where topic_model_id = ? order by place"

SCORES: Final = """
select s.gen_id, s.essay_gen_id, s.evaluation_template, s.evaluation_model, s.replicate, s.score, s.scale_min,
  s.scale_max
from scores_by_evaluation s join generations v on v.gen_id = s.gen_id
where ?1 is null or exists (select 1 from cohort_members k where k.cohort_id = ?1 and k.generation_id = v.id)
order by s.essay_gen_id, s.evaluation_template, s.evaluation_model, s.replicate, s.gen_id
"""
