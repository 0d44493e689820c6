"""Members: every task of a design once, parents first, under the IDs that `gen_id` gives."""

from __future__ import annotations

import csv
import json
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.cohorts import Member, compiled, members, read_spec, spec_from_texts
from workbench.errors import BadSpec, WorkbenchError
from workbench.ids import DAYDREAMING, STAGES, V1, DraftTask, EssayTask, EvaluationTask, Scheme, gen_id

BUNDLES = Path(__file__).parent / "data" / "daydreaming" / "spec_bundles"
DRAFTS = "axes:\n  combo: [C1, c2]\n  draft_template: [T]\n  draft_model: [M]\n"
ESSAYS = DRAFTS + "  essay_template: [E]\n"
LEVELS = st.lists(st.sampled_from(["x", "y", "X"]), min_size=1, max_size=2, unique=True)
REPLICATES = st.lists(st.sampled_from(["1", "2", "5"]), min_size=1, max_size=2, unique=True)


def found(text: str, scheme: Scheme = V1) -> list[Member]:
    return list(members(compiled(spec_from_texts(text)), scheme))


def test_the_real_bundle_gives_the_membership_that_its_own_compiler_gave() -> None:
    design = compiled(read_spec(BUNDLES / "cohort_cartesian" / "config.yaml"))
    listed = sorted(members(design, DAYDREAMING), key=lambda member: STAGES.index(member.stage))
    with (BUNDLES / "cohort_cartesian" / "expected_membership.csv").open(newline="") as file:
        assert [list(map(str, member)) for member in listed] == list(csv.reader(file))[1:]


def test_a_spec_may_stop_after_the_draft_or_the_essay() -> None:
    drafts, essays = found(DRAFTS), found(ESSAYS)
    assert [m.stage for m in drafts] == ["draft", "draft"]
    assert [m.stage for m in essays] == ["draft", "essay", "draft", "essay"]
    assert drafts == [m for m in essays if m.stage == "draft"]


def test_names_keep_their_case_and_ids_do_not_see_it() -> None:
    draft, essay = found(ESSAYS)[:2]
    assert draft == Member("draft", gen_id(DraftTask("c1", "t", "m", 1)), "", "C1", "T", "M", 1)
    assert draft.task == DraftTask("C1", "T", "M", 1)
    assert essay.task == EssayTask(draft.gen_id, "E", 1)


def test_an_essay_without_a_model_of_its_own_is_written_by_the_drafts_model() -> None:
    assert found(ESSAYS)[1].model == "M"
    assert found(ESSAYS + "  essay_llm: [W]\n")[1].model == "W"


def test_tasks_that_differ_only_in_case_are_one() -> None:
    assert len(found(DRAFTS.replace("[T]", "[T, t]"))) == 2


def test_existing_essays_get_evaluations_only() -> None:
    rubrics = "axes:\n  evaluation_template: [r]\n  evaluation_llm: [j]\n  evaluation_rep: [1, 2]\n"
    judged = found("essays: [E_1, e_2]\n" + rubrics)
    assert [(m.stage, m.parent_gen_id, m.combo, m.replicate) for m in judged] == [
        ("evaluation", essay, "", replicate) for essay in ("e_1", "e_2") for replicate in (1, 2)
    ]
    assert judged[0].gen_id == gen_id(EvaluationTask("e_1", "r", "j", 1))


def test_topics_are_drafts_by_cycle_then_topic() -> None:
    spec = spec_from_texts("topics: t\ncycles: 2\naxes: {draft_template: [t], draft_llm: [m]}\n")
    listed = members(compiled(spec, topics=lambda source: ["u1", "u2"]))
    assert [(m.combo, m.replicate) for m in listed] == [("u1", 1), ("u2", 1), ("u1", 2), ("u2", 2)]


