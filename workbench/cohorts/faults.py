"""Every fault of one spec, gathered and raised together."""

from __future__ import annotations

from typing import Final

from workbench.errors import BadSpec
from workbench.reading import Faults

SHOWN: Final = 500  # faults of one spec that are told in full


def spec_faults(source: str = "") -> Faults:
    """Start with no faults of a spec."""
    return Faults(source, BadSpec, SHOWN)
