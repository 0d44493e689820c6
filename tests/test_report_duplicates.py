"""Texts that repeat each other: all of them found, none that is not, whatever the order of rows."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from array import array
from itertools import combinations

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from repeating import chat, likeness, text_of, variant, written

from workbench.report.alike import PERMUTATIONS, RECALL, Signatures, bands_for
from workbench.report.duplicates import duplicates
from workbench.report.narrow import Choice
from workbench.report.words import jaccard, runs, said, shingle_array, shingle_numbers, shingles, words, words_hash
from workbench.store import open_project, transaction

DRAFTS = Choice(stage="draft")


def letters(some):
    """Give words of one letter."""
    return st.sampled_from([letter.encode() for letter in some])


def rows_of(path, **options):
    """Give the rows of a project's drafts."""
    with open_project(path) as db:
        return list(duplicates(db, DRAFTS, **options))


def grouped(rows):
    """Give the groups as sets of the texts' beginnings."""
    groups: dict[int, set[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], set()).add(row["gen_id"])
    return list(groups.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The CAT, the cat!", ["the", "cat", "the", "cat"]),
        ("don't snake_case 3.5", ["don", "t", "snake_case", "3", "5"]),
        ("潮の流れ abc", ["潮", "の", "流", "れ", "abc"]),
        ("ＡＢＣ ﬁn", ["abc", "fin"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("e\u0301te\u0301", ["été"]),
        ("?! …", ["?", "!", ".", ".", "."]),
        ("", []),
    ],
)
def test_words(text, expected):
    """Runs of letters in lower case; letters of scripts without blanks; signs where there is no word."""
    assert [word.decode() for word in words(text)] == expected


def test_json_counts_by_what_it_says():
    """Keys, roles and braces are no words; what breaks off or nests too deep is taken as it is."""
    assert words(chat("Why?", "Because it rains.")) == [b"why", b"because", b"it", b"rains"]
    assert said('{"answer": 4.5, "steps": ["a", {"b": true}], "none": null}') == "4.5\na"
    assert said('{"answer": "br') == '{"answer": "br'
    assert said("[" * 100_000) == "[" * 100_000
    assert said('["' + "x" * 10 + '"]') == "x" * 10


@given(st.text(max_size=60))
def test_words_are_never_a_surprise(text):
    """Any text has words without blanks and upper case, and the same text has the same."""
    found = words(text)
    assert all(word and not any(sign.isspace() for sign in word.decode(errors="replace")) for word in found)
    assert words_hash(words(f"  {text}\n")) == words_hash(found) or text[:1] in ("{", "[")


@given(
    st.lists(letters("abcde"), max_size=30),
    st.lists(letters("abcde"), max_size=30),
)
def test_numbers_stand_for_shingles(one, other):
    """The Jaccard index is the same over words and over their numbers, 1 for a set and itself, and symmetric."""
    exact = jaccard(shingles(one), shingles(other))
    assert jaccard(shingle_numbers(one), shingle_numbers(other)) == exact == jaccard(shingles(other), shingles(one))
    assert jaccard(shingles(one), shingles(one)) == 1.0
    assert [len(found) for found in runs(one)] == [max(0, len(one) - size) for size in (0, 1, 2)]
    assert [len(set(found)) for found in runs(one)] == [
        len({tuple(one[at : at + size]) for at in range(len(one) - size + 1)}) for size in (1, 2, 3)
    ]


def test_jaccard_of_texts_whose_likeness_is_known():
    """The formula of the planted variants holds."""
    text = text_of("a")
    for changed in (0, 4, 11, 50):
        found = jaccard(shingles(words(text)), shingles(words(variant(text, changed, "b"))))
        assert found == pytest.approx(likeness(102, changed))


@given(st.floats(0.5, 1.0))
def test_bands_find_what_they_must(near):
    """Bands fit into the signature and find 99 % at the threshold itself."""
    bands, rows = bands_for(near)
    assert bands * rows <= PERMUTATIONS and 1 - (1 - near**rows) ** bands >= RECALL


def test_exact_needs_no_library(tmp_path, monkeypatch):
    """The same text and the same words are found by hash alone; --near says what is missing."""
    one = "Seven tides, one moon."
    path = written(tmp_path / "p.db", [[one, "Nothing alike"], ["seven TIDES one moon", one], [one, "other", "more"]])
    monkeypatch.setitem(sys.modules, "datasketch", None)
    rows = rows_of(path)
    assert [(row["group"], row["size"], row["cycle"]) for row in rows] == [(1, 4, n) for n in (0, 1, 1, 2)]
    assert {row["text"]: row["match"] for row in rows[1:]} == {one: "text", "seven TIDES one moon": "words"}
    assert rows[0]["match"] == "first" and rows[3]["match"] == "text"
    assert {row["nearest"] for row in rows[1:]} == {rows[0]["gen_id"]} and rows[0]["nearest"] is None
    assert [row["similarity"] for row in rows] == [None, 1.0, 1.0, 1.0]


def test_near_without_the_library(run, tmp_path, monkeypatch):
    """One clear line with the extra's name."""
    path = written(tmp_path / "p.db", [["a b c", "d e f"]])
    monkeypatch.setitem(sys.modules, "datasketch", None)
    for command in ("duplicates", "diversity"):
        ran = run("report", command, "--near", "0.8", "-p", path)
        assert ran.code == 1 and "pip install 'generation-workbench[duplicates]'" in ran.err and ran.out == ""


def test_the_same_text_twice_is_said_even_when_another_had_its_words_first(tmp_path):
    """`text` goes before `words`: the nearest is the one with the very text."""
    path = written(tmp_path / "p.db", [["Hi there you"], ["hi, there you"], ["hi, there you"]])
    rows = rows_of(path)
    assert [row["match"] for row in rows] == ["first", "words", "text"]
    assert rows[2]["nearest"] == rows[1]["gen_id"]


PLANTED = (2, 5, 8, 10, 11, 12, 15, 20, 30, 60)  # words changed of 102: likeness 0.96 to 0.25


def planted():
    """Give cycles of texts: 60 apart from each other, then a variant of each."""
    first = [text_of(f"t{n}") for n in range(60)]
    second = [variant(text, PLANTED[n % len(PLANTED)], f"v{n}") for n, text in enumerate(first)]
    return [first, second], [f"topic {n}" for n in range(60)]


@pytest.mark.parametrize("near", [0.6, 0.8, 0.9])
def test_every_planted_pair_is_found_and_no_other(tmp_path, near):
    """Precision 1 by construction; recall 1 on pairs of known likeness, up to the very threshold."""
    cycles, titles = planted()
    rows = rows_of(written(tmp_path / "p.db", cycles, titles), near=near)
    wanted = [likeness(102, PLANTED[n % len(PLANTED)]) for n in range(60)]
    wanted = sorted(round(one, 6) for one in wanted if one >= near)
    assert sorted(row["similarity"] for row in rows if row["match"] == "near") == wanted
    assert {row["size"] for row in rows} == {2} and len(rows) == 2 * len(wanted)


def test_the_order_of_rows_decides_nothing(tmp_path):
    """The same facts written in another order give the same rows, to the letter."""
    cycles, titles = planted()
    cycles.append([variant(text, 3, f"w{n}") for n, text in enumerate(cycles[1])])
    one = rows_of(written(tmp_path / "a.db", cycles, titles), near=0.7)
    other = rows_of(written(tmp_path / "b.db", cycles, titles, seed=5), near=0.7)
    assert one == other and one


def test_a_chain_is_one_group(tmp_path):
    """A is like B and B like C: one group, though A and C are apart; each similarity is to the nearest before."""
    one = text_of("a")
    two = variant(one, 10, "b")
    three = " ".join([*(f"zz{n}" for n in range(10)), *two.split()[10:]])
    rows = rows_of(written(tmp_path / "p.db", [[one], [two], [three]]), near=0.8)
    assert [row["match"] for row in rows] == ["first", "near", "near"]
    assert jaccard(shingles(words(one)), shingles(words(three))) < 0.8
    assert rows[2]["nearest"] == rows[1]["gen_id"] and rows[1]["nearest"] == rows[0]["gen_id"]


def test_short_texts(tmp_path):
    """Texts of fewer words than a run are alike only when they are equal; empty JSON is no trouble."""
    path = written(tmp_path / "p.db", [["a b", "a", "{}"], ["A b", "b", "[]"], ["a b c", "a b", "?"]])
    rows = rows_of(path, near=0.5)
    assert sorted(len(group) for group in grouped(rows)) == [2, 3]
    assert {row["match"] for row in rows} == {"first", "words", "text"}


def test_many_alike_in_one_place():
    """Far more alike texts than a window: each but the first has a candidate, the most alike first, in any order."""
    signatures = Signatures(300)
    base = words(text_of("a"))
    texts = [[*base[:-2], b"e%d" % n, b"f%d" % n] for n in range(300)]
    for place, text in enumerate(texts):
        signatures.put(place, shingle_array(text))
    found = dict(signatures.candidates(range(300), 0.8, range(300)))
    assert set(found) == set(range(1, 300)) and max(map(len, found.values())) <= 8
    assert all(earlier < later for later, several in found.items() for earlier in several)
    steps = [place // 100 for place in range(300)]
    apart = dict(signatures.candidates(range(300), 0.8, steps))
    assert set(apart) == set(range(100, 300))
    assert all(steps[earlier] < steps[later] for later, several in apart.items() for earlier in several)


@given(
    st.lists(
        st.lists(letters("abcdefgh"), min_size=4, max_size=14),
        min_size=2,
        max_size=12,
    )
)
def test_candidates_agree_with_comparing_everything(texts):
    """Of random texts no candidate comes before itself, and equal sets are always found."""
    signatures = Signatures(len(texts))
    sets = [shingle_numbers(text) for text in texts]
    for place, found in enumerate(sets):
        signatures.put(place, array("Q", found))
    pairs = {(a, b) for b, several in signatures.candidates(range(len(texts)), 0.9, range(len(texts))) for a in several}
    equal = {(a, b) for a, b in combinations(range(len(texts)), 2) if sets[a] == sets[b]}
    assert {b for _, b in equal} <= {b for _, b in pairs} and all(a < b for a, b in pairs)


def test_the_command_narrows_and_shows(run, tmp_path):
    """Topic model, stage, template, model; table, CSV and JSON have the same rows; screens count cycles from 1."""
    hostile = "=cmd|' /C calc'!A0 \x1b[31m \u202e " + "word " * 100
    path = written(tmp_path / "p.db", [[hostile, "b"], [hostile, "c"]])
    rows = run("report", "duplicates", "-p", path, "--json").json
    assert [row["match"] for row in rows] == ["first", "text"] and [row["cycle"] for row in rows] == [0, 1]
    assert rows[0]["topic"] == "root › Tides" and len(rows[0]["text"]) <= 120 and rows[0]["words"] == 105
    assert run("report", "duplicates", "-p", path, "--topics", "garden", "--model", "writer", "--json").json == rows
    assert len(list(csv.DictReader(io.StringIO(run("report", "duplicates", "-p", path, "--csv").out)))) == 2
    shown = run("report", "duplicates", "-p", path)
    assert "\x1b" not in shown.out and "\u202e" not in shown.out
    assert "1 text repeats an earlier one, in 1 group: 1 the same text" in shown.err
    assert run("report", "duplicates", "-p", path, "--stage", "essay", "--json").json == []
    assert "no text repeats another" in run("report", "duplicates", "-p", path, "--stage", "essay").err


@pytest.mark.parametrize("words_", [["--near", "0.2"], ["--near", "x"], ["--topics", "nowhere"], ["--limit", "0"]])
def test_bad_words(run, tmp_path, words_):
    """Exit 2 with a line."""
    path = written(tmp_path / "p.db", [["a"]])
    ran = run("report", "duplicates", "-p", path, *words_)
    assert ran.code == 2 and ran.err and ran.out == ""


def test_limit_keeps_the_largest_groups(run, tmp_path):
    """Groups come by size; --limit keeps the first."""
    path = written(tmp_path / "p.db", [["a b", "c d", "e f"], ["c d", "a b", "c d"]])
    assert [row["size"] for row in run("report", "duplicates", "-p", path, "--json").json] == [3, 3, 3, 2, 2]
    rows = run("report", "duplicates", "--limit", 1, "-p", path, "--json").json
    assert {row["group"] for row in rows} == {1} and len(rows) == 3


def test_a_reader_that_leaves_is_no_error(shell, tmp_path):
    """`| head` ends the report in the middle without a word."""
    path = written(tmp_path / "p.db", [["a b", "c d", "e f"], ["a b", "c d", "e f"]])
    words_ = [sys.executable, "-m", "workbench", "report", "duplicates", "--json", "-p", str(path)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words_, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_nobody_waits_for_a_report(tmp_path):
    """Rows are given without a lock: another process may write meanwhile, even take a generation away."""
    path = written(tmp_path / "p.db", [["a b", "c d", "e f"], ["a b", "c d", "e f"]])
    with open_project(path) as db:
        rows = duplicates(db, DRAFTS)
        next(rows)
        with open_project(path, write=True) as other, transaction(other):
            other.execute("pragma defer_foreign_keys = on")
            other.execute("update generations set status = 'failed', content_id = null where replicate = 2")
        assert len([row["match"] for row in rows]) == 5
