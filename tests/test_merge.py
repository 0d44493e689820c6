"""What one file holds and the other does not is taken over, whole or not at all, and can be taken back."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from typing import Any

import projects
import pytest

from workbench.merge import MergeReport, merge
from workbench.migrate.rollback import rollback
from workbench.store import open_project
from workbench.verify import digest, verify


def digest_of(path: Path) -> str:
    """Give a project's digest."""
    with open_project(path) as db:
        return digest(db)


def merged(ours: Path, *others: Path, **asked: Any) -> MergeReport:
    """Merge into a project, and see that every rule holds after it and that the others are as they were."""
    before = [other.read_bytes() for other in others]
    with open_project(ours, write=True) as db:
        report = merge(db, others, **({"snapshot": False} | asked))
        assert [check for check in verify(db, full=True) if not check.ok] == []
    assert [other.read_bytes() for other in others] == before
    return report


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two projects that share some work; the second has twice as many drafts."""
    return projects.made(tmp_path / "a.db"), projects.made(tmp_path / "b.db", replicates=4, rng=Random(3))


def test_merging_both_ways_gives_one_digest(two: tuple[Path, Path], tmp_path: Path) -> None:
    """Who is merged into whom does not matter."""
    ours, theirs = two
    shutil.copy(ours, tmp_path / "ab.db")
    shutil.copy(theirs, tmp_path / "ba.db")
    done = merged(tmp_path / "ab.db", theirs, prefer="both")
    assert (done.added, done.same["draft"]) == ({"draft": 8, "essay": 0, "evaluation": 0}, 9)
    merged(tmp_path / "ba.db", ours, prefer="both")
    assert digest_of(tmp_path / "ab.db") == digest_of(tmp_path / "ba.db")


def test_a_second_merge_adds_nothing_and_leaves_no_record(two: tuple[Path, Path]) -> None:
    """Neither the same file again, nor the file itself, nor a part of it."""
    ours, theirs = two
    assert merged(ours, theirs, prefer="both").migration == 1
    held = ours.read_bytes()
    assert merged(ours, theirs, prefer="both").rows == {}
    assert merged(ours, ours, prefer="both").migration is None
    assert ours.read_bytes() == held


def test_rollback_brings_the_digest_of_before(two: tuple[Path, Path]) -> None:
    """The way back from a merge is exact."""
    ours, theirs = two
    before = digest_of(ours)
    merged(ours, theirs, prefer="both")
    with open_project(ours, write=True) as db:
        assert rollback(db).exact
        assert [check for check in verify(db, full=True) if not check.ok] == []
    assert digest_of(ours) == before
