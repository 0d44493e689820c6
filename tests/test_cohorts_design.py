"""Designs: equal to a naive reading of the rules, streamed, counted, shuffled without memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections import deque
from itertools import islice, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.cohorts import compiled, count, design, over_limit, spec_from_texts
from workbench.cohorts.shuffle import Permutation
from workbench.errors import BadSpec

Group = list[dict[str, str]]
MILLION = "axes:\n" + "".join(f"  a{n}: [{', '.join(f'v{m}' for m in range(10))}]\n" for n in range(6))


class Naive:
    """The rules read word by word: groups of rows, joined by looking at every combination."""

    def __init__(self, axes: dict[str, list[str]]) -> None:
        self.groups: list[Group] = [[{name: level} for level in levels] for name, levels in axes.items()]

    def group(self, axis: str) -> int:
        return next(n for n, group in enumerate(self.groups) if axis in group[0])

    def rows(self) -> Group:
        found: Group = [{}]
        for group in self.groups:
            found = [{**row, **part} for row in found for part in group]
        return found

    def subset(self, axis: str, keep: list[str]) -> None:
        n = self.group(axis)
        self.groups[n] = [row for row in self.groups[n] if row[axis] in keep]

    def bind(self, axes: list[str], items: list[list[str]]) -> None:
        places = list(dict.fromkeys(self.group(axis) for axis in axes))
        found: Group = []
        for item in items:
            for parts in product(*(self.groups[n] for n in places)):
                row = {key: value for part in parts for key, value in part.items()}
                if [row[axis] for axis in axes] == item and row not in found:
                    found.append(row)
        kept = [
            found if n == min(places) else g for n, g in enumerate(self.groups) if n == min(places) or n not in places
        ]
        self.groups = kept

    def tie(self, axes: list[str]) -> None:
        levels = list(dict.fromkeys(row[axes[0]] for row in self.groups[self.group(axes[0])]))
        self.bind(axes, [[level] * len(axes) for level in levels])


def project(rows: Group, axes: list[str]) -> list[list[str]]:
    return [list(values) for values in dict.fromkeys(tuple(row[axis] for axis in axes) for row in rows)]


@st.composite
def specs(draw: st.DrawFn) -> tuple[dict[str, Any], Naive]:
    """A valid spec as plain data, beside its naive reading."""
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    levels = st.lists(st.sampled_from("xyz"), min_size=1, max_size=3, unique=True)
    axes = {name: draw(levels) for name in names}
    naive, rules = Naive(axes), dict[str, Any]()
    for section in draw(st.permutations(["subsets", "ties", "pairs", "tuples"])):
        for number in range(draw(st.integers(0, 2))):
            chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
            seen = project(naive.rows(), chosen)
            some = st.lists(st.sampled_from(seen), min_size=1, max_size=4)
            if section == "subsets" and chosen[0] not in rules.get(section, {}):
                keep = draw(st.lists(st.sampled_from(project(naive.rows(), chosen[:1])), min_size=1))
                rules.setdefault(section, {})[chosen[0]] = [value for (value,) in keep]
                naive.subset(chosen[0], [value for (value,) in keep])
            elif section == "ties" and any(len(set(row)) == 1 for row in seen):
                rules.setdefault(section, {})[f"t{number}"] = {"axes": chosen}
                naive.tie(chosen)
            elif section == "tuples":
                items = draw(some)
                rules.setdefault(section, {})[f"u{number}"] = {"axes": chosen, "items": items}
                naive.bind(chosen, items)
            elif section == "pairs" and len(chosen) > 1:
                items = draw(some)
                pair = {"left": chosen[0], "right": chosen[1], "allowed": [item[:2] for item in items]}
                rules.setdefault(section, {})[f"p{number}"] = pair
                naive.bind(chosen[:2], [item[:2] for item in items])
    return {"axes": axes, "rules": rules}, naive


@settings(deadline=None)
@given(specs(), st.integers(0, 2**64))
def test_a_design_is_what_a_naive_reading_of_its_rules_gives(case: tuple[dict[str, Any], Naive], seed: int) -> None:
    """Same rows in the same order; the count without enumeration; a shuffle is a permutation of them."""
    text, naive = case
    spec = spec_from_texts(json.dumps(text), source="s.json")
    expected, found = naive.rows(), list(design(spec))
    assert found == expected and count(spec) == len(expected)
    assert [compiled(spec).row(n) for n in range(len(expected))] == expected
    shuffled = list(design(spec, seed=seed))
    assert shuffled == list(design(spec, seed=seed))
    assert sorted(map(str, shuffled)) == sorted(map(str, expected))


@settings(deadline=None)
@given(st.integers(1, 5_000), st.integers())
def test_a_permutation_reaches_every_number_once(size: int, seed: int) -> None:
    place = Permutation(size, seed)
    assert sorted(map(place, range(size))) == list(range(size))


def test_seeds_give_different_orders_and_every_order_of_few_rows_occurs() -> None:
    orders = {tuple(map(Permutation(4, seed), range(4))) for seed in range(2_000)}
    assert len(orders) == 24


def test_the_spec_may_ask_for_a_shuffle_and_the_caller_may_overrule_it() -> None:
    text = "axes:\n  a: [1, 2, 3, 4, 5, 6, 7, 8]\n"
    plain = [row["a"] for row in design(spec_from_texts(text))]
    for output in ("{seed: 3}", "{shuffle_seed: 3}", "{shuffle: 3}", "{shuffle: true, seed: 3}"):
        spec = spec_from_texts(f"{text}output: {output}\n")
        assert [row["a"] for row in design(spec)] == [row["a"] for row in design(spec_from_texts(text), seed=3)]
        assert [row["a"] for row in design(spec)] != plain
        assert [row["a"] for row in design(spec, shuffle=False)] == plain
        assert [row["a"] for row in design(spec, seed=4)] != [row["a"] for row in design(spec)]
    assert sorted(row["a"] for row in design(spec_from_texts(text), shuffle=True)) == plain


def test_a_preview_of_an_astronomic_design_is_instant() -> None:
    axes = "".join(f"  a{n}: [{', '.join(map(str, range(100)))}]\n" for n in range(12))
    spec = spec_from_texts("axes:\n" + axes)
    assert count(spec) == 10**24
    assert len(list(design(spec, limit=5))) == len(list(design(spec, seed=1, limit=5))) == 5


@pytest.mark.parametrize("seed", [None, 7])
def test_a_million_rows_stream_in_bounded_memory(seed: int | None) -> None:
    """The first 50,000 rows need no more than a moment's memory, and nothing of the design is held between rows."""
    spec = spec_from_texts(MILLION)
    assert count(spec) == 1_000_000
    tracemalloc.start()
    try:
        deque(islice(design(spec, seed=seed), 50_000), maxlen=0)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_large_lists_are_indexed_not_searched() -> None:
    """20,000 pairs over 20,000 levels take a second or so; the square of it would take minutes."""
    size = 20_000
    files = {
        "l.txt": "\n".join(f"l{n}" for n in range(size)),
        "p.csv": "a,b\n" + "".join(f"l{n},l{size - n - 1}\n" for n in range(size)),
    }
    text = "axes:\n  a: '@file:l.txt'\n  b: '@file:l.txt'\n  c: '@file:l.txt'\nrules:\n"
    text += "  ties:\n    t: {axes: [a, c]}\n  subsets:\n    b: '@file:l.txt'\n"
    text += "  pairs:\n    p: {left: a, right: b, allowed: '@file:p.csv'}\n"
    start = time.process_time()
    assert count(spec_from_texts(text, files)) == size
    assert time.process_time() - start < 10


def test_replication_limits_count_the_replicates_of_one_signature() -> None:
    text = "axes:\n  combo_id: [c, d]\n  draft_template: [t]\n  draft_llm: [m]\n  draft_replicate: [1, 2]\n"
    found = compiled(spec_from_texts(text))
    over_limit(found, {"draft": 2, "essay": 1})
    with pytest.raises(BadSpec, match="draft_replicate uses 2 replicates of one draft, 1 are allowed") as caught:
        over_limit(found, {"draft": 1})
    assert caught.value.where == "spec.yaml:5"
    apart = text.replace("  draft_replicate: [1, 2]\n", "").replace("  draft_template: [t]\n", "")
    apart += "rules: {tuples: {b: {axes: [draft_template, draft_replicate], items: [[t, 1], [u, 2]]}}}\n"
    over_limit(compiled(spec_from_texts(apart)), {"draft": 1})


def test_cycles_are_not_limited() -> None:
    spec = spec_from_texts("topics: t\ncycles: 5\naxes: {draft_template: [t], draft_llm: [m]}\n")
    over_limit(compiled(spec, topics=lambda source: ["u1"]), {"draft": 1})
