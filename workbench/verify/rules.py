"""The rules that always hold, one to six of the model, each as SQL over the whole record.

A row is (name of what breaks the rule, 1 when it is exempt). Legacy rows are exempt from rules 1, 2, 4 and 5
until a migration mends them; they are counted apart.
"""

from __future__ import annotations

from typing import Final

from workbench.verify.check import Rule

COLLISION: Final = "id_collision"  # the kind of alert that a suffixed ID comes with

IDS: Final = Rule(
    "ids",
    "Every ID is the function of its signature; a suffixed one has its alert.",
    f"""
    select g.gen_id, g.legacy from generations g
    left join combos c on c.id = g.combo_id
    left join generations p on p.id = g.parent_id
    left join templates t on t.id = g.template_id
    left join models m on m.id = g.model_id
    where g.legacy
      or not case g.stage
        when 'draft' then id_fits(g.gen_id, 'draft', c.combo_id, t.name, m.llm_model_id, g.replicate)
        when 'essay' then id_fits(g.gen_id, 'essay', p.gen_id, t.name, g.replicate)
        else id_fits(g.gen_id, g.stage, p.gen_id, t.name, m.llm_model_id, g.replicate) end
      or (instr(g.gen_id, '-') and not exists (
        select 1 from alerts a where a.generation_id = g.id and a.kind = '{COLLISION}'))
    """,
)

PARENTS: Final = Rule(
    "parents",
    "Every essay has its draft, every evaluation its essay, and a draft has no parent.",
    """
    select g.gen_id, g.legacy from generations g left join generations p on p.id = g.parent_id
    where case g.stage
      when 'draft' then g.parent_id is not null
      when 'essay' then p.stage is not 'draft'
      else p.stage is not 'essay' end
    """,
)

LINEAGE: Final = Rule(
    "lineage",
    "A text was made from a text of its generation's parent.",
    """
    select g.gen_id, g.legacy from contents x
    join generations g on g.id = x.generation_id
    left join contents px on px.id = x.parent_content_id
    where x.parent_content_id is not null and (px.id is null or px.generation_id is not g.parent_id)
    """,
)

MEMBERS: Final = Rule(
    "members",
    "Every member of a cohort is in the file.",
    """
    select coalesce(g.gen_id, c.name || ' ' || m.place, 'member ' || m.id), 0 from cohort_members m
    left join cohorts c on c.id = m.cohort_id
    left join generations g on g.id = m.generation_id
    where c.id is null or g.id is null
    """,
)

COMPLETIONS: Final = Rule(
    "completions",
    "Every completion has its generation, done, with its text, about a topic that is in the file.",
    """
    select g.gen_id, 0 from generations g
    join combos c on c.id = g.combo_id
    left join topics t on t.id = c.topic_id
    left join contents x on x.id = g.content_id
    where g.stage = 'draft' and g.status = 'done' and g.replicate is not null and c.topic_id is not null
      and (t.id is null or x.outcome is not 'ok' or (typeof(x.parsed) = 'null' and typeof(x.raw) = 'null'))
    """,
)

TEXTS: Final = Rule(
    "texts",
    "Raw text, parsed text, hashes and what made them stand together.",
    """
    select g.gen_id, g.legacy from contents x join generations g on g.id = x.generation_id
    where (x.raw_hash is null) <> (typeof(x.raw) = 'null')
      or (x.parsed_hash is null and typeof(x.parsed) <> 'null')
      or (x.parsed_hash is not null and (x.raw_hash is null
        or (typeof(x.parsed) = 'null' and x.parsed_hash <> x.raw_hash)))
      or (x.outcome = 'ok' and x.parsed_hash is null)
      or (x.call_id is not null
        and (x.prompt_hash is null or x.template_version_id is null or x.model_version_id is null))
    """,
)

STATUS: Final = Rule(
    "status",
    "What is done has a good current text of its own; what failed has none.",
    """
    select g.gen_id, g.legacy from generations g left join contents x on x.id = g.content_id
    where (g.content_id is not null and x.generation_id is not g.id)
      or (g.status = 'done' and x.outcome is not 'ok')
      or (g.status = 'failed' and x.outcome is 'ok')
    """,
)

