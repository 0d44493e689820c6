"""A smoke of `disks.py`: one full disk, where that can be had, and one that fails to write."""

from __future__ import annotations

import sys

import pytest
from faults.disks import fill, ways


@pytest.mark.skipif(sys.platform == "win32", reason="limits on files are POSIX's")
@pytest.mark.parametrize(("way", "kib"), [("a full disk", 900), ("failing writes", 100)])
def test_a_disk_that_takes_no_more_costs_no_answer(way: str, kib: int) -> None:
    """The run ends in one line; with room again the same command ends the work."""
    if way not in ways():
        pytest.skip("no file system can be mounted here")
    found = fill(way, kib, samples=24, kilobytes=8)
    assert found["wrong"] == [], found
    assert found["exit"] != 0, found
