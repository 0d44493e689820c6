"""A store's cohorts: the spec with its files, manifest and membership verbatim, members in order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from workbench.catalogue.cohorts import cohort_files
from workbench.clock import now
from workbench.exports.store_names import name_of
from workbench.ids import STAGES, content_hash
from workbench.imports.legacy import Finding, is_name, read_metadata
from workbench.imports.store_answers import OWN, object_in
from workbench.imports.store_files import Files, is_folder, listed
from workbench.imports.store_known import Known
from workbench.providers.texts import cleaned, one_line
from workbench.reading import MAX_FILE, csv_rows
from workbench.store import insert

SPEC: Final = "config.yaml"
_STAGE: Final = "cohort"  # of problems
_DEEPEST: Final = 8  # folders below a spec
_COHORT: Final = "select id, mode, spec from cohorts where name = ?"
_MEMBER: Final = "insert or ignore into cohort_members (cohort_id, generation_id, place, allocated) values (?, ?, ?, ?)"


@dataclass(slots=True)
class Cohort:
    """One cohort's folder as it was read; `number` is that of the project, None when it could not be taken."""

    name: str
    path: Path
    number: int | None = None
    spec: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


class Cohorts:
    """Takes the cohorts of a store over: first their names and specs, then, when all generations are here, members."""

    def __init__(self, files: Files, known: Known) -> None:
        """Write in the import's transaction."""
        self._files, self._going, self._db = files, files.going, files.going.db
        self._known = known
        self._taken: list[tuple[str, Path, int]] = []
        self.added = 0

    def take(self) -> None:
        """Take every cohort's name, spec and files, and keep its manifest and membership verbatim."""
        for entry in self._files.folders(self._files.root / "cohorts", _STAGE):
            cohort = Cohort(name_of(entry.name), Path(entry.path))
            if not is_name(cohort.name):
                self._problem(cohort.name, Finding("error", "not_an_id", "no cohort can have this name"))
                continue
            self._read(cohort)
            cohort.number = self._store(cohort)
            if cohort.number is not None:
                self._taken.append((cohort.name, cohort.path, cohort.number))

    def _problem(self, name: str, finding: Finding) -> None:
        self._going.problem(finding.severity, one_line(name), finding.code, finding.detail, _STAGE)

    def _text(self, cohort: Cohort, path: Path) -> str | None:
        text, finding = self._files.text(path, MAX_FILE)
        if finding:
            self._problem(cohort.name, finding)
        return None if text is None else text.text

    def _read(self, cohort: Cohort) -> None:
        for name in ("manifest.json", "membership.csv"):
            if os.path.lexists(cohort.path / name) and (text := self._text(cohort, cohort.path / name)) is not None:
                cohort.texts[name] = text
        spec = cohort.path / "spec"
        for path, parts in self._spec_files(cohort, spec) if is_folder(spec) else ():
            if (text := self._text(cohort, path)) is None:
                continue
            if parts == (SPEC,):
                cohort.spec = text
            else:
                cohort.files["/".join(parts)] = text

    def _spec_files(
        self, cohort: Cohort, folder: Path, above: tuple[str, ...] = ()
    ) -> Iterator[tuple[Path, tuple[str, ...]]]:
        for entry in listed(folder):
            parts = (*above, cleaned(name_of(entry.name))[0])
            if not entry.is_dir(follow_symlinks=False):
                yield Path(entry.path), parts
            elif len(parts) < _DEEPEST:
                yield from self._spec_files(cohort, Path(entry.path), parts)
            else:
                self._problem(
                    cohort.name, Finding("warning", "file_not_read", f"too deep: {one_line('/'.join(parts))}")
                )

    def _store(self, cohort: Cohort) -> int | None:
        """Make the cohort, or find it with the same spec; one with another spec stays as it is."""
        manifest, finding = read_metadata(cohort.texts.get("manifest.json", "{}"))
        if finding:
            self._problem(cohort.name, Finding("warning", finding.code.replace("metadata", "manifest"), finding.detail))
        row = self._db.execute(_COHORT, (cohort.name,)).fetchone()
        if row is None:
            number = self._insert(cohort, object_in(manifest, OWN))
            self._keep(cohort)
            self.added += 1
            return number
        if (row[2], cohort_files(self._db, row[0])) != (cohort.spec, cohort.files):
            detail = "the project has this cohort with another spec, which stays"
            self._problem(cohort.name, Finding("error", "cohort_conflict", detail))
            return None
        return int(row[0])

    def _insert(self, cohort: Cohort, own: Mapping[str, Any]) -> int:
        mode, settings = own.get("mode"), own.get("settings")
        values = {
            "name": cohort.name,
            "mode": one_line(mode)[:100] if isinstance(mode, str) and mode else "imported",
            "spec": cohort.spec,
            "settings": cleaned(settings)[0] if isinstance(settings, str) else None,
            "created": now(),
        }
        number = insert(self._db, "cohorts", values)
        for path, text in cohort.files.items():
            facts = {"cohort_id": number, "path": path, "text": text, "hash": content_hash(text)}
            insert(self._db, "cohort_files", facts)
        return number

    def _keep(self, cohort: Cohort) -> None:
        for name, text in cohort.texts.items():
            self._going.row(f"cohorts/{cohort.path.name}/{name}", name.rpartition(".")[0], text)

    def enrol(self) -> None:
        """Make the generations that each membership names members, in its order."""
        for name, path, number in self._taken:
            source = path / "membership.csv"
            if os.path.lexists(source):
                with self._files.reading(name, _STAGE):
                    for place, (_, row) in enumerate(csv_rows(source, ("stage", "gen_id")), 1):
                        self._enrol(name, number, place, row)

    def _enrol(self, name: str, number: int, place: int, row: Mapping[str, str]) -> None:
        stage, gen_id = row["stage"].strip(), row["gen_id"].strip()
        found, exact = self._known.resolve(stage, gen_id) if stage in STAGES else ([], True)
        if len(found) != 1:
            code = "membership_ambiguous" if found else "membership_dangling"
            self._problem(name, Finding("error", code, one_line(f"{stage} {gen_id}")))
            return
        if not exact:
            detail = f"{stage} {gen_id} -> {found[0].gen_id}"
            self._problem(name, Finding("warning", "membership_case_mismatch", one_line(detail)))
        told = row.get("place", "")
        at = int(told) if told.isdecimal() and told.isascii() and len(told) < 16 else place
        self.added += self._db.execute(_MEMBER, (number, found[0].id, at, int(row.get("allocated") == "1"))).rowcount
