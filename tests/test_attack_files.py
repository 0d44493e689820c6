"""Text files from strangers, in every encoding and of every length: taken whole or refused in short lines."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ran
from gardens import garden

from workbench.errors import BadFile
from workbench.imports import dataset
from workbench.imports.dataset import import_dataset
from workbench.reading import refuse_changed, stamp
from workbench.store import open_project
from workbench.verify import digest, verify

Run = Callable[..., Ran]
MB = 2**20
DATASET = ("import", "dataset", "FILE")
TOPICS = ("topics", "import", "FILE", "--name", "t")
CONCEPTS = ("concepts", "import", "FILE")
MODELS = ("models", "import", "FILE")


def more(value: str) -> bytes:
    """Give a sample that holds something more."""
    return f'{{"prompt": "p", "response": "r", "more": {value}}}\n'.encode()


GOOD = more("1")
# Refused whoever reads it: nothing of it is UTF-8, JSON, or of a length that is read.
REFUSED: dict[str, bytes] = {
    "a thousand brackets": more("[" * 1000 + "]" * 1000),
    "brackets in brackets in braces": more('{"a":[' * 500 + "]}" * 500),
    "a million brackets": more("[" * 1_000_000),
    "a number of ten million digits": more("9" * 10_000_000),
    "an exponent without end": more("1e" + "9" * 5000),
    "a large exponent": more("1e309"),
    "minus infinity": more("-Infinity"),
    "a bare surrogate": GOOD[:-3] + b'"\xed\xa0\x80"}\n',
    "an overlong slash": GOOD[:-3] + b'"\xc0\xaf"}\n',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-16 without a mark": GOOD.decode().encode("utf-16-be"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + GOOD,
    "a byte order mark in the midst": GOOD + b"\xef\xbb\xbf" + GOOD,
    "ends of lines of old": GOOD.replace(b"\n", b"\r") * 2,
    "a control in a text": more('"\x01"'),
    "an escape in a name": b'{"\x1b[2J\x1b]0;x\x07": 1}\n',
    "a key of a megabyte twice": b'{"%s": 1, "%s": 2}\n' % (b"k" * MB, b"k" * MB),
    "many keys, half of them twice": b"{%s}\n" % b",".join(b'"%d":1' % (n % 50_000) for n in range(100_000)),
    "gzip": gzip.compress(GOOD),
    "an archive": b"PK\x03\x04" + bytes(100),
    "a line of many megabytes": more('"' + "x" * (20 * MB) + '"'),
    "a line without an end": b"x" * (17 * MB),
    "blank lines alone": b"\n" * 100_000,
    "a blank line of megabytes": b" " * (15 * MB) + b"\n",
    "nothing": b"",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "a hundred thousand bad rows": b"{}\n" * 100_000,
    "an end of file of old": GOOD + b"\x1a",
    "null": b"null\n",
    "more behind": GOOD[:-1] + b" x\n",
    "a comment": b"// x\n" + GOOD,
}  # fmt: skip


def words(command: tuple[str, ...], path: Path, project: Path) -> list[object]:
    return [path if word == "FILE" else word for word in command] + ["-p", project]


def state(project: Path) -> str:
    with open_project(project) as db:
        return digest(db)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return garden(tmp_path / "p.db", provider="offline")


@pytest.mark.parametrize("what", REFUSED)
def test_what_nobody_can_read_is_refused_by_whoever_reads_it(project: Path, tmp_path: Path, run: Run, what):
    """Exit 2, at most twenty-one short lines that name the file, none that steers a terminal; nothing changed."""
    path, before = tmp_path / "x.jsonl", state(project)
    path.write_bytes(REFUSED[what])
    for command in (DATASET, TOPICS, CONCEPTS):
        done = run(*words(command, path, project))
        told = done.err.splitlines()
        assert done.code == 2 and 0 < len(told) <= 21, (command, done)
        assert all(line.startswith("Error: ") and len(line) < 1000 for line in told), command
        assert "x.jsonl" in told[0] and not {"\x1b", "\x07", "\0", "\u202e"} & set(done.err)
    assert state(project) == before


TAKEN: dict[str, tuple[bytes, str]] = {
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "r"),
    "ends of lines of two signs": (GOOD.replace(b"\n", b"\r\n"), "r"),
    "no end of a line": (GOOD[:-1], "r"),
    "half a pair, escaped": (b'{"prompt": "p\\ud800", "response": "r\\udfff"}\n', "r\ufffd"),
    "NUL, escaped": (b'{"prompt": "p\\u0000", "response": "r\\u0000"}\n', "r\ufffd"),
    "NUL and half a pair in names": (b'{"prompt": "p", "response": "r", "\\u0000": 1, "\\ud800": 2}\n', "r"),
    "a small exponent": (more("1e-999999999"), "r"),
    "a long fraction": (more("0." + "3" * 100_000), "r"),
    "ends of lines that are none": ('{"prompt": "p", "response": "a\u2028b\x85c"}\n'.encode(), "a\u2028b\x85c"),
    "a long text": (b'{"prompt": "p", "response": "%s"}\n' % (b"x" * 3 * MB), "x" * 3 * MB),
    "deep, but not too deep": (more("[" * 90 + "]" * 90), "r"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAKEN)
def test_what_is_odd_and_sound_is_taken_once(project: Path, tmp_path: Path, run: Run, what):
    """The text is what the file says, as far as a text can hold it; a second time changes nothing."""
    data, text = TAKEN[what]
    (tmp_path / "x.jsonl").write_bytes(data)
    assert run(*words(DATASET, tmp_path / "x.jsonl", project)).code == 0
    after = state(project)
    with open_project(project) as db:
        ((raw,),) = db.execute("select raw from contents").fetchall()
        assert raw == text
        assert [check.name for check in verify(db, full=True) if not check.ok] == []
    assert run(*words(DATASET, tmp_path / "x.jsonl", project)).code == 0
    assert state(project) == after


@pytest.mark.parametrize("messages", ["[]", "[1, 2]", '[null, "x"]', "{}"])
def test_a_conversation_of_nothing_is_no_sample(project: Path, tmp_path: Path, run: Run, messages):
    """Two of them were once one and the same, and the second was lost without a word."""
    (tmp_path / "x.jsonl").write_text(f'{{"prompt": "p", "response": "r"}}\n{{"messages": {messages}}}\n')
    done = run(*words(DATASET, tmp_path / "x.jsonl", project))
    assert done.code == 2 and "x.jsonl:2: " in done.err and "no sample" in done.err


CSV: dict[str, bytes] = {
    "UTF-16": "name\nA\n".encode("utf-16"),
    "ends of lines of old": b"name\rA\rB\r",
    "a column twice": b"name,name\nA,B\n",
    "NUL": b"name\nA\0\n",
    "a cell of a megabyte": b"name\n" + b"x" * MB + b"\n",
    "a quote without an end": b'name\n"' + b"x\n" * 100_000,
    "a hundred thousand columns": b",".join(b"c%d" % n for n in range(100_000)) + b",name\n" + b"," * 100_000 + b"x\n",
    "semicolons": b"name;sentence\nA;b\n",
    "tabs": b"name\tsentence\nA\tb\n",
    "a line of many megabytes": b"name\n" + b"x" * (20 * MB) + b"\n",
    "gzip": gzip.compress(b"name\nA\n"),
    "names of blanks": b'name\n""\n" "\n',
    "ragged rows": b"name,sentence\n" + b"A\n" * 100_000,
    "quotes in a cell": b'name\n"a"b\n',
    "an ID of a thousand letters": b"name,concept_id\nA," + b"a" * 1000 + b"\n",
    "an ID that climbs": b"name,concept_id\nA,../../x\n",
    "an ID that steers": b"name,concept_id\nA,\x1b[2Jx\n",
}


@pytest.mark.parametrize("what", CSV)
def test_hostile_tables_are_refused(project: Path, tmp_path: Path, run: Run, what):
    path, before = tmp_path / "x.csv", state(project)
    for command, data in ((CONCEPTS, CSV[what]), (MODELS, CSV[what].replace(b"name", b"id,model,provider", 1))):
        path.write_bytes(data)
        done = run(*words(command, path, project))
        if command == MODELS and what == "names of blanks":
            continue  # rows of nothing but blanks are none
        assert done.code == 2 and "x.csv" in done.err and "\x1b" not in done.err, (command, done)
        assert all(len(line) < 1000 for line in done.err.splitlines()) and done.err.count("\n") <= 21
    assert state(project) == before


def test_what_cells_say_is_kept_and_never_steers(project: Path, tmp_path: Path, run: Run):
    """Formulas, escapes and signs that turn text around are text."""
    (tmp_path / "x.csv").write_text("name\n=cmd|x!A1\n\x1b[2Jclear\n\u202egnp.exe\n", encoding="utf-8")
    assert run(*words(CONCEPTS, tmp_path / "x.csv", project)).code == 0
    listed = run("concepts", "-p", project)
    assert listed.code == 0 and "=cmd" in listed.out and not {"\x1b", "\u202e"} & set(listed.out)
    assert "'=cmd" in run("concepts", "-p", project, "--csv").out


def test_a_file_that_grows_while_it_is_read_is_refused(project: Path, tmp_path: Path, monkeypatch):
    """It is read several times; what was read first and last may not belong together, so none of it stays."""
    path, before = tmp_path / "x.jsonl", state(project)
    path.write_bytes(GOOD)
    keep = dataset._keep

    def grown(*args: object) -> None:
        keep(*args)
        with path.open("ab") as file:
            file.write(GOOD.replace(b'"p"', b'"q"'))

    monkeypatch.setattr(dataset, "_keep", grown)
    with open_project(project, write=True) as db, pytest.raises(BadFile, match="changed while it was read"):
        import_dataset(db, path)
    assert state(project) == before


@pytest.mark.parametrize("change", ["replaced", "emptied", "written over", "gone"])
def test_every_change_of_a_file_shows_in_its_stamp(tmp_path: Path, change):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    before = stamp(path)
    refuse_changed(path, before)
    if change == "replaced":
        (tmp_path / "y").write_bytes(b"12345")
        (tmp_path / "y").replace(path)
    elif change == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if change == "emptied" else b"54321")
        os.utime(path, ns=(0, 0))
    with pytest.raises(BadFile):
        refuse_changed(path, before)


def test_numbers_and_names_of_our_own_rows_are_looked_at(project: Path, tmp_path: Path, run: Run):
    """A row that calls itself one of our exports' is believed nothing that a row may not say."""
    good = {"gen_id": "d_x", "combo_id": "c", "raw": "r", "stage": "draft", "replicate": 1, "template_id": "plain"}
    good |= {"llm_model_id": "m", "cycle": 0}
    before = state(project)
    odd: list[dict[str, object]] = [
        *({"replicate": value} for value in (0, -1, 1.5, True, "1", 10**30, None)),
        *({"stage": value} for value in ("novel", 7, None, ["draft"])),
        *({"template_id": value} for value in ("../x", "a\x00b", 7, "\x1b[2J")),
    ]
    for one in odd:
        (tmp_path / "x.jsonl").write_text(json.dumps(good | one) + "\n")
        done = run(*words(DATASET, tmp_path / "x.jsonl", project), "--dry-run")
        assert done.code in (0, 2, 3) and "unexpected" not in done.err and "\x1b" not in done.out + done.err, (
            one,
            done,
        )
        assert state(project) == before


def test_of_many_errors_some_are_told(tmp_path: Path, run: Run, project: Path):
    """A spec may name ten thousand essays that are none: some hundred lines, and how many more there are."""
    (tmp_path / "essays.txt").write_text("".join(f"e_{n}\n" for n in range(10_000)))
    words = ("cohort", "curate", "n", "--essays", tmp_path / "essays.txt", "--mode", "regenerate", "-p", project)
    done = run(*words)
    assert done.code == 2 and done.err.count("\n") <= 201 and "more errors" in done.err.splitlines()[-1]
