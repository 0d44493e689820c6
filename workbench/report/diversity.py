"""How different texts are, cycle by cycle and topic by topic, and what each cycle brought that was not there."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Literal

from workbench.errors import BadInput
from workbench.report.duplicates import repeats
from workbench.report.finished import Finished, facts_of, finished, paths, text_of
from workbench.report.narrow import Choice
from workbench.report.novelty import Novelty
from workbench.report.words import LONGEST, SHINGLE, jaccard, runs, shingle_numbers, words
from workbench.store import Database

Row = dict[str, Any]
By = Literal["cycle", "topic", "both"]

STEPS: Final = 50  # rows of cycles, when nobody says how many cycles are in one
MOST_STEPS: Final = 1_000
COMPARED: Final = 64  # texts of one topic that are compared with each other, evenly spread over its cycles
SIZES: Final = (1, 2, 3)


@dataclass(slots=True)
class _Sum:
    """What is summed up over texts: `runs` are all runs of 1, 2 and 3 words, `pairs` pairs of texts of one topic."""

    samples: int = 0
    runs: list[int] = field(default_factory=lambda: [0, 0, 0])
    repeated: int = 0
    pairs: int = 0
    similarity: float = 0.0
    highest: float | None = None

    def pair(self, similarity: float) -> None:
        """Note a pair."""
        self.pairs += 1
        self.similarity += similarity
        self.highest = max(self.highest or 0.0, similarity)


class _Scope:
    """One topic or everything: its texts by step, and all of them together."""

    def __init__(self, steps: int) -> None:
        self.steps = [_Sum() for _ in range(steps)]
        self.whole = _Sum()
        self.novelty = [Novelty() for _ in SIZES]

    def add(self, step: int, runs: Sequence[Sequence[int]], repeated: bool) -> None:
        for one in (self.steps[step], self.whole):
            one.samples += 1
            one.repeated += repeated
            one.runs = [n + len(found) for n, found in zip(one.runs, runs, strict=True)]
        for novelty, found in zip(self.novelty, runs, strict=True):
            novelty.add(step, found)

    def pair(self, step: int, similarity: float) -> None:
        self.steps[step].pair(similarity)
        self.whole.pair(similarity)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Give (step, figures) of the steps that have a text."""
        counts = [novelty.counts(len(self.steps)) for novelty in self.novelty]
        earlier = False
        for step, one in enumerate(self.steps):
            if one.samples:
                different = [found[step][0] for found in counts]
                new = _share(counts[-1][step][1], different[-1]) if earlier else None
                yield step, _figures(one, different, new, one.repeated if earlier else None)
                earlier = True

    def row(self) -> Row:
        """Give the figures of all steps together."""
        return _figures(self.whole, [novelty.all() for novelty in self.novelty], None, self.whole.repeated)


def _figures(one: _Sum, different: Sequence[int], new: float | None, repeated: int | None) -> Row:
    shares = [_share(count, runs) for count, runs in zip(different, one.runs, strict=True)]
    return {
        "samples": one.samples,
        "words": one.runs[0],
        **{f"distinct_{size}": share for size, share in zip(SIZES, shares, strict=True)},
        "new_trigrams_0_to_1": new,
        "similarity": _share(one.similarity, one.pairs),
        "highest_similarity": None if one.highest is None else round(one.highest, 6),
        "repeated": repeated,
        "repeated_0_to_1": None if repeated is None else _share(repeated, one.samples),
    }


def _share(part: float, whole: int) -> float | None:
    return round(min(1.0, part / whole), 6) if whole else None


