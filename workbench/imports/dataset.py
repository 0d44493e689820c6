"""Datasets without a checkpoint into the record: the cycle where the file tells it, else the lowest free one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from workbench.errors import BadFile, BadRow, WorkbenchError, raise_all
from workbench.ids import FactDigest
from workbench.imports.drafts import Drafts
from workbench.imports.names import Names, going_on_template, model_of, template_of
from workbench.imports.parquet import is_parquet, parquet_lines
from workbench.imports.placing import Known, Placing
from workbench.imports.record import Import, ImportReport, recorded
from workbench.imports.shapes import Shaped, shaped
from workbench.imports.topics import TopicFinder
from workbench.reading import json_text, lines
from workbench.store import Database

SHOWN: Final = 20  # bad rows that are told in full
_TEMPLATES: Final = {
    "chat": "imported-chat",
    "reasoned": "imported-reasoned",
    "instruction": "imported-instruction",
    "": "imported-text",
}


def import_dataset(
    db: Database,
    path: Path | str,
    *,
    topics: str | None = None,
    template: str | None = None,
    model: str | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Take the samples of a JSON Lines or Parquet file over, in one transaction; taking them over twice changes nothing.

    Rows are conversations, ShareGPT, Alpaca, prompt and response, or our own plain export. Those with a topic become
    drafts of it, in the cycle that they tell or the lowest free one; the others are samples without topic. Raises
    BadFile, or Problems with every bad row, and UnknownName; then nothing was changed.
    """
    path = Path(path)
    first = next(_rows(path), None)
    if first is None:
        raise BadFile("no samples", where=str(path), mend="name a file with one JSON object a line")
    plan = {"topics": topics, "template": template, "model": model}
    with recorded(db, "dataset", path, _file_hash(path), plan, dry_run=dry_run) as going:
        made = going_on_template(_TEMPLATES[first[1].kind], first[1].kind, path.name)
        names = Names(*template_of(going, template, made), *model_of(going, model, None, str(path)))
        going.report.template, going.report.model = names.template, names.model
        drafts, finder = Drafts(going, names), TopicFinder(db, topics)
        placing = Placing(Known.read(db, names))
        for line, row in _rows(path):
            placing.take(going, finder, line, f"{path}:{line}", row)
        placing.infer()
        placing.report(going, str(path))
        finder.report(going, str(path))
        drafts.plan(placing.slots.values())
        _keep(going, drafts, path, placing)
    return going.report


def told_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Stream the rows of a dataset as JSON, with the number of the line, or of the row of a Parquet file."""
    return parquet_lines(path) if is_parquet(path) else lines(path)


def _file_hash(path: Path) -> str:
    digest = FactDigest()
    digest.add_sorted(text for _, text in told_lines(path))  # in the order of the file
    return digest.hexdigest()


def _rows(path: Path) -> Iterator[tuple[int, Shaped]]:
    """Stream the rows; bad ones do not stop the reading and are raised together at the end."""
    errors: list[WorkbenchError] = []
    for line, raw in told_lines(path):
        try:
            yield line, _row(raw, f"{path}:{line}")
        except BadFile as error:
            error.where = error.where or f"{path}:{line}"
            errors.append(error)
    more = len(errors) - SHOWN
    rest = [BadFile(f"and {more:,} more errors", where=str(path))] if more > 0 else []
    raise_all([*errors[:SHOWN], *rest])


def _row(raw: str, where: str) -> Shaped:
    value = json_text(raw, where)
    if not isinstance(value, dict):
        raise BadRow("a sample is a JSON object", mend="mend or remove it")
    return shaped(raw, value)


def _keep(going: Import, drafts: Drafts, path: Path, placing: Placing) -> None:
    """Read the rows again and put each where it belongs."""
    for line, raw in told_lines(path):
        where = f"{path}:{line}"
        if line in placing.slots:
            row = _row(raw, where)
            drafts.keep(placing.slots[line], row.text, where, row.metadata)
        elif line in placing.unplaced:
            going.row(where, "unplaced sample", raw)