SCORES: Final = Rule(
    "scores",
    "A score belongs to a text of its evaluation and lies on its scale.",
    """
    select g.gen_id, g.legacy from scores s
    join generations g on g.id = s.generation_id
    left join contents x on x.id = s.content_id
    where g.stage <> 'evaluation' or x.generation_id is not g.id
      or s.score < s.scale_min or s.score > s.scale_max
    """,
)

CATALOGUE: Final = Rule(
    "catalogue",
    "Every template, model and combo that a generation names is in the file.",
    """
    select g.gen_id, g.legacy from generations g
    left join templates t on t.id = g.template_id
    left join models m on m.id = g.model_id
    left join combos c on c.id = g.combo_id
    where t.stage is not g.stage or (g.stage = 'draft' and c.id is null)
      or (m.id is null and (g.stage <> 'essay' or g.model_id is not null))
    """,
)

COMBOS: Final = Rule(
    "combos",
    "Every combo that something was written about is a topic of its uuid, a set of concepts, or none.",
    """
    select c.combo_id, not exists (select 1 from generations g
      where g.combo_id = c.id and g.legacy = 0 and g.content_id is not null)
    from combos c left join topics t on t.id = c.topic_id
    where (c.topic_id is not null and (t.id is null or t.uuid <> c.combo_id))
      or (c.topic_id is null and c.combo_id <> 'none'
        and not exists (select 1 from combo_members m where m.combo_id = c.id))
      or exists (select 1 from combo_members m left join concepts n on n.id = m.concept_id
        where m.combo_id = c.id and n.id is null)
    """,
)

USED: Final = Rule(
    "texts used",
    "The prompt, template text and model settings that a text was made with are in the file.",
    """
    select g.gen_id, g.legacy from contents x
    join generations g on g.id = x.generation_id
    left join prompts p on p.hash = x.prompt_hash
    left join template_versions v on v.id = x.template_version_id
    left join model_versions w on w.id = x.model_version_id
    where (x.prompt_hash is not null and p.id is null)
      or (x.template_version_id is not null and v.template_id is not g.template_id)
      or (x.model_version_id is not null and g.stage <> 'essay' and w.model_id is not g.model_id)
    """,
)

CURRENT_VERSIONS: Final = Rule(
    "current versions",
    "The current text of a template and the current settings of a model are its own.",
    """
    select t.name, 0 from templates t left join template_versions v on v.id = t.version_id
    where t.version_id is not null and v.template_id is not t.id
    union all
    select m.llm_model_id, 0 from models m left join model_versions w on w.id = m.version_id
    where m.version_id is not null and w.model_id is not m.id
    """,
)

DRIFT: Final = Rule(
    "drift",
    "Templates and models that changed since a text was made with them: reported, not broken.",
    """
    select g.gen_id, 1 from generations g
    join contents x on x.id = g.content_id
    left join templates t on t.id = g.template_id
    left join models m on m.id = g.model_id
    where x.template_version_id <> t.version_id or x.model_version_id <> m.version_id
    """,
)

MAPPINGS: Final = Rule(
    "mappings",
    "The mapping of every applied migration leads from IDs that existed to IDs that exist.",
    """
    select coalesce(nullif(k.old_id, ''), k.new_id), 0 from migration_map k
    join migrations a on a.id = k.migration_id and a.state = 'applied'
    left join generations g on g.id = k.generation_id
    where (k.status = 'synthetic') <> (k.old_id = '')
      or (k.status in ('unchanged', 'blocked') and k.new_id <> k.old_id)
      or k.new_id = ''
      or not (
        (k.generation_id is not null and g.gen_id is k.new_id)
        or (k.generation_id is null and exists (select 1 from generations o where o.gen_id = k.new_id))
        or exists (
          select 1 from migration_map later join migrations b on b.id = later.migration_id and b.state = 'applied'
          where later.old_id = k.new_id and later.id > k.id
            and (k.generation_id is null or later.generation_id is k.generation_id)))
    """,
)

RULES: Final = (
    IDS,
    PARENTS,
    LINEAGE,
    MEMBERS,
    COMPLETIONS,
    TEXTS,
    STATUS,
    SCORES,
    CATALOGUE,
    COMBOS,
    USED,
    CURRENT_VERSIONS,
    DRIFT,
    MAPPINGS,
)
