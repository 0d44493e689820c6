"""Strict reading of other people's files: regular, UTF-8, bounded, every complaint with its line."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from workbench.errors import BadFile, BadRow, TooLarge

MAX_FILE = 64 * 2**20  # bytes, for files that are read whole
MAX_LINE = 16 * 2**20  # bytes, for files that are streamed
MAX_DEPTH = 100
_BOM = b"\xef\xbb\xbf"


class Unreadable(BadFile):
    """The file cannot be read."""


@contextmanager
def _opened(path: Path | str) -> Iterator[IO[bytes]]:
    """Open a regular file for reading; symlinks, folders, devices and FIFOs are refused."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        reason = "it is a symbolic link" if Path(path).is_symlink() else (error.strerror or "cannot be opened")
        raise Unreadable(reason, where=str(path), mend="name a regular file that can be read") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        what = "it is a folder" if Path(path).is_dir() else "it is not a regular file"
        raise Unreadable(what, where=str(path), mend="name a regular file")
    with os.fdopen(handle, "rb") as file:
        yield file


@contextmanager
def seekable(path: Path | str) -> Iterator[IO[bytes]]:
    """Open a regular file for a library that finds its own way in it; raises BadFile for anything else."""
    with _opened(path) as file:
        yield file


def _decoded(data: bytes, path: object, line: int = 1) -> str:
    """Decode text that begins at a line of a file; refuse what is no UTF-8, and NUL, which no text holds."""
    try:
        text = data.decode("utf-8")
        at = data.find(b"\0")
    except UnicodeDecodeError as error:
        text, at = "", error.start
    if at < 0:
        return text
    what = "NUL" if data[at] == 0 else "not UTF-8"
    line += data.count(b"\n", 0, at)
    raise BadFile(f"byte {at + 1} is {what}", where=f"{path}:{line}", mend="save the file as UTF-8 text")


def bytes_file(path: Path | str, limit: int = MAX_FILE) -> bytes:
    """Read a whole regular file of at most `limit` bytes."""
    with _opened(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"more than {limit:,} bytes", where=str(path), mend="split the file")
    return data


def chunks(path: Path | str, size: int = 2**20) -> Iterator[bytes]:
    """Stream a regular file's bytes in pieces of at most `size`."""
    with _opened(path) as file:
        while data := file.read(size):
            yield data


def text_file(path: Path | str, limit: int = MAX_FILE) -> str:
    """Read a whole UTF-8 text file of at most `limit` bytes; a byte order mark is dropped."""
    return _decoded(bytes_file(path, limit).removeprefix(_BOM), path)


def lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """Stream a text file's non-blank lines with their 1-based numbers, without line ends."""
    with _opened(path) as file:
        number = 0
        while data := file.readline(MAX_LINE + 1):
            number += 1
            where = f"{path}:{number}"
            if len(data) > MAX_LINE:
                raise TooLarge(f"a line of more than {MAX_LINE:,} bytes", where=where, mend="split the line")
            text = _decoded(data.removeprefix(_BOM) if number == 1 else data, path, number).rstrip("\r\n")
            if text.strip():
                yield number, text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in names if names.count(k) > 1)!r} stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits) > 400:
        raise ValueError("a number of more than 400 digits")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_bounded_int)


def json_text(text: str, where: str) -> Any:
    """Parse strict JSON: no duplicate keys, no NaN or Infinity, no bottomless nesting. Raises BadFile."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        at = where if error.lineno == 1 else f"{where}:{error.lineno}"
        raise BadFile(f"not JSON: {error.msg} at column {error.colno}", where=at, mend="mend the JSON") from None
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadFile(f"not plain JSON: {what}", where=where, mend="mend the JSON") from None


def json_file(path: Path | str) -> Any:
    """Parse a whole strict JSON file."""
    return json_text(text_file(path), str(path))


def jsonl(path: Path | str) -> Iterator[tuple[int, Any]]:
    """Stream the values of a JSON Lines file with their line numbers; blank lines are skipped."""
    for number, text in lines(path):
        yield number, json_text(text, f"{path}:{number}")


def _text_lines(file: IO[bytes], path: Path | str) -> Iterator[str]:
    number = 0
    while data := file.readline(MAX_LINE + 1):
        number += 1
        where = f"{path}:{number}"
        if len(data) > MAX_LINE:
            raise TooLarge(f"a line of more than {MAX_LINE:,} bytes", where=where, mend="split the line")
        yield _decoded(data.removeprefix(_BOM) if number == 1 else data, path, number)


def csv_rows(path: Path | str, required: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Stream a CSV file's rows as dicts with the line each ends on; raises BadRow on ragged rows."""
    with _opened(path) as file:
        reader = csv.reader(_text_lines(file, path), strict=True)
        header: list[str] | None = None
        try:
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if header is None:
                    header = _header(cells, required, f"{path}:{reader.line_num}")
                elif len(cells) != len(header):
                    raise BadRow(
                        f"{len(cells)} cells under {len(header)} columns",
                        where=f"{path}:{reader.line_num}",
                        mend="give every row the header's columns",
                    )
                else:
                    yield reader.line_num, dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise BadFile(f"not CSV: {error}", where=f"{path}:{reader.line_num}", mend="mend the quoting") from None
        if header is None and required:
            raise BadFile("the file is empty", where=f"{path}:1", mend=f"give it a header: {','.join(required)}")


def _header(cells: list[str], required: Sequence[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(set(names)) < len(names):
        raise BadRow("a column stands twice in the header", where=where, mend="name each column once")
    if missing := [name for name in required if name not in names]:
        raise BadRow(f"no column {', '.join(missing)}", where=where, mend=f"the header needs {', '.join(required)}")
    return names


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


def _resolvers() -> None:
    import re

    add = _StrictLoader.add_implicit_resolver
    add("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    add("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
    add("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,30})$"), list("-+0123456789"))
    add(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"),
        list("-+0123456789"),
    )


_resolvers()


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
    return _scalar(node)


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
            raise BadFile(f"the key {key!r} stands twice", where=at, mend="keep one of them")
        marks[(*path, key)] = key_node.start_mark.line + 1
        found[key] = _build(value_node, where, (*path, key), marks)
    return found


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    match node.tag.rpartition(":")[2]:
        case "int":
            return int(text)
        case "float":
            return float(text)
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
