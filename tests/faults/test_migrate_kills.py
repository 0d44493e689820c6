"""A kill while an import, a migration or its rollback runs leaves the state of before or of after."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from faults.migrate_sweep import Case, cases, kill_after, kill_at_commit


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return {case.name: case for case in cases(Path(tmp_path_factory.mktemp("kills")))}


@pytest.mark.parametrize("name", ["import", "apply", "rollback"])
def test_kills_at_random_moments_leave_no_third_state(both: dict[str, Case], name: str) -> None:
    """Five kills from the moment on at which the journal appears; `migrate_sweep.py` has the exhaustive one."""
    dice = Random(4)
    found = [kill_after(both[name], dice.random() * 0.05) for _ in range(5)]
    assert [wrong for _, wrong in found if wrong] == []


@pytest.mark.parametrize("name", ["import", "apply", "rollback"])
def test_a_kill_before_the_commit_leaves_the_state_of_before(both: dict[str, Case], name: str) -> None:
    """All is written, the commit begins, the process dies: nothing has happened."""
    assert kill_at_commit(both[name]) == ("before", "")
