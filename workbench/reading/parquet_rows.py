"""The process that reads a Parquet file: from its standard input, within bounds, each row as a line of JSON.

    python -m workbench.reading.parquet_rows NAME < FILE

A few bytes of Parquet can stand for gigabytes, and damaged ones can end a library that is not written in Python. Here
that ends this process alone. After the rows comes a full stop, or an exclamation mark with what is wrong.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from workbench.errors import BadFile, BadRow, MissingExtra, TooLarge, WorkbenchError
from workbench.reading.files import MAX_LINE

BATCH: Final = 16  # rows in memory; of the longest ones, MAX_BATCH
MAX_COLUMNS: Final = 1_000
MAX_GROUP: Final = 2**30  # bytes of one row group, unpacked
MAX_BATCH: Final = 2**28  # bytes of some rows in memory
MAX_FOOTER: Final = 64 * 2**20  # bytes of what tells the columns
MAX_MEMORY: Final = 3 * 2**30  # bytes: a page may be a whole group, and is held packed, unpacked and as rows
MAX_SECONDS: Final = 60  # of work for some rows
READ_AHEAD: Final = 2**20  # bytes of a column
MAX_DEPTH: Final = 8  # of lists and structs in each other
END, WRONG = ".", "!"
_PLAIN: Final = ("string", "large_string", "boolean", "integer", "floating", "null", "temporal", "decimal")
_MEND: Final = "write it again as Parquet with columns of text, numbers and lists, or as JSON Lines"


def main(path: str) -> None:
    """Write every row of the file on standard input; `path` is what messages call it."""
    try:
        _library("pyarrow.parquet")
        arrow = _library("pyarrow")
        arrow.set_memory_pool(arrow.system_memory_pool())  # its own ones set gigabytes aside
        _bound_memory()
        _bound_work()
        with open(0, "rb", closefd=False) as file:
            for some in rows(file, path):
                sys.stdout.writelines(f"{line}\n" for line in some)
                _bound_work()
        print(END)
    except WorkbenchError as error:
        print(WRONG + json.dumps([type(error).__name__, error.detail, error.where, error.mend]))


def _library(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtra("pyarrow", mend="pip install 'generation-workbench[parquet]'") from None


def rows(file: IO[bytes], path: str) -> Iterator[list[str]]:
    """Give the rows of a file as JSON, some at a time; raises MissingExtra, BadFile and TooLarge."""
    with _told(path):
        parquet = _opened(file, path)
        number = 0
        for batch in parquet.iter_batches(batch_size=BATCH, use_threads=False):
            if batch.nbytes > MAX_BATCH:
                raise TooLarge(f"more than {MAX_BATCH:,} bytes in {BATCH} rows", where=path, mend=_MEND)
            names = batch.schema.names
            cells = [_values(name, column, path, number) for name, column in zip(names, batch, strict=True)]
            given = zip(*cells, strict=True) if names else iter([()] * batch.num_rows)
            found = [dict(zip(names, row, strict=True)) for row in given]
            yield [_line(row, f"{path}:{number + place + 1}") for place, row in enumerate(found)]
            number += len(found)


def _bound_memory() -> None:
    """Allow so much memory on top of what the libraries take, at most half of all; where no system tells, any."""
    with suppress(OSError, ValueError, IndexError):
        half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        told = Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0]
        most = int(told) * 1024 + min(MAX_MEMORY, half)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _bound_work() -> None:
    """Allow so many seconds of the processor from now on; the system then ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + MAX_SECONDS, hard))


def _opened(file: IO[bytes], path: str) -> Any:
    parquet = _library("pyarrow.parquet").ParquetFile(
        file,
        pre_buffer=False,
        buffer_size=READ_AHEAD,
        thrift_string_size_limit=MAX_FOOTER,
        thrift_container_size_limit=1_000_000,
    )
    facts = parquet.metadata
    if facts.num_columns > MAX_COLUMNS:
        raise TooLarge(f"more than {MAX_COLUMNS:,} columns", where=path, mend=_MEND)
    for number in range(facts.num_row_groups):
        if not 0 <= facts.row_group(number).total_byte_size <= MAX_GROUP:
            raise TooLarge(f"a row group of more than {MAX_GROUP:,} bytes", where=path, mend="write smaller ones")
    types = _library("pyarrow.types")
    _refuse_twins([field.name for field in parquet.schema_arrow], path)
    for field in parquet.schema_arrow:
        _refuse_type(types, field.type, f"{path}: column {field.name!r}"[:300])
    return parquet


def _refuse_twins(names: list[str], where: str) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise BadFile(f"the name {name[:60]!r} stands twice", where=where, mend="name each column once")


def _refuse_type(types: Any, kind: Any, where: str, depth: int = 0) -> None:
    if depth > MAX_DEPTH:
        raise BadFile("nested too deeply", where=where, mend=_MEND)
    if types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        _refuse_twins([field.name for field in fields], where)
        for field in fields:
            _refuse_type(types, field.type, where, depth + 1)
    elif (
        types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or types.is_dictionary(kind)
    ):
        _refuse_type(types, kind.value_type, where, depth + 1)
    elif not _is_plain(types, kind):
        raise BadFile(f"it holds {kind}"[:100], where=where, mend=_MEND)


def _is_plain(types: Any, kind: Any) -> bool:
    return any(getattr(types, f"is_{name}")(kind) for name in _PLAIN) and not types.is_duration(kind)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn what the library says of a damaged file into one line."""
    arrow = _library("pyarrow")
    try:
        yield
    except MemoryError:  # pyarrow's own is one
        raise TooLarge("its rows take more memory than there is for them", where=path, mend=_MEND) from None
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        told = " ".join(str(error).split())[:200]
        raise BadFile(f"not Parquet: {told}", where=path, mend="fetch or write it again") from None


def _values(name: str, column: Any, path: str, before: int) -> list[Any]:
    """Give the values of some rows of a column; raises BadRow with the row whose text is no text."""
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except UnicodeDecodeError:
        for place, value in enumerate(column):
            try:
                value.as_py()
            except UnicodeDecodeError as error:
                what, where = (
                    f"column {name[:60]!r}, byte {error.start + 1} is not UTF-8",
                    f"{path}:{before + place + 1}",
                )
                raise BadRow(what, where=where, mend="write its texts as UTF-8") from None
        raise


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


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogatepass")  # type: ignore[union-attr]
    try:
        main(sys.argv[1])
        sys.stdout.flush()
    except BrokenPipeError:  # nobody wants more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
