"""Smokes of `servers.py` and `crowd.py`, which run every kind of fault and ten thousand requests."""

from __future__ import annotations

import pytest
from faults.crowd import crowd
from faults.servers import PATTERNS, meet


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", ["invalid_utf8", "401", "400"])
def test_a_failing_server_costs_no_answer(kind: str, pattern: str) -> None:
    """The run ends in time, keeps what it paid for, and leaves one sound file."""
    found = meet(kind, pattern, seconds=60)
    assert found["wrong"] == [], found


def test_two_processes_pay_once_under_mixed_faults() -> None:
    """N rows, nothing lost, nothing paid twice, and nothing is left to do."""
    found = crowd(2, 150, seed=5)
    assert found["ok"], found
