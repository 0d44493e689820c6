"""From a design to its members: every task once, a draft before its essays, an essay before its evaluations.

Each factor of the design is cut by stage into a small tree: its draft parts, below each its essay parts, below
each of those its evaluation parts. The drafts are then the product of the roots, the essays of one draft the
product of what lies below, and so on: no task comes twice, no ID is hashed twice, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, product
from math import prod
from operator import is_, itemgetter
from typing import Any, Final, NamedTuple

from workbench.cohorts.columns import DRAFT, ESSAY, EVALUATION, NAMES, REPLICATE, ROLE, nearest
from workbench.cohorts.design import Design
from workbench.cohorts.factors import Factor
from workbench.cohorts.faults import spec_faults
from workbench.ids import V1, DraftTask, EssayTask, EvaluationTask, Scheme, Task, fold

STAGES: Final = (DRAFT, ESSAY, EVALUATION)
MAX_SHARED: Final = 10_000  # evaluations of one essay whose fields are kept for the next essay


class Member(NamedTuple):
    """One generation that a cohort selects; names keep their case, IDs are of the folded fields.

    A named tuple, because a million of them are made and written. `model` is the model that writes it, for an
    essay too, whose signature has none; `combo` is empty for evaluations of essays that only their ID names.
    """

    stage: str
    gen_id: str
    parent_gen_id: str
    combo: str
    template: str
    model: str
    replicate: int

    @property
    def task(self) -> Task:
        """The task that its signature describes."""
        if self.stage == "draft":
            return DraftTask(self.combo, self.template, self.model, self.replicate)
        if self.stage == "essay":
            return EssayTask(self.parent_gen_id, self.template, self.replicate)
        return EvaluationTask(self.parent_gen_id, self.template, self.model, self.replicate)


class _Node(NamedTuple):
    """One part of a factor's levels: values of one stage's columns, as given and folded, and what lies below."""

    values: tuple[Any, ...]
    below: list[_Node]


def members(design: Design, scheme: Scheme = V1, id_of: Callable[[str, str], str] | None = None) -> Iterator[Member]:
    """Stream a design's members under a scheme, a draft before its essays, an essay before its evaluations.

    Within a stage they come in the order in which the design's rows first need them, parent by parent; a shuffle
    of the rows does not change it. `id_of` replaces the scheme's function of stage and canonical string, where
    collisions have been resolved. Raises BadSpec, or Problems, when the columns do not make tasks.
    """
    check_columns(design)
    return _Tasks(design, scheme, id_of or scheme.id_of).walk()


def check_columns(design: Design) -> None:
    """Check that a design's columns make tasks, all of them and nothing else. Raises BadSpec, or Problems."""
    faults, roles = spec_faults(), {ROLE[column] for column in design.columns if column in ROLE}
    where = design.located.where
    for column in design.columns:
        if column not in ROLE:
            detail = f"the column {column} means nothing to a cohort{nearest(column, ROLE)}"
            faults.note(detail, where("axes", column), f"use {', '.join(ROLE)}")
    for stage, needed in _needed(roles).items():
        if missing := [NAMES[role][0] for role in needed if role not in roles]:
            faults.note(f"{stage} needs {', '.join(missing)}", where("axes"), "add the axis")
    if "essay" in roles and (made := [r for r in (*DRAFT, *ESSAY) if r in roles and r != "essay"]):
        detail = f"essays that exist have their {', '.join(made)}"
        faults.note(detail, where("essays"), "list essays, or make them, in one spec")
    faults.raise_any()


def _needed(roles: set[str]) -> dict[str, tuple[str, ...]]:
    """Give the roles that a design of these roles cannot do without, by stage."""
    evaluation: dict[str, tuple[str, ...]] = {"an evaluation": EVALUATION[:2]}
    if "essay" in roles:
        return evaluation
    judged = any(role in roles for role in EVALUATION)
    needed: dict[str, tuple[str, ...]] = {"a draft": DRAFT[:3]}
    if judged or any(role in roles for role in ESSAY):
        needed["an essay"] = ("essay_template",)
    return needed | (evaluation if judged else {})


