"""Templates in the project: by stage and name, every text kept as a version."""

from __future__ import annotations

import json
from collections.abc import Iterable

from workbench.catalogue import Change
from workbench.clock import now
from workbench.errors import UnknownName
from workbench.ids import fold
from workbench.prompts import Template
from workbench.store import Database, insert
from workbench.store.json_columns import stored_object


def store_template(db: Database, template: Template, source: str | None = None) -> Change:
    """Keep a template; a changed text becomes a new version under the same name.

    Description and source are the latest that were said: a file may move and its text stay as it is. The caller holds
    the transaction. Raises InvalidSignature for a name that no ID could hold.
    """
    fold(template.name, "template name")
    name = template.name.strip()
    row = db.execute(
        "select t.id, v.hash from templates t left join template_versions v on v.id = t.version_id"
        " where t.stage = ? and t.name = ?",
        (template.stage, name),
    ).fetchone()
    template_id = row[0] if row else insert(db, "templates", {"stage": template.stage, "name": name})
    db.execute(
        "update templates set version_id = ?, description = coalesce(nullif(?, ''), description),"
        " source = coalesce(?, source) where id = ?",
        (store_version(db, template_id, template), template.description, source, template_id),
    )
    if row is None:
        return "added"
    return "unchanged" if row[1] == template.hash else "changed"


def store_version(db: Database, template_id: int, template: Template) -> int:
    """Keep one text of a template, once, and give its number."""
    low, high = template.scale or (None, None)
    db.execute(
        "insert or ignore into template_versions (template_id, hash, text, mode, parser, system, minimum_lines,"
        " scale_min, scale_max, schema, created) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            template_id,
            template.hash,
            template.text,
            template.mode,
            template.parser,
            template.system,
            template.minimum_lines,
            low,
            high,
            None if template.schema is None else json.dumps(template.schema, ensure_ascii=False),
            now(),
        ),
    )
    found = db.execute(
        "select id from template_versions where template_id = ? and hash = ?", (template_id, template.hash)
    ).fetchone()
    return int(found[0])


def store_templates(db: Database, templates: Iterable[tuple[Template, str | None]]) -> dict[str, int]:
    """Keep many templates with their sources; gives counts of added, changed and unchanged."""
    counts = {"added": 0, "changed": 0, "unchanged": 0}
    for template, source in templates:
        counts[store_template(db, template, source)] += 1
    return counts


_SELECT = (
    "select t.stage, t.name, v.text, v.mode, v.parser, v.system, v.minimum_lines, v.scale_min, v.scale_max,"
    " v.schema, t.description from template_versions v join templates t on t.id = v.template_id where "
)


def _loaded(row: tuple[object, ...]) -> Template:
    stage, name, text, mode, parser, system, lines, low, high, schema, description = row
    return Template(
        name=str(name),
        stage=str(stage),
        text=str(text),
        mode=str(mode),
        parser=str(parser),
        system=str(system),
        minimum_lines=int(str(lines)),
        scale=None if low is None or high is None else (float(str(low)), float(str(high))),
        schema=None if schema is None else stored_object(str(schema), f"the keywords of template {name}'s schema"),
        description=str(description),
    )


def load_version(db: Database, version_id: int) -> Template:
    """Give a template as one of its versions has it; raises DamagedFile for a schema that is no JSON object."""
    return _loaded(db.execute(_SELECT + "v.id = ?", (version_id,)).fetchone())


def load_template(db: Database, stage: str, name: str) -> Template:
    """Give the current text of a template; raises UnknownName with the names there are."""
    _, version_id = template_ids(db, stage, name)
    return load_version(db, version_id)


def template_ids(db: Database, stage: str, name: str) -> tuple[int, int]:
    """Give the numbers of a template and of its current version; raises UnknownName."""
    row = db.execute(
        "select id, version_id from templates where stage = ? and name = ?", (stage, name.strip())
    ).fetchone()
    if row is None or row[1] is None:
        known = [n for (n,) in db.execute("select name from templates where stage = ? order by 1", (stage,))]
        other = db.execute(
            "select stage from templates where name = ? and stage <> ?", (name.strip(), stage)
        ).fetchone()
        raise UnknownName(
            f"no {stage} template {name!r}{f'; it is one of stage {other[0]}' if other else ''}",
            mend=f"there are {', '.join(known[:12])}" if known else "add one with `workbench templates import`",
        )
    return int(row[0]), int(row[1])
