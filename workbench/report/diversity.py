"""How different texts are, cycle by cycle and topic by topic, and what each cycle brought that was not there."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Literal

from workbench.report.finished import Finished, Synthetic, facts_of, finished, paths, texts_of
from workbench.report.likeness import Prints, Told, silent
from workbench.report.narrow import Choice
from workbench.report.sampling import SEED, drawn
from workbench.report.similarity import GROUPS, Topic, compared
from workbench.report.steps import Steps
from workbench.report.sums import Row, Scope
from workbench.report.words import runs, shingle_array, words
from workbench.store import Database

By = Literal["cycle", "topic", "both"]


def diversity(
    db: Database,
    choice: Choice,
    topics: str | None = None,
    *,
    by: By = "cycle",
    near: float | None = None,
    step: int | None = None,
    synthetic: Synthetic = "with",
    told: Told = silent,
) -> list[Row]:
    """Give a row for each cycle, topic, or both, and a last one for everything, with `cycle` and `topic` null.

    Keys: topic (its path) and combo_id by topic; cycle and last_cycle (from 0) by cycle; samples; few: fewer than 5;
    synthetic: how many of them the offline model or a migration wrote; words; distinct_1, distinct_2 and distinct_3:
    different runs of so many words as a share of all runs (J. Li and others, "A diversity-promoting objective
    function for neural conversation models", 2016; it falls as texts grow); new_trigrams_0_to_1: the share of a
    cycle's different runs of three words that no cycle before it has (by topic: in that topic); pieces and
    distinct_1_in_1000 to distinct_3_in_1000: the mean of pieces of 1,000 words each, which rows of any size share;
    similarity and highest_similarity: mean and maximum over pairs of texts of one topic of the Jaccard index of their
    runs of three words, a pair counting for the later text's cycle; pairs and pairs_measured; repeated and
    repeated_0_to_1: texts with the words of a text of an earlier cycle, whatever its topic, or with `near` at least
    so similar to one. Keys that end in _error are standard errors: 0 where all was counted. `step`: cycles taken
    together, else as many as make at most 50 rows. docs/diversity.md says what is sampled and how. `told` hears how
    far it is. Raises UnknownName, MissingExtra.
    """
    texts = finished(db, choice, topics, order="combo", cycles_only=True, synthetic=synthetic)
    if not len(texts):
        return []
    reading = _Reading(texts, step, near)
    found = list(_topics(db, reading, by, told))
    if by == "cycle":
        found = [_Found(reading.steps.label(number) | row, None, number) for number, row in reading.whole.rows()]
    about = {} if by == "cycle" else {"topic": None, "combo_id": None}
    cycle = {} if by == "topic" else {"cycle": None, "last_cycle": None}
    found.append(_Found(about | cycle | reading.whole.row(), None, None))
    _note_repeats(db, reading, found, told)
    return [one.row for one in found]


@dataclass(frozen=True, slots=True)
class _Found:
    """A row, and what it is of: a topic's combo, a step, both, or neither."""

    row: Row
    combo: int | None
    step: int | None


class _Reading:
    """All texts, topic by topic, and what becomes of them; their places in order of cycle are those of the prints."""

    def __init__(self, texts: Finished, step: int | None, near: float | None) -> None:
        self.texts = texts
        self.steps = Steps.of(texts.cycles, step)
        self.whole = Scope(self.steps.count(texts.cycles))
        self.prints = Prints(len(texts), near)
        self.by_cycle = sorted(range(len(texts)), key=texts.cycles.__getitem__)
        self.place = array("q", bytes(8 * len(texts)))
        for place, one in enumerate(self.by_cycle):
            self.place[one] = place
        sizes = Counter(texts.combos).values()
        self.compared = compared(sizes)
        self.sampled = max(sizes) > self.compared
        self.rng = Random(SEED)


def _topics(db: Database, reading: _Reading, by: By, told: Told) -> Iterator[_Found]:
    """Read all texts once, topic by topic, into the whole; give the rows of topics when they are wanted."""
    path, texts = paths(db), reading.texts
    found = texts_of(db, texts.numbers)
    for combo, group in groupby(range(len(texts)), key=texts.combos.__getitem__):
        places = list(group)
        told("texts read", places[0], len(texts))
        if by == "cycle":
            _read(found, places, reading, [reading.whole])
            continue
        scope = Scope(reading.steps.count(texts.cycles[places[0] : places[-1] + 1]))
        _read(found, places, reading, [reading.whole, scope])
        facts = facts_of(db, texts.numbers[places[0]])
        about = {"topic": path(facts["topic_id"]), "combo_id": facts["combo_id"]}
        if by == "topic":
            yield _Found(about | scope.row(), combo, None)
        else:
            for step, row in scope.rows():
                yield _Found(about | reading.steps.label(step) | row, combo, step)


def _read(found: Iterator[str], places: list[int], reading: _Reading, scopes: list[Scope]) -> None:
    """Read the texts of one topic, in order of cycle; some of them are compared with each other."""
    some = drawn(len(places), reading.compared, reading.rng)
    group = int(reading.rng.random() * GROUPS) if reading.sampled else None
    topic = Topic(len(places), reading.compared, group)
    for before, (place, text) in enumerate(zip(places, found, strict=False)):
        mine = words(text)
        counted = runs(mine)
        reading.prints.note(reading.place[place], mine, counted[-1])
        step = reading.steps.step_of[reading.texts.cycles[place]]
        for scope in scopes:
            scope.add(step, counted, reading.texts.synthetic[place], before)
        if some is None or before in some:
            later = topic.add(set(shingle_array(mine, counted[-1])))
            for scope in scopes:
                scope.compare(step, later)


def _note_repeats(db: Database, reading: _Reading, found: list[_Found], told: Told) -> None:
    """Count in each row the texts that repeat one of an earlier cycle: its words, or nearly."""
    texts = reading.texts.taken(reading.by_cycle)
    likeness = reading.prints.likeness(db, texts, texts.cycles, told)
    counts: Counter[tuple[int | None, int | None]] = Counter()
    for place, first in enumerate(likeness.first):
        if texts.cycles[first] < texts.cycles[place] or first in likeness.nearest:
            combo, step = texts.combos[place], reading.steps.step_of[texts.cycles[place]]
            counts.update([(None, None), (combo, None), (None, step), (combo, step)])
    for one in found:
        if one.row["repeated"] is not None:
            one.row["repeated"] = count = counts[one.combo, one.step]
            one.row["repeated_0_to_1"] = round(count / one.row["samples"], 6)
