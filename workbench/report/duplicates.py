"""Texts that repeat an earlier one: the same text, the same words, or nearly the same words."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from workbench.ids import content_hash
from workbench.report.alike import Signatures
from workbench.report.finished import NO_CYCLE, Finished, facts_of, finished, paths, text_of
from workbench.report.narrow import Choice
from workbench.report.words import Shingle, jaccard, said, shingle_numbers, shingles, words, words_hash
from workbench.store import Database

Row = dict[str, Any]
FIRST_WORDS: Final = 120  # characters of a text that a row shows
KINDS: Final = ("first", "text", "words", "near")
_SETS: Final = 64  # sets of shingles in memory
_BLANKS: Final = 20  # characters read for each one shown: blanks are folded


@dataclass(slots=True)
class Likeness:
    """Which texts repeat which, by place: `first` holds for each the earliest with its words, itself if none.

    `same` gives for a text the first with its very text, `nearest` for a first its most similar earlier first and the
    similarity; `above` leads from each text, step by step, to the first of its group.
    """

    first: array[int] = field(default_factory=lambda: array("q"))
    same: dict[int, int] = field(default_factory=dict)
    nearest: dict[int, tuple[int, float]] = field(default_factory=dict)
    above: array[int] = field(default_factory=lambda: array("q"))

    def root(self, place: int) -> int:
        """Give the first of a text's group."""
        above = self.above
        while above[place] != place:
            above[place] = place = above[above[place]]
        return place

    def join(self, one: int, other: int) -> None:
        """Make two groups one."""
        one, other = self.root(one), self.root(other)
        self.above[max(one, other)] = min(one, other)


def likeness(db: Database, texts: Finished, near: float | None, steps: Sequence[int] | None = None) -> Likeness:
    """Compare texts with those before them: by their words, and with `near` by the Jaccard index of their shingles.

    A shingle is a run of three words. MinHash finds the candidates, and each pair is measured on the shingles
    themselves: none below `near` is kept. `steps`, by place and ascending: near pairs are of different steps only.
    Memory: about 300 bytes a text, with `near` 800. Raises MissingExtra with `near` where the library is missing.
    """
    signatures = Signatures(len(texts)) if near is not None else None
    found = Likeness()
    hashes: dict[bytes, int] = {}
    for place, number in enumerate(texts.numbers):
        text = text_of(db, number)
        mine = words(text)
        # One book for both: the words are hashed at another length.
        same = hashes.setdefault(bytes.fromhex(content_hash(text)), place)
        first = found.first[same] if same != place else hashes.setdefault(bytes.fromhex(words_hash(mine))[:12], place)
        if same != place:
            found.same[place] = same
        found.first.append(first)
        found.above.append(first)
        if signatures and first == place:
            signatures.put(place, shingle_numbers(mine))
    hashes.clear()
    if signatures and near is not None:
        _measure(db, texts, signatures, near, steps or range(len(texts)), found)
    return found


def _measure(
    db: Database, texts: Finished, signatures: Signatures, near: float, steps: Sequence[int], found: Likeness
) -> None:
    @lru_cache(_SETS)
    def set_of(place: int) -> set[Shingle]:
        return shingles(words(text_of(db, texts.numbers[place])))

    firsts = [place for place, first in enumerate(found.first) if place == first]
    for later, candidates in signatures.candidates(firsts, near, steps):
        mine = set_of(later)
        alike = [(jaccard(mine, set_of(earlier)), -earlier) for earlier in candidates]
        close = [(-place, similarity) for similarity, place in sorted(alike, reverse=True) if similarity >= near]
        for earlier, _ in close:
            found.join(later, earlier)
        if close:
            found.nearest[later] = close[0]


def duplicates(
    db: Database, choice: Choice, topics: str | None = None, near: float | None = None, most: int | None = None
) -> Iterator[Row]:
    """Give the texts that are alike, group by group, the largest first; in a group by cycle, then signature.

    Keys: group, size, match (`first` of the group; the same `text` or `words` as its nearest, or `near`), similarity
    and nearest (the most similar earlier text: gen_id), gen_id, topic (its path), combo_id, cycle (from 0),
    template_id, llm_model_id, words, text (its beginning). Similarity is the Jaccard index of runs of three words,
    at least `near`. Every text of a group but its first is alike to one before it; `most` keeps so many groups.
    Row numbers decide nothing. Texts are read one by one, so that nobody waits for this. Raises UnknownName,
    MissingExtra.
    """
    texts = finished(db, choice, topics)
    found = likeness(db, texts, near)
    path = paths(db)
    for group, places in enumerate(_groups(found)[:most], 1):
        for place in places:
            yield {"group": group, "size": len(places)} | _row(db, texts, found, place, path)


def _groups(found: Likeness) -> list[list[int]]:
    """Put together what a chain of likeness joins; groups of one are left out."""
    groups: dict[int, list[int]] = {}
    for place in range(len(found.above)):
        if (root := found.root(place)) != place:
            groups.setdefault(root, [root]).append(place)
    return sorted(groups.values(), key=lambda places: (-len(places), places[0]))


def _row(db: Database, texts: Finished, found: Likeness, place: int, path: Any) -> Row:
    facts = facts_of(db, texts.numbers[place])
    text, cycle = facts["text"] or "", texts.cycles[place]
    kind, nearest, similarity = _match(found, place)
    return {
        "match": kind,
        "similarity": None if similarity is None else round(similarity, 6),
        "gen_id": facts["gen_id"],
        "nearest": None if nearest is None else facts_of(db, texts.numbers[nearest])["gen_id"],
        "topic": path(facts["topic_id"]),
        "combo_id": facts["combo_id"],
        "cycle": None if cycle == NO_CYCLE else cycle,
        "template_id": facts["template_id"],
        "llm_model_id": facts["llm_model_id"],
        "words": len(words(text)),
        "text": " ".join(said(text)[: FIRST_WORDS * _BLANKS].split())[:FIRST_WORDS],
    }


def _match(found: Likeness, place: int) -> tuple[str, int | None, float | None]:
    if place in found.same:
        return "text", found.same[place], 1.0
    if found.first[place] != place:
        return "words", found.first[place], 1.0
    if place in found.nearest:
        return "near", *found.nearest[place]
    return "first", None, None


def counted(rows: Iterable[Row], counts: dict[str, int]) -> Iterator[Row]:
    """Give the rows on while counting them by kind; `groups` too."""
    for row in rows:
        counts[row["match"]] = counts.get(row["match"], 0) + 1
        counts["groups"] = max(counts.get("groups", 0), row["group"])
        yield row


def repeats(db: Database, texts: Finished, near: float | None) -> set[int]:
    """Give the numbers of the texts that repeat one of an earlier cycle: its words, or with `near` nearly.

    `texts` are in order of cycle. Raises MissingExtra.
    """
    found = likeness(db, texts, near, texts.cycles)
    cycles = texts.cycles
    return {
        number
        for place, number in enumerate(texts.numbers)
        if cycles[found.first[place]] < cycles[place] or found.first[place] in found.nearest
    }
