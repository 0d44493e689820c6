"""What the reports on diversity look at of many texts: the same every time, as sure as they say, and said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import unicodedata
from array import array
from collections import Counter
from itertools import combinations, pairwise
from math import sqrt
from random import Random

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from repeating import text_of, variant, written

from workbench.cli import counting
from workbench.report import finished as reading
from workbench.report import similarity
from workbench.report.alike import PERMUTATIONS, SEED, Signatures
from workbench.report.caveats import caveats
from workbench.report.diversity import diversity
from workbench.report.narrow import Choice
from workbench.report.pieces import PIECE, Pieces
from workbench.report.sampling import drawn, mean_and_error
from workbench.report.similarity import GROUPS, Pairs, Topic, compared, pairs_of
from workbench.report.words import _word, jaccard, runs, said, shingle_array, words
from workbench.store import open_project, transaction

DRAFTS = Choice(stage="draft")
SETS = st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=12), min_size=1, max_size=12)


def slow_words(text):
    """Give words as the definition says: NFKC, lower case, runs of letters, whatever the text is written in."""
    plain = unicodedata.normalize("NFKC", said(text)).lower()
    return [word.encode() for word in _word().findall(plain) or [sign for sign in plain if not sign.isspace()]]


@given(st.text(st.characters(codec="ascii") | st.sampled_from("’—…•\u00a0“é\u0301ß中_"), max_size=80))
def test_the_short_way_to_words_is_the_long_one(text):
    """Texts in ASCII, with or without the usual other signs, have the words that the definition gives."""
    assert words(text) == slow_words(text)


def test_all_ascii_signs_part_words_as_the_definition_does():
    """Each sign between two letters."""
    for sign in map(chr, range(128)):
        assert words(f"a{sign}B") == slow_words(f"a{sign}B") == re.findall(rb"\w+", f"a{sign}b".lower().encode())


def test_a_signature_is_the_library_s_own():
    """Handing all hashes over at once gives what handing over one after the other gives."""
    datasketch = pytest.importorskip("datasketch")
    shingles = shingle_array(words(text_of("a")))
    plain = datasketch.MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=int)
    for one in shingles:
        plain.update(one & 2**32 - 1)
    signatures = Signatures(3)
    for place in (2, 0):
        signatures.put(place, shingles)
        assert signatures._table[place].tolist() == plain.hashvalues.tolist()


@given(st.integers(1, 500), st.integers(1, 80), st.integers(0, 9))
def test_so_many_are_drawn(count, most, seed):
    """All when there are no more; else so many different ones, the same for the same seed."""
    chosen = drawn(count, most, Random(seed))
    assert chosen == drawn(count, most, Random(seed))
    if count <= most:
        assert chosen is None
    else:
        assert len(chosen) == most and min(chosen) >= 0 and max(chosen) < count


def test_each_is_drawn_as_often():
    """Of 4,000 draws of 3 from 10, each number is in three tenths."""
    rng = Random(2)
    counts = Counter(one for _ in range(4_000) for one in drawn(10, 3, rng))
    assert all(abs(counts[number] - 1_200) < 5 * sqrt(4_000 * 0.3 * 0.7) for number in range(10))


def test_mean_and_error():
    """Of 1, 2, 3: mean 2, error sqrt(1/3)."""
    assert mean_and_error([]) == (None, None) and mean_and_error([5.0]) == (5.0, None)
    assert mean_and_error([1.0, 2.0, 3.0]) == (2.0, pytest.approx(sqrt(1 / 3)))


@given(SETS)
def test_similarity_is_that_of_all_pairs(sets):
    """Counting by what is shared comes to the mean, maximum and number of comparing every pair."""
    pairs, topic = Pairs(), Topic(len(sets), len(sets), 3)
    for place, one in enumerate(sets):
        pairs.all += place
        pairs.add(topic.add(one))
    every = [jaccard(one, other) for one, other in combinations(sets, 2)]
    found = pairs.figures()
    assert found["pairs"] == found["pairs_measured"] == len(every)
    if every:
        assert found["similarity"] == pytest.approx(sum(every) / len(every)) and found["similarity_error"] == 0.0
        assert found["highest_similarity"] == pytest.approx(max(every))
    else:
        assert found["similarity"] is found["highest_similarity"] is found["similarity_error"] is None


@given(SETS, st.integers(0, GROUPS - 1))
def test_leaving_out_a_group_leaves_out_its_pairs(sets, start):
    """Sums of groups: those of the pairs in which one text at least is of the group."""
    pairs, topic = Pairs(), Topic(len(sets), len(sets), start)
    for one in sets:
        pairs.add(topic.add(one))
    for group in range(GROUPS):
        mine = [
            jaccard(sets[a], sets[b])
            for a, b in combinations(range(len(sets)), 2)
            if group in ((start + a) % GROUPS, (start + b) % GROUPS)
        ]
        assert pairs._of_groups[group] == pytest.approx([len(mine), sum(mine)])


def test_the_error_of_a_sampled_similarity_holds():
    """Of 40 samples of one large topic the estimate is within 2 standard errors of the truth nearly always."""
    rng = Random(5)
    sets = [{rng.randrange(60) for _ in range(rng.randrange(5, 40))} for _ in range(400)]
    truth = sum(jaccard(one, other) for one, other in combinations(sets, 2)) / pairs_of(400)
    within, errors = 0, []
    for seed in range(40):
        chosen = drawn(400, 64, Random(seed))
        pairs, topic = Pairs(all=pairs_of(400)), Topic(400, 64, seed % GROUPS)
        for place in sorted(chosen):
            pairs.add(topic.add(sets[place]))
        found = pairs.figures()
        assert found["pairs_measured"] == pairs_of(64) and found["pairs"] == pairs_of(400)
        errors.append(found["similarity_error"])
        within += abs(found["similarity"] - truth) <= 2 * errors[-1]
    assert within >= 34 and 0 < max(errors) < 0.1 * truth


def test_large_topics_weigh_what_they_are():
    """A measured pair of a topic stands for as many of its pairs: two topics, one with ten times the texts."""
    pairs = Pairs(all=pairs_of(640) + pairs_of(64))
    for size, alike in ((640, {1, 2}), (64, None)):
        topic = Topic(size, 64, 0)
        for place in range(64):
            pairs.add(topic.add(alike or {place}))
    assert pairs.figures()["similarity"] == pytest.approx(pairs_of(640) / (pairs_of(640) + pairs_of(64)))


def test_pairs_are_bounded():
    """Up to 64 texts a topic, fewer when topics are so many that there would be more pairs than are measured."""
    assert compared([10] * 5_000) == 64  # they have no more than 45 pairs each
    assert compared([100]) == 64 and compared([]) == 64
    few = compared([64] * 20_000)
    assert 2 < few < 64 and 20_000 * pairs_of(few) <= similarity.PAIRS < 20_000 * pairs_of(few + 1)
    assert compared([3] * 3_000_000) == 2


@given(
    st.lists(st.lists(st.sampled_from([*map(str.encode, "abcdef")]), max_size=30), max_size=8),
    st.integers(1, 20),
)
def test_pieces_are_cut_at_their_length(texts, piece):
    """Every so many words one share, counted by sets; what is left over is no piece."""
    from workbench.report import pieces as module

    before = module.PIECE
    module.PIECE = piece
    try:
        found = Pieces(_left=piece)
        for text in texts:
            found.add(runs(text))
    finally:
        module.PIECE = before
    line = [(number, word) for number, text in enumerate(texts) for word in text[:piece]]
    assert len(found.shares) == len(line) // piece
    for number, share in enumerate(found.shares):
        part = line[number * piece : (number + 1) * piece]
        pairs = [(a[1], b[1]) for a, b in pairwise(part) if a[0] == b[0]]
        assert share[0] == pytest.approx(len({word for _, word in part}) / piece)
        assert share[1] == pytest.approx(len(set(pairs)) / max(1, len(pairs)))


@pytest.fixture
def uneven(tmp_path):
    """Give a project of two cycles alike in kind, of 60 and of 12 texts, with 100 words each of a vocabulary of 400."""
    rng, titles = Random(3), [f"topic {n}" for n in range(60)]
    cycles = [[" ".join(f"w{rng.randrange(400)}" for _ in range(100)) for _ in range(count)] for count in (60, 12)]
    return written(tmp_path / "uneven.db", cycles, titles)


def test_rows_of_unequal_size_are_compared_in_pieces(uneven):
    """distinct_1 calls the smaller cycle more varied, which it is not; in pieces of one length both are equal."""
    with open_project(uneven) as db:
        one, two, whole = diversity(db, DRAFTS)
        assert diversity(db, DRAFTS) == [one, two, whole]
    assert two["distinct_1"] > 3 * one["distinct_1"] and (one["pieces"], two["pieces"]) == (6, 1)
    assert abs(one["distinct_1_in_1000"] - two["distinct_1_in_1000"]) < 0.03
    assert 0 < one["distinct_1_in_1000_error"] < 0.02 and two["distinct_1_in_1000_error"] is None
    assert whole["pieces"] == 7 and PIECE == 1000


def test_few_texts_and_synthetic_ones_are_said(run, tmp_path):
    """Rows of fewer than five texts are marked; texts of the offline model are counted and can be left out."""
    base = [text_of(n, 20) for n in range(3)]
    path = written(tmp_path / "p.db", [base, [variant(base[0], 4, "v"), base[1], "x"]])
    with open_project(path, write=True) as db, transaction(db):
        db.execute("update contents set synthetic = 1 where raw = 'x'")
    rows = run("report", "diversity", "-p", path, "--json").json
    assert [row["few"] for row in rows] == [True, True, False] and [row["synthetic"] for row in rows] == [0, 1, 1]
    shown = run("report", "diversity", "-p", path)
    assert "1 of 6 texts are synthetic; --synthetic without leaves them out" in shown.err
    assert "2 of 2 rows have fewer than 5 texts and say little" in shown.err
    without = run("report", "diversity", "-p", path, "--synthetic", "without", "--json").json
    assert [row["samples"] for row in without] == [3, 2, 5]
    only = run("report", "diversity", "-p", path, "--synthetic", "only", "--json").json
    assert [row["samples"] for row in only] == [1, 1]
    found = run("report", "duplicates", "-p", path, "--json").json
    assert [row["synthetic"] for row in found] == [False, False]
    assert run("report", "duplicates", "-p", path, "--synthetic", "only", "--json").json == []


def test_what_was_sampled_is_said(tmp_path, monkeypatch):
    """With room for fewer pairs: how many were measured, with which seed, and the error; bounds that hold."""
    rng = Random(1)
    texts = [[" ".join(f"w{rng.randrange(90)}" for _ in range(60)) for _ in range(3)] for _ in range(40)]
    path = written(tmp_path / "p.db", texts)
    with open_project(path) as db:
        truth = diversity(db, DRAFTS)
        assert list(caveats(truth)) == ["40 of 40 rows have fewer than 5 texts and say little"]
        assert list(caveats([])) == []
        monkeypatch.setattr(similarity, "PAIRS", 3 * pairs_of(30))
        *rows, whole = diversity(db, DRAFTS, step=10)
        assert diversity(db, DRAFTS, step=10)[-1] == whole
    assert (whole["pairs"], whole["pairs_measured"]) == (3 * pairs_of(40), 3 * pairs_of(30))
    assert sum(row["pairs"] for row in rows) == whole["pairs"]
    assert sum(row["pairs_measured"] for row in rows) == whole["pairs_measured"]
    assert abs(whole["similarity"] - truth[-1]["similarity"]) <= 3 * whole["similarity_error"]
    (said_,) = caveats([*rows, whole])
    assert said_.startswith("similarity: 1,305 of 2,340 pairs, drawn with seed 1; standard error at most ")


def test_texts_come_in_order_however_they_are_read(tmp_path, monkeypatch):
    """By the dozen, one by one beyond a bound, and nothing for what is gone."""
    path = written(tmp_path / "p.db", [[f"text {n} {cycle}" for n in range(3)] for cycle in range(50)])
    with open_project(path) as db:
        numbers = reading.finished(db, DRAFTS).numbers
        numbers.insert(70, 10**6)
        one_by_one = [reading.text_of(db, number) for number in numbers]
        assert list(reading.texts_of(db, numbers)) == one_by_one and one_by_one[70] == ""
        monkeypatch.setattr(reading, "_ENOUGH", 40)
        assert list(reading.texts_of(db, numbers)) == one_by_one
        assert list(reading.texts_of(db, array("q"))) == []


def test_progress_is_told_when_it_takes_long(monkeypatch, capsys):
    """Nothing in the first second; then lines, on a terminal one that goes away."""
    clock = iter([0.0, 0.5, 1.5, 2.0, 7.0])
    monkeypatch.setattr(counting, "ticks", lambda: next(clock))
    with counting.counting() as told:
        for done in range(4):
            told("texts read", done * 1000, 4000)
    assert capsys.readouterr().err == "texts read: 1,000 of 4,000\ntexts read: 3,000 of 4,000\n"
    clock = iter([0.0, 1.5])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with counting.counting() as told:
        told("texts read", 5, 9)
    shown = capsys.readouterr().err
    assert "texts read: 5 of 9" in shown and shown.endswith("\r\x1b[K") and "\n" not in shown


INTERRUPTED = """
import os, signal, sys
from workbench.cli import main
from workbench.report import {module} as module
seen = 0
def words(text, before=module.words):
    global seen
    seen += 1
    if seen == 3:
        os.kill(os.getpid(), signal.SIGINT)
    return before(text)
module.words = words
main(sys.argv[1:])
"""


@pytest.mark.parametrize(("report", "module"), [("diversity", "diversity"), ("duplicates", "likeness")])
def test_an_interrupted_report_says_so(tmp_path, report, module):
    """Ctrl-C while texts are read: 130, one line, no traceback."""
    path = written(tmp_path / "p.db", [[text_of(n, 9) for n in range(3)]] * 2)
    program = [sys.executable, "-c", INTERRUPTED.format(module=module), "report", report, "-p", str(path)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    done = subprocess.run(program, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 130 and done.stderr.strip() == "interrupted" and done.stdout == ""
