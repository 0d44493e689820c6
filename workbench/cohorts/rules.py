"""A spec's rules, applied in the order in which they stand in the file: axes in, independent factors out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from workbench.cohorts.columns import nearest, wrong_value
from workbench.cohorts.document import Bind, Document, EssaySource, Subset, Tie, TopicSource
from workbench.cohorts.factors import Factor, Join, Level, Reference
from workbench.cohorts.includes import Listing
from workbench.cohorts.items import Items, text
from workbench.reading import Faults

MAX_LEVELS: Final = 5_000_000  # of one factor: what rules bind together is held in memory
Topics = Callable[[TopicSource], Iterable[str]]
Essays = Callable[[EssaySource], Iterable[str]]


class Assembly:
    """The factors of one spec while its rules are applied; every fault is noted and the work goes on.

    What a fault touches becomes a factor of unknown levels, so that one mistake is told once.
    """

    def __init__(self, document: Document, faults: Faults) -> None:
        """Start with what the spec says and no factors."""
        self.document, self.faults = document, faults
        self.factors: list[Factor] = []

    def apply(self, topics: Topics | None, essays: Essays | None) -> tuple[Factor, ...]:
        """Build the axes, apply the rules, add the replicates; sources without a resolver stay unknown."""
        self._add_sources(topics, essays)
        for name, listing in self.document.axes.items():
            self._add_axis(name, listing)
        for rule in self.document.rules:
            if isinstance(rule, Subset):
                self._subset(rule)
            elif isinstance(rule, Tie):
                self._tie(rule)
            else:
                self._bind(rule)
        self._add_replicates()
        for factor in self.factors:
            if factor.unbound:
                self._fault(("axes", factor.name), f"axis {factor.name} has no levels", "list them or bind it")
        return tuple(self.factors)

    def _fault(self, keys: tuple[object, ...], detail: str, mend: str) -> None:
        self.faults.note(detail, self.document.located.where(*keys), mend)

    def _add_sources(self, topics: Topics | None, essays: Essays | None) -> None:
        document, located = self.document, self.document.located
        if document.topics is not None:
            self._add_cycles(document.topics)
            found = None if topics is None else topics(document.topics)
            self._add_source("combo_id", found, located.where("topics"))
        if document.essay_ids is not None:
            self._add_axis("essay_gen_id", document.essay_ids)
        elif document.essays is not None:
            found = None if essays is None else essays(document.essays)
            self._add_source("essay_gen_id", found, located.where("essays"))

    def _add_cycles(self, source: TopicSource) -> None:
        if source.cycles > MAX_LEVELS:
            self._fault(("cycles",), f"more than {MAX_LEVELS:,} cycles", "ask for fewer")
        elif "cycles" in self.document.located.value:
            cycles = tuple((str(n + 1),) for n in range(source.cycles))
            self.factors.append(Factor("draft_replicate", ("draft_replicate",), cycles))

    def _add_source(self, column: str, values: Iterable[str] | None, where: str) -> None:
        levels = None if values is None else self._checked(column, values, lambda number: where)
        if levels == () and not len(self.faults):
            self.faults.note(f"axis {column}: the source holds nothing", where, "name one that holds something")
        self.factors.append(Factor(column, (column,), levels or None))

    def _add_axis(self, name: str, listing: Listing | None) -> None:
        if any(name in factor.columns for factor in self.factors):
            self._fault(("axes", name), f"axis {name} comes from the topics or essays too", "keep one of them")
        elif listing is not None:
            values, where = self._single(name, listing), listing.where
            self.factors.append(Factor(name, (name,), self._checked(name, values, where) or None))
        else:
            self.factors.append(Factor(name, (name,), () if name in self.document.unbound else None))

    def _single(self, name: str, listing: Listing) -> list[str]:
        """Give an axis's values as text; of a CSV the column of its name, else the first."""
        column = listing.header.index(name) if name in listing.header else 0
        values = [row[column] for row in listing.values] if listing.header else listing.values
        if not values:
            self._fault(("axes", name), f"axis {name} has no levels", "list at least one")
        found = [text(value) for value in values]
        for number, value in enumerate(found):
            if value is None:
                detail = f"axis {name}, row {number + 1}: {str(values[number])[:140]!r} is no plain text"
                self.faults.note(detail, listing.where(number), "write text, in quotes if it looks like a number")
        return [] if None in found else [str(value) for value in found]

    def _checked(self, column: str, values: Iterable[str], where: Callable[[int], str]) -> tuple[Level, ...]:
        """Give distinct values as levels of one column, each checked; nothing if one is wrong."""
        levels: dict[str, None] = {}
        wrong = False
        for number, value in enumerate(values):
            if value in levels:
                continue
            if complaint := wrong_value(column, value):
                wrong = True
                self.faults.note(f"axis {column}, row {number + 1}: {complaint}", where(number), "mend the value")
            levels[value] = None
        return () if wrong else tuple((value,) for value in levels)

    def _refer(self, name: str, label: str, where: str, *, may_be_new: bool = False) -> Reference | None:
        """Resolve a name in a rule: a factor's name first, then the factor that has such a column."""
        for factor in self.factors:
            if factor.name == name:
                return Reference(name, factor, factor.key)
        for factor in self.factors:
            if name in factor.columns:
                return Reference(name, factor, (factor.columns.index(name),))
        if may_be_new:
            self.factors.append(Factor(name, (name,), ()))
            return Reference(name, self.factors[-1], (0,))
        known = [name for factor in self.factors for name in (factor.name, *factor.columns)]
        mend = "name an axis; sections apply in the order in which they stand"
        self.faults.note(f"{label}: there is no axis {name}{nearest(name, known)}", where, mend)
        return None

    def _referred(self, rule: Tie | Bind) -> list[Reference] | None:
        """Resolve the names of a rule; None if one is unknown or has no known levels, after marking the rest."""
        new = isinstance(rule, Bind) and rule.kind == "tuples"
        found = [self._refer(name, rule.label, rule.where, may_be_new=new) for name in rule.axes]
        refs = [ref for ref in found if ref is not None]
        if any(f.name == rule.name for f in self.factors) and all(r.factor.name != rule.name for r in refs):
            self.faults.note(f"{rule.label}: {rule.name} is an axis already", rule.where, "name the rule otherwise")
        for ref in refs if not new else []:
            if ref.factor.unbound:
                detail = f"{rule.label}: axis {ref.name} has no levels yet"
                self.faults.note(detail, rule.where, "list them, or put the tuples above")
        broken = len(refs) < len(rule.axes) or not refs or any(r.factor.levels is None for r in refs)
        if broken or (not new and any(ref.factor.unbound for ref in refs)):
            self._spoil(rule.name, refs)
            return None
        return refs

    def _spoil(self, name: str, refs: Sequence[Reference]) -> None:
        columns = tuple(dict.fromkeys(column for ref in refs for column in ref.factor.columns))
        self._replace(refs, Factor(name, columns, None, tuple(range(len(columns)))))

    def _replace(self, refs: Sequence[Reference], factor: Factor) -> None:
        """Put a factor in the place of the first of those that it takes in."""
        taken = [n for n, old in enumerate(self.factors) if any(ref.factor is old for ref in refs)]
        place = min(taken, default=len(self.factors))
        kept = [old for n, old in enumerate(self.factors) if n not in taken]
        self.factors = [*kept[:place], factor, *kept[place:]]

    def _subset(self, rule: Subset) -> None:
        ref = self._refer(rule.axis, rule.label, rule.where)
        if ref is None or ref.factor.levels is None or rule.keep is None:
            if ref is not None:
                self._spoil(ref.factor.name, [ref])
            return
        known, kept = ref.values(), set()
        items = Items(rule.label, [ref], rule.keep, self.faults)
        for number, (value,) in items.rows():
            kept.add(value)
            if value not in known:
                items.fault(number, self._unknown(ref, value, known), f"keep levels of {rule.axis}")
        levels = tuple(v for v in ref.factor.levels if tuple([v[n] for n in ref.key]) in kept)
        if not rule.keep.values:
            self.faults.note(f"{rule.label}: nothing is kept", rule.where, "keep at least one level")
        old = ref.factor
        self._replace([ref], Factor(old.name, old.columns, levels or None, old.key))

    def _tie(self, rule: Tie) -> None:
        refs = self._referred(rule)
        if refs is None:
            return
        join = Join(refs)
        common = [ref.values() for ref in refs]
        shared = [value for value in common[0] if all(value in other for other in common[1:])]
        levels = self._levels(rule, join, ([value] * len(refs) for value in shared))
        if not levels:
            detail = f"{rule.label}: {', '.join(rule.axes)} have no level in common"
            self.faults.note(detail, rule.where, "tie axes that share levels")
        width = len(refs[0].key)
        self._replace(refs, Factor(rule.name, join.columns, tuple(levels) or None, join.key[:width]))

    def _bind(self, rule: Bind) -> None:
        refs = self._referred(rule)
        if refs is None or rule.items is None:
            if refs is not None:
                self._spoil(rule.name, refs)
            return
        before = len(self.faults)
        join, rows = Join(refs), list(self._rows(rule, refs, rule.items))
        levels = self._levels(rule, join, rows)
        if not rule.items.values:
            self.faults.note(f"{rule.label}: nothing is allowed", rule.where, "list at least one row")
        self._balance(rule, rows)
        good = tuple(levels) if len(self.faults) == before else None
        self._replace(refs, Factor(rule.name, join.columns, good or None, join.key))

    def _levels(self, rule: Tie | Bind, join: Join, rows: Iterable[Sequence[Level]]) -> dict[Level, None]:
        """Give the joined levels of some rows of values, as many as memory may hold."""
        levels: dict[Level, None] = {}
        for parts in rows:
            levels.update(dict.fromkeys(islice(join.levels(parts), MAX_LEVELS + 1)))
            if len(levels) > MAX_LEVELS:
                detail = f"{rule.label}: more than {MAX_LEVELS:,} levels"
                self.faults.note(detail, rule.where, "leave an axis out of the rule")
                break
        return levels

    def _rows(self, rule: Bind, refs: Sequence[Reference], listing: Listing) -> Iterable[tuple[Level, ...]]:
        """Give a rule's distinct rows whose every value is known, or fits a column that the rule introduces."""
        items, known, join = Items(rule.label, refs, listing, self.faults), [r.values() for r in refs], Join(refs)
        seen: set[tuple[Level, ...]] = set()
        for number, parts in items.rows():
            row, complaints = tuple(parts), []
            if row in seen:
                continue
            seen.add(row)
            for ref, values, part in zip(refs, known, parts, strict=True):
                if ref.factor.unbound:
                    complaints.append(wrong_value(ref.name, part[0]))
                elif part not in values:
                    complaints.append(self._unknown(ref, part, values))
            if not any(complaints) and next(join.levels(parts), None) is None:
                complaints.append("an earlier rule never lets these stand together")
            for complaint in filter(None, complaints):
                items.fault(number, complaint, "mend the row")
            yield row

    def _balance(self, rule: Bind, rows: Sequence[tuple[Level, ...]]) -> None:
        sides = {"left": (0,), "right": (1,), "both": (0, 1)}.get(rule.balance, ())
        for side in sides:
            degrees = Counter(row[side] for row in rows)
            if len(set(degrees.values())) > 1:
                (most, high), (least, low) = degrees.most_common(1)[0], degrees.most_common()[-1]
                detail = f"{rule.label}: {rule.axes[side]} is not balanced: "
                detail += f"{'/'.join(most)} stands in {high} pairs, {'/'.join(least)} in {low}"
                self.faults.note(detail, rule.where, "allow each level as often, or drop balance")

    def _add_replicates(self) -> None:
        columns = {column for factor in self.factors for column in factor.columns}
        for axis, times in self.document.replicates.items():
            keys, column = ("replicates", axis), f"{axis}_replicate"
            if axis not in columns:
                self._fault(keys, f"replicates: there is no axis {axis}{nearest(axis, columns)}", "name an axis")
            elif column in columns or times > MAX_LEVELS:
                detail = f"replicates: {column} stands already, or more than {MAX_LEVELS:,} replicates"
                self._fault(keys, detail, "keep one of them")
            else:
                self.factors.append(Factor(column, (column,), tuple((str(n + 1),) for n in range(times))))

    def _unknown(self, ref: Reference, value: Level, known: Iterable[Level]) -> str:
        shown = "/".join(value)[:140]
        near = "" if self.faults.is_full else nearest(shown, ["/".join(other) for other in islice(known, 1000)])
        return f"{shown!r} is no level of {ref.name}{near}"
