"""What the digest is made of: for each kind of fact, SQL that gives one canonical JSON line a fact.

Every line begins with its kind and the kinds stand here in sorted order, so that all lines together are sorted.
Generations are named by their whole signature chain, never by a row number.
"""

from __future__ import annotations

from typing import Final

# Answers in the order of the index (revision, hash): each with the parent's answer, whether it is current, its score.
_ANSWERS: Final = """(
  select json_group_array(json_array(x.revision, x.hash, px.hash, x.id = g.content_id{score}))
  from (select id, revision, hash, parent_content_id from contents where generation_id = g.id
    order by revision, hash) x
  left join contents px on px.id = x.parent_content_id{scores})"""
_PLAIN: Final = _ANSWERS.format(score="", scores="")
_SCORED: Final = _ANSWERS.format(
    score=", s.id is not null, short_number(s.score), short_number(s.scale_min), short_number(s.scale_max)",
    scores=" left join scores s on s.content_id = x.id",
)

_DRAFT: Final = "lower(c.combo_id), lower(dt.name), lower(dm.llm_model_id), d.replicate"
_ESSAY: Final = f"{_DRAFT}, lower(et.name), e.replicate"
_EVALUATION: Final = f"{_ESSAY}, lower(vt.name), lower(vm.llm_model_id), v.replicate"
_OF_DRAFT: Final = """
  left join combos c on c.id = d.combo_id
  left join templates dt on dt.id = d.template_id
  left join models dm on dm.id = d.model_id"""
_OF_ESSAY: Final = f"""
  left join templates et on et.id = e.template_id
  left join generations d on d.id = e.parent_id{_OF_DRAFT}"""
_OF_EVALUATION: Final = f"""
  left join templates vt on vt.id = v.template_id
  left join models vm on vm.id = v.model_id
  left join generations e on e.id = v.parent_id{_OF_ESSAY}"""

# Stage: the letter of its own row in the joins above, its signature chain, the joins.
_STAGES: Final = {
    "draft": ("d", _DRAFT, _OF_DRAFT),
    "essay": ("e", _ESSAY, _OF_ESSAY),
    "evaluation": ("v", _EVALUATION, _OF_EVALUATION),
}


def _generations(stage: str, *, ids: bool) -> str:
    own, chain, joins = _STAGES[stage]
    answers = (_SCORED if stage == "evaluation" else _PLAIN).replace("g.", f"{own}.")
    known = f"{own}.gen_id, {own}.legacy, " if ids else ""
    return (
        f"select json_array('{stage}', {chain}, {known}{own}.status, json({answers}))"
        f" from generations {own}{joins} where {own}.stage = '{stage}'"
    )


def _members() -> str:
    parts = []
    for stage, (own, chain, joins) in _STAGES.items():
        parts.append(
            f"select json_array('member', lower(o.name), k.place, '{stage}', {chain}) from cohort_members k"
            f" join cohorts o on o.id = k.cohort_id join generations {own} on {own}.id = k.generation_id{joins}"
            f" where {own}.stage = '{stage}'"
        )
    return " union all ".join(parts)


def _facts(*, ids: bool) -> dict[str, str]:
    facts = {
        "cohort": "select json_array('cohort', lower(name), mode, text_hash(spec), text_hash(settings)) from cohorts",
        "cohort file": "select json_array('cohort file', lower(c.name), f.path, f.hash)"
        " from cohort_files f join cohorts c on c.id = f.cohort_id",
        "combo": "select json_array('combo', lower(combo_id), topic_id is not null, level, k) from combos",
        "concept": "select json_array('concept', lower(concept_id), name, text_hash(sentence), text_hash(paragraph),"
        " text_hash(article)) from concepts",
        "concept of combo": "select json_array('concept of combo', lower(c.combo_id), lower(n.concept_id), m.place)"
        " from combo_members m join combos c on c.id = m.combo_id join concepts n on n.id = m.concept_id",
        "draft": _generations("draft", ids=ids),
        "edge": "select json_array('edge', lower(t.name), lower(a.uuid), lower(b.uuid), e.place, e.main)"
        " from topic_edges e join topics a on a.id = e.parent_id join topics b on b.id = e.child_id"
        " join topic_models t on t.id = a.topic_model_id",
        "essay": _generations("essay", ids=ids),
        "evaluation": _generations("evaluation", ids=ids),
        "member": _members(),
        "model": "select json_array('model', lower(llm_model_id), display_name) from models",
        "model version": "select json_array('model version', lower(m.llm_model_id), v.hash, v.id is m.version_id)"
        " from model_versions v join models m on m.id = v.model_id",
        "replication": "select json_array('replication', stage, replicates) from replication",
        "scheme": "select json_array('scheme', value) from project where key = 'scheme'",
        "template": "select json_array('template', stage, lower(name)) from templates",
        "template version": "select json_array('template version', t.stage, lower(t.name), v.hash,"
        " v.id is t.version_id) from template_versions v join templates t on t.id = v.template_id",
        "topic": "select json_array('topic', lower(m.name), lower(t.uuid), t.title, t.leaf, t.depth, t.place)"
        " from topics t join topic_models m on m.id = t.topic_model_id",
        "topic model": "select json_array('topic model', lower(name), kind, leaves_only) from topic_models",
    }
    if not ids:
        del facts["scheme"]
    return dict(sorted(facts.items(), key=lambda fact: f'{fact[0]}"'))


FACTS: Final = _facts(ids=True)
WITHOUT_IDS: Final = _facts(ids=False)
