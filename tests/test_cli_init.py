"""`workbench init`."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("scheme", ["v1", "daydreaming"])
def test_init_makes_a_project_with_starters(scheme, run, tmp_path):
    """One file, its scheme, and templates to begin with."""
    path = tmp_path / "new.db"
    made = run("init", "--scheme", scheme, "-p", path, "--json").json
    assert (made["project"], made["scheme"]) == (str(path), scheme) and made["templates"] > 0
    assert run("status", "-p", path, "--json").json["scheme"] == scheme
    assert run("verify", "--full", "-p", path).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["new.db"]


def test_init_never_overwrites(run, project):
    """A file that is there: exit 3, and it keeps every byte."""
    before = project.read_bytes()
    assert run("init", "-p", project).code == 3 and project.read_bytes() == before


def test_init_of_an_unknown_scheme_makes_nothing(run, tmp_path):
    """Exit 2, no file."""
    assert run("init", "--scheme", "v9", "-p", tmp_path / "x.db").code == 2 and list(tmp_path.iterdir()) == []


def test_init_is_whole_or_not_at_all(run, tmp_path, monkeypatch):
    """When the starters cannot be installed, no half-made project stays behind."""
    from workbench.catalogue import starters

    def fail(db):
        raise OSError(28, "No space left on device", "x.db")

    monkeypatch.setattr(starters, "install_starters", fail)
    assert run("init", "-p", tmp_path / "x.db").code == 1 and list(tmp_path.iterdir()) == []
