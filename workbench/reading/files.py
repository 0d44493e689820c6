"""Regular files of bytes and of text, whole or streamed, and nothing else that has a path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from workbench.errors import BadFile, TooLarge

MAX_FILE = 64 * 2**20  # bytes, for files that are read whole
MAX_LINE = 16 * 2**20  # bytes, for files that are streamed
_BOM = b"\xef\xbb\xbf"


class Unreadable(BadFile):
    """The file cannot be read."""


@contextmanager
def seekable(path: Path | str) -> Iterator[IO[bytes]]:
    """Open a regular file for reading; symlinks, folders, devices and FIFOs are refused as BadFile."""
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


def stamp(path: Path | str) -> tuple[int, ...]:
    """Give what changes when a file does: which one it is, how long, and when it was written to."""
    with seekable(path) as file:
        facts = os.fstat(file.fileno())
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def refuse_changed(path: Path | str, before: tuple[int, ...]) -> None:
    """Raise BadFile where a file is no more what its stamp says: what was read of it at two times may not fit."""
    if stamp(path) != before:
        raise BadFile("it changed while it was read", where=str(path), mend="wait until it is whole, and take it again")


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
    with seekable(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"more than {limit:,} bytes", where=str(path), mend="split the file")
    return data


def chunks(path: Path | str, size: int = 2**20) -> Iterator[bytes]:
    """Stream a regular file's bytes in pieces of at most `size`."""
    with seekable(path) as file:
        while data := file.read(size):
            yield data


def text_file(path: Path | str, limit: int = MAX_FILE) -> str:
    """Read a whole UTF-8 text file of at most `limit` bytes; a byte order mark is dropped."""
    return _decoded(bytes_file(path, limit).removeprefix(_BOM), path)


def text_lines(path: Path | str) -> Iterator[str]:
    """Stream a text file's lines as they stand, each with its end; a byte order mark is dropped."""
    with seekable(path) as file:
        number = 0
        while data := file.readline(MAX_LINE + 1):
            number += 1
            if len(data) > MAX_LINE:
                where = f"{path}:{number}"
                raise TooLarge(f"a line of more than {MAX_LINE:,} bytes", where=where, mend="split the line")
            yield _decoded(data.removeprefix(_BOM) if number == 1 else data, path, number)


def lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """Stream a text file's non-blank lines with their 1-based numbers, without line ends."""
    for number, text in enumerate(text_lines(path), 1):
        if text.strip():
            yield number, text.rstrip("\r\n")
