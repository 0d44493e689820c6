"""New files: whole or not there at all, never over another file unless that is asked for."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from workbench.errors import OutputExists, Refused, UnknownName
from workbench.store.beside import refuse_place
from workbench.store.header import is_project
from workbench.store.putting import put_new
from workbench.store.rehearsal import is_rehearsal


@contextmanager
def new_file(path: Path | str, *, force: bool = False) -> Iterator[IO[str]]:
    """Open a text file that appears at `path` when the block ends well, and leaves nothing when it does not.

    Raises OutputExists without `force`; Refused for symbolic links, projects and what is no plain file, even with
    it; UnknownName when the folder is missing.
    """
    with new_bytes(path, force=force) as file, TextIOWrapper(file, encoding="utf-8", newline="\n") as text:
        yield text


@contextmanager
def new_bytes(path: Path | str, *, force: bool = False) -> Iterator[IO[bytes]]:
    """Open a file of bytes that appears at `path` when the block ends well; else as `new_file`."""
    path = Path(path)
    refuse_output(path, force=force)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            yield file
        _put(part, path, force)
    except OSError as error:
        mend = "make room, or choose a folder that can be written to"
        raise Refused(error.strerror or "cannot be written", where=str(path), mend=mend) from None
    finally:
        part.unlink(missing_ok=True)


def _put(part: Path, path: Path, force: bool) -> None:
    refuse_output(path, force=force)
    if is_rehearsal():
        return
    if force:
        part.replace(path)
        return
    try:
        put_new(part, path)
    except FileExistsError:
        raise _exists(path) from None


def _exists(path: Path) -> OutputExists:
    return OutputExists(where=str(path), mend="choose another name, or use --force")


def refuse_output(path: Path, *, force: bool) -> None:
    """Raise what stands against writing a file: see `new_file`."""
    if not path.parent.is_dir():
        raise UnknownName(f"no folder {path.parent}", mend="make the folder first")
    refuse_place(path, project=False)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise Refused("it is a symbolic link", where=str(path), mend="name the file itself")
    if not stat.S_ISREG(mode):
        raise Refused("it is no plain file", where=str(path), mend="choose another name")
    if is_project(path):
        raise Refused("it is a project", where=str(path), mend="choose another name")
    if not force:
        raise _exists(path)


def json_line(row: Mapping[str, Any]) -> str:
    """Write one row of JSON Lines; what no UTF-8 file can hold is escaped."""
    text = json.dumps(row, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        text = json.dumps(row)
    return text + "\n"
