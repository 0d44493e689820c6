"""Projects from elsewhere whose JSON columns hold no JSON object: looked at as text, refused for work."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

BAD = ["{nope", "[1]", "null", "7", "[" * 100_000]
VERSION = "update {what}s set version_id = (select max(id) from {what}_versions) where {name} = 'bad'"


@pytest.fixture(params=BAD, ids=["torn", "list", "null", "number", "deep"])
def foreign(request: pytest.FixtureRequest, tmp_path: Path, run) -> Path:
    """Give a project with a value that is no JSON object in every column that has to hold one."""
    path = tmp_path / "p.db"
    assert run("init", "-p", path).code == 0
    db = sqlite3.connect(path)
    with db:
        for mode in ("spec", "regenerate"):
            values = (f"bad-{mode}", mode, request.param)
            db.execute("insert into cohorts (name, mode, spec, settings, created) values (?, ?, 'x', ?, '')", values)
        db.execute("insert into models (llm_model_id) values ('bad')")
        db.execute(
            "insert into model_versions (model_id, hash, provider, name, parameters, created)"
            " select id, 'x', 'offline', 'o', ?, '' from models where llm_model_id = 'bad'",
            (request.param,),
        )
        db.execute("insert into templates (stage, name) values ('draft', 'bad')")
        db.execute(
            "insert into template_versions (template_id, hash, text, mode, schema, created)"
            " select id, 'x', 'hi', 'llm', ?, '' from templates where name = 'bad'",
            (request.param,),
        )
        for what, name in (("model", "llm_model_id"), ("template", "name")):
            db.execute(VERSION.format(what=what, name=name))
        db.execute(
            "insert into topic_models (name, kind, growth, created) values ('bad', 'tree', ?, '')", (request.param,)
        )
        db.execute("insert into topics (topic_model_id, uuid, title, depth, leaf, place) values (1, 'u', 't', 0, 1, 0)")
        db.execute("insert into topic_failures (topic_model_id, detail, at) values (1, ?, '')", (request.param,))
    db.close()
    return path


@pytest.mark.parametrize(
    "words",
    [
        ("cohort", "show", "bad-spec"),
        ("cohort", "list"),
        ("models", "list"),
        ("templates", "list"),
        ("topics", "show", "bad"),
        ("topics", "list"),
        ("status",),
        ("digest",),
    ],
    ids=" ".join,
)
def test_it_can_be_looked_at(words: tuple[str, ...], foreign: Path, run) -> None:
    """What is no object is shown as the text that it is."""
    assert run(*words, "-p", foreign).code == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("generate", "-n", 1, "--template", "qa-sample", "--model", "bad"), 3, "the parameters of model bad"),
        (("templates", "show", "bad", "--stage", "draft"), 3, "the keywords of template bad's schema"),
        (("cohort", "compile", "bad-regenerate"), 2, "how cohort 'bad-regenerate' was curated is not known"),
        (("topics", "build", "bad", "--prompt", "x", "--model", "offline"), 3, "topic model 'bad'"),
    ],
    ids=["generate", "templates", "cohort", "topics"],
)
def test_work_with_it_is_refused(words: tuple[object, ...], code: int, says: str, foreign: Path, run) -> None:
    """In one line that names what is damaged."""
    found = run(*words, "-p", foreign)
    assert found.code == code and says in found.err
