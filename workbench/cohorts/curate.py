"""Curated cohorts: which generations to make anew, and which to keep, for essays that exist."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from workbench.cohorts.members import Member
from workbench.errors import BadInput
from workbench.ids import V1, DraftTask, EssayTask, Scheme, canonical, fold

MODES: Final = ("regenerate", "reuse-drafts", "reuse-essays")
Group = tuple[str, ...]
Replicates = Mapping[Group, Collection[int]]


@dataclass(frozen=True, slots=True)
class Family:
    """One chosen essay with what it was made from and how it is to be judged.

    `essay.draft` is the draft's ID and `gen_id` the essay's, both as the project has them (they may be legacy);
    `model` wrote the essay; `rubrics` are pairs of evaluation template and evaluation model.
    """

    draft: DraftTask
    essay: EssayTask
    gen_id: str
    model: str
    rubrics: tuple[tuple[str, str], ...] = ()


class Allocation(NamedTuple):
    """One member of a curated cohort; `fresh` if the cohort allocated its replicate, else it is reused."""

    member: Member
    fresh: bool


def group(stage: str, *fields: str) -> Group:
    """Give the key of a signature group: the stage and the signature's fields, folded, without the replicate."""
    return (stage, *(fold(field, stage) for field in fields))


def curate(
    essays: Iterable[Family],
    mode: str,
    existing: Replicates,
    limits: Mapping[str, int],
    *,
    fill_up: bool = False,
    remembered: Replicates | None = None,
    scheme: Scheme = V1,
) -> Iterator[Allocation]:
    """Stream what a curated cohort holds, each generation once, parents first, in the order of the essays.

    - `regenerate`: new drafts of the essays' drafts' groups, new essays on them, new evaluations of those.
    - `reuse-drafts`: the drafts as they are, new essays and evaluations.
    - `reuse-essays`: drafts and essays as they are, new evaluations; with `fill_up` only as many as are missing.

    `existing` gives the replicates that exist by `group(stage, *fields)`: (draft: combo, template, model;
    essay: draft ID, template; evaluation: essay ID, template, model). `limits` gives the replicates per group
    and stage that one build allocates (1 where it is silent); essays of one group share them. A new replicate is
    the lowest number above all that exist in its group. `remembered` gives, by group, what this cohort allocated
    before: that is used again first, so that a second build is the same. Raises BadInput, InvalidSignature.
    """
    if mode not in MODES:
        raise BadInput(f"mode {mode[:40]!r}", mend=f"use {', '.join(MODES)}")
    if fill_up and mode != "reuse-essays":
        raise BadInput(f"--fill-up with {mode}", mend="fill up with --mode reuse-essays")
    plan = _Plan(existing, limits, remembered or {}, fill_up, scheme)
    return _once(allocation for family in essays for allocation in plan.of(family, mode))


def _once(found: Iterable[Allocation]) -> Iterator[Allocation]:
    seen: set[str] = set()
    for allocation in found:
        if allocation.member.gen_id not in seen:
            seen.add(allocation.member.gen_id)
            yield allocation


class _Plan:
    """Allocates the replicates of one build."""

    def __init__(
        self, existing: Replicates, limits: Mapping[str, int], remembered: Replicates, fill_up: bool, scheme: Scheme
    ) -> None:
        self.existing, self.limits, self.remembered = existing, limits, remembered
        self.fill_up, self.scheme = fill_up, scheme

    def of(self, family: Family, mode: str) -> Iterator[Allocation]:
        """Give the allocations of one chosen essay."""
        draft, essay = family.draft, family.essay
        if mode == "regenerate":
            for replicate in self.replicates("draft", *draft.fields):
                new = self._id("draft", *draft.fields, replicate)
                yield Allocation(_draft(draft, new, replicate), True)
                yield from self._essays(family, new)
            return
        yield Allocation(_draft(draft, essay.draft, draft.replicate), False)
        if mode == "reuse-drafts":
            yield from self._essays(family, essay.draft)
            return
        yield Allocation(_essay(family, essay.draft, family.gen_id, essay.replicate), False)
        yield from self._evaluations(family, family.gen_id)

    def replicates(self, stage: str, *fields: str) -> list[int]:
        """Give the replicates that this build allocates in a group: those remembered, then the next free ones."""
        key = group(stage, *fields)
        before = sorted(self.remembered.get(key, ()))
        others = set(self.existing.get(key, ())) - set(before)
        wanted = self.limits.get(stage, 1) - (len(others) if self.fill_up else 0)
        start = max([*others, *before], default=0) + 1
        return [*before, *range(start, start + wanted - len(before))]

    def _essays(self, family: Family, draft: str) -> Iterator[Allocation]:
        for replicate in self.replicates("essay", draft, family.essay.template):
            new = self._id("essay", draft, family.essay.template, replicate)
            yield Allocation(_essay(family, draft, new, replicate), True)
            yield from self._evaluations(family, new)

    def _evaluations(self, family: Family, essay: str) -> Iterator[Allocation]:
        for template, model in family.rubrics:
            for replicate in self.replicates("evaluation", essay, template, model):
                new = self._id("evaluation", essay, template, model, replicate)
                combo = family.draft.combo
                yield Allocation(Member("evaluation", new, essay, combo, template, model, replicate), True)

    def _id(self, stage: str, *values: object) -> str:
        return self.scheme.id_of(stage, canonical(stage, values, self.scheme))


def _draft(draft: DraftTask, gen_id: str, replicate: int) -> Member:
    return Member("draft", gen_id, "", draft.combo, draft.template, draft.model, replicate)


def _essay(family: Family, draft: str, gen_id: str, replicate: int) -> Member:
    essay = family.essay
    return Member("essay", gen_id, draft, family.draft.combo, essay.template, family.model, replicate)
