"""Where templates come from: files, folders, catalogues, each template with the file that says all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from workbench.errors import BadFile, BadTemplate, WorkbenchError, raise_all
from workbench.parse import check_schema, known_parser
from workbench.prompts import OFFERED, STAGES, Template, read_catalogue, read_folder, unknown_variables
from workbench.prompts.catalogues import CatalogueRow
from workbench.prompts.files import SUFFIXES, read_said
from workbench.prompts.folders import template_of_row
from workbench.prompts.rendering import problems_of

Found = list[tuple[Template, Path]]
_CATALOGUE: Final = "_templates.csv"


def read_sources(paths: Iterable[Path], stage: str | None = None) -> Found:
    """Read every template of some files, folders and catalogues, each with the file to compare it with later.

    `stage` is that of files which do not say theirs; of folders with several stages only this one is taken. Every
    problem of every path is raised together: BadTemplate, BadFile, Problems.
    """
    found: Found = []
    errors: list[WorkbenchError] = []
    for path in paths:
        try:
            found += read_source(path, stage)
        except WorkbenchError as error:
            errors += problems_of(error)
    raise_all([*errors, *_doubled(found), *_unreadable(found)])
    return found


def _unreadable(found: Found) -> Iterator[WorkbenchError]:
    """Yield what would only show when an answer is read: unknown parsers, schemas that cannot be used."""
    for template, _ in found:
        try:
            known_parser(template.parser, template.where())
            if template.schema is not None:
                check_schema(template.schema, template.where())
        except BadTemplate as error:
            yield error


def unoffered(found: Found) -> Iterator[str]:
    """Say which templates use names that their stage does not offer: their prompts cannot be made."""
    for template, _ in found:
        if names := unknown_variables(template):
            offered = ", ".join(sorted(OFFERED[template.stage]))
            what = f"{template.where()}: it uses {', '.join(names)}"
            yield f"{what}, which a {template.stage} template is not offered; there are {offered}"


def _doubled(found: Found) -> Iterator[WorkbenchError]:
    first: dict[tuple[str, str], Template] = {}
    for template, _ in found:
        other = first.setdefault((template.stage, template.name.lower()), template)
        if other is not template and other.hash != template.hash:
            what = f"{template.stage} template {template.name!r} stands in {other.origin} already, with another text"
            yield BadTemplate(what, where=template.where(), mend="import one of them")


def read_source(path: Path, stage: str | None = None) -> Found:
    """Read the templates of one file, folder or catalogue; raises what reading them raises."""
    if path.is_dir():
        return _folder(path, stage)
    if path.suffix.lower() == ".csv":
        return [(template, path) for template in _catalogue(path, stage)]
    return [(read_said(path, {"stage": stage} if stage else {}, {}), path)]


def _folder(root: Path, stage: str | None) -> Found:
    if stage is not None and root.name != stage and not _has_stages(root):
        return [(read_said(path, {"stage": stage}, {}), path) for path in _files(root)]
    rows = {s: {row.template_id for row in read_catalogue(path, s)} for s, path in _catalogues(root)}
    found = [template for template in read_folder(root) if stage in (None, template.stage)]
    return [(template, _source(root, template, rows.get(template.stage, set()))) for template in found]


def _has_stages(root: Path) -> bool:
    bases = (root, root / "templates")
    return any((base / s).is_dir() for base in bases for s in STAGES) or any(_catalogues(root))


def _catalogues(root: Path) -> Iterator[tuple[str, Path]]:
    for stage in STAGES:
        if (path := root / f"{stage}{_CATALOGUE}").is_file():
            yield stage, path


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != ".")
    if not found:
        raise BadFile("there are no templates here", where=str(folder), mend=f"put files *{' *'.join(SUFFIXES)} there")
    return found


def _source(root: Path, template: Template, rows: set[str]) -> Path:
    """A template that its catalogue tells something about is compared with that; it leads to the text."""
    catalogue = root / f"{template.stage}{_CATALOGUE}"
    origin = Path(template.origin)
    return catalogue if origin.stem in rows or template.origin.startswith(f"{catalogue}:") else origin


def _catalogue(path: Path, stage: str | None) -> Iterator[Template]:
    stage = stage or path.name.removesuffix(_CATALOGUE)
    if stage not in STAGES:
        mend = f"name it STAGE{_CATALOGUE}, or say --stage"
        raise BadFile("a catalogue of templates whose stage is not known", where=str(path), mend=mend)
    errors: list[WorkbenchError] = []
    for row in read_catalogue(path, stage):
        try:
            template = _of_row(row, path.parent)
        except WorkbenchError as error:
            errors += problems_of(error)
        else:
            if template is not None:
                yield template
    raise_all(errors)


def _of_row(row: CatalogueRow, root: Path) -> Template | None:
    folders = (root / "templates" / row.stage, root / row.stage, root)
    paths = (folder / f"{row.template_id}{suffix}" for folder in folders for suffix in SUFFIXES)
    return template_of_row(row, next((path for path in paths if path.is_file()), None), folders[0])
