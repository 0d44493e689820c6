"""Parquet from strangers: bombs, damage and odd columns end in one line, in bounded memory, and change nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT, Ran

from workbench.errors import BadFile, TooLarge
from workbench.imports import parquet
from workbench.imports.parquet import parquet_lines
from workbench.store import open_project
from workbench.verify import digest

MB = 2**20
GOOD = {"prompt": ["p"], "response": ["r"]}


def not_utf8(*rows: bytes) -> pa.Array:
    """Call bytes a text, which pyarrow does not look into."""
    return pa.array(rows).view(pa.string())


def same(rows: int, text: str) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))


def twice(names: list[str]) -> pa.Table:
    return pa.Table.from_arrays([pa.array(["x"])] * len(names), names=names)


def nulls(count: int) -> pa.Array:
    """One row: a list of so many nothings, which take no room in the file."""
    return pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), pa.nulls(count))


def odd_struct() -> pa.Array:
    fields = [pa.field("a", pa.string()), pa.field("a", pa.string())]
    return pa.StructArray.from_arrays([pa.array(["x"]), pa.array(["y"])], fields=fields)


BAD: dict[str, tuple[Callable[[], pa.Table], str]] = {
    "a column twice": (lambda: twice(["prompt", "response", "prompt"]), "'prompt' stands twice"),
    "a field twice": (lambda: pa.table(GOOD | {"s": odd_struct()}), "column 's': .*'a' stands twice"),
    "no UTF-8": (
        lambda: pa.table({"prompt": ["p"] * 40, "response": not_utf8(*[b"r"] * 33, b"ab\xff", *[b"r"] * 6)}),
        r"x\.parquet:34: .*column 'response', byte 3 is not UTF-8",
    ),
    "nothing anywhere": (
        lambda: pa.table({n: pa.nulls(5_000, pa.string()) for n in GOOD}),
        r"x\.parquet:1: .*no sample",
    ),
    "nothing of no type": (lambda: pa.table({n: pa.nulls(3) for n in GOOD}), r"x\.parquet:1: "),
    "many columns": (lambda: pa.table({f"c{n}": [1] for n in range(5_000)}), "more than 1,000 columns"),
    "dates for texts": (lambda: pa.table({"prompt": pa.array([0], pa.date32()), "response": [1.5]}), r"x\.parquet:1: "),
    "lists for texts": (lambda: pa.table({"prompt": [["p"]], "response": [["r"]]}), r"x\.parquet:1: "),
    "halves for texts": (lambda: pa.table({"prompt": pa.array([1.5], pa.float16()), "response": ["r"]}), r"x\.parquet"),
    "fixed bytes": (lambda: pa.table(GOOD | {"h": pa.array([b"ab"], pa.binary(2))}), "column 'h'"),
    "a name of NUL and escapes": (lambda: pa.table({"\0\x1b[2J\u202e": ["x"]}), r"x\.parquet:1: "),
    "a bomb of one word": (
        lambda: pa.table({"prompt": same(64, "x" * 40 * MB), "response": ["r"] * 64}),
        r"x\.parquet",
    ),
    "a bomb of nothings": (lambda: pa.table(GOOD | {"n": nulls(5_000_000)}), "16,777,216 characters"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_sample_is_refused_by_file_row_and_column(project, tmp_path, run, what):
    """Exit 2, what is wrong and where, no sign that steers a terminal, and nothing half imported."""
    make, told = BAD[what]
    pq.write_table(make(), tmp_path / "x.parquet", store_schema=False)
    refused(run("import", "dataset", tmp_path / "x.parquet", "-p", project), told)
    with open_project(project) as db:
        assert db.execute("select count(*) from generations").fetchone() == (0,)


def refused(ran: Ran, told: str) -> None:
    import re

    assert ran.code == 2 and ran.err.startswith("Error: "), ran.err
    assert re.search(told, ran.err), ran.err
    assert not {"\x1b", "\u202e", "\0"} & set(ran.err) and len(ran.err) < 12_000


def test_dictionaries_times_and_nested_rows_are_read(tmp_path):
    """What is odd and still plain is taken as it is."""
    table = pa.table({"prompt": same(3, "p"), "response": ["a", None, "\0"], "more": [[{"k": [1]}], [], None]})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=1)
    rows = [json.loads(text) for _, text in parquet_lines(tmp_path / "x.parquet")]
    assert rows == [
        {"prompt": "p", "response": "a", "more": [{"k": [1]}]},
        {"prompt": "p", "more": []},
        {"prompt": "p", "response": "\0"},
    ]


READER = """
import sys
from pathlib import Path
from workbench.reading import parquet_rows
parquet_rows.MAX_MEMORY = int(sys.argv[1])
parquet_rows.main("x.parquet")
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
BOMBS: dict[str, Callable[[], pa.Array]] = {
    "sixteen rows of one long word": lambda: same(1000, "y" * 30 * MB),
    "a row of nothings": lambda: nulls(30_000_000),
    "one long page": lambda: pa.array(["x" * 150 * MB]),
}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no limit of memory holds")
@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_ends_before_it_takes_more_memory_than_it_may(tmp_path, what):
    """A few kilobytes that would take hundreds of megabytes; it is measured how much their reader took."""
    path, most = tmp_path / "x.parquet", 80 * MB
    pq.write_table(pa.table({"t": BOMBS[what]()}), path, store_schema=False, compression="zstd")
    assert path.stat().st_size < MB
    with path.open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-c", READER, str(most)],
            stdin=file,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
    told, peak = done.stdout.splitlines()
    assert told.startswith('!["TooLarge"') and "x.parquet" in told, told[:300]
    assert int(peak) * 1024 < most + 150 * MB  # its libraries take up to a hundred


