"""What is printed: safe on a terminal, exact as JSON, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli.columns import fitted
from workbench.cli.output import Form, document, many, shown, stream, table, to_json
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


WORDS = st.text("abc ", max_size=30)
TABLES = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.lists(st.text("xyz_", min_size=1, max_size=20), min_size=n, max_size=n),
        st.lists(st.lists(WORDS, min_size=n, max_size=n), min_size=1, max_size=4),
    )
)


@given(TABLES, st.integers(10, 200))
def test_a_table_is_never_wider_than_its_terminal(found, room):
    """Whatever the cells: all that is shown stands in one line, and something is shown."""
    heads, rows = found
    widths = fitted(heads, rows, room)
    assert widths and list(widths) == sorted(widths)
    assert sum(widths.values()) + 2 * (len(widths) - 1) <= room or len(widths) == len(heads)
    assert min(widths.values()) >= 1


@given(TABLES)
def test_a_table_with_room_is_whole(found):
    """Every column stands there as wide as it is."""
    heads, rows = found
    assert fitted(heads, rows, 10**6) == {
        n: max(map(len, (heads[n], *(row[n] for row in rows)))) for n in range(len(heads))
    }


def test_ids_stay_whole_and_sentences_give_way():
    """An ID that is cut cannot be typed again; columns of nothing and those without room are left out."""
    heads = ["gen_id", "detail", "topic", "model", "score"]
    row = ["d_1dph93ibwxjliy6a", "", "a long path of many words that goes on", "some/model-70b", "0.5"]
    assert fitted(heads, [row], 60) == {0: 18, 2: 17, 3: 14, 4: 5}
    assert fitted(heads, [row], 48) == {0: 18, 2: 21, 4: 5}
    assert fitted(heads, [row], 36) == {0: 18, 4: 5}
    assert fitted(heads, [row], 10) == {0: 10}


def test_what_a_table_is_asked_for_comes_before_the_rest():
    """In 41 columns a score stands beside its ID, whatever lies between them; a pivot shows its scores."""
    row = ["d_1dph93ibwxjliy6a", "e_1dph93ibwxjliy6a", "some/model-70b", "8"]
    assert fitted(["gen_id", "essay_gen_id", "model", "score"], [row], 41) == {0: 18, 2: 14, 3: 5}
    assert list(fitted(["essay_gen_id", "combo_id", "model", "clarity|m"], [row], 44)) == [0, 2, 3]


@pytest.mark.parametrize(("columns", "says"), [("48", "no room for model:"), ("200", "")])
def test_what_a_terminal_has_no_room_for_is_said(columns, says, capsys, monkeypatch):
    """On stderr, and JSON has it; times are shown to the minute."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    row = {"id": "d_1dph93ibwxjliy6a", "at": "2026-11-23T04:27:14.221Z", "model": "some/model-70b", "n": 10**9}
    table([row], Form())
    captured = capsys.readouterr()
    assert "2026-11-23 04:27" in captured.out and "04:27:14" not in captured.out
    assert says in captured.err and bool(says) == bool(captured.err)
    assert ("some/model-70b" in captured.out) is (not says)


@pytest.mark.parametrize(("count", "said"), [(0, "0 calls"), (1, "1 call"), (2000, "2,000 calls")])
def test_one_is_no_plural(count, said):
    """People read it."""
    assert many(count, "call") == said
