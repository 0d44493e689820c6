"""DayDreaming's data roots, of any era, into the record: generations, cohorts, catalogues, all in one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workbench.exports.store_names import name_of
from workbench.ids import STAGES
from workbench.imports.legacy import is_name
from workbench.imports.record import Import, ImportReport, recorded
from workbench.imports.store_cohorts import Cohorts
from workbench.imports.store_combos import take_combos
from workbench.imports.store_files import Files, data_root
from workbench.imports.store_known import Known
from workbench.imports.store_lookup import Lookup
from workbench.imports.store_placing import Placing
from workbench.imports.store_rows import Rows
from workbench.imports.store_tables import Models, take_concepts, take_replication
from workbench.imports.store_templates import Templates
from workbench.providers.texts import one_line
from workbench.store import Database, scheme_of

_ROOT: Final = "gens"


def import_store(db: Database, root: Path | str, *, lenient: bool = False, dry_run: bool = False) -> ImportReport:
    """Take a store over, in one transaction; taking it over twice changes nothing, and what is done here stays.

    `root` holds `gens`, or `data` in it. Rows keep the IDs that they have there, their metadata verbatim; those that
    cannot be placed are blocked and listed, and a migration or a mended store mends them. Damaged files (no UTF-8, no
    regular file, too large, ragged CSV) are refused all together, or with `lenient` taken as far as they can be read.
    Raises BadFile, or Problems; then nothing was changed. Source: "DayDreaming" in docs/architecture.md.
    """
    named = Path(root).absolute()
    found = data_root(named)
    with recorded(db, "store", named, "", {"lenient": lenient}, dry_run=dry_run) as going:
        going.report.added |= dict.fromkeys(STAGES, 0)
        going.report.unchanged |= dict.fromkeys(STAGES, 0)
        files = Files(going, found, lenient=lenient)
        _take(going, files)
        files.refuse()
        going.hashed(files.hash())
    return going.report


def _take(going: Import, files: Files) -> None:
    known, names = Known(going.db), Lookup(going.db)
    counts = going.report.catalogue
    counts |= {"concepts": take_concepts(files), "models": Models(files).take(), "templates": Templates(files).take()}
    counts |= {"combos": take_combos(files), "replication": take_replication(files)}
    cohorts = Cohorts(files, known)
    cohorts.take()
    rows = Rows(going, known, Placing(scheme_of(going.db), known, names))
    _report_stages(files)
    for stage in STAGES:
        for entry in files.folders(files.root / _ROOT / stage, stage):
            folder = files.generation(Path(entry.path), name_of(entry.name), f"{_ROOT}/{stage}/{one_line(entry.name)}")
            rows.take(stage, folder) if is_name(folder.name) else rows.leave(stage, folder)
    cohorts.enrol()
    counts["cohorts"] = cohorts.added
    going.report.gaps = names.gaps()
    known.forget()


def _report_stages(files: Files) -> None:
    """Say which folders of generations are of no stage."""
    for entry in files.folders(files.root / _ROOT, "catalogue"):
        if entry.name not in STAGES:
            files.going.problem(
                "warning", one_line(entry.name), "stage_unknown", "its folders are not read", "catalogue"
            )
