"""What is printed: safe on a terminal, exact as JSON, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli.output import Form, document, shown, stream, table, to_json
from workbench.cli.spreadsheet import csv_lines, guarded, unguarded
from workbench.cli.visible import BLANK, HIDDEN, visible, width

ANY = st.text(st.characters())  # lone surrogates too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
)


@given(ANY)
def test_no_hidden_character_is_ever_shown(text):
    """Whatever came in: no control, bidi, zero-width or blank character comes out."""
    assert not [c for c in visible(text) if c in BLANK or unicodedata.category(c) in HIDDEN]


@given(ANY, st.integers(1, 50))
def test_text_is_cut_to_its_limit(text, limit):
    """The limit counts what is shown, escapes and the mark of the cut included."""
    assert len(visible(text, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain – ünïcödé 漢字 🎉", "plain – ünïcödé 漢字 🎉"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\nline", "line\\nline"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_hidden_characters_are_escaped(text, expected):
    """Ordinary text of any script stays as it is; the rest shows its number."""
    assert visible(text) == expected


def test_wide_characters_take_two_cells():
    """Columns stay aligned for East Asian text and combining marks."""
    assert [width(text) for text in ("ab", "漢字", "e\u0301")] == [2, 4, 1]


@given(JSON)
def test_json_is_exact(value):
    """What is written parses to what it was, and holds no hidden character."""
    text = to_json(value)
    assert json.loads(text) == value
    assert not [c for c in text if unicodedata.category(c) in HIDDEN]


def test_json_of_what_json_has_not():
    """Blobs are base64 objects, numbers that are none are null."""
    assert json.loads(to_json([b"\x00\xff", float("nan"), float("inf"), (1, 2)])) == [
        {"$base64": True, "encoded": "AP8="},
        None,
        None,
        [1, 2],
    ]


@given(ANY)
def test_the_spreadsheet_guard_is_reversible_and_complete(text):
    """Guarded cells never begin with a sign that starts a formula, and give back their text."""
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in {*"=+-@\t\r\n＝＋－＠"}


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text()})))
def test_csv_reads_back(rows):
    """Raw CSV gives back every cell exactly."""
    text = "\r\n".join(csv_lines(rows, ["a", "b"], raw=True))
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert read == rows


def test_numbers_are_not_guarded():
    """A negative number is a number; the text of one is guarded."""
    assert list(csv_lines([{"n": -5, "t": "-5", "e": None}], ["n", "t", "e"], raw=False)) == ["n,t,e", "-5,'-5,"]


def test_a_table_is_aligned(capsys):
    """Numbers stand right, text left, foreign text safe and cut."""
    table([{"name": "a", "n": 1}, {"name": "漢字\x1b", "n": 100}, {"name": "x" * 200, "n": None}], Form())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip().endswith("n") and lines[1].endswith("  1") and lines[2].startswith("漢字\\x1b ")
    assert {width(line) for line in lines[:3]} == {80 + 2 + 3} and lines[3] == "x" * 79 + "…"


def test_an_empty_table_is_an_empty_list(capsys):
    """JSON has a list, CSV the header that is known, people a note on stderr."""
    table([], Form("json"))
    table([], Form("csv"), columns=["a"])
    table([], Form(), empty="nothing yet")
    captured = capsys.readouterr()
    assert captured.out == "[\n]\na\n" and captured.err == "nothing yet\n"


def test_a_list_that_breaks_off_is_still_json(capsys):
    """An error in the middle of a stream leaves a whole document behind."""

    def rows():
        yield {"a": 1}
        raise ValueError

    with pytest.raises(ValueError):
        table(rows(), Form("json"))
    assert json.loads(capsys.readouterr().out) == [{"a": 1}]


def test_a_stream_is_json_lines(capsys):
    """One object a line."""
    stream(iter([{"a": "x\ny"}, {"a": 2}]), Form("json"), str)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [{"a": "x\ny"}, {"a": 2}]


def test_a_document_for_people_leaves_out_what_is_empty(capsys):
    """Keys and values, aligned."""
    document({"project": "a.db", "none": None, "n": 0, "yes": True}, Form())
    assert capsys.readouterr().out.splitlines() == ["project  a.db", "n        0", "yes      yes"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (True, "yes"), (0.1 + 0.2, "0.3"), (b"abc", "<3 bytes>"), ({"a": 1}, '{"a": 1}')]
)
def test_values_as_people_read_them(value, text):
    """Values of each kind."""
    assert shown(value) == text
