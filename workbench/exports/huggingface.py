"""Texts as a dataset folder that `datasets.load_dataset` loads: one configuration a stage, shards, a card."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal, Protocol

from workbench.errors import BadInput, OutputExists
from workbench.exports.card import CARD, Card, write_card
from workbench.exports.files import json_line
from workbench.exports.parquet import ParquetTable
from workbench.exports.rows import TEXTS, columns, lineage_rows
from workbench.exports.selection import Choice, chosen
from workbench.exports.store_folder import Folder, new_folder
from workbench.ids import STAGES, content_hash
from workbench.plugins import library
from workbench.store import Database
from workbench.store.rows import Row
from workbench.verify.check import snapshot

Format = Literal["parquet", "jsonl"]
FORMATS: Final = ("parquet", "jsonl")
SHARD_ROWS: Final = 100_000
DATA: Final = "data"
_SHARD: Final = re.compile(r"(?:train|test)-[0-9]{5}\.(?:parquet|jsonl)")


class _Table(Protocol):
    def add(self, row: Row) -> None: ...


_Tables = Callable[[IO[bytes]], AbstractContextManager[_Table]]


class _Lines:
    """Rows as JSON Lines."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, row: Row) -> None:
        self._file.write(json_line(row).encode())


@dataclass(slots=True)
class _Shards:
    """The shards of one split of one stage; one is open at a time, and all are closed with `open`."""

    folder: Folder
    split: str
    ending: str
    size: int
    table: _Tables
    open: ExitStack
    rows: int = 0
    current: _Table | None = None
    end: Callable[[], None] = lambda: None

    def add(self, row: Row) -> None:
        """Put a row into the current shard, or into a new one when that is full."""
        if self.rows % self.size == 0:
            self.end()
            shard = self.open.enter_context(ExitStack())
            file = shard.enter_context(self.folder.binary(f"{self.split}-{self.rows // self.size:05}.{self.ending}"))
            self.current, self.end = shard.enter_context(self.table(file)), shard.close
        assert self.current is not None, "the first row opens a shard"
        self.current.add(row)
        self.rows += 1


def export_huggingface(
    db: Database,
    out: Path | str,
    choice: Choice | None = None,
    *,
    texts: Sequence[str] = TEXTS,
    format: Format = "parquet",
    test_percent: float = 0.0,
    shard_rows: int = SHARD_ROWS,
    title: str | None = None,
    license: str | None = None,
    force: bool = False,
) -> dict[str, object]:
    """Write finished texts as a new folder with a card: `datasets.load_dataset(folder, "draft")`.

    Each stage is a configuration. `test_percent` of what the texts are about goes to a split `test`, whole families
    at a time, so that nothing about a topic is in both. Nothing is sent anywhere. `force` replaces such a folder, and
    no other. Gives {"rows", "path", "configs": {stage: {split: rows}}}. Raises MissingExtra, OutputExists, Refused,
    UnknownName, BadQuery, BadInput.
    """
    hub, path = library("huggingface_hub", "huggingface"), Path(out)
    card = Card(title, license, columns(texts), format, choice or Choice(stage=None))
    table = _tables(card)
    if path.is_dir() and not force:
        raise OutputExists(where=str(path), mend="choose another name, or use --force")
    with snapshot(db), new_folder(path, is_dataset if force else None) as folder:
        shards: dict[tuple[str, str], _Shards] = {}
        with ExitStack() as stack:
            for row in lineage_rows(db, chosen(db, card.choice), texts):
                key = (row["stage"], split_of(row["combo_id"], test_percent))
                if key not in shards:
                    shards[key] = _Shards(folder.below(DATA, key[0]), key[1], format, shard_rows, table, stack)
                shards[key].add(row)
        counts = _counted(shards)
        write_card(db, hub, folder, card, counts)
    return {"rows": sum(one.rows for one in shards.values()), "path": str(path), "configs": counts}


def _tables(card: Card) -> _Tables:
    if card.format == "jsonl":
        return lambda file: nullcontext(_Lines(file))
    arrow = library("pyarrow", "huggingface")
    return lambda file: ParquetTable(arrow, file, card.columns)


def split_of(about: str | None, test_percent: float) -> str:
    """Give the split of a family, by a hash of what it is about: the same in every export."""
    share = int(content_hash(about or "")[:8], 16) / 2**32
    return "test" if share * 100 < test_percent else "train"


def _counted(shards: dict[tuple[str, str], _Shards]) -> dict[str, dict[str, int]]:
    if not shards:
        raise BadInput("no finished text matches", mend="see `workbench status` for what there is")
    return {
        stage: {split: shards[stage, split].rows for split in ("train", "test") if (stage, split) in shards}
        for stage in STAGES
        if any(found == stage for found, _ in shards)
    }


def is_dataset(folder: Path) -> bool:
    """Say whether a folder holds a card and shards and nothing else, as this export writes them."""
    return (folder / CARD).is_file() and all(_is_ours(path.relative_to(folder)) for path in _below(folder))


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _is_ours(path: Path) -> bool:
    match path.parts:
        case (name,):
            return name == CARD
        case (data, stage, name):
            return data == DATA and stage in STAGES and _SHARD.fullmatch(name) is not None
    return False
