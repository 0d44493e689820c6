"""A new folder of files: whole or not there at all, never over anything, no file outside of it."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from workbench.errors import OutputExists, Refused, UnknownName
from workbench.store.beside import refuse_place
from workbench.store.rehearsal import is_rehearsal


class Folder:
    """A folder that is being filled; every file is new."""

    def __init__(self, path: Path) -> None:
        """Fill the folder at `path`, which is there."""
        self._path = path

    def below(self, *names: str) -> Folder:
        """Give a folder in it, making it when needed. Names are those of `file_name`."""
        path = self._path.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True)
        return Folder(path)

    def new(self, name: str) -> Folder:
        """Make a folder in it; two names that this file system takes for one are refused."""
        path = self._path / name
        try:
            path.mkdir()
        except FileExistsError:
            raise Refused(f"two rows need the folder {name}", mend="export on a file system that tells case") from None
        return Folder(path)

    def binary(self, name: str) -> IO[bytes]:
        """Open a new file of bytes; the caller closes it."""
        return (self._path / name).open("xb")

    def text(self, name: str, text: str | None) -> None:
        """Write a text as it stands; None: no file."""
        if text is not None:
            with (self._path / name).open("x", encoding="utf-8", newline="") as file:
                file.write(text)

    def json(self, name: str, value: object) -> None:
        """Write a JSON document as people read it."""
        self.text(name, json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def jsonl(self, name: str, values: Iterable[object]) -> None:
        """Stream JSON Lines."""
        with (self._path / name).open("x", encoding="utf-8", newline="") as file:
            file.writelines(json.dumps(value, ensure_ascii=False) + "\n" for value in values)

    def csv(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Stream a table; None is an empty cell."""
        with (self._path / name).open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)


@contextmanager
def new_folder(path: Path, ours: Callable[[Path], bool] | None = None) -> Iterator[Folder]:
    """Give a folder that takes its name when the block ends well, and leaves nothing when it does not.

    `ours` allows to replace a folder of that name, and says whether one may go. Raises OutputExists for whatever else
    has that name; UnknownName when the folder above is missing; Refused.
    """
    _refuse(path, ours)
    part, old = (path.with_name(f".{path.name}.{os.getpid()}.{what}") for what in ("part", "old"))
    try:
        part.mkdir()
        yield Folder(part)
        _refuse(path, ours)
        if not is_rehearsal():
            if os.path.lexists(path):
                path.rename(old)
            part.rename(path)
    except OSError as error:
        if old.exists() and not os.path.lexists(path):
            old.rename(path)
        mend = "make room, or choose a folder that can be written to"
        raise Refused(error.strerror or "cannot be written", where=str(path), mend=mend) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _refuse(path: Path, ours: Callable[[Path], bool] | None) -> None:
    if os.path.lexists(path):
        if ours is None:
            raise OutputExists(where=str(path), mend="choose another name")
        if path.is_symlink() or not path.is_dir() or not ours(path):
            raise Refused("it holds other things too, which --force spares", where=str(path), mend="name a new folder")
    if not path.parent.is_dir():
        raise UnknownName(f"no folder {path.parent}", mend="make the folder first")
    refuse_place(path, project=False)
