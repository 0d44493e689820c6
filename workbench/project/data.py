"""What a project gives: plain frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.ids import Task

Signature = Task


@dataclass(frozen=True, slots=True)
class Found:
    """A task that is in the project. `is_reused`: a cohort selects it that did not make it first."""

    gen_id: str
    origin_cohort: str | None
    is_reused: bool
    status: str


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation with its texts; `parsed` is None when it failed, `parent` is the draft or essay it is made from."""

    gen_id: str
    stage: str
    combo: str | None
    parent: str | None
    template: str | None
    model: str | None
    replicate: int | None
    status: str
    outcome: str | None
    system: str | None
    prompt: str | None
    raw: str | None
    parsed: str | None
    origin_cohort: str | None
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Topic:
    """A unique topic of a topic model."""

    uuid: str
    topic: str


@dataclass(frozen=True, slots=True)
class Score:
    """What one evaluation gave an essay, on its rubric's scale."""

    gen_id: str
    essay_gen_id: str | None
    evaluation_template: str | None
    evaluation_model: str | None
    replicate: int | None
    score: float | None
    scale_min: float | None
    scale_max: float | None


@dataclass(frozen=True, slots=True)
class Build:
    """What compiling a cohort gave: members by stage, and how many tasks were new or known."""

    cohort: str
    members: dict[str, int]
    new: int
    reused: int
    origins: dict[str, int]
    problems: tuple[str, ...]
