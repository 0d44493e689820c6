"""What has drifted: templates whose file says something else by now, and work that was made with older texts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.catalogue.sources import read_source
from workbench.catalogue.starters import STARTER, starter_folder
from workbench.catalogue.templates import load_version
from workbench.errors import WorkbenchError
from workbench.prompts import Template
from workbench.store import Database

FileState = Literal["same", "changed", "unreadable", "missing", "none"]


@dataclass(frozen=True, slots=True)
class Drift:
    """How a template stands: what its file says now, and how much was made with its current and with older texts."""

    stage: str
    name: str
    file: FileState
    current: int
    older: int
    source: str
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


def source_of(path: Path, project: Path) -> str:
    """Give a file's path as it is kept: as seen from the project's folder, so that both can move together."""
    return os.path.relpath(path.absolute(), project.absolute().parent)


def source_path(source: str, folder: Path) -> Path:
    """Give the file that a kept source names, seen from the project's folder."""
    if source.startswith(STARTER):
        return starter_folder() / source.removeprefix(STARTER)
    return folder / source


def drift(db: Database, folder: Path) -> Iterator[Drift]:
    """Lay every template against its file, found from the project's `folder`, and against the record."""
    made = _made(db)
    rows = db.execute("select id, stage, name, version_id, source from templates order by stage, name").fetchall()
    read: dict[tuple[Path, str], list[Template] | WorkbenchError] = {}
    for template_id, stage, name, version_id, source in rows:
        file: FileState = "none"
        why = ""
        if source:
            file, why = _file(db, read, source_path(source, folder), stage, name, version_id)
        current, older = made.get(template_id, (0, 0))
        yield Drift(stage, name, file, current, older, source or "", why)


def _made(db: Database) -> dict[int, tuple[int, int]]:
    rows = db.execute(
        "select g.template_id, sum(x.template_version_id = t.version_id), sum(x.template_version_id <> t.version_id)"
        " from generations g join contents x on x.id = g.content_id join templates t on t.id = g.template_id"
        " where x.template_version_id is not null group by g.template_id"
    )
    return {template_id: (current, older) for template_id, current, older in rows}


def _file(
    db: Database,
    read: dict[tuple[Path, str], list[Template] | WorkbenchError],
    path: Path,
    stage: str,
    name: str,
    version_id: int | None,
) -> tuple[FileState, str]:
    if not path.exists():
        return "missing", ""
    if (path, stage) not in read:
        read[path, stage] = _read(path, stage)
    found = read[path, stage]
    if isinstance(found, WorkbenchError):
        return "unreadable", str(found)
    theirs = _named(found, stage, name)
    if theirs is None:
        return "changed", "it is no longer in the file"
    stored = load_version(db, version_id).hash if version_id is not None else None
    return ("same" if theirs.hash == stored else "changed"), ""


def _read(path: Path, stage: str) -> list[Template] | WorkbenchError:
    try:
        return [template for template, _ in read_source(path, stage)]
    except WorkbenchError as error:
        return error


def _named(found: list[Template], stage: str, name: str) -> Template | None:
    return next((t for t in found if t.stage == stage and t.name.lower() == name.lower()), None)


def text_in_file(path: Path, stage: str, name: str) -> Template | None:
    """Give a template as its file has it now, None when the file is there without it; raises what reading raises."""
    return _named([template for template, _ in read_source(path, stage)], stage, name)


def as_lines(template: Template) -> str:
    """Write everything that shapes prompt and parse as text, so that two versions can be compared line by line."""
    facts = {
        "mode": template.mode,
        "parser": template.parser,
        "minimum_lines": template.minimum_lines,
        "scale": list(template.scale) if template.scale else None,
    }
    head = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items() if value]
    if template.schema is not None:
        head += ["schema:", json.dumps(template.schema, ensure_ascii=False, indent=2)]
    if template.system:
        head += ["system:", template.system.rstrip("\n")]
    return "\n".join([*head, "---", template.text])
