"""Reports of a project whose every text and hash is hostile: words for people, whole JSON for programs."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import projects
import pytest
from browsing import poison

from workbench.cli import main

SIGNS = "\x1b\x07\u202e\u2066\u200b"


@pytest.mark.parametrize("words", [["duplicates"], ["diversity"], ["agreement"], ["coverage"], ["duplicates", "--csv"]])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_hostile_texts_and_hashes(
    tmp_path: Path, words: list[str], form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No sign that a terminal obeys comes out, and a hash that is none is not believed."""
    if "--csv" in words and form:
        return
    path = projects.made(tmp_path / "p.db")
    poison(path)
    with pytest.raises(SystemExit) as ended:
        main(["report", *words, *form, "-p", str(path)])
    said = capsys.readouterr()
    assert ended.value.code in (0, None), said.err
    assert not set(SIGNS) & set(said.err + ("" if form or "--csv" in words else said.out))
    if form:
        assert json.loads(said.out) is not None and "\x1b" not in said.out


def test_two_texts_of_one_false_hash_are_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether texts are the same is asked of the texts."""
    path = projects.made(tmp_path / "p.db")
    with pytest.raises(SystemExit):
        main(["report", "duplicates", "-p", str(path), "--json"])
    before = capsys.readouterr().out
    conn = sqlite3.connect(path)
    conn.execute("update contents set parsed = coalesce(parsed, raw)")
    conn.execute("update contents set raw_hash = '00', parsed_hash = '00'")
    conn.commit()
    conn.close()
    with pytest.raises(SystemExit):
        main(["report", "duplicates", "-p", str(path), "--json"])
    assert capsys.readouterr().out == before
