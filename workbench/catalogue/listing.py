"""The catalogues as rows: templates and models with what was made with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from workbench.errors import UnknownName
from workbench.store import Database
from workbench.store.json_columns import told_facts
from workbench.store.rows import streamed


def models(db: Database) -> Iterator[dict[str, Any]]:
    """Give every model as new work uses it, with the number of its versions and generations, by ID."""
    rows = db.execute(
        "select m.llm_model_id, v.provider, v.name, v.parameters, m.price_in, m.price_out, m.display_name,"
        " (select count(*) from model_versions o where o.model_id = m.id),"
        " (select count(*) from generations g where g.model_id = m.id and g.status = 'done')"
        " from models m left join model_versions v on v.id = m.version_id order by m.llm_model_id"
    )
    for name, provider, model, parameters, price_in, price_out, display, versions, generations in rows:
        yield {
            "llm_model_id": name,
            "provider": provider,
            "name": model,
            "parameters": told_facts(parameters),
            "price_in": price_in,
            "price_out": price_out,
            "display_name": display,
            "versions": versions,
            "generations": generations,
        }


def templates(db: Database, stage: str | None = None) -> Iterator[dict[str, Any]]:
    """Give every template with its current text's facts, by stage and name; `hash` is short."""
    return streamed(
        db,
        "select t.stage, t.name, v.mode, v.parser, substr(v.hash, 1, 8) as hash,"
        " (select count(*) from template_versions o where o.template_id = t.id) as versions,"
        " (select count(*) from generations g where g.template_id = t.id and g.status = 'done') as generations,"
        " t.description, t.source"
        " from templates t left join template_versions v on v.id = t.version_id"
        " where ?1 is null or t.stage = ?1 order by case t.stage when 'topics' then 0 when 'draft' then 1"
        " when 'essay' then 2 else 3 end, t.name",
        (stage,),
    )


@dataclass(frozen=True, slots=True)
class Version:
    """One text that a template has or had; `generations` counts those whose current text was made with it."""

    id: int
    hash: str
    created: str
    current: bool
    generations: int


def find_template(db: Database, name: str, stage: str | None = None) -> tuple[int, str]:
    """Give the number and the stage of a template; raises UnknownName, also when several stages have it."""
    rows = db.execute(
        "select id, stage from templates where name = ? and (?2 is null or stage = ?2) order by stage",
        (name.strip(), stage),
    ).fetchall()
    if len(rows) == 1:
        return int(rows[0][0]), str(rows[0][1])
    if rows:
        stages = ", ".join(found for _, found in rows)
        raise UnknownName(f"{name!r} is a template of {stages}", mend="say which one with --stage")
    known = [n for (n,) in db.execute("select name from templates where ?1 is null or stage = ?1 order by 1", (stage,))]
    near = get_close_matches(name.strip().lower(), known, 5, 0.5) or known[:12]
    kind = f"{stage} template" if stage else "template"
    mend = f"there are {', '.join(near)}" if near else "read some with `workbench templates import`"
    raise UnknownName(f"no {kind} {name!r}", mend=mend)


def versions(db: Database, template_id: int) -> list[Version]:
    """Give every text that a template has or had, the newest last."""
    rows = db.execute(
        "select v.id, v.hash, v.created, v.id = t.version_id,"
        " (select count(*) from contents x join generations g on g.content_id = x.id"
        "  where x.template_version_id = v.id)"
        " from template_versions v join templates t on t.id = v.template_id where t.id = ? order by v.id",
        (template_id,),
    )
    return [Version(number, digest, created, bool(now), count) for number, digest, created, now, count in rows]


def find_version(found: Sequence[Version], start: str | None) -> Version:
    """Choose the version whose hash begins so, the current one when nothing is said; raises UnknownName."""
    if start is None:
        chosen = [version for version in found if version.current]
    else:
        chosen = [version for version in found if version.hash.startswith(start.strip().lower())]
    if len(chosen) == 1:
        return chosen[0]
    hashes = ", ".join(version.hash[:8] for version in found[-12:])
    what = "no version" if not chosen else "several versions"
    raise UnknownName(f"{what} {start!r} of this template", mend=f"there are {hashes}" if hashes else "read its text")
