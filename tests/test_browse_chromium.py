"""The pages in a real browser, where there is one: `scripts/screenshots` takes them all."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import projects
import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import screenshots


@pytest.mark.skipif(screenshots.chromium() is None, reason="there is no Chromium here")
def test_the_overview_is_drawn_light_dark_and_small(tmp_path: Path) -> None:
    """Three pictures with something on them, and the dark one is another than the light one."""
    project = projects.made(tmp_path / "p.db")
    taken = screenshots.take(project, tmp_path / "pictures", "overview")
    assert [path.name for path in taken] == [f"overview-{look}.png" for look in screenshots.LOOKS]
    pictures = [path.read_bytes() for path in taken]
    assert all(len(data) > 8_000 for data in pictures)
    assert len({zlib.crc32(data) for data in pictures}) == len(pictures)
