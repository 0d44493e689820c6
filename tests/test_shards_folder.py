"""What lies in a folder of shards before a command begins: half-made things go, what is somebody's stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import projects
import pytest

from workbench.errors import ForeignFile, Refused
from workbench.shards.folder import ShardFolder, shard_folder
from workbench.store import open_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return projects.made(tmp_path / "p.db")


@pytest.fixture
def folder(project: Path) -> Path:
    path = project.with_name("p.db.shards")
    path.mkdir()
    return path


def test_what_a_killed_worker_was_making_is_cleared(project, folder):
    """A shard that was brought up to date leaves a folder; the next command goes on."""
    making = folder / ".1-of-2.db.abcdef.making"
    making.mkdir()
    (making / "today.db").write_text("half")
    with shard_folder(project) as held:
        assert list(held.path.iterdir()) == []
    assert not folder.exists()


def test_a_link_is_removed_and_not_followed(project, folder, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thing").write_text("mine")
    (folder / ".x.making").symlink_to(precious)
    with shard_folder(project):
        pass
    assert (precious / "thing").read_text() == "mine" and not folder.exists()


ODD: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "text": lambda path: path.write_text("no shard"),
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "project": projects.made,
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_shard_of_the_project_is_left_alone(project, folder, kind):
    """It is named, and nothing of it is merged or removed."""
    path = folder / "1-of-2.db"
    ODD[kind](path)
    before = project.read_bytes()
    with open_project(project) as db, pytest.raises((ForeignFile, Refused)) as refused:
        ShardFolder(project, folder).leftovers(db)
    assert path.name in str(refused.value)
    assert os.path.lexists(path) and project.read_bytes() == before