def diversity(
    db: Database,
    choice: Choice,
    topics: str | None = None,
    *,
    by: By = "cycle",
    near: float | None = None,
    step: int | None = None,
) -> list[Row]:
    """Give a row for each cycle, topic, or both, and a last one for everything, with `cycle` and `topic` null.

    Keys: topic (its path) and combo_id by topic; cycle and last_cycle (from 0) by cycle; samples; words; distinct_1,
    distinct_2 and distinct_3: different runs of so many words as a share of all runs (J. Li and others, "A
    diversity-promoting objective function for neural conversation models", 2016; it falls as texts grow);
    new_trigrams_0_to_1: the share of a cycle's different runs of three words that no cycle before it has (by topic:
    in that topic); similarity and highest_similarity: mean and maximum over pairs of texts of one topic of the Jaccard
    index of their runs of three words, a pair counting for the later text's cycle (of a topic with more than 64
    texts, 64 are paired); repeated and repeated_0_to_1: texts with the words of a text of an earlier cycle, whatever
    its topic, or with `near` at least so similar to one. `step`: cycles taken together, else as many as make at most
    50 rows. Up to 262,144 different runs are counted, more are estimated to 0.4 %. Raises UnknownName, MissingExtra.
    """
    again = repeats(db, finished(db, choice, topics, cycles_only=True), near)
    texts = finished(db, choice, topics, order="combo", cycles_only=True)
    steps = _Steps.of(texts.cycles, step)
    whole = _Scope(len(steps.first))
    rows = list(_by_topic(db, texts, steps, whole, again, by))
    if by == "cycle":
        rows = [steps.label(number) | figures for number, figures in whole.rows()]
    about = {} if by == "cycle" else {"topic": None, "combo_id": None}
    cycle = {} if by == "topic" else {"cycle": None, "last_cycle": None}
    return [*rows, about | cycle | whole.row()] if len(texts) else []


@dataclass(frozen=True, slots=True)
class _Steps:
    """Cycles in steps: which step each cycle belongs to, and each step's first and last cycle."""

    step_of: dict[int, int]
    first: list[int]
    last: list[int]

    @classmethod
    def of(cls, cycles: array[int], size: int | None) -> _Steps:
        known = sorted(set(cycles))
        span = known[-1] + 1 if known else 0
        size = size or max(1, -(-span // STEPS))
        bounds: dict[int, tuple[int, int]] = {}
        for cycle in known:
            bounds[cycle // size] = (bounds.get(cycle // size, (cycle,))[0], cycle)
        if len(bounds) > MOST_STEPS:
            mend = f"take {-(-span // MOST_STEPS)} or more together with --step"
            raise BadInput(f"{len(bounds):,} rows of cycles", mend=mend)
        place = {block: number for number, block in enumerate(bounds)}
        step_of = {cycle: place[cycle // size] for cycle in known}
        return cls(step_of, [first for first, _ in bounds.values()], [last for _, last in bounds.values()])

    def label(self, step: int) -> Row:
        return {"cycle": self.first[step], "last_cycle": self.last[step]}


def _by_topic(db: Database, texts: Finished, steps: _Steps, whole: _Scope, again: set[int], by: By) -> Iterator[Row]:
    """Read all texts once, topic by topic, into `whole`; give the rows of topics when they are wanted."""
    path = paths(db)
    for _, group in groupby(range(len(texts)), key=lambda place: texts.combos[place]):
        places = list(group)
        scopes = [whole] if by == "cycle" else [whole, _Scope(len(steps.first))]
        _read(db, texts, places, steps, scopes, again)
        if by != "cycle":
            facts = facts_of(db, texts.numbers[places[0]])
            about = {"topic": path(facts["topic_id"]), "combo_id": facts["combo_id"]}
            if by == "topic":
                yield about | scopes[1].row()
            else:
                yield from (about | steps.label(step) | figures for step, figures in scopes[1].rows())


def _read(
    db: Database, texts: Finished, places: list[int], steps: _Steps, scopes: list[_Scope], again: set[int]
) -> None:
    """Read the texts of one topic, in order of cycle; some of them are compared with each other."""
    some = {places[n * len(places) // COMPARED] for n in range(COMPARED)} if len(places) > COMPARED else set(places)
    before: list[set[int]] = []
    for place in places:
        found = words(text_of(db, texts.numbers[place]))
        step = steps.step_of[texts.cycles[place]]
        counted = runs(found)
        for scope in scopes:
            scope.add(step, counted, texts.numbers[place] in again)
        if place not in some:
            continue
        mine = set(counted[-1][: LONGEST - 2]) if len(found) >= SHINGLE else shingle_numbers(found)
        for other in before:
            similarity = jaccard(mine, other)
            for scope in scopes:
                scope.pair(step, similarity)
        before.append(mine)
