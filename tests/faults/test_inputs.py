"""Every damaged input file is refused in a line, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.inputs import cases, refuse
from gardens import garden

CASES = list(cases())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return garden(tmp_path_factory.mktemp("inputs") / "p.db")


def test_there_are_many() -> None:
    """More than a hundred and twenty bad files."""
    assert len(CASES) >= 120


@pytest.mark.parametrize(("form", "kind"), CASES, ids=[f"{form.name}: {kind}" for form, kind in CASES])
def test_a_bad_file_is_refused(project: Path, form: object, kind: str) -> None:
    """Exit 2 or 3, the file and its line named, no traceback, the digest as it was."""
    assert refuse(project, form, kind) == []
