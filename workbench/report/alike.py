"""Texts that may be alike, found by MinHash and locality-sensitive hashing; the signatures are the library's.

Source: A. Broder, "On the resemblance and containment of documents", 1997; banding as in J. Leskovec, A. Rajaraman,
J. Ullman, "Mining of Massive Datasets", chapter 3. Everything is seeded, and texts have places instead of names, so
that the same texts in the same order give the same candidates.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import groupby
from math import sqrt
from typing import Any, Final

from workbench.errors import MissingExtra

PERMUTATIONS: Final = 128  # values of a signature, four bytes each
SEED: Final = 1
RECALL: Final = 0.99  # share of the pairs right at the threshold that the bands find; more of those above it
WINDOW: Final = 32  # texts before it that a text is compared with in one band, besides the band's first
KEPT: Final = 8  # candidates of a text that are left, the most alike by their signatures
_LOW: Final = 2**32 - 1  # the library permutes numbers of 32 bits
_CHUNK: Final = 20_000  # pairs of signatures compared at a time


def bands_for(near: float) -> tuple[int, int]:
    """Give (bands, rows of each): the most selective that still finds 99 % of the pairs of just this similarity."""
    for rows in range(PERMUTATIONS // 2, 1, -1):
        bands = PERMUTATIONS // rows
        if 1 - (1 - near**rows) ** bands >= RECALL:
            return bands, rows
    return PERMUTATIONS, 1


def _itself(value: Any) -> Any:
    return value


class Signatures:
    """MinHash signatures of up to `most` texts by place: 512 bytes each, whatever the texts' length."""

    def __init__(self, most: int) -> None:
        """Make room, which is taken as it is filled; raises MissingExtra without the library."""
        try:
            library, self._numpy = import_module("datasketch"), import_module("numpy")
        except ImportError:
            raise MissingExtra("datasketch", mend="pip install 'generation-workbench[duplicates]'") from None
        self._sketch = library.MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=_itself)
        self._table = self._numpy.zeros((most, PERMUTATIONS), dtype=self._numpy.uint32)

    def put(self, place: int, shingles: array[int]) -> None:
        """Keep the signature of a text's shingles, which are numbers of 64 bits and not none."""
        self._sketch.clear()
        # One value that is an array of all hashes: the library takes them as they are, without a call for each.
        self._sketch.update_batch([self._numpy.frombuffer(shingles, dtype=self._numpy.uint64) & _LOW])
        self._table[place] = self._sketch.hashvalues

    def candidates(self, places: Sequence[int], near: float, steps: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Give for each of the places those before it, of a smaller step, that may be as alike as `near` says.

        `places` ascend and were all put, `steps` has a number for each place. At most 8 for one text, the most alike
        by their signatures first. Where more than 33 share a band, a text is compared with the first of them and the
        32 before it.
        """
        np = self._numpy
        kept = np.asarray(places, dtype=np.int64)
        if len(kept) < 2:
            return
        step = np.asarray(steps, dtype=np.int64)
        sd = sqrt(near * (1 - near) / PERMUTATIONS)
        least = int((near - 4 * sd) * PERMUTATIONS)
        found = np.empty((3, 0), dtype=np.int64)
        bands, rows = bands_for(near)
        for band in range(bands):
            keys = self._keys(kept, band * rows, rows)
            new = [self._agreeing(a, b, least) for a, b in _neighbours(np, kept, keys, step)]
            found = _best(np, np.concatenate([found, *new], axis=1))
        for later, group in groupby(zip(found[0].tolist(), found[1].tolist(), strict=True), key=lambda pair: pair[0]):
            yield later, [earlier for _, earlier in group]

    def _keys(self, places: Any, start: int, rows: int) -> Any:
        """One number of 64 bits for the rows of a band; texts that share it by chance are sorted out later."""
        np = self._numpy
        factors = np.random.default_rng(SEED + start).integers(2**63, size=rows, dtype=np.uint64) * 2 + 1
        keys = np.zeros(len(places), dtype=np.uint64)
        for row in range(rows):
            keys += self._table[places, start + row].astype(np.uint64) * factors[row]
        return keys

    def _agreeing(self, earlier: Any, later: Any, least: int) -> Any:
        """Keep the pairs whose signatures agree in enough values: rows later, earlier, agreement."""
        np = self._numpy
        agree = np.empty(len(later), dtype=np.int64)
        for at in range(0, len(later), _CHUNK):
            part = slice(at, at + _CHUNK)
            agree[part] = (self._table[earlier[part]] == self._table[later[part]]).sum(axis=1)
        enough = agree >= least
        return np.stack([later[enough], earlier[enough], agree[enough]])


def _neighbours(np: Any, places: Any, keys: Any, step: Any) -> Iterator[tuple[Any, Any]]:
    """Pair what shares a key: with up to WINDOW places before, then with the first of its key."""
    order = np.argsort(keys, kind="stable")
    ranked, at = keys[order], places[order]
    begins = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    first = np.maximum.accumulate(np.where(begins, np.arange(len(at)), 0))
    for distance in range(1, WINDOW + 1):
        here = np.flatnonzero(np.arange(len(at)) - first >= distance)
        if not len(here):
            return
        yield _apart(step, at[here - distance], at[here])
    far = np.flatnonzero(np.arange(len(at)) - first > WINDOW)
    yield _apart(step, at[first[far]], at[far])


def _apart(step: Any, earlier: Any, later: Any) -> tuple[Any, Any]:
    fine = step[earlier] < step[later]
    return earlier[fine], later[fine]


def _best(np: Any, found: Any) -> Any:
    """Keep each text's most alike, every pair once, in order of the texts."""
    found = found[:, np.lexsort((found[1], -found[2], found[0]))]
    same = np.zeros(found.shape[1], dtype=bool)
    same[1:] = (found[:2, 1:] == found[:2, :-1]).all(axis=0)
    found = found[:, ~same]
    begins = np.concatenate([[True], found[0, 1:] != found[0, :-1]]) if found.shape[1] else np.empty(0, dtype=bool)
    place = np.arange(found.shape[1])
    return found[:, place - np.maximum.accumulate(np.where(begins, place, 0)) < KEPT]
