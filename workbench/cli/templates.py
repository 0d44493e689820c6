"""`workbench templates`: prompt texts read, listed, shown, and compared with their files and with earlier texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.complete import names
from workbench.cli.frame import Noun
from workbench.cli.models import filled, told
from workbench.cli.options import STAGES, dry_run_option, json_option, project_option, rows_options
from workbench.cli.output import Form, document, facts, heading, line, note, table
from workbench.cli.trial import trial

if TYPE_CHECKING:
    from workbench.catalogue.listing import Version
    from workbench.prompts import Template
    from workbench.store import Database

ANY_STAGE = click.Choice(["topics", *STAGES])
COLUMNS = ("stage", "name", "mode", "parser", "hash", "versions", "generations", "description")
stage_option = click.option("--stage", type=ANY_STAGE, help="Stage of the template, where a name alone is not enough.")


@click.group(cls=Noun)
def templates() -> None:
    """Prompt templates by stage and name, with every text that they had.

    \b
    Example:
      workbench templates import prompts/
      workbench templates show qa-sample
      workbench templates
    """


@templates.command("list")
@click.option("--stage", type=ANY_STAGE, help="Only templates of this stage.")
@project_option
@rows_options
def list_templates(stage: str | None, project: Path, form: Form) -> None:
    """List the templates, with how much was made with each.

    \b
    Example:
      workbench templates list --stage draft
    """
    from workbench.catalogue.listing import templates as stored
    from workbench.store import open_project

    with open_project(project) as db:
        rows = list(stored(db, stage))
    columns = filled(rows, COLUMNS) if form.kind == "text" else None
    table(rows, form, columns, empty="no templates yet; see `workbench templates import --help`")


@templates.command("import")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--stage", type=ANY_STAGE, help="Stage of files that do not say theirs.")
@dry_run_option
@project_option
@json_option
def import_templates(paths: tuple[Path, ...], stage: str | None, dry_run: bool, project: Path, form: Form) -> None:
    """Read templates: Jinja2 files, folders of them, or CSV catalogues.

    A PATH is a file with front matter, a folder, a CSV catalogue, or a folder with such catalogues (`1_raw`). A changed
    text becomes a new version; what was made before keeps its own.

    \b
    Example:
      workbench templates import prompts/ --dry-run
      workbench templates import draft.j2 --stage draft
      workbench templates import data/1_raw
    """
    from workbench.catalogue.drift import source_of
    from workbench.catalogue.sources import read_sources, unoffered
    from workbench.catalogue.templates import store_template
    from workbench.store import open_project

    found = read_sources(paths, stage)
    changes: dict[str, list[str]] = {"added": [], "changed": [], "unchanged": []}
    with open_project(project, write=True) as db, trial(db, dry_run):
        for template, path in found:
            change = store_template(db, template, source_of(path, project))
            changes[change].append(f"{template.stage}/{template.name}")
    counts = {change: len(some) for change, some in changes.items()}
    notes = list(unoffered(found))
    found_all = {**counts, "templates": changes, "notes": notes, "dry_run": dry_run}
    document(found_all, form, lambda: told(changes, "templates", dry_run))
    for one in notes if form.kind == "text" else ():
        note(one)


@templates.command()
@click.argument("name", shell_complete=names("templates"))
@stage_option
@click.option("--version", metavar="HASH", help="An earlier text, by the beginning of its hash.")
@project_option
@json_option
def show(name: str, stage: str | None, version: str | None, project: Path, form: Form) -> None:
    """Show a template: what shapes its prompts and their parsing, its text, and its versions.

    \b
    Example:
      workbench templates show qa-sample
      workbench templates show qa-sample --version 3f9a
    """
    from workbench.store import open_project

    with open_project(project) as db:
        found = _found(db, name, stage, version)
    if form.kind == "json":
        document(found, form)
    else:
        _print(found)


def _found(db: Database, name: str, stage: str | None, start: str | None) -> dict[str, Any]:
    from workbench.catalogue.listing import find_template, find_version, versions
    from workbench.catalogue.templates import load_version

    template_id, stage = find_template(db, name, stage)
    kept = versions(db, template_id)
    chosen = find_version(kept, start)
    (source,) = db.execute("select source from templates where id = ?", (template_id,)).fetchone()
    return {
        **_facts(load_version(db, chosen.id)),
        "hash": chosen.hash,
        "current": chosen.current,
        "source": source,
        "versions": [_version(one) for one in reversed(kept)],
    }


def _facts(template: Template) -> dict[str, Any]:
    return {
        "stage": template.stage,
        "name": template.name,
        "description": template.description,
        "mode": template.mode,
        "parser": template.parser,
        "minimum_lines": template.minimum_lines,
        "scale": template.scale,
        "schema": template.schema,
        "system": template.system,
        "text": template.text,
    }


def _version(one: Version) -> dict[str, Any]:
    return {"hash": one.hash, "created": one.created, "current": one.current, "generations": one.generations}


def _print(found: dict[str, Any]) -> None:
    apart = ("system", "text", "schema", "versions", "minimum_lines", "scale", "current")
    head = {key: value for key, value in found.items() if key not in apart}
    if found["minimum_lines"]:
        head["minimum lines"] = found["minimum_lines"]
    if found["scale"]:
        head["scale"] = " to ".join(f"{bound:g}" for bound in found["scale"])
    for text in facts(head):
        line(text)
    if found["schema"] is not None:
        _part("schema", _pretty(found["schema"]))
    for name in ("system", "text"):
        if found[name]:
            _part(name, found[name].rstrip("\n"))
    if len(found["versions"]) > 1:
        line("")
        heading("versions")
        table([{**one, "hash": one["hash"][:8]} for one in found["versions"]], Form())


def _part(name: str, text: str) -> None:
    line("")
    heading(name)
    line(text)


def _pretty(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=2)


@templates.command()
@click.argument("name", shell_complete=names("templates"))
@stage_option
@click.option("--version", metavar="HASH", help="Compare with this earlier text, not with the file.")
@project_option
@json_option
def diff(name: str, stage: str | None, version: str | None, project: Path, form: Form) -> None:
    """Compare a template's current text with its file, or with an earlier text.

    `-` is what the project has, `+` what the file has; with --version `-` is the earlier text.

    \b
    Example:
      workbench templates diff qa-sample
      workbench templates diff qa-sample --version 3f9a
    """
    from workbench.catalogue.drift import as_lines
    from workbench.report.compare import line_diff
    from workbench.store import open_project

    with open_project(project) as db:
        (left, a), (right, b), stage = _sides(db, project, name, stage, version)
    lines = line_diff(as_lines(left), as_lines(right), (a, b))
    same = left.hash == right.hash
    found = {"stage": stage, "name": left.name, "a": a, "b": b, "same": same, "diff": lines}
    document(found, form, lambda: lines or [f"{left.name}: {a} and {b} are the same"])


Side = tuple["Template", str]


def _sides(db: Database, project: Path, name: str, stage: str | None, start: str | None) -> tuple[Side, Side, str]:
    from workbench.catalogue.listing import find_template, find_version, versions
    from workbench.catalogue.templates import load_version

    template_id, stage = find_template(db, name, stage)
    kept = versions(db, template_id)
    current = find_version(kept, None)
    stored = load_version(db, current.id), f"project {current.hash[:8]}"
    if start is not None:
        earlier = find_version(kept, start)
        return (load_version(db, earlier.id), f"version {earlier.hash[:8]}"), stored, stage
    (source,) = db.execute("select source from templates where id = ?", (template_id,)).fetchone()
    return stored, (_in_file(source, project, stage, stored[0].name), f"file {source}"), stage


def _in_file(source: str | None, project: Path, stage: str, name: str) -> Template:
    from workbench.catalogue.drift import source_path, text_in_file
    from workbench.errors import UnknownName

    mend = "compare with an earlier text: --version HASH; `templates show` lists them"
    if not source:
        raise UnknownName(f"template {name!r} came from no file", mend=mend)
    path = source_path(source, project.absolute().parent)
    if not path.exists():
        raise UnknownName(f"its file {source} is not there any more", mend=mend)
    found = text_in_file(path, stage, name)
    if found is None:
        raise UnknownName(f"{source} holds no {stage} template {name!r} any more", mend=mend)
    return found


@templates.command()
@click.option("--all", "everything", is_flag=True, help="Templates without any drift too.")
@project_option
@rows_options
def drift(everything: bool, project: Path, form: Form) -> None:
    """List templates whose file has changed, and how much was made with older texts.

    \b
    Example:
      workbench templates drift
    """
    from workbench.catalogue.drift import drift as drifted
    from workbench.store import open_project

    with open_project(project) as db:
        rows = [one.as_dict() for one in drifted(db, project.absolute().parent)]
    shown = rows if everything else list(_drifting(rows))
    columns = filled(shown, list(shown[0])) if shown and form.kind == "text" else None
    table(shown, form, columns, empty="no template has drifted")
    if any(row["file"] == "changed" for row in shown) and form.kind == "text":
        note("see what changed with `workbench templates diff NAME`; read it with `workbench templates import`")


def _drifting(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from (row for row in rows if row["older"] or row["file"] in ("changed", "unreadable"))
