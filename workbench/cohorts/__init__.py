"""Cohorts as pure selectors: what a spec or a choice of essays selects from the one universe of tasks.

A spec is read (`read_spec`), compiled to a design (`compiled`: a product of factors with random access), looked
at as rows (`design`) and turned into members (`members`). Nothing here touches a project.
"""

from __future__ import annotations

from workbench.cohorts.combos import Combo, combos, count_subsets, k_subsets, parse_k
from workbench.cohorts.concepts import (
    LEVELS,
    Concept,
    describe,
    read_concepts,
    read_replication,
    stray_descriptions,
)
from workbench.cohorts.curate import MODES, Allocation, Family, curate, group
from workbench.cohorts.design import Design, compiled, count, design, over_limit
from workbench.cohorts.document import EssaySource, TopicSource
from workbench.cohorts.ideas import read_ideas
from workbench.cohorts.members import Member, members
from workbench.cohorts.spec import Spec, read_spec, spec_from_texts

__all__ = [
    "LEVELS",
    "MODES",
    "Allocation",
    "Combo",
    "Concept",
    "Design",
    "EssaySource",
    "Family",
    "Member",
    "Spec",
    "TopicSource",
    "combos",
    "compiled",
    "count",
    "count_subsets",
    "curate",
    "describe",
    "design",
    "group",
    "k_subsets",
    "members",
    "over_limit",
    "parse_k",
    "read_concepts",
    "read_ideas",
    "read_replication",
    "read_spec",
    "spec_from_texts",
    "stray_descriptions",
]
