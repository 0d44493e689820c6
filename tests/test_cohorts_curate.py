"""Curated cohorts: what each mode keeps and what it makes anew, and that a second build is the same."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.cohorts import MODES, Allocation, Family, curate, group
from workbench.cohorts.curate import Group
from workbench.errors import BadInput
from workbench.ids import DraftTask, EssayTask, gen_id

DRAFT = DraftTask("c", "t", "m", 1)
ESSAY = EssayTask(gen_id(DRAFT), "e", 1)
FAMILY = Family(DRAFT, ESSAY, gen_id(ESSAY), "m", (("r", "j"),))
EXISTING: Mapping[Group, set[int]] = {
    group("draft", "c", "t", "m"): {1, 4},
    group("essay", gen_id(DRAFT), "e"): {1, 2},
    group("evaluation", gen_id(ESSAY), "r", "j"): {3},
}
LIMITS = {"draft": 1, "essay": 1, "evaluation": 2}


def shape(found: list[Allocation]) -> list[tuple[str, int, bool]]:
    return [(member.stage, member.replicate, fresh) for member, fresh in found]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("regenerate", [("draft", 5, True), ("essay", 1, True), ("evaluation", 1, True), ("evaluation", 2, True)]),
        ("reuse-drafts", [("draft", 1, False), ("essay", 3, True), ("evaluation", 1, True), ("evaluation", 2, True)]),
        ("reuse-essays", [("draft", 1, False), ("essay", 1, False), ("evaluation", 4, True), ("evaluation", 5, True)]),
    ],
)
def test_each_mode_allocates_above_every_replicate_that_exists(
    mode: str, expected: list[tuple[str, int, bool]]
) -> None:
    found = list(curate([FAMILY], mode, EXISTING, LIMITS))
    assert shape(found) == expected
    for member, fresh in found:
        assert member.gen_id == gen_id(member.task) or not fresh
    assert [m.parent_gen_id for m, _ in found[1:]] == [found[0].member.gen_id] + [found[1].member.gen_id] * 2


def test_fill_up_allocates_only_what_is_missing() -> None:
    for limit, wanted in ((1, []), (2, [4]), (4, [4, 5, 6])):
        found = curate([FAMILY], "reuse-essays", EXISTING, {"evaluation": limit}, fill_up=True)
        assert [m.replicate for m, fresh in found if fresh] == wanted


def test_essays_of_one_group_share_what_is_made_anew() -> None:
    """One build may use so many replicates per signature, however many of the chosen essays come from it."""
    other = Family(DRAFT, EssayTask(ESSAY.draft, "other", 1), "e_other", "m", FAMILY.rubrics)
    found = list(curate([FAMILY, FAMILY, other], "regenerate", EXISTING, {"draft": 2}))
    assert [m.replicate for m, _ in found if m.stage == "draft"] == [5, 6]
    assert len(found) == len({m.gen_id for m, _ in found}) == 2 + 4 + 4


def test_reused_generations_keep_the_ids_that_the_project_has() -> None:
    legacy = Family(DRAFT, EssayTask("458ana393dq7es43", "e", 1), "14nm7pkq2x9ibdoi", "w", FAMILY.rubrics)
    draft, essay, evaluation = (m for m, _ in curate([legacy], "reuse-essays", {}, {}))
    assert (draft.gen_id, essay.gen_id, essay.model) == ("458ana393dq7es43", "14nm7pkq2x9ibdoi", "w")
    assert evaluation.parent_gen_id == essay.gen_id


@settings(deadline=None)
@given(
    st.sampled_from([(mode, False) for mode in MODES] + [("reuse-essays", True)]),
    st.dictionaries(st.sampled_from(list(EXISTING)), st.sets(st.integers(1, 9))),
    st.fixed_dictionaries({stage: st.integers(1, 3) for stage in LIMITS}),
    st.sets(st.integers(10, 12)),
)
def test_a_second_build_is_the_same_whatever_others_made_meanwhile(
    how: tuple[str, bool], existing: dict[Group, set[int]], limits: dict[str, int], others: set[int]
) -> None:
    """Never a number twice in a group, never one that exists; what was allocated is allocated again."""
    mode, fill_up = how
    first = list(curate([FAMILY], mode, existing, limits, fill_up=fill_up))
    remembered: dict[Group, set[int]] = {}
    for member, fresh in first:
        key = group(member.stage, *member.task.fields)
        assert not fresh or member.replicate > max(existing.get(key, {0}), default=0)
        if fresh:
            remembered.setdefault(key, set()).add(member.replicate)
    now = {key: {*existing.get(key, ()), *remembered.get(key, ()), *others} for key in {*existing, *remembered}}
    assert list(curate([FAMILY], mode, now, limits, fill_up=fill_up, remembered=remembered)) == first


def test_what_is_no_mode_is_refused() -> None:
    with pytest.raises(BadInput, match="regenerate, reuse-drafts, reuse-essays"):
        curate([], "again", {}, {})
    with pytest.raises(BadInput, match="--fill-up with regenerate"):
        curate([], "regenerate", {}, {}, fill_up=True)
