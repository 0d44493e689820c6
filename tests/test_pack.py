"""A clean copy to share: the same facts, at rest, never in place of another file."""

from __future__ import annotations

import errno
from pathlib import Path

import projects
import pytest

from workbench.errors import OutputExists, Refused, UnknownName
from workbench.pack import pack
from workbench.store import create_project, open_project, transaction
from workbench.store.putting import put_new
from workbench.verify import digest, verify


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = projects.made(tmp_path / "p.db")
    with open_project(path, write=True) as db, transaction(db):
        projects.add(db, "runs", job="j", config="{}", status="running", slot=3, version="1", started=projects.AT)
        projects.add(db, "claims", slot=3, generation_id=1)
        projects.add(
            db,
            "calls",
            run_id=1,
            generation_id=1,
            attempt=2,
            provider="p",
            model="m",
            started=projects.AT,
            status="sent",
            body=b"MARK-OF-A-BODY",
        )
        projects.add_prompt(db, "MARK-OF-A-PROMPT", "MARK-OF-A-SYSTEM")
    return path


def packed(project: Path, **options: bool) -> Path:
    out = project.parent / "out.db"
    with open_project(project) as db:
        pack(db, out, **options)
    return out


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("prompts", [True, False])
def test_a_copy_holds_the_same_facts(project: Path, raw: bool, prompts: bool) -> None:
    """Whatever is dropped, the digest stays, `verify --full` holds, and the full-text search answers."""
    out = packed(project, raw=raw, prompts=prompts)
    with open_project(project) as a, open_project(out) as b:
        assert digest(a) == digest(b)
        assert [c for c in verify(b, full=True) if not c.ok] == []
        assert b.execute("select count(*) from search where search match 'essay'").fetchone()[0] > 0
    assert (b"MARK-OF-A-BODY" in out.read_bytes()) == raw
    assert (b"MARK-OF-A-PROMPT" in out.read_bytes()) == prompts
    assert (b"MARK-OF-A-SYSTEM" in out.read_bytes()) == prompts


def test_nothing_runs_in_a_copy(project: Path) -> None:
    """Claims are gone, an open call is unknown, a run that was on is lost; the project keeps all as it was."""
    before = project.read_bytes()
    out = packed(project)
    with open_project(out) as db:
        assert db.execute("select count(*) from claims").fetchone() == (0,)
        assert db.execute("select count(*) from calls where status = 'sent'").fetchone() == (0,)
        assert db.execute("select status from runs").fetchall() == [("lost",)]
    assert project.read_bytes() == before


def test_only_the_copy_is_left(project: Path) -> None:
    """Beside the project stands one file more, at rest."""
    packed(project, raw=False, prompts=False)
    assert {p.name for p in project.parent.iterdir()} == {"p.db", "out.db"}


def test_a_dropped_prompt_is_excused_by_the_note_only(project: Path) -> None:
    """An emptied prompt breaks `verify --full` unless the copy says that its prompts were dropped."""
    with open_project(project, write=True) as db:
        db.execute("update prompts set system = '', text = ''")
        assert [c.name for c in verify(db, full=True) if not c.ok][:1] == ["prompt hashes"]
    out = packed(project, prompts=False)
    with open_project(out, write=True) as db:
        db.execute("update prompts set text = 'other' where id = 1")
        assert "prompt hashes" in [c.name for c in verify(db, full=True) if not c.ok]


def test_a_file_that_is_there_is_never_overwritten(project: Path) -> None:
    """Neither a file nor the project itself nor a dangling link is taken as an output."""
    (project.parent / "out.db").write_text("mine")
    (project.parent / "link.db").symlink_to(project.parent / "nowhere")
    with open_project(project) as db:
        for name in ("out.db", "p.db", "link.db"):
            with pytest.raises(OutputExists):
                pack(db, project.parent / name)
        with pytest.raises(UnknownName):
            pack(db, project.parent / "no" / "out.db")
    assert (project.parent / "out.db").read_text() == "mine"
    assert {p.name for p in project.parent.iterdir()} == {"p.db", "out.db", "link.db"}


def test_a_copy_that_cannot_be_written_leaves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step fails, there is a plain refusal and no half of a file."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.link", full)
    with open_project(project) as db, pytest.raises(Refused, match="No space left"):
        pack(db, project.parent / "out.db")
    assert {p.name for p in project.parent.iterdir()} == {"p.db"}


def test_a_folder_without_hard_links_takes_a_copy(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory sticks have none; what another process put there meanwhile stays all the same."""

    def unlinkable(part: object, path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", unlinkable)
    out = project.parent / "out.db"
    with open_project(project) as db:
        pack(db, out)
        with pytest.raises(FileExistsError):
            put_new(project, out)
    create_project(project.parent / "fresh.db")
    with open_project(out) as db, open_project(project.parent / "fresh.db"):
        assert db.execute("select count(*) from topics").fetchone() != (0,)
    assert {p.name for p in project.parent.iterdir()} == {"p.db", "out.db", "fresh.db"}


def test_a_live_project_can_be_packed(project: Path) -> None:
    """While another connection has written in the log, the copy has what was committed."""
    from workbench.store import running

    with open_project(project, write=True) as db, running(db):
        db.execute("update topics set title = 'newer'")
        pack(db, project.parent / "out.db")
    with open_project(project.parent / "out.db") as db:
        assert db.execute("select distinct title from topics").fetchall() == [("newer",)]
        assert db.execute("pragma journal_mode").fetchone() == ("delete",)
