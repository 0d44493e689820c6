"""A seeded shuffle of row numbers that needs no memory: a keyed permutation of 0 … size-1."""

from __future__ import annotations

from math import isqrt
from typing import Final

_MASK: Final = 2**64 - 1
_ROUNDS: Final = 2  # of two steps each: four steps make a Feistel network a good permutation


def _mixed(number: int) -> int:
    """Spread a 64-bit number over all 64 bits. Source: the finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


class Permutation:
    """A bijection of range(size) that looks random and depends on nothing but size and seed.

    Row numbers are written in two digits of about √size each, which rounds of a Feistel network mix; a number
    beyond the end is mixed again until it falls inside (cycle walking), rarely more than once.
    """

    def __init__(self, size: int, seed: int) -> None:
        """Permute numbers from 0 to size - 1; any whole number is a seed."""
        self.size = size
        self._high = isqrt(max(size - 1, 0)) + 1
        self._low = -(-size // self._high) or 1
        start = _mixed(seed & _MASK) ^ _mixed((seed >> 64) & _MASK ^ size & _MASK)
        self._keys = [_mixed((start + 0x9E3779B97F4A7C15 * n) & _MASK) for n in range(1, 2 * _ROUNDS + 1)]

    def __call__(self, number: int) -> int:
        """Give the number that stands at this place of the shuffle."""
        while True:
            high, low = divmod(number, self._low)
            for n in range(0, 2 * _ROUNDS, 2):
                high = (high + _mixed(low ^ self._keys[n])) % self._high
                low = (low + _mixed(high ^ self._keys[n + 1])) % self._low
            number = high * self._low + low
            if number < self.size:
                return number
