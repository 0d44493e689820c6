"""Parquet files read strictly: plain columns only, some rows at a time, each as the JSON line that it stands for."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from typing import IO, Final

from workbench import errors
from workbench.assets import program
from workbench.errors import BadFile, WorkbenchError
from workbench.reading import seekable, stamp
from workbench.reading.parquet_rows import END, MAX_SECONDS, WRONG

MAGIC: Final = b"PAR1"
SMALL: Final = 8 * 2**20  # characters of rows that are kept, with ROW for each
ROW: Final = 100
LONGEST: Final = 2**27  # bytes of a row, whose characters the reader has counted


def is_parquet(path: Path | str) -> bool:
    """Say whether a file begins as Parquet does, whatever it is called; raises BadFile for what is no file."""
    with seekable(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def parquet_lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """Stream the rows of a Parquet file as JSON with their 1-based numbers; empty cells are left out.

    A process of its own reads it, in bounded memory. Raises MissingExtra; BadFile for a file that is damaged or has
    other columns than text, numbers, yes and no, times, lists and structs of those; TooLarge.
    """
    known = _small(str(path), stamp(path))
    yield from _streamed(path) if known is None else enumerate(known, 1)


@lru_cache(maxsize=1)
def _small(path: str, mark: tuple[int, ...]) -> Sequence[str] | None:
    """Give the rows of a file that is small, so that an import, which goes through them often, reads it once."""
    found: list[str] = []
    size = 0
    for _, text in _streamed(path):
        found.append(text)
        size += len(text) + ROW
        if size > SMALL:
            return None
    return found


def _streamed(path: Path | str) -> Iterator[tuple[int, str]]:
    with seekable(path) as file, TemporaryFile() as said:
        words = [*program("workbench.reading.parquet_rows"), str(path)]
        with Popen(words, stdin=file, stdout=PIPE, stderr=said, start_new_session=True) as reader:
            try:
                assert reader.stdout is not None
                yield from _rows(reader.stdout, reader, said, path)
            finally:
                reader.kill()


def _rows(lines: IO[bytes], reader: Popen[bytes], said: IO[bytes], path: Path | str) -> Iterator[tuple[int, str]]:
    number = 0
    while (line := lines.readline(LONGEST)).endswith(b"\n"):
        text = line[:-1].decode("utf-8", "surrogatepass")
        if text == END:
            return
        if text.startswith(WRONG):
            raise _error(text.removeprefix(WRONG))
        number += 1
        yield number, text
    raise _ended(reader.wait(), said, path)


def _error(text: str) -> WorkbenchError:
    name, detail, where, mend = json.loads(text)
    kind: type[WorkbenchError] = getattr(errors, name)
    return kind(detail, where=where, mend=mend)


def _ended(code: int, said: IO[bytes], path: Path | str) -> WorkbenchError:
    """Say why the reader ended before the file did: a bomb, or damage that the library does not live through."""
    said.seek(0)
    last = said.read()[-2000:].decode(errors="replace").strip().splitlines()[-1:]
    if code == -signal.SIGXCPU:
        what = f"some rows take more than {MAX_SECONDS} s"
    elif code < 0:
        what = f"its reader was ended by {signal.Signals(-code).name}"
    else:
        what = f"its reader ended with {code}: {''.join(last)[:200]}"
    return BadFile(what, where=str(path), mend="fetch or write it again")