def test_the_limit_is_the_readers_alone(tmp_path):
    pq.write_table(pa.table(GOOD), tmp_path / "x.parquet")
    before = resource.getrlimit(resource.RLIMIT_DATA), resource.getrlimit(resource.RLIMIT_CPU)
    assert len(list(parquet_lines(tmp_path / "x.parquet"))) == 1
    assert (resource.getrlimit(resource.RLIMIT_DATA), resource.getrlimit(resource.RLIMIT_CPU)) == before


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "take more than 60 s"),
        ("sys.exit('out of luck')", "ended with 1: out of luck"),
        ("print('{}', end='')", "ended with 0"),
    ],
)
def test_a_reader_that_ends_early_is_told(tmp_path, monkeypatch, end, told):
    """Damage that ends a library ends one process; a file that was not read to its end is never taken for whole."""
    pq.write_table(pa.table(GOOD), tmp_path / "x.parquet")
    code = f"import os, signal, sys; print('{{}}', flush=True); {end}"
    monkeypatch.setattr(parquet, "program", lambda module: [sys.executable, "-c", code])
    with pytest.raises(BadFile, match=told):
        list(parquet_lines(tmp_path / "x.parquet"))


def test_no_reader_is_left_when_nobody_wants_more(tmp_path, monkeypatch):
    """A large file whose first row is enough: its reader is gone with the one who asked."""
    monkeypatch.setattr(parquet, "SMALL", 0)
    pq.write_table(pa.table({n: ["x" * 1000] * 20_000 for n in GOOD}), tmp_path / "x.parquet")
    seen: list[subprocess.Popen[bytes]] = []

    class Seen(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            seen.append(self)

    monkeypatch.setattr(parquet, "Popen", Seen)
    rows = parquet_lines(tmp_path / "x.parquet")
    next(rows)
    rows.close()
    assert seen and all(reader.returncode == -signal.SIGKILL for reader in seen)


MUTANTS = """
import json, sys
from pathlib import Path
from workbench.errors import WorkbenchError
from workbench.reading import parquet_rows
found = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    with path.open("rb") as file:
        try:
            found[path.name] = sum(len(some) for some in parquet_rows.rows(file, path.name))
        except WorkbenchError as error:
            found[path.name] = str(error)
print(json.dumps(found))
"""


def test_two_hundred_mutants_are_read_or_refused(tmp_path):
    """Bytes changed, cut out, put in, cut off: rows, or one line with the file's name; no crash, no hang."""
    table = pa.table({"prompt": [f"p{n}" for n in range(60)], "response": [["a", str(n)] for n in range(60)]})
    (tmp_path / "mutants").mkdir()
    for number in range(200):
        path = tmp_path / "mutants" / f"{number:03}.parquet"
        pq.write_table(table, path, compression=("snappy", "zstd", "gzip", "none")[number % 4], row_group_size=20)
        path.write_bytes(mutated(path.read_bytes(), Random(number)))
    done = subprocess.run(
        [sys.executable, "-c", MUTANTS, str(tmp_path / "mutants")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-500:]
    found = json.loads(done.stdout)
    refusals = {name: told for name, told in found.items() if isinstance(told, str)}
    assert len(found) == 200 and 60 < len(refusals) < 200
    assert [name for name, told in refusals.items() if name not in told or "\n" in told] == []


def mutated(data: bytes, rng: Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(4, len(found))
        match rng.randrange(4):
            case 0:
                found[at] = rng.randrange(256)
            case 1:
                del found[at : at + rng.randint(1, 40)]
            case 2:
                found[at:at] = rng.randbytes(rng.randint(1, 40))
            case 3:
                found[at] ^= 1 << rng.randrange(8)
    return bytes(found[: rng.randrange(len(found))] if rng.random() < 0.1 else found)


def test_a_file_that_turns_bad_in_its_midst_leaves_nothing(project, tmp_path, run):
    """Thirty good rows and a bad one are none."""
    texts = not_utf8(*[b"r"] * 30, b"\xff")
    pq.write_table(pa.table({"prompt": [f"p{n}" for n in range(31)], "response": texts}), tmp_path / "x.parquet")
    with open_project(project) as db:
        before = digest(db)
    refused(run("import", "dataset", tmp_path / "x.parquet", "-p", project), r"x\.parquet:31: ")
    with open_project(project) as db:
        assert digest(db) == before


def test_files_that_are_not_to_be_read_are_not_given_to_the_reader(tmp_path):
    (tmp_path / "x.parquet").mkdir()
    for path in (tmp_path / "x.parquet", tmp_path / "none", Path(os.devnull)):
        with pytest.raises(BadFile):
            list(parquet_lines(path))


def test_a_row_beyond_all_bounds_is_too_large(tmp_path):
    pq.write_table(pa.table({"prompt": ["p"], "response": ["x" * (17 * MB)]}), tmp_path / "x.parquet")
    with pytest.raises(TooLarge, match="a row of more than"):
        list(parquet_lines(tmp_path / "x.parquet"))
