"""Which texts repeat an earlier one: by hash the same text or the same words, by MinHash and measuring nearly."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from workbench.ids import content_hash
from workbench.report.alike import Signatures
from workbench.report.finished import Finished, text_of, texts_of
from workbench.report.words import Shingle, jaccard, shingle_array, shingles, words, words_hash
from workbench.store import Database

Told = Callable[[str, int, int], None]  # what is done, how many of them, of how many
_WIDTH: Final = 12  # bytes of a hash that are kept
_SETS: Final = 64  # sets of shingles in memory


@dataclass(slots=True)
class Likeness:
    """Which texts repeat which, by place: `first` holds for each the earliest with its words, itself if none.

    `same` gives for a text the first with its very text, `nearest` for a first its most similar earlier first and the
    similarity; `above` leads from each text, step by step, to the first of its group.
    """

    first: array[int]
    above: array[int]
    same: dict[int, int] = field(default_factory=dict)
    nearest: dict[int, tuple[int, float]] = field(default_factory=dict)

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


def silent(what: str, done: int, of: int) -> None:
    """Tell nobody."""


class Prints:
    """What is kept of each text to find those that repeat it: a hash of its words, with `near` a signature too.

    Texts have places from 0 on, and are noted in any order. Memory: 12 bytes a text, with `near` 512 more.
    """

    def __init__(self, count: int, near: float | None) -> None:
        """Make room; raises MissingExtra with `near` where the library is missing."""
        self._words = bytearray(_WIDTH * count)
        self._near = near
        self._signatures = Signatures(count) if near is not None else None

    def note(self, place: int, found: Sequence[bytes], triples: array[int] | None = None) -> None:
        """Keep the prints of a text of these words; `triples` are its runs of three, where they are known."""
        self._words[place * _WIDTH : (place + 1) * _WIDTH] = bytes.fromhex(words_hash(found))[:_WIDTH]
        if self._signatures:
            self._signatures.put(place, shingle_array(found, triples))

    def note_again(self, place: int, before: int) -> None:
        """Keep the words of a text that is the same, letter for letter, as one noted before."""
        self._words[place * _WIDTH : (place + 1) * _WIDTH] = self._words[before * _WIDTH : (before + 1) * _WIDTH]

    def likeness(self, db: Database, texts: Finished, steps: Sequence[int], told: Told = silent) -> Likeness:
        """Compare all texts with those before them: by words, and with `near` by the Jaccard index of their shingles.

        A shingle is a run of three words. MinHash finds the candidates, and each pair is measured on the shingles
        themselves: none below `near` is kept. `steps`, by place and ascending: near pairs are of different steps only.
        """
        first, book = array("q"), dict[bytes, int]()
        for place in range(len(texts)):
            first.append(book.setdefault(bytes(self._words[place * _WIDTH : (place + 1) * _WIDTH]), place))
        book.clear()
        found = Likeness(first, array("q", first))
        if self._signatures and self._near is not None:
            firsts = [place for place, one in enumerate(first) if place == one]
            candidates = self._signatures.candidates(firsts, self._near, steps)
            _measure(db, texts, candidates, self._near, found, told)
        return found


def _measure(
    db: Database,
    texts: Finished,
    candidates: Iterator[tuple[int, list[int]]],
    near: float,
    found: Likeness,
    told: Told,
) -> None:
    """Measure the candidates of each text, and note those that are near enough."""

    @lru_cache(_SETS)
    def set_of(place: int) -> set[Shingle]:
        return shingles(words(text_of(db, texts.numbers[place])))

    for later, some in candidates:
        told("texts compared", later, len(texts))
        mine = set_of(later)
        alike = [(jaccard(mine, set_of(earlier)), -earlier) for earlier in some]
        close = [(-place, similarity) for similarity, place in sorted(alike, reverse=True) if similarity >= near]
        for earlier, _ in close:
            found.join(later, earlier)
        if close:
            found.nearest[later] = close[0]


def likeness(db: Database, texts: Finished, near: float | None, told: Told = silent) -> Likeness:
    """Read texts once and compare each with those before it; `same` is filled too. Raises MissingExtra.

    Memory: about 250 bytes a text, with `near` 800.
    """
    prints, same, book = Prints(len(texts), near), dict[int, int](), dict[bytes, int]()
    for place, text in enumerate(texts_of(db, texts.numbers)):
        told("texts read", place, len(texts))
        before = book.setdefault(bytes.fromhex(content_hash(text)), place)
        if before == place:
            prints.note(place, words(text))
        else:
            prints.note_again(place, before)
            same[place] = before
    book.clear()
    found = prints.likeness(db, texts, range(len(texts)), told)
    found.same = same
    return found
