"""Templates as files: Jinja2 text, with YAML front matter between `---` lines where there is something to say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from workbench.errors import BadTemplate, WorkbenchError, raise_all
from workbench.prompts.rendering import check
from workbench.prompts.template import DEFAULT_SCALE, STAGES, Template
from workbench.reading import Located, text_file, yaml_text

SUFFIXES: Final = (".txt", ".j2", ".jinja", ".md")
_MAX_FILE: Final = 2**20  # bytes: front matter and text
_KEYS: Final[Mapping[str, str]] = {
    "name": "a name",
    "stage": f"one of {', '.join(STAGES)}",
    "mode": "llm or copy",
    "parser": "a parser's name",
    "system": "a text",
    "minimum_lines": "a whole number",
    "scale": "[lowest, highest]",
    "schema": "a JSON Schema",
    "description": "a text",
}
_MARK: Final = re.compile(r"---[ \t]*\r?\n")
_END: Final = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


def read_template(path: Path | str, *, stage: str | None = None, name: str | None = None) -> Template:
    """Read and check a template file; `stage` and `name` come before what the file, its folder and name say.

    Raises BadTemplate, BadFile, or Problems when there is more than one, each with file and line.
    """
    given = {"stage": stage, "name": name}
    return read_said(path, {}, {key: value for key, value in given.items() if value})


def read_said(path: Path | str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Template:
    """Read a template file; its front matter comes after what was said `before` and gives way to `after`."""
    front, text, line = _parts(text_file(path, _MAX_FILE), str(path))
    raise_all(list(_wrong(front)))
    said = {"name": Path(path).stem, **before, **(front.value or {}), **after}
    if "stage" not in said:
        said["stage"] = _folder_stage(Path(path))
    template = Template(text=text, origin=str(path), line=line, **_fields(said))
    check(template)
    return template


def _parts(source: str, where: str) -> tuple[Located, str, int]:
    """Split a file into front matter, text, and the line on which the text begins."""
    opening = _MARK.match(source)
    if opening is None:
        return yaml_text("", where), source, 1
    closing = _END.search(source, opening.end())
    if closing is None:
        mend = "close the front matter with a line ---, or begin with a blank line"
        raise BadTemplate("the front matter has no end", where=f"{where}:1", mend=mend)
    # A blank line stands for the mark, so that the lines of the YAML are those of the file.
    front = yaml_text("\n" + source[opening.end() : closing.start()], where)
    return front, source[closing.end() :], source.count("\n", 0, closing.end()) + 1


def _wrong(front: Located) -> Iterator[WorkbenchError]:
    if not isinstance(front.value, (dict, type(None))):
        yield BadTemplate("the front matter is no mapping", where=front.where(), mend="write `key: value` lines")
        return
    for key, value in (front.value or {}).items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1, 0.4) or list(_KEYS)
            yield BadTemplate(f"there is no key {key[:40]!r}", where=front.where(key), mend=f"use {', '.join(near)}")
        elif not _fits(key, value):
            yield BadTemplate(f"{key} is {str(value)[:60]!r}", where=front.where(key), mend=f"write {_KEYS[key]}")


def _fits(key: str, value: Any) -> bool:
    match key:
        case "minimum_lines":
            return isinstance(value, int) and not isinstance(value, bool)
        case "scale":
            return value is None or (isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)))
        case "schema":
            return value is None or isinstance(value, dict)
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _folder_stage(path: Path) -> str:
    stage = path.absolute().parent.name
    if stage in STAGES:
        return stage
    mend = f"state it in the front matter, or put the file into a folder {', '.join(STAGES)}"
    raise BadTemplate("the template has no stage", where=f"{path}:1", mend=mend)


def _fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """Give the template's fields; an evaluation that says nothing else ends in a score of 0 to 9."""
    judges = said["stage"] == "evaluation" and said.get("mode", "llm") == "llm"
    scale = said.get("scale", list(DEFAULT_SCALE) if judges else None)
    return {
        **said,
        "parser": said.get("parser", "score" if judges else ""),
        "scale": None if scale is None else (float(scale[0]), float(scale[1])),
    }


class _Dumper(yaml.SafeDumper):
    """Writes texts in quotes, so that no reader takes `1e5` or `yes` for anything else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out."""
        return True


def _quoted(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and "\r" not in text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted)


def write_template(template: Template) -> str:
    """Write a template as a file that reads back equal; raises BadTemplate for a text that no UTF-8 file holds."""
    judges = template.stage == "evaluation"
    stated = {
        "mode": template.mode != "llm",
        "parser": bool(template.parser) or judges,
        "system": bool(template.system),
        "minimum_lines": template.minimum_lines != 0,
        "scale": template.scale is not None or judges,
        "schema": template.schema is not None,
        "description": bool(template.description),
    }
    keys = ["name", "stage", *(key for key, wanted in stated.items() if wanted)]
    text = "".join(["---\n", *(_line(key, getattr(template, key)) for key in keys), "---\n", template.text])
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadTemplate("a lone surrogate", where=template.where(), mend="replace it") from None
    return text


def _line(key: str, value: Any) -> str:
    if key in ("name", "stage", "mode", "parser") and re.fullmatch(r"[a-z][a-z_-]*", value):
        return f"{key}: {value}\n"
    value = list(value) if isinstance(value, tuple) else value
    flow = not isinstance(value, Mapping)
    written = yaml.dump(
        {key: value}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, default_flow_style=None if flow else False
    )
    return str(written).replace(f'"{key}":', f"{key}:", 1)
