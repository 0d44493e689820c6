"""The dataset folder: `datasets` loads it, without a network, whatever its names hold."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from projects import made

from workbench.errors import BadInput, OutputExists, Refused
from workbench.exports import Choice, export_huggingface
from workbench.exports.card import plain
from workbench.exports.huggingface import split_of
from workbench.store import open_project


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No test here may open a connection."""

    def refused(*args: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")


def load(folder: Path, stage: str, cache: Path):
    """Load a configuration as any user of `datasets` does."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    return datasets.load_dataset(str(folder), stage, cache_dir=str(cache))


@pytest.mark.filterwarnings("ignore")  # of a library that is no dependency
@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_datasets_loads_the_folder(tmp_path, format):
    """Every stage is a configuration with typed columns; shards and splits together hold every row once."""
    with open_project(made(tmp_path / "p.db")) as db:
        told = export_huggingface(db, tmp_path / "hf", format=format, test_percent=30, shard_rows=2)
        known = {row[0] for row in db.execute("select gen_id from generations where status = 'done'")}
    found = []
    for stage in ("draft", "essay", "evaluation"):
        loaded = load(tmp_path / "hf", stage, tmp_path / "cache")
        assert {split: len(rows) for split, rows in loaded.items()} == told["configs"][stage]
        for split, rows in loaded.items():
            assert rows.features["replicate"].dtype == "int64" and rows.features["path"].feature.dtype == "string"
            assert {split_of(row["combo_id"], 30) for row in rows} == {split}
            assert all(row["messages"][-1]["content"] == row["parsed"] for row in rows)
            if stage == "evaluation":
                assert all(row["scores"][0]["score"] == row["score"] for row in rows)
            found += [row["gen_id"] for row in rows]
    assert len(found) == len(set(found)) == told["rows"] and set(found) == known


def front(folder: Path) -> dict:
    """Read the card's front matter as plain YAML."""
    return yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])


HOSTILE = "x: [y]\n---\n# <script>alert(1)</script> | `a` \u202e [link](http://127.0.0.1) {{ a }} ![p](q)"


def test_names_cannot_break_the_card(tmp_path):
    """Titles, topic models and cohorts are one line of text in the front matter and in the page."""
    with open_project(made(tmp_path / "p.db"), write=True) as db:
        db.execute("update topic_models set name = ?", (HOSTILE,))
        db.execute("update project set value = ? where key = 'name'", (HOSTILE,))
        export_huggingface(db, tmp_path / "hf", Choice(topics=HOSTILE), license="cc0-1.0")
    text = (tmp_path / "hf" / "README.md").read_text(encoding="utf-8")
    body = text.split("---\n", 2)[2]
    assert front(tmp_path / "hf")["license"] == "cc0-1.0" and "\n" not in front(tmp_path / "hf")["pretty_name"]
    assert "<script" not in body and "](" not in body and "\u202e" not in body
    assert all(line.count(" | ") in (1, 2, 3) for line in body.splitlines() if line.startswith("| "))


@given(st.text())
def test_plain_text_stays_plain(text):
    """No text leaves its line, its cell or its words: every sign of Markdown is escaped."""
    shown = plain(text)
    assert "\n" not in shown and "<" not in shown and "|" not in shown.replace("\\|", "")
    assert shown.replace("\\`", "").count("`") == 0


def test_families_are_never_torn(tmp_path):
    """The split goes by what a text is about: all drafts, essays and evaluations of a topic are on one side."""
    splits = [split_of(f"topic {n}", 25) for n in range(2000)]
    assert 0.2 < splits.count("test") / 2000 < 0.3
    assert split_of("topic", 0) == "train" and split_of(None, 100) == "test"


def test_force_replaces_a_dataset_and_nothing_else(tmp_path):
    """A folder is written over with force, and only when it holds nothing but a card and shards."""
    with open_project(made(tmp_path / "p.db")) as db:
        export_huggingface(db, tmp_path / "hf")
        with pytest.raises(OutputExists, match="--force"):
            export_huggingface(db, tmp_path / "hf")
        assert export_huggingface(db, tmp_path / "hf", Choice("essay"), force=True)["rows"] == 4
        assert os.listdir(tmp_path / "hf" / "data") == ["essay"]  # noqa: PTH208
        (tmp_path / "hf" / "data" / "notes.txt").write_text("mine")
        (tmp_path / "file").write_text("mine")
        (tmp_path / "link").symlink_to(tmp_path / "hf")
        for name in ("hf", "file", "link", "p.db"):
            with pytest.raises(Refused):
                export_huggingface(db, tmp_path / name, force=True)
    assert (tmp_path / "hf" / "data" / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "hf", "link", "p.db"]


def test_a_dataset_of_nothing_is_refused(tmp_path):
    """No folder that nobody could load is left behind."""
    with open_project(made(tmp_path / "p.db")) as db, pytest.raises(BadInput, match="no finished text"):
        export_huggingface(db, tmp_path / "hf", Choice(where="0"))
    assert [path.name for path in tmp_path.iterdir()] == ["p.db"]


def test_the_same_project_gives_the_same_bytes(tmp_path):
    """Two exports of one project are equal, file for file."""
    with open_project(made(tmp_path / "p.db")) as db:
        for name in ("a", "b"):
            export_huggingface(db, tmp_path / name, format="jsonl")
    files = [sorted((tmp_path / name).rglob("*.*")) for name in ("a", "b")]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert len(files[0]) == 4
