"""The catalogues as a `1_raw` folder: what other programs read, and beside it every version that ever was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.catalogue.templates import load_version
from workbench.cohorts import LEVELS
from workbench.exports.store_folder import Folder
from workbench.exports.store_names import file_name
from workbench.ids import STAGES
from workbench.prompts import DEFAULT_SCALE, Template, write_template
from workbench.store import Database
from workbench.store.json_columns import told_facts

_COMBOS: Final = """
select c.combo_id, 'v1', n.concept_id, c.level, c.k, '', m.place from combos c
left join combo_members m on m.combo_id = c.id left join concepts n on n.id = m.concept_id
where c.topic_id is null order by c.combo_id, m.place, m.id
"""
_TEMPLATES: Final = """
select t.stage, t.name, t.description, t.source, v.id, v.id is t.version_id from templates t
left join template_versions v on v.template_id = t.id order by t.stage, t.name, v.id
"""
_MODELS: Final = """
select m.llm_model_id, m.display_name, m.price_in, m.price_out, v.provider, v.name, v.parameters, v.id is m.version_id
from models m left join model_versions v on v.model_id = m.id order by m.llm_model_id, v.id
"""
_CURRENT: Final = """
select m.llm_model_id, v.name, v.provider, m.display_name, '', v.parameters, m.price_in, m.price_out
from models m join model_versions v on v.id = m.version_id where v.name <> '' and v.provider <> '' order by 1
"""


def write_combos(db: Database, root: Folder) -> None:
    """Write the combos of concepts with their members in order; one without members has a row without concept."""
    header = ("combo_id", "version", "concept_id", "description_level", "k_max", "created_at", "place")
    root.csv("combo_mappings.csv", header, db.execute(_COMBOS))


def write_catalogues(db: Database, raw: Folder) -> None:
    """Write concepts, templates, models and the limits of replicates."""
    _write_concepts(db, raw)
    raw.jsonl("workbench_templates.jsonl", _templates(db))
    for stage in STAGES:
        header = ("template_id", "template_name", "description", "parser", "generator")
        raw.csv(f"{stage}_templates.csv", header, _write_texts(db, stage, raw.below("templates", stage)))
    raw.jsonl("workbench_models.jsonl", _models(db))
    columns = ("id", "model", "provider", "display_name", "specialization", "parameters", "price_in", "price_out")
    raw.csv("llm_models.csv", columns, db.execute(_CURRENT))
    rows = db.execute("select stage, replicates from replication order by id")
    raw.csv("replication_config.csv", ("stage", "replicates"), rows)


def _write_concepts(db: Database, raw: Folder) -> None:
    sql = "select concept_id, name, sentence, paragraph, article from concepts order by concept_id"
    raw.csv("concepts_metadata.csv", ("concept_id", "name"), (row[:2] for row in db.execute(sql)))
    folders = [raw.below("concepts", f"descriptions-{level}") for level in LEVELS]
    for concept_id, _, *texts in db.execute(sql):
        for folder, text in zip(folders, texts, strict=True):
            folder.text(file_name(concept_id, ".txt"), text)


def _templates(db: Database) -> Iterator[dict[str, Any]]:
    for stage, name, description, source, version, current in db.execute(_TEMPLATES):
        told = {"stage": stage, "name": name, "description": description, "source": source}
        yield told | (
            {"text": None} if version is None else {"current": bool(current), **_text(load_version(db, version))}
        )


def _text(template: Template) -> dict[str, Any]:
    low, high = template.scale or (None, None)
    names = ("text", "mode", "parser", "system", "minimum_lines", "schema")
    return {name: getattr(template, name) for name in names} | {"scale_min": low, "scale_max": high}


def _write_texts(db: Database, stage: str, folder: Folder) -> Iterator[tuple[str, ...]]:
    """Write the current texts of a stage and give their rows; what no row can say stands above the text."""
    sql = "select version_id from templates where stage = ? and version_id is not null order by name"
    for (version,) in db.execute(sql, (stage,)):
        template = load_version(db, version)
        text = template.text if _is_plain(template) else write_template(template)
        folder.text(file_name(template.name, ".txt"), text)
        yield template.name, template.name, template.description, template.parser, template.mode


def _is_plain(template: Template) -> bool:
    """Say whether a catalogue's row and the bare text make the same template again."""
    judges = template.stage == "evaluation" and template.mode == "llm"
    scale, parser = (DEFAULT_SCALE, template.parser or "score") if judges else (None, template.parser)
    made = Template(template.name, template.stage, template.text, template.mode, parser, scale=scale)
    return made.hash == template.hash and not template.text.startswith("---")


def _models(db: Database) -> Iterator[dict[str, Any]]:
    for name, title, price_in, price_out, provider, own, parameters, current in db.execute(_MODELS):
        told = {"llm_model_id": name, "display_name": title, "price_in": price_in, "price_out": price_out}
        settings = {"provider": provider, "name": own, "parameters": told_facts(parameters)}
        yield told | {"current": bool(current)} | settings
