"""The files of a DayDreaming data root: found by looking, read within limits, damage listed and not followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from workbench.errors import BadFile, BadInput, Problems, WorkbenchError
from workbench.ids import FactDigest, bytes_hash
from workbench.imports.legacy import Finding
from workbench.imports.record import Import
from workbench.providers.texts import cleaned, one_line
from workbench.reading import MAX_FILE, Faults, bytes_file

MAX_TEXT: Final = 16 * 2**20  # bytes of one text or metadata file
_TEXTS: Final = ("prompt.txt", "raw.txt", "parsed.txt")
_METADATA: Final = ("metadata.json", "raw_metadata.json", "parsed_metadata.json")
ANSWERS: Final = "answers.jsonl"  # of our own exports: a generation's earlier answers
FILES: Final = (*_TEXTS, *_METADATA, ANSWERS)


class Text(NamedTuple):
    """A file's text as it can be stored, and whether anything of it had to be replaced."""

    text: str
    lossy: bool = False


@dataclass(slots=True)
class Folder:
    """One generation's folder: its texts by file name, what is odd about its files, and whether they stand."""

    name: str
    place: str
    texts: dict[str, Text] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """Give a file's text, None when there is no such file or it cannot be read."""
        found = self.texts.get(name)
        return None if found is None else found.text


class Files:
    """Reads a store's files. Damaged ones are refused all together at the end, or taken as far as they go."""

    def __init__(self, going: Import, root: Path, *, lenient: bool) -> None:
        """Read below `root`; `lenient` takes damaged files instead of refusing them."""
        self.going, self.root, self.lenient = going, root, lenient
        self._faults = Faults(str(root))
        self._digest = FactDigest()

    def hash(self) -> str:
        """Give one hash over what was read: every whole file, in the order of the store."""
        return self._digest.hexdigest()

    def refuse(self) -> None:
        """Raise what was damaged, the first of them in full, unless damage is taken."""
        if not self.lenient:
            self._faults.raise_any()

    @contextmanager
    def reading(self, place: str, stage: str = "catalogue") -> Iterator[None]:
        """Let a whole file be read by the block; what is wrong with it is damage."""
        try:
            yield
        except (BadInput, Problems) as error:
            self._note(error, place, stage)

    def _note(self, error: BadInput | Problems, place: str, stage: str) -> None:
        for one in error.errors if isinstance(error, Problems) else [error]:
            one.mend = f"{one.mend}, or take what can be read with --lenient" if one.mend else "mend it"
            self._faults.add(one)
            self.going.problem("error", place, "file_damaged", one_line(f"{one.what}: {one.detail}"), stage)

    def text(self, path: Path, limit: int = MAX_TEXT) -> tuple[Text | None, Finding | None]:
        """Read one text whole; gives what is odd about it too."""
        try:
            data = bytes_file(path, min(limit, _size(path)))
        except BadFile as error:
            self._damaged(error)
            return None, Finding("error", "file_unreadable", one_line(f"{path.name}: {error.detail}"))
        self._digest.add_sorted([f"{path.relative_to(self.root)} {bytes_hash(data)}"])
        try:
            text, replaced = cleaned(data.decode())
        except UnicodeDecodeError as error:
            where = f"{path}:{data.count(10, 0, error.start) + 1}"
            self._damaged(BadFile(f"byte {error.start + 1} is not UTF-8", where=where, mend="save it as UTF-8"))
            found = Finding("warning", "text_not_utf8", f"{path.name}: byte {error.start + 1}")
            return Text(cleaned(data.decode(errors="replace"))[0], lossy=True), found
        if replaced:
            return Text(text, lossy=True), Finding("warning", "text_cleaned", f"{path.name}: it holds NUL characters")
        return Text(text), None

    def _damaged(self, error: WorkbenchError) -> None:
        error.mend = f"{error.mend}, or take what can be read with --lenient"
        self._faults.add(error)

    def generation(self, path: Path, name: str, place: str) -> Folder:
        """Read one generation's folder."""
        folder = Folder(name, place)
        for entry in self._entries(path, folder):
            if entry.name not in FILES:
                folder.findings.append(Finding("info", "file_not_read", one_line(entry.name)))
                continue
            text, finding = self.text(path / entry.name, MAX_FILE if entry.name == ANSWERS else MAX_TEXT)
            if finding:
                folder.findings.append(finding)
            if text:
                folder.texts[entry.name] = text
        return folder

    def _entries(self, path: Path, folder: Folder) -> list[os.DirEntry[str]]:
        try:
            return listed(path)
        except BadFile as error:
            self._damaged(error)
            folder.findings.append(Finding("error", "file_unreadable", error.detail))
            return []

    def folders(self, parent: Path, stage: str) -> Iterator[os.DirEntry[str]]:
        """Give the folders in a folder, by name; anything else that lies there is reported."""
        for entry in listed(parent) if is_folder(parent) else ():
            if entry.is_dir(follow_symlinks=False):
                yield entry
            elif not entry.name.startswith("."):
                what = "a symbolic link, not followed" if entry.is_symlink() else "no folder"
                self.going.problem("warning", one_line(entry.name), "not_a_folder", f"it is {what}", stage)

    def file(self, *parts: str) -> Path | None:
        """Give the path of a file below the root when there is something of that name, by no symbolic link."""
        path = self.root
        for part in parts[:-1]:
            path = path / part
            if not is_folder(path):
                return None
        path = path / parts[-1]
        return path if os.path.lexists(path) else None


def _size(path: Path) -> int:
    """Give a file's size, so that no more memory than that is taken to read it; a file that grows is refused."""
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def listed(folder: Path) -> list[os.DirEntry[str]]:
    """List a folder by name."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise BadFile(error.strerror or "cannot be read", where=str(folder), mend="make it readable") from None


def is_folder(path: Path) -> bool:
    """Say whether a path is a folder and no symbolic link."""
    return path.is_dir() and not path.is_symlink()


def data_root(path: Path) -> Path:
    """Find the folder that holds `gens`: the one named, or `data` in it. Raises BadFile."""
    for candidate in (path, path / "data"):
        if is_folder(candidate / "gens"):
            return candidate
    raise BadFile("there is no folder gens in it", where=str(path), mend="name the data root of a DayDreaming store")
