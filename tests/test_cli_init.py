"""`workbench init`."""

from __future__ import annotations

import shlex

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


def test_init_takes_the_name_as_a_word_too(run, tmp_path):
    """`init stories.db` is what people type first."""
    path = tmp_path / "für mich.db"
    assert run("init", path).code == 0 and run("status", "-p", path).code == 0


def test_the_demo_leaves_a_project_and_its_samples(run, tmp_path):
    """Both files are beside each other, the words at the end name them as a shell reads them, and nothing is lost."""
    path = tmp_path / "my demo.db"
    told = run("demo", path)
    out = tmp_path / "my demo-samples.jsonl"
    assert told.code == 0 and sorted(p.name for p in tmp_path.iterdir()) == [out.name, path.name]
    assert f"head -n 2 {shlex.quote(str(out))}" in told.out
    done = run("query", "select count(*) from completions where template_id = 'qa-sample'", "-p", path, "--csv").out
    assert len(out.read_text(encoding="utf-8").splitlines()) == int(done.split()[-1])
    path.unlink()
    assert run("demo", path).code == 3 and not path.exists()
