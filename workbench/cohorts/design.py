"""A design: the rows that a spec describes, as a product of independent factors, streamed and never held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, product
from math import prod
from operator import itemgetter

from workbench.cohorts.columns import REPLICATE, ROLE, SIGNATURE
from workbench.cohorts.factors import Factor, Level
from workbench.cohorts.faults import spec_faults
from workbench.cohorts.rules import Essays, Topics
from workbench.cohorts.shuffle import Permutation
from workbench.cohorts.spec import Spec, assembled
from workbench.errors import BadSpec
from workbench.reading import Located

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Design:
    """A product of factors, the last one fastest; `columns` gives the order of a row's fields."""

    columns: tuple[str, ...]
    factors: tuple[Factor, ...]
    located: Located
    cycles: bool = False  # whether the draft replicates are the cycles of topics

    @property
    def count(self) -> int:
        """How many rows it has; nothing is enumerated."""
        return prod(len(factor.levels or ()) for factor in self.factors)

    def row(self, number: int) -> Row:
        """Give the row at a 0-based place. Raises IndexError."""
        if not 0 <= number < self.count:
            raise IndexError(number)
        return next(self._rows(iter([self._levels(number)])))

    def rows(self, *, seed: int | None = None, limit: int | None = None) -> Iterator[Row]:
        """Stream the rows in order, or shuffled by a seed; `limit` stops after so many."""
        found = product(*(f.levels or () for f in self.factors)) if seed is None else self._shuffled(seed)
        return self._rows(islice(found, limit))

    def _rows(self, found: Iterator[tuple[Level, ...]]) -> Iterator[Row]:
        names = tuple(chain.from_iterable(factor.columns for factor in self.factors))
        pick = _picker([names.index(column) for column in self.columns])
        columns = self.columns
        for levels in found:
            yield dict(zip(columns, pick(tuple(chain.from_iterable(levels))), strict=True))

    def _shuffled(self, seed: int) -> Iterator[tuple[Level, ...]]:
        place = Permutation(self.count, seed)
        return (self._levels(place(number)) for number in range(self.count))

    def _levels(self, number: int) -> tuple[Level, ...]:
        found: list[Level] = []
        for factor in reversed(self.factors):
            levels = factor.levels or ()
            number, rest = divmod(number, len(levels))
            found.append(levels[rest])
        return tuple(reversed(found))


def _picker(order: list[int]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    if order == list(range(len(order))):
        return lambda values: values
    return itemgetter(*order)


def compiled(spec: Spec, *, topics: Topics | None = None, essays: Essays | None = None) -> Design:
    """Compile a spec to its design.

    `topics` gives the UUIDs of a TopicSource in order, `essays` the IDs of an EssaySource; a spec that names
    such a source cannot be compiled without. Raises BadSpec, or Problems with all that is wrong.
    """
    factors = assembled(spec, topics, essays)
    for factor in factors:
        if factor.levels is None:
            where = spec.document.located.where("topics" if spec.topics else "essays")
            raise BadSpec(f"{', '.join(factor.columns)} comes from a project", where=where, mend="name a project")
    names = list(chain.from_iterable(factor.columns for factor in factors))
    return Design(
        tuple(dict.fromkeys([*spec.document.field_order, *names])),
        factors,
        spec.document.located,
        spec.topics is not None,
    )


def design(
    spec: Spec,
    *,
    seed: int | None = None,
    shuffle: bool | None = None,
    limit: int | None = None,
    topics: Topics | None = None,
    essays: Essays | None = None,
) -> Iterator[Row]:
    """Stream a spec's design rows, column name → value.

    Shuffled if a seed is given here or in the spec; `shuffle` says so or forbids it outright. The shuffle is a
    keyed permutation of row numbers: it needs no memory, and the same seed always gives the same order.
    """
    chosen = seed if seed is not None else spec.seed
    chosen = chosen if shuffle is None else ((chosen or 0) if shuffle else None)
    return compiled(spec, topics=topics, essays=essays).rows(seed=chosen, limit=limit)


def count(spec: Spec, *, topics: Topics | None = None, essays: Essays | None = None) -> int:
    """Count a spec's design rows without making one."""
    return compiled(spec, topics=topics, essays=essays).count


def over_limit(found: Design, limits: Mapping[str, int]) -> None:
    """Check a design against the replication configuration: stage → replicates that one build may use.

    A stage without a limit may use any number, and so may the cycles of topics. Raises BadSpec, or Problems.
    """
    faults = spec_faults()
    stages = set(limits) - ({"draft"} if found.cycles else set())
    for factor in found.factors:
        for place, column in enumerate(factor.columns):
            stage = REPLICATE.get(ROLE.get(column, ""), "")
            used = _most_replicates(factor, place, stage) if stage in stages else 0
            if used > limits.get(stage, used):
                detail = f"{column} uses {used} replicates of one {stage}, {limits[stage]} are allowed"
                faults.note(
                    detail,
                    found.located.where("axes", column),
                    f"use fewer, or allow more: replication set {stage} {used}",
                )
    faults.raise_any()


def _most_replicates(factor: Factor, place: int, stage: str) -> int:
    """Count the replicates of the signature that has most of them, among this factor's levels."""
    roles = [ROLE.get(column) for column in factor.columns]
    same = [n for n, role in enumerate(roles) if role in SIGNATURE[stage]]
    groups: dict[Level, set[str]] = {}
    for level in factor.levels or ():
        groups.setdefault(tuple([level[n].lower() for n in same]), set()).add(level[place])
    return max(map(len, groups.values()), default=0)
