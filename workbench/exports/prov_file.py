"""A PROV-JSON document of any size in bounded memory: its sections grow apart, and become one at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from workbench.exports.files import new_file
from workbench.plugins import library

_PREFIX: Final = "prefix"
_BLANK: Final = "_:"  # of relations without a name; counted anew on every page


class ProvSections:
    """The sections of a document (entity, activity, wasDerivedFrom …), each in a file of its own without a name."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        """Let the sections wait in `folder` until `stack` ends."""
        self._folder, self._stack = folder, stack
        self._encode = library("prov.serializers.provjson", "prov").encode_json_document
        self._prefixes: dict[str, str] = {}
        self._files: dict[str, IO[str]] = {}
        self.records = 0

    def add(self, document: Any) -> None:
        """Take the records of one document of the library; none of them may have been there before."""
        for section, records in self._encode(document).items():
            if section == _PREFIX:
                self._prefixes |= records
            else:
                self._append(section, records)

    def _append(self, section: str, records: Mapping[str, Any]) -> None:
        if section not in self._files:
            self._files[section] = self._stack.enter_context(
                TemporaryFile("w+", encoding="utf-8", newline="\n", dir=self._folder)  # noqa: SIM115  (the stack does)
            )
        for name, record in records.items():
            self.records += 1
            known = f"{_BLANK}{self.records}" if name.startswith(_BLANK) else name
            self._files[section].write(f"{json.dumps(known)}: {json.dumps(record, ensure_ascii=False)}\n")

    def write(self, out: IO[str]) -> None:
        """Put the document together, one record a line."""
        out.write(f'{{\n"{_PREFIX}": {json.dumps(self._prefixes)}')
        for section, file in self._files.items():
            out.write(f",\n{json.dumps(section)}: {{\n")
            file.seek(0)
            for number, line in enumerate(file):
                out.write((",\n" if number else "") + line.rstrip("\n"))
            out.write("\n}")
        out.write("\n}\n")


@contextmanager
def prov_file(path: Path, *, force: bool) -> Iterator[ProvSections]:
    """Give sections that become the document at `path` when the block ends well; raises as `new_file`."""
    with ExitStack() as stack, new_file(path, force=force) as out:
        sections = ProvSections(path.parent, stack)
        yield sections
        sections.write(out)
