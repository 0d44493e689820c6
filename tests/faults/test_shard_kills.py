"""A smoke of the long script: workers are killed at random, and the result is that of one process."""

from __future__ import annotations

from argparse import Namespace

from faults.shard_kills import sweep


def test_random_kills_of_workers() -> None:
    """Some kills over some hundred samples: the same IDs, nothing lost or paid twice but what was in flight."""
    found = sweep(Namespace(samples=240, workers=2, kills=3, seed=7, pause=1.5, offline=False))
    assert found["ok"] and found["rows"] == 240, found
