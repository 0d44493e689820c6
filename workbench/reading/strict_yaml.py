"""YAML as plain data: one document without aliases, tags, duplicate keys or surprises of type."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import BadFile
from workbench.reading.files import text_file

MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data from YAML, with the line on which each key path stands."""

    value: Any
    source: str
    marks: dict[tuple[object, ...], int]

    def line(self, *keys: object) -> int:
        """Give the 1-based line of a key path, or of its nearest ancestor that is in the file."""
        while keys and keys not in self.marks:
            keys = keys[:-1]
        return self.marks.get(keys, 1)

    def where(self, *keys: object) -> str:
        """Give `file:line` of a key path."""
        return f"{self.source}:{self.line(*keys)}"


class _StrictLoader(yaml.SafeLoader):
    """YAML as plain data: numbers, true/false/null and text; no dates, no yes/no, no octals by surprise."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own name, set below)


for kind, pattern, first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]{0,30})$", list("-+0123456789")),
    ("float", r"^[-+]?[0-9]+(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$", list("-+0123456789")),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), first)


def _build(node: yaml.Node, where: str, path: tuple[object, ...], marks: dict[tuple[object, ...], int]) -> Any:
    line = node.start_mark.line + 1
    marks.setdefault(path, line)
    if len(path) > MAX_DEPTH:
        raise BadFile("nested too deeply", where=f"{where}:{line}", mend="flatten it")
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, where, path, marks)
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, where, (*path, n), marks) for n, item in enumerate(node.value)]
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.endswith((":binary", ":timestamp")):
        raise BadFile(f"the tag {node.tag}", where=f"{where}:{line}", mend="write plain values")
    return _scalar(node, f"{where}:{line}")


def _build_mapping(
    node: yaml.MappingNode, where: str, path: tuple[object, ...], marks: dict[tuple[object, ...], int]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        at = f"{where}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise BadFile("a key that is no plain text", where=at, mend="use plain keys")
        key = str(key_node.value)
        if key in found:
            raise BadFile(f"the key {key[:60]!r} stands twice", where=at, mend="keep one of them")
        marks[(*path, key)] = key_node.start_mark.line + 1
        found[key] = _build(value_node, where, (*path, key), marks)
    return found


def _scalar(node: yaml.Node, where: str) -> Any:
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "int":
            return int(text)
        case "float":
            if not isfinite(number := float(text)):
                raise BadFile(f"the number {text[:40]} is too large", where=where, mend="write a smaller one")
            return number
        case "bool":
            return text.lower() == "true"
        case "null":
            return None
    return text


def yaml_text(text: str, where: str) -> Located:
    """Parse strict YAML: one document, no aliases, anchors, tags or duplicate keys. Raises BadFile."""
    marks: dict[tuple[object, ...], int] = {}
    try:
        for token in yaml.scan(text, Loader=_StrictLoader):
            if isinstance(token, (yaml.AliasToken, yaml.AnchorToken, yaml.TagToken)):
                at = f"{where}:{token.start_mark.line + 1}"
                raise BadFile("an anchor, alias or tag", where=at, mend="write the value out")
        node = yaml.compose(io.StringIO(text), Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFile(f"not YAML: {error.problem}", where=f"{where}:{line}", mend="mend the YAML") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        sign = f"the character {ord(text[error.position : error.position + 1] or ' '):#06x}"
        raise BadFile(f"not YAML: {sign}", where=f"{where}:{line}", mend="take it out") from None
    except (yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise BadFile(f"not YAML: {reason}", where=where, mend="mend the YAML") from None
    return Located(_build(node, where, (), marks) if node else None, where, marks)


def yaml_file(path: Path | str) -> Located:
    """Parse a whole strict YAML file (JSON is YAML too)."""
    return yaml_text(text_file(path), str(path))
