"""Parquet files read strictly: plain columns only, some rows at a time, each as the JSON line that it stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

from workbench.errors import BadFile, TooLarge
from workbench.exports.libraries import library
from workbench.reading import MAX_LINE, seekable

MAGIC: Final = b"PAR1"
BATCH: Final = 16  # rows in memory; of the longest ones, MAX_BATCH
MAX_COLUMNS: Final = 1_000
MAX_GROUP: Final = 2**30  # bytes of one row group, unpacked
MAX_BATCH: Final = 2**28  # bytes of some rows in memory
MAX_FOOTER: Final = 64 * 2**20  # bytes of what tells the columns
_OF_VALUES: Final = ("list", "large_list", "fixed_size_list", "dictionary")
_PLAIN: Final = ("string", "large_string", "boolean", "integer", "floating", "null", "temporal", "decimal")
MAX_DEPTH: Final = 8  # of lists and structs in each other
_MEND: Final = "write it again as Parquet with columns of text, numbers and lists, or as JSON Lines"


def is_parquet(path: Path | str) -> bool:
    """Say whether a file begins as Parquet does, whatever it is called; raises BadFile for what is no file."""
    with seekable(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def parquet_lines(path: Path | str) -> Iterator[tuple[int, str]]:
    """Stream the rows of a Parquet file as JSON with their 1-based numbers; empty cells are left out.

    Raises MissingExtra; BadFile for a file that is damaged or has other columns than text, numbers, yes and no,
    times, lists and structs of those; TooLarge.
    """
    with seekable(path) as file, _told(path):
        parquet = _opened(file, path)
        number = 0
        for batch in parquet.iter_batches(batch_size=BATCH, use_threads=False):
            if batch.nbytes > MAX_BATCH:
                raise TooLarge(f"more than {MAX_BATCH:,} bytes in {BATCH} rows", where=str(path), mend=_MEND)
            for row in batch.to_pylist():
                number += 1
                yield number, _line(row, f"{path}:{number}")


def _opened(file: IO[bytes], path: Path | str) -> Any:
    parquet = library("pyarrow.parquet", "parquet").ParquetFile(
        file, pre_buffer=False, thrift_string_size_limit=MAX_FOOTER, thrift_container_size_limit=1_000_000
    )
    facts = parquet.metadata
    if facts.num_columns > MAX_COLUMNS:
        raise TooLarge(f"more than {MAX_COLUMNS:,} columns", where=str(path), mend=_MEND)
    for number in range(facts.num_row_groups):
        if not 0 <= facts.row_group(number).total_byte_size <= MAX_GROUP:
            raise TooLarge(f"a row group of more than {MAX_GROUP:,} bytes", where=str(path), mend="write smaller ones")
    types = library("pyarrow.types", "parquet")
    for field in parquet.schema_arrow:
        _refuse_type(types, field.type, f"{path}: column {field.name!r}"[:300])
    return parquet


def _refuse_type(types: Any, kind: Any, where: str, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise BadFile("nested too deeply", where=where, mend=_MEND)
    if types.is_struct(kind):
        for number in range(kind.num_fields):
            _refuse_type(types, kind.field(number).type, where, depth + 1)
    elif (
        types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or types.is_dictionary(kind)
    ):
        _refuse_type(types, kind.value_type, where, depth + 1)
    elif not _is_plain(types, kind):
        raise BadFile(f"it holds {kind}"[:100], where=where, mend=_MEND)


def _is_plain(types: Any, kind: Any) -> bool:
    return any(getattr(types, f"is_{name}")(kind) for name in _PLAIN) and not types.is_duration(kind)


@contextmanager
def _told(path: Path | str) -> Iterator[None]:
    """Turn what the library says of a damaged file into one line."""
    arrow = library("pyarrow", "parquet")
    try:
        yield
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        told = " ".join(str(error).split())[:200]
        raise BadFile(f"not Parquet: {told}", where=str(path), mend="fetch or write it again") from None


def _line(row: dict[str, Any], where: str) -> str:
    text = json.dumps(_plain(row), ensure_ascii=False)
    if len(text) > MAX_LINE:
        raise TooLarge(f"a row of more than {MAX_LINE:,} characters", where=where, mend="split the row")
    return text


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(item) for name, item in value.items() if item is not None}
        case list():
            return [_plain(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case date() | datetime() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
    return value
