"""A kill while a merge or its rollback runs leaves the state of before or of after, and the other file untouched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from faults.merge_sweep import cases
from faults.migrate_sweep import Case, kill_after, kill_at_commit


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    """The two cases; at the end the other project is byte for byte what it was."""
    folder = Path(tmp_path_factory.mktemp("kills"))
    made = {case.name: case for case in cases(folder)}
    held = (folder / "other.db").read_bytes()
    yield made
    assert (folder / "other.db").read_bytes() == held
    assert sorted(path.name for path in folder.iterdir()) == ["merged.db", "other.db", "ours.db"]


@pytest.mark.parametrize("name", ["merge", "rollback"])
def test_kills_at_random_moments_leave_no_third_state(both: dict[str, Case], name: str) -> None:
    """Two kills from the moment on at which the journal appears; `merge_sweep.py` has the exhaustive one."""
    dice = Random(6)
    found = [kill_after(both[name], dice.random() * 0.05) for _ in range(2)]
    assert [wrong for _, wrong in found if wrong] == []


@pytest.mark.parametrize("name", ["merge", "rollback"])
def test_a_kill_before_the_commit_leaves_the_state_of_before(both: dict[str, Case], name: str) -> None:
    """All is written, the commit begins, the process dies: nothing has happened."""
    assert kill_at_commit(both[name]) == ("before", "")
