"""The columns that a design may give to a cohort: their names, what each means, what each may hold."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from workbench.errors import InvalidSignature
from workbench.ids import checked_replicate, fold

# Roles by the names that specs use for them. Source: the column list of the DayDreaming spec format.
NAMES: Final = {
    "combo": ("combo_id", "combo"),
    "draft_template": ("draft_template",),
    "draft_model": ("draft_llm", "draft_model", "generation_llm", "generation_model"),
    "draft_replicate": ("draft_replicate", "draft_template_replicate", "draft_rep"),
    "essay": ("essay_gen_id",),
    "essay_template": ("essay_template",),
    "essay_model": ("essay_llm", "essay_model"),
    "essay_replicate": ("essay_replicate", "essay_template_replicate", "essay_rep"),
    "evaluation_template": ("evaluation_template",),
    "evaluation_model": ("evaluation_llm", "evaluation_model"),
    "evaluation_replicate": ("evaluation_replicate", "evaluation_template_replicate", "evaluation_rep"),
}
ROLE: Final = {name: role for role, names in NAMES.items() for name in names}
DRAFT: Final = ("combo", "draft_template", "draft_model", "draft_replicate")
ESSAY: Final = ("essay", "essay_template", "essay_model", "essay_replicate")
EVALUATION: Final = ("evaluation_template", "evaluation_model", "evaluation_replicate")
SIGNATURE: Final = {  # what two rows of one stage must share to differ in nothing but their replicate
    "draft": DRAFT[:-1],
    "essay": (*DRAFT, "essay", "essay_template"),
    "evaluation": (*DRAFT, "essay", "essay_template", "essay_replicate", *EVALUATION[:-1]),
}
REPLICATE: Final = {"draft_replicate": "draft", "essay_replicate": "essay", "evaluation_replicate": "evaluation"}


def wrong_value(column: str, value: str) -> str:
    """Say what is wrong with a value of a column, or nothing; columns that mean nothing to a cohort hold any text."""
    role = ROLE.get(column)
    if not value:
        return "an empty value"
    try:
        if role in REPLICATE:
            checked_replicate(value)
        elif role is not None:
            fold(value, column)
    except InvalidSignature as error:
        return f"{value[:140]!r} is no {role}: {error.what[0].lower()}{error.what[1:]}"
    return ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Give ` (did you mean …?)` for a name that is close to a known one, else nothing."""
    close = get_close_matches(name, list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