def test_ids_may_come_from_whoever_resolved_the_collisions() -> None:
    design = compiled(spec_from_texts(ESSAYS))
    listed = list(members(design, V1, lambda stage, canonical: f"{stage[0]}<{canonical}>"))
    assert listed[1].gen_id == "e<essay|d<draft|c1|t|m|1>|e|1>" and listed[1].parent_gen_id == listed[0].gen_id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DRAFTS + "  colour: [red]\n", "spec.yaml:5: The cohort spec cannot be compiled: the column colour"),
        (DRAFTS + "  essay_lm: [w]\n", "did you mean 'essay_llm'?"),
        ("axes: {combo_id: [c]}", "a draft needs draft_template, draft_llm"),
        (DRAFTS + "  essay_llm: [w]\n", "an essay needs essay_template"),
        (DRAFTS + "  evaluation_llm: [w]\n", "an essay needs essay_template"),
        (ESSAYS + "  evaluation_llm: [w]\n", "an evaluation needs evaluation_template"),
        ("essays: [e_1]\n" + ESSAYS, "list essays, or make them"),
        ("essays: [e_1]\naxes: {evaluation_llm: [j]}", "an evaluation needs evaluation_template"),
    ],
)
def test_columns_that_make_no_tasks_are_refused(text: str, words: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        found(text)
    assert words in str(caught.value)


def test_a_design_without_a_combo_is_a_design_but_no_cohort() -> None:
    with pytest.raises(BadSpec, match="a draft needs combo_id"):
        members(compiled(read_spec(BUNDLES / "dual_llm_cartesian" / "config.yaml")))


@st.composite
def cohorts(draw: st.DrawFn) -> str:
    """A spec with all three stages, its axes in any order, some of them bound across stages."""
    axes: dict[str, Any] = {
        "combo_id": draw(LEVELS),
        "draft_template": draw(LEVELS),
        "draft_llm": draw(LEVELS),
        "draft_rep": draw(REPLICATES),
        "essay_template": draw(LEVELS),
        "essay_rep": draw(REPLICATES),
        "evaluation_template": draw(LEVELS),
        "evaluation_llm": draw(LEVELS),
        "evaluation_rep": draw(REPLICATES),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(axes)), min_size=2, max_size=4, unique=True))
    row = st.tuples(*(st.sampled_from(axes[axis]) for axis in chosen)).map(list)
    items = draw(st.lists(row, min_size=1, max_size=6))
    order = draw(st.permutations(sorted(axes)))
    rules = {"tuples": {"bundle": {"axes": chosen, "items": items}}}
    return json.dumps({"axes": {name: axes[name] for name in order}, "rules": rules})


@settings(deadline=None)
@given(cohorts(), st.sampled_from([V1, DAYDREAMING]))
def test_members_are_the_tasks_of_the_rows_each_once_parents_first(text: str, scheme: Scheme) -> None:
    design = compiled(spec_from_texts(text, source="s.json"))
    expected = set()
    for row in design.rows():
        draft = DraftTask(row["combo_id"], row["draft_template"], row["draft_llm"], int(row["draft_rep"]))
        essay = EssayTask(gen_id(draft, scheme), row["essay_template"], int(row["essay_rep"]))
        judge = (row["evaluation_template"], row["evaluation_llm"], int(row["evaluation_rep"]))
        evaluation = EvaluationTask(gen_id(essay, scheme), *judge)
        expected |= {gen_id(task, scheme) for task in (draft, essay, evaluation)}
    seen: set[str] = set()
    for member in members(design, scheme):
        assert member.gen_id == gen_id(member.task, scheme) and member.gen_id not in seen
        assert member.stage == "draft" or member.parent_gen_id in seen
        seen.add(member.gen_id)
    assert seen == expected


def test_members_stream_in_bounded_memory() -> None:
    levels = ", ".join(f"v{n}" for n in range(100))
    spec = spec_from_texts(ESSAYS.replace("C1, c2", levels).replace("[T]", f"[{levels}]").replace("[E]", f"[{levels}]"))
    tracemalloc.start()
    try:
        assert sum(1 for _ in islice(members(compiled(spec)), 100_000)) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
