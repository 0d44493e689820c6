"""The independent factors of a design: each gives values to one or more columns, all level by level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, product

Level = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Factor:
    """One axis, or several that rules have bound together.

    `levels` holds one value per column; None says that they are not known (a fault, or a source that only a
    project can resolve), no levels that a tuple rule still has to give them. `key` tells which columns make up
    the value by which other rules call this factor's name.
    """

    name: str
    columns: tuple[str, ...]
    levels: tuple[Level, ...] | None
    key: tuple[int, ...] = (0,)

    @property
    def unbound(self) -> bool:
        """Whether its levels are still to come from a tuple rule."""
        return self.levels is not None and not self.levels


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in a rule, resolved: the factor that it means and the columns that make up its value."""

    name: str
    factor: Factor
    key: tuple[int, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that it means."""
        return tuple(self.factor.columns[n] for n in self.key)

    def values(self) -> dict[Level, None]:
        """Give its distinct values in the order in which they stand."""
        return dict.fromkeys(tuple(level[n] for n in self.key) for level in self.factor.levels or ())


class Join:
    """Finds the levels of several factors that fit values of the references, by index, never by search."""

    def __init__(self, refs: Sequence[Reference]) -> None:
        """Index each factor once by the columns that the references mean in it."""
        self.refs = refs
        self.factors = list({id(ref.factor): ref.factor for ref in refs}.values())
        self.uses = [[n for n, ref in enumerate(refs) if ref.factor is factor] for factor in self.factors]
        self._indexes = [self._index(factor, uses) for factor, uses in zip(self.factors, self.uses, strict=True)]
        self.columns = tuple(chain.from_iterable(factor.columns for factor in self.factors))
        widths = accumulate((len(factor.columns) for factor in self.factors), initial=0)
        offsets = {id(factor): start for factor, start in zip(self.factors, widths, strict=False)}
        self.key = tuple(offsets[id(ref.factor)] + n for ref in refs for n in ref.key)

    def _index(self, factor: Factor, uses: Sequence[int]) -> dict[Level, list[Level]]:
        positions = [n for use in uses for n in self.refs[use].key]
        index: dict[Level, list[Level]] = {}
        for level in factor.levels or ():
            index.setdefault(tuple([level[n] for n in positions]), []).append(level)
        return index

    def levels(self, parts: Sequence[Level]) -> Iterator[Level]:
        """Give the joined levels that have these values, one value per reference; none if they never meet."""
        pools = []
        for factor, uses, index in zip(self.factors, self.uses, self._indexes, strict=True):
            wanted = tuple(chain.from_iterable(parts[use] for use in uses))
            pools.append([wanted] if factor.unbound else index.get(wanted, []))
        return (tuple(chain.from_iterable(found)) for found in product(*pools))
