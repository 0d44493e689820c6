"""Folders of templates: catalogue rows and files joined, as in DayDreaming's `1_raw`, or files alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workbench.errors import BadFile, BadTemplate, WorkbenchError, raise_all
from workbench.prompts.catalogues import CatalogueRow, read_catalogue
from workbench.prompts.files import SUFFIXES, read_said
from workbench.prompts.rendering import check, problems_of
from workbench.prompts.template import STAGES, Template

_NOT_TEMPLATES: Final = ("readme", "license", "licence", "notice", "changelog")


def read_folder(root: Path | str) -> list[Template]:
    """Read every template of a folder, in order of stage and name.

    The folder is like `1_raw` (catalogues beside `templates/STAGE/`), holds stage folders, or is one stage's folder.
    A catalogue row fills in what its file does not say; a copy needs no file. All problems are raised together.
    """
    root = Path(root)
    if not root.is_dir():
        raise BadFile("there is no such folder", where=str(root), mend="name a folder of templates")
    reading = _Reading()
    for stage, folder in _stage_folders(root):
        rows = reading.rows(root, stage) if stage else []
        reading.files(folder, stage, {row.template_id: row for row in rows})
    raise_all(reading.errors)
    if not reading.found:
        mend = f"put files *{' *'.join(SUFFIXES)} into folders {', '.join(STAGES)}"
        raise BadFile("there are no templates here", where=str(root), mend=mend)
    return sorted(reading.found, key=lambda template: (STAGES.index(template.stage), template.name))


def _stage_folders(root: Path) -> Iterator[tuple[str | None, Path]]:
    """Yield each stage with the folder of its files; no stage where the folder itself holds the files."""
    base = root / "templates" if (root / "templates").is_dir() else root
    stages = [s for s in STAGES if (base / s).is_dir() or (root / f"{s}_templates.csv").is_file()]
    yield from ((stage, base / stage) for stage in stages)
    if not stages:
        yield None, root


class _Reading:
    """What was read of a folder so far, and what was wrong with it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.found: list[Template] = []
        self.errors: list[WorkbenchError] = []

    def rows(self, root: Path, stage: str) -> list[CatalogueRow]:
        """Read a stage's catalogue, if there is one."""
        path = root / f"{stage}_templates.csv"
        try:
            return read_catalogue(path, stage) if path.is_file() else []
        except WorkbenchError as error:
            self.errors.extend(problems_of(error))
            return []

    def files(self, folder: Path, stage: str | None, rows: dict[str, CatalogueRow]) -> None:
        """Read a folder's files with their rows, then the rows that have no file."""
        seen: dict[tuple[str, str], Template] = {}
        for path in _template_files(folder):
            try:
                if (template := _joined(path, stage, rows)) is not None:
                    self._keep(template, seen)
            except WorkbenchError as error:
                self.errors.extend(problems_of(error))
        for row in rows.values():
            if (row.stage, row.template_id) not in seen:
                self._without_file(row, folder)

    def _keep(self, template: Template, seen: dict[tuple[str, str], Template]) -> None:
        first = seen.setdefault((template.stage, template.name), template)
        if first is not template:
            raise BadTemplate(
                f"{template.name!r} stands in {first.origin} already", where=template.where(), mend="keep one of them"
            )
        self.found.append(template)

    def _without_file(self, row: CatalogueRow, folder: Path) -> None:
        broken = any(error.where.startswith(f"{folder / row.template_id}.") for error in self.errors)
        try:
            template = None if broken else template_of_row(row, None, folder)
        except WorkbenchError as error:
            self.errors.extend(problems_of(error))
        else:
            self.found.extend([template] if template else [])


def _template_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and not path.name.lower().startswith(_NOT_TEMPLATES)
    )


def _joined(path: Path, stage: str | None, rows: dict[str, CatalogueRow]) -> Template | None:
    row = rows.get(path.stem)
    if row is None:
        return read_said(path, {"stage": stage} if stage else {}, {})
    return template_of_row(row, path, path.parent)


def template_of_row(row: CatalogueRow, path: Path | None, folder: Path) -> Template | None:
    """Give what a catalogue's row and its file say together; None for one without a file that is not active.

    `folder` is where the file would be looked for. A copy needs none. Raises BadTemplate, and as `read_said`.
    """
    about = row.description or row.template_name
    if path is not None:
        said = {"stage": row.stage, "mode": row.generator, "description": about, "parser": row.parser}
        return read_said(path, {key: value for key, value in said.items() if value}, {})
    if row.generator == "copy":
        template = Template(row.template_id, row.stage, "", "copy", row.parser, description=about, origin=row.where)
        check(template)
        return template
    if row.active:
        mend = f"add {folder / row.template_id}.txt, or say active = false"
        raise BadTemplate(f"{row.template_id!r} has no file", where=row.where, mend=mend)
    return None
