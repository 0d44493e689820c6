"""Generations of a DayDreaming store into the record: each under the ID that it has there, placed or blocked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.clock import now
from workbench.events import record_alert
from workbench.imports.legacy import Finding, Recorded, normalise, read_metadata
from workbench.imports.record import Import
from workbench.imports.store_answers import OWN, Answer, Answers, answers_in, object_in
from workbench.imports.store_files import Folder
from workbench.imports.store_known import Generation, Known
from workbench.imports.store_placing import Placement, Placing
from workbench.record.answers import refresh
from workbench.store import insert, sqlite3
from workbench.store.rows import rows_of
from workbench.verify.rules import COLLISION

_VERBATIM: Final = ("metadata.json", "raw_metadata.json", "parsed_metadata.json")
_TEXTS: Final = ("prompt.txt", "raw.txt", "parsed.txt")
_MENDED: Final = (
    *("combo_id", "parent_id", "template_id", "model_id", "replicate", "origin_cohort_id"),
    *("status", "outcome", "ready", "legacy"),
)
_MEND: Final = f"update generations set {', '.join(f'{name} = :{name}' for name in _MENDED)} where id = :id"
_ROW: Final = "select stage, template_id, model_id, parent_id from generations where id = ?"
_GENERATION: Final = "select id, gen_id, status, outcome, content_id, legacy from generations where id = ?"
_COMPLETED: Final = (
    "select count(*) from generations g join combos c on c.id = g.combo_id"
    " where g.gen_id = ? and g.status = 'done' and g.replicate is not null and c.topic_id is not null"
)


class Rows:
    """Takes one generation's folder after another, a stage after the stage of its parents."""

    def __init__(self, going: Import, known: Known, placing: Placing) -> None:
        """Write in the import's transaction."""
        self._going, self._db = going, going.db
        self._known, self._placing, self._answers = known, placing, Answers(going.db)

    def take(self, stage: str, folder: Folder) -> None:
        """Place one generation, or see that it is here already, and report what is odd about it."""
        metadata, recorded = _read(stage, folder)
        known = self._known.find(stage, folder.name)
        other = None if known else self._known.stage_of(folder.name)
        if other:
            folder.findings.append(Finding("error", "id_taken", f"a generation of stage {other} has this ID"))
            self._keep(folder, None, None)
        elif known and not known.is_unplaced:
            if known.legacy and recorded:
                self._placing.review(folder, recorded)
            self._again(stage, folder, known)
        else:
            self._place(stage, folder, recorded, object_in(metadata, OWN), known)
        if stage == "draft" and not other:
            self._going.report.completions += self._db.execute(_COMPLETED, (folder.name,)).fetchone()[0]
        self.report(stage, folder)

    def leave(self, stage: str, folder: Folder) -> None:
        """Keep what a folder holds whose name is no ID, and report it."""
        folder.findings.append(Finding("error", "not_an_id", "no generation can have this name"))
        self._keep(folder, None, None)
        self.report(stage, folder)

    def report(self, stage: str, folder: Folder) -> None:
        """Report all that is odd about a generation."""
        for finding in folder.findings:
            self._going.problem(finding.severity, folder.name, finding.code, finding.detail, stage)

    def _place(
        self,
        stage: str,
        folder: Folder,
        recorded: Recorded | None,
        own: Mapping[str, Any],
        known: Generation | None,
    ) -> None:
        """Make a generation, or mend one that an earlier import could not place."""
        placement = self._placing.place(stage, folder, recorded, own)
        answers = list(answers_in(folder))
        if known and placement.is_blocked and not self._lacks(known, answers):
            self._going.report.unchanged[stage] += 1
            return
        number = self._mend(known, placement) if known else self._insert(folder, placement)
        for answer in answers if known is None else answers[-1:] if self._lacks(known, answers) else ():
            self._answers.keep(placement.values, number, answer, placement.parent)
        if placement.firm and answers:
            self._hold(number, placement)
        self._keep(folder, recorded, number, prompt=not answers)
        self._going.report.added[stage] += 1

    def _insert(self, folder: Folder, placement: Placement) -> int:
        values = placement.values | {"created": now()}
        try:
            number = insert(self._db, "generations", values)
        except sqlite3.IntegrityError:  # another ID has this signature: one of the two is not right
            detail = "another generation has the signature that this ID is the function of"
            folder.findings.append(Finding("error", "signature_taken", detail))
            placement.values["legacy"] = 1
            return insert(self._db, "generations", values | {"legacy": 1, "ready": 0})
        if not values["legacy"] and "-" in folder.name:
            facts = {"gen_id": folder.name, "shares": folder.name.partition("-")[0]}
            record_alert(self._db, COLLISION, facts, blocking=True, generation_id=number)
            folder.findings.append(Finding("warning", "id_collision", str(facts["shares"])))
        return number

    def _mend(self, known: Generation, placement: Placement) -> int:
        self._db.execute(_MEND, {name: placement.values[name] for name in _MENDED} | {"id": known.id})
        if known.content_id is not None:
            refresh(self._db, known.id)
        return known.id

    def _hold(self, number: int, placement: Placement) -> None:
        """Give a row the state that it is known to have; a good text cannot have failed."""
        values = placement.values
        self._db.execute(
            "update generations set status = ?1, outcome = ?2, ready = ?3 where id = ?4"
            " and not (?1 = 'failed' and status = 'done')",
            (values["status"], values["outcome"], values["ready"], number),
        )

    def _again(self, stage: str, folder: Folder, known: Generation) -> None:
        """Give a generation that is here the text that it lacks; what is done stays, and another text is reported."""
        answers = list(answers_in(folder))
        lacks = self._lacks(known, answers)
        if lacks and known.status != "done":
            self._fill(known.id, answers[-1])
            self._going.report.added[stage] += 1
            return
        self._going.report.unchanged[stage] += 1
        if lacks:
            folder.findings.append(Finding("error", "conflict", "it is done here with another text, which stays"))

    def _lacks(self, known: Generation, answers: list[Answer]) -> bool:
        return bool(answers) and not self._answers.has(known.id, answers[-1].result)

    def _fill(self, number: int, answer: Answer) -> None:
        (row,) = rows_of(self._db, _ROW, (number,))
        parent = self._db.execute(_GENERATION, (row["parent_id"],)).fetchone()
        self._answers.keep(row, number, answer._replace(own={}), parent and Generation(*parent))

    def _keep(self, folder: Folder, recorded: Recorded | None, number: int | None, *, prompt: bool = False) -> None:
        """Keep the metadata verbatim, what they were read as, and the texts that found no place."""
        names = [*_VERBATIM, *(_TEXTS if number is None else _TEXTS[:1] if prompt else ())]
        for name in names:
            if (text := folder.text(name)) is not None:
                stem = name.rpartition(".")[0]
                self._going.row(f"{folder.place}/{name}", stem, text, generation_id=number)
        if recorded is not None:
            self._going.row(folder.place, "normalised", recorded.as_json(), generation_id=number)


def _read(stage: str, folder: Folder) -> tuple[Mapping[str, Any], Recorded | None]:
    """Read the metadata; without any that can be read, the last finding says why."""
    text = folder.text("metadata.json")
    if text is None:
        damaged = any(f.code == "file_unreadable" and f.detail.startswith("metadata.json") for f in folder.findings)
        folder.findings.append(Finding("error", "metadata_unreadable" if damaged else "metadata_missing"))
        return {}, None
    metadata, finding = read_metadata(text)
    if finding:
        folder.findings.append(finding)
        return {}, None
    recorded, findings = normalise(stage, folder.name, metadata)
    folder.findings.extend(findings)
    return metadata, recorded
