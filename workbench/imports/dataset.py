"""Datasets without a checkpoint into the record: the cycle where the file tells it, else the lowest free one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from workbench.errors import BadFile, BadRow
from workbench.ids import FactDigest
from workbench.imports.drafts import Drafts
from workbench.imports.lineage import Family, has_names
from workbench.imports.lineage_rows import Value, is_lineage, told
from workbench.imports.names import Names, going_on_template, model_of, template_of
from workbench.imports.parquet import is_parquet, parquet_lines
from workbench.imports.placing import Known, Placing
from workbench.imports.record import Import, ImportReport, recorded
from workbench.imports.shapes import Shaped, shaped
from workbench.imports.topics import TopicFinder
from workbench.reading import Faults, json_text, lines, refuse_changed, stamp
from workbench.store import Database

T = TypeVar("T")
MOST_BAD: Final = 1_000  # rows, after which a file is not read on
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
    """Take the samples of a JSON Lines or Parquet file over, in one transaction; a second time changes nothing.

    Rows are conversations, ShareGPT, Alpaca, prompt and response, or our own plain export. Those with a topic become
    drafts of it, in the cycle that they tell or the lowest free one; the others are samples without topic. Rows of
    our own exports keep their stage, names and parents where the project knows all their templates and models, unless
    other names are given. Raises BadFile, or Problems with every bad row, and UnknownName; then nothing was changed.
    """
    path = Path(path)
    before = stamp(path)
    first = next(_rows(path), None)
    if first is None:
        raise BadFile("no samples", where=str(path), mend="name a file with one JSON object a line")
    plan = {"topics": topics, "template": template, "model": model}
    with recorded(db, "dataset", path, _file_hash(path), plan, dry_run=dry_run) as going:
        finder, own = TopicFinder(db, topics), partial(_own_rows, path)
        if template is None and model is None and _is_own(path) and has_names(going, own):
            Family(going, finder, str(path)).take(own)
        else:
            made = going_on_template(_TEMPLATES[first[1].kind], first[1].kind, path.name)
            names = Names(*template_of(going, template, made), *model_of(going, model, None, str(path)))
            _file_all(going, names, finder, path)
        finder.report(going, str(path))
        refuse_changed(path, before)
    return going.report


def _file_all(going: Import, names: Names, finder: TopicFinder, path: Path) -> None:
    """Take every row as a draft of one template and model."""
    going.report.template, going.report.model = names.template, names.model
    drafts, placing = Drafts(going, names), Placing(Known.read(going.db, names))
    for line, row in _rows(path):
        placing.take(going, finder, line, f"{path}:{line}", row)
    placing.infer()
    placing.report(going, str(path))
    drafts.plan(placing.slots.values())
    _keep(going, drafts, path, placing)


def _is_own(path: Path) -> bool:
    """Say whether the first row is one of our own exports'."""
    line, raw = next(told_lines(path))
    try:
        value = json_text(raw, f"{path}:{line}")
    except BadFile:
        return False
    return isinstance(value, dict) and is_lineage(value)


def told_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Stream the rows of a dataset as JSON, with the number of the line, or of the row of a Parquet file."""
    return parquet_lines(path) if is_parquet(path) else lines(path)


def _file_hash(path: Path) -> str:
    digest = FactDigest()
    digest.add_sorted(text for _, text in told_lines(path))  # in the order of the file
    return digest.hexdigest()


def _rows(path: Path) -> Iterator[tuple[int, Shaped]]:
    return _read(path, _row)


def _own_rows(path: Path) -> Iterator[tuple[int, Value]]:
    return _read(path, _own_row)


def _read(path: Path, row_of: Callable[[str, str], T]) -> Iterator[tuple[int, T]]:
    """Stream the rows; bad ones do not stop the reading and are raised together at the end."""
    faults = Faults(str(path))
    for line, raw in told_lines(path):
        try:
            yield line, row_of(raw, f"{path}:{line}")
        except BadFile as error:
            error.where = error.where or f"{path}:{line}"
            faults.add(error)
            if len(faults) >= MOST_BAD:
                break
    faults.raise_any()


def _object(raw: str, where: str) -> Value:
    value = json_text(raw, where)
    if not isinstance(value, dict):
        raise BadRow("a sample is a JSON object", mend="mend or remove it")
    return value


def _row(raw: str, where: str) -> Shaped:
    return shaped(raw, _object(raw, where))


def _own_row(raw: str, where: str) -> Value:
    value = _object(raw, where)
    told(value)
    return value


def _keep(going: Import, drafts: Drafts, path: Path, placing: Placing) -> None:
    """Read the rows again and put each where it belongs."""
    for line, raw in told_lines(path):
        where = f"{path}:{line}"
        if line in placing.slots:
            row = _row(raw, where)
            drafts.keep(placing.slots[line], row.text, where, row.metadata)
        elif line in placing.unplaced:
            going.row(where, "unplaced sample", raw)
