"""Texts with their lineage as Parquet: typed columns, row groups of bounded size, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, Self

from workbench import __version__
from workbench.exports.files import new_bytes
from workbench.exports.rows import PLAIN_TEXTS, SCORE, Column, columns, lineage_rows
from workbench.exports.selection import CHUNK, Choice, chosen
from workbench.plugins import library
from workbench.store import Database
from workbench.store.rows import Row
from workbench.verify.check import snapshot

GROUP_ROWS: Final = 20_000  # of one row group, at most
GROUP_BYTES: Final = 64 * 2**20  # of one row group in memory, where no single text is larger


def export_parquet(
    db: Database,
    out: Path | str,
    choice: Choice | None = None,
    *,
    texts: Sequence[str] = PLAIN_TEXTS,
    force: bool = False,
) -> dict[str, object]:
    """Write finished texts as one Parquet file; `texts` says which of system, prompt, raw, parsed, messages it has.

    Without a choice it takes every stage. Memory is bounded by one row group. Gives {"rows", "path"}. Raises
    MissingExtra, OutputExists without `force`, UnknownName, BadQuery, BadInput.
    """
    arrow = library("pyarrow", "parquet")
    wanted, count = columns(texts), 0
    with snapshot(db), new_bytes(out, force=force) as file, ParquetTable(arrow, file, wanted) as table:
        for row in lineage_rows(db, chosen(db, choice or Choice(stage=None)), texts):
            table.add(row)
            count += 1
    return {"rows": count, "path": str(out)}


class ParquetTable:
    """Rows on their way into one Parquet file, compressed with zstd."""

    def __init__(self, arrow: Any, file: IO[bytes], wanted: Sequence[Column]) -> None:
        """Write the columns into an open file."""
        facts, kinds = {"workbench": __version__}, _kinds(arrow)
        fields = [arrow.field(column.name, kinds[column.kind]) for column in wanted]
        self._arrow, self._schema = arrow, arrow.schema(fields, metadata=facts)
        self._writer = library("pyarrow.parquet", "parquet").ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self._batches: list[Any] = []

    def add(self, row: Row) -> None:
        """Take one row."""
        self._rows.append(row)
        if len(self._rows) == CHUNK:
            self._pack()

    def _pack(self) -> None:
        """Put rows into Arrow's own memory, and that into the file when it is a row group's worth."""
        self._batches.append(self._arrow.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()
        held = sum(batch.nbytes for batch in self._batches)
        if held >= GROUP_BYTES or sum(map(len, self._batches)) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        table = self._arrow.Table.from_batches(self._batches, schema=self._schema)
        self._writer.write_table(table, row_group_size=max(len(table), 1))
        self._batches.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Write what is left and the end of the file; after an error the end alone, since nobody will read it."""
        if kind is not None:
            with suppress(Exception):
                self._writer.close()
            return
        if self._rows:
            self._pack()
        if self._batches:
            self._flush()
        self._writer.close()


def _kinds(arrow: Any) -> dict[str, Any]:
    text, number = arrow.string(), arrow.float64()
    score = dict.fromkeys(SCORE, text) | dict.fromkeys(SCORE[-4:], number) | {"replicate": arrow.int64()}
    return {
        "text": text,
        "texts": arrow.list_(text),
        "whole": arrow.int64(),
        "number": number,
        "flag": arrow.bool_(),
        "scores": arrow.list_(arrow.struct(score)),
        "messages": arrow.list_(arrow.struct({"role": text, "content": text})),
    }
