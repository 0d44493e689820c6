"""The templates of a store's `1_raw`, by stage: catalogue rows and texts. The project's own texts stay current."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from workbench.catalogue.templates import store_template, store_version
from workbench.errors import BadRow, WorkbenchError
from workbench.exports.store_names import name_of
from workbench.ids import STAGES
from workbench.imports.legacy import is_name
from workbench.imports.lineage_rows import number_in
from workbench.imports.store_files import Files, is_folder, listed
from workbench.prompts import CatalogueRow, Template, read_catalogue, write_template
from workbench.prompts.files import read_said
from workbench.prompts.rendering import problems_of
from workbench.providers.texts import cleaned, one_line
from workbench.reading import jsonl
from workbench.store import insert

OWN_TEMPLATES: Final = "workbench_templates.jsonl"  # of our own exports: every text that a template ever had
_KINDS: Final = (*STAGES, "topics")
_FIND: Final = "select id, version_id from templates where stage = ? and name = ?"
# Drafts were called links once.
_FOLDERS: Final = {
    "draft": (("templates", "draft"), ("templates", "links"), ("draft_templates",), ("link_templates",)),
    "essay": (("templates", "essay"), ("essay_templates",)),
    "evaluation": (("templates", "evaluation"), ("evaluation_templates",)),
}
_TABLES: Final = {
    "draft": ("draft_templates.csv", "link_templates.csv"),
    "essay": ("essay_templates.csv",),
    "evaluation": ("evaluation_templates.csv",),
}


class Templates:
    """Takes templates over; the texts that the project has stay those of new work."""

    def __init__(self, files: Files) -> None:
        """Write in the import's transaction."""
        self._files, self._db = files, files.going.db
        rows = self._db.execute("select stage, lower(name) from templates where version_id is not null")
        self._settled = set(rows.fetchall())
        self._told: dict[tuple[str, str], Template] = {}  # the current texts of our own export

    def take(self) -> int:
        """Take the templates of all stages over, and give how many templates and texts are new."""
        before = self._count()
        if own := self._files.file("1_raw", OWN_TEMPLATES):
            with self._files.reading(OWN_TEMPLATES):
                for line, value in jsonl(own):
                    self._own(value, f"{own}:{line}")
        for stage in STAGES:
            rows, texts = self._rows(stage), self._texts(stage)
            for name, path in texts.items():
                self._file(stage, name, path, rows.get(name))
            for row in rows.values():
                if row.generator == "copy" and row.template_id not in texts:
                    self._listed(Template(row.template_id, stage, "", "copy", row.parser, description=_about(row)))
        return self._count() - before

    def _count(self) -> int:
        sql = "select (select count(*) from templates) + (select count(*) from template_versions)"
        return int(self._db.execute(sql).fetchone()[0])

    def _problem(self, code: str, place: str, detail: str) -> None:
        self._files.going.problem("warning", one_line(place), code, one_line(detail), "catalogue")

    def _rows(self, stage: str) -> dict[str, CatalogueRow]:
        found: dict[str, CatalogueRow] = {}
        for table in _TABLES[stage]:
            source = self._files.file("1_raw", table)
            if source is not None:
                with self._files.reading(table):
                    found = {row.template_id: row for row in read_catalogue(source, stage)} | found
        return found

    def _texts(self, stage: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for parts in _FOLDERS[stage]:
            folder = self._files.file("1_raw", *parts)
            if folder is not None and is_folder(folder):
                entries = [e for e in listed(folder) if e.name.endswith(".txt") and not e.name.startswith(".")]
                found = {name_of(entry.name, ".txt"): Path(entry.path) for entry in entries} | found
        return found

    def _file(self, stage: str, name: str, path: Path, row: CatalogueRow | None) -> None:
        """Take a text with what its row says; one that cannot be rendered is kept all the same, and reported."""
        text, finding = self._files.text(path)
        if finding:
            self._problem(finding.code, f"{stage} template {name}", finding.detail)
        if text is None or self._is_told(stage, name, text.text, row):
            return
        said = {"mode": row.generator, "parser": row.parser, "description": _about(row)} if row else {}
        said = {key: value for key, value in said.items() if value}
        try:
            template = read_said(path, said, {"stage": stage, "name": name})
        except WorkbenchError as error:
            what = problems_of(error)[0]
            self._problem("template_unusable", f"{stage} template {name}", what.detail or what.what)
            mode, parser = said.get("mode", "llm"), said.get("parser", "")
            template = Template(name, stage, text.text, mode, parser, description=said.get("description", ""))
        self._listed(template)

    def _is_told(self, stage: str, name: str, text: str, row: CatalogueRow | None) -> bool:
        """Say whether our own export said the same, with more."""
        told = self._told.get((stage, name.lower()))
        if told is None or (row and (row.parser, row.generator) != (told.parser, told.mode)):
            return False
        return text in (told.text, write_template(told))

    def _listed(self, template: Template) -> None:
        if not is_name(template.name):
            self._problem("name_unusable", f"{template.stage} template {template.name}", "no template can be called so")
            return
        told = self._told.get((template.stage, template.name.lower()))
        if told is None or told.hash != template.hash:
            self._keep(template, current=True)

    def _own(self, value: Any, where: str) -> None:
        """Take one text of a template, or its bare name, as our own export wrote it."""
        if not isinstance(value, dict) or value.get("stage") not in _KINDS or not is_name(str(value.get("name"))):
            raise BadRow("no template", where=where, mend="export the store again")
        stage, name = str(value["stage"]), str(value["name"])
        if value.get("text") is None:
            values = {"stage": stage, "name": name, "description": _text(value, "description")}
            if self._db.execute(_FIND, (stage, name)).fetchone() is None:
                insert(self._db, "templates", values)
            return
        template, current = _template_in(value, stage, name, where), value.get("current") is True
        self._keep(template, current=current, source=_text(value, "source") or None)
        if current:
            self._told[stage, name.lower()] = template

    def _keep(self, template: Template, *, current: bool, source: str | None = None) -> None:
        """Keep one text; it becomes that of new work when it is current and the project had none."""
        key = (template.stage, template.name.lower())
        row = self._db.execute(_FIND, (template.stage, template.name)).fetchone()
        if current and key not in self._settled:
            store_template(self._db, template, source)
            return
        number = row[0] if row else insert(self._db, "templates", {"stage": template.stage, "name": template.name})
        version = store_version(self._db, number, template)
        if current and row and row[1] != version:
            self._problem("template_differs", f"{key[0]} template {template.name}", "the project's text stays current")


def _about(row: CatalogueRow) -> str:
    return cleaned(row.description or row.template_name)[0]


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return cleaned(found)[0] if isinstance(found, str) else ""


def _template_in(value: dict[str, Any], stage: str, name: str, where: str) -> Template:
    schema, lines = value.get("schema"), value.get("minimum_lines")
    low, high = number_in(value, "scale_min"), number_in(value, "scale_max")
    sound = schema is None or isinstance(schema, dict)
    if not sound or value.get("mode") not in ("llm", "copy") or not (type(lines) is int and 0 <= lines < 2**31):
        raise BadRow("no template", where=where, mend="export the store again")
    return Template(
        name=name,
        stage=stage,
        text=_text(value, "text"),
        mode=str(value["mode"]),
        parser=_text(value, "parser"),
        system=_text(value, "system"),
        minimum_lines=lines,
        scale=None if low is None or high is None else (low, high),
        schema=schema,
        description=_text(value, "description"),
    )
