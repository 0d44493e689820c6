"""A stage's run configuration: the terms of a run, as a person sees them in Dagster's launchpad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from workbench.errors import BadInput
from workbench.generate import Terms

_ABOUT: Final = {
    "concurrency": "Calls in flight at a time.",
    "rpm": "Calls a minute, for each provider.",
    "tpm": "Tokens a minute, for each provider.",
    "limit": "Do at most this many tasks now.",
    "max_cost": "Stop before this much money, over all runs of the cohort.",
    "max_calls": "Stop before this many calls, over all runs of the cohort.",
    "retry_failed": "Send failed tasks again.",
    "force": "Make a new text for every task; the old ones stay in history.",
}
_ALLOW: Final = "Succeed although some tasks failed, so that the stages below go on with what is there."
_SWITCHES: Final = ("retry_failed", "force")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a stage is run, and whether failed tasks fail its asset."""

    terms: Terms
    allow_failed: bool


def schema_of(dg: Any, terms: Terms) -> dict[str, Any]:
    """Give the configuration of a stage's asset: every field of the terms, and `allow_failed`."""
    found = {
        field.name: dg.Field(_kind(dg, field.name), default_value=getattr(terms, field.name), description=about)
        for field in fields(Terms)
        if (about := _ABOUT.get(field.name))
    }
    return found | {"allow_failed": dg.Field(bool, default_value=False, description=_ALLOW)}


def _kind(dg: Any, name: str) -> Any:
    if name in _SWITCHES:
        return bool
    if name == "concurrency":
        return int
    return dg.Noneable(dg.Float if name == "max_cost" else int)


def settings_of(config: Mapping[str, Any]) -> Settings:
    """Read a run's configuration; raises BadInput for numbers below their least."""
    said = dict(config)
    allow_failed = bool(said.pop("allow_failed"))
    for name, value in said.items():
        least = 0 if name == "max_cost" else 1
        if name not in _SWITCHES and value is not None and value < least:
            raise BadInput(f"{name} is {value}", mend=f"give it a number of at least {least}")
    return Settings(Terms(**said), allow_failed)