class _Tasks:
    """Walks one design from drafts to evaluations."""

    def __init__(self, design: Design, scheme: Scheme, id_of: Callable[[str, str], str]) -> None:
        self.canonical, self.id_of = scheme.canonical, id_of
        self.trees = [_tree(factor) for factor in design.factors]
        stages = [[[c for c in f.columns if ROLE[c] in stage] for f in design.factors] for stage in STAGES]
        roles = {ROLE[column] for column in design.columns}
        self.existing = "essay" in roles
        self.has_essays, self.has_evaluations = "essay_template" in roles, "evaluation_template" in roles
        self.draft = _Pick(DRAFT, stages[0])
        self.essay = _Pick(ESSAY, stages[1])
        self.evaluation = _Pick(EVALUATION, stages[2])
        self.shared_by: list[_Node] = []
        self.shared: list[tuple[Any, ...]] = []

    def walk(self) -> Iterator[Member]:
        for nodes in product(*self.trees):
            combo, template, model, replicate, *folded, _ = self.draft.fields(self.draft.used(nodes))
            if self.existing:
                yield from self._existing(nodes)
                continue
            gen_id = self.id_of("draft", self.canonical("draft", folded, replicate))
            yield Member("draft", gen_id, "", combo, template, model, replicate)
            if self.has_essays:
                yield from self._essays(nodes, gen_id, combo, model)

    def _existing(self, above: tuple[_Node, ...]) -> Iterator[Member]:
        for nodes in product(*[node.below for node in above]):
            yield from self._evaluations(nodes, self.essay.fields(self.essay.used(nodes))[4], "")

    def _essays(self, above: tuple[_Node, ...], draft: str, combo: str, draft_model: str) -> Iterator[Member]:
        for nodes in product(*[node.below for node in above]):
            _, template, model, replicate, _, folded, _, _ = self.essay.fields(self.essay.used(nodes))
            gen_id = self.id_of("essay", self.canonical("essay", (draft, folded), replicate))
            yield Member("essay", gen_id, draft, combo, template, model or draft_model, replicate)
            if self.has_evaluations:
                yield from self._evaluations(nodes, gen_id, combo)

    def _evaluations(self, above: tuple[_Node, ...], essay: str, combo: str) -> Iterator[Member]:
        canonical, id_of = self.canonical, self.id_of
        for template, model, replicate, folded, judge, _ in self._judgements(above):
            gen_id = id_of("evaluation", canonical("evaluation", (essay, folded, judge), replicate))
            yield Member("evaluation", gen_id, essay, combo, template, model, replicate)

    def _judgements(self, above: tuple[_Node, ...]) -> Iterable[tuple[Any, ...]]:
        """Give the evaluations' fields below an essay's parts; most essays share them with the one before."""
        parts = self.evaluation.used(above)
        if len(parts) == len(self.shared_by) and all(map(is_, parts, self.shared_by)):
            return self.shared
        below = [part.below for part in parts]
        found = map(self.evaluation.fields, product(*below))
        if prod(map(len, below)) > MAX_SHARED:
            return found
        self.shared_by, self.shared = parts, list(found)
        return self.shared


class _Pick:
    """Puts the values that factors give to one stage in the order of its roles: all as given, then all folded."""

    def __init__(self, roles: Sequence[str], columns: Sequence[Sequence[str]]) -> None:
        given = [[ROLE[column] for column in part] for part in columns]
        names = [(role, folded) for part in given for folded in (False, True) for role in part]
        wanted = [(role, folded) for folded in (False, True) for role in roles]
        lacking = [name for name in wanted if name not in names]
        self.uses = [n for n, part in enumerate(given) if part]
        self.absent: tuple[Any, ...] = tuple(1 if role in REPLICATE else "" for role, _ in lacking)
        self.pick = itemgetter(*[[*names, *lacking].index(name) for name in wanted])

    def used(self, nodes: Sequence[_Node]) -> list[_Node]:
        """Give the parts that hold values of this stage."""
        return [nodes[n] for n in self.uses]

    def fields(self, used: Iterable[_Node]) -> tuple[Any, ...]:
        """Give the fields for one of each used part; a replicate that no factor gives is 1."""
        found: tuple[Any, ...] = self.pick((*chain.from_iterable([node.values for node in used]), *self.absent))
        return found


def _tree(factor: Factor) -> list[_Node]:
    """Cut a factor's levels by stage; parts that differ only in case, or in an essay's model, are one."""
    root, known = _Node((), []), dict[tuple[int, tuple[Any, ...]], _Node]()
    roles = [ROLE[column] for column in factor.columns]
    parts = [[n for n, role in enumerate(roles) if role in stage] for stage in STAGES]
    folds = [_Folds(role) for role in roles]
    for level in factor.levels or ():
        node = root
        for part in parts:
            folded = tuple([folds[n][level[n]] for n in part])
            key = (id(node), tuple([folds[n][level[n]] for n in part if roles[n] != "essay_model"]))
            if key not in known:
                given = tuple([int(level[n]) if roles[n] in REPLICATE else level[n] for n in part])
                known[key] = _Node((*given, *folded), [])
                node.below.append(known[key])
            node = known[key]
    return root.below


class _Folds(dict[str, Any]):
    """Folds each distinct value of a role once: a replicate to its number, a name to what is hashed."""

    def __init__(self, role: str) -> None:
        self.role = role

    def __missing__(self, value: str) -> Any:
        found: Any = int(value) if self.role in REPLICATE else fold(value, self.role)
        self[value] = found
        return found
