"""Strict reading: what other people's files may say, and how little a bad one costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import BadFile, Problems
from workbench.reading import Faults, json_text, yaml_text
from workbench.reading.strict_json import unique_keys
from workbench.topics import graphs, read_topics


class Key(str):
    """A key that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Key.compared += 1
        return str.__eq__(self, other)


def test_a_key_that_stands_twice_is_found_in_one_pass() -> None:
    """Many keys before the double one cost a look each, not a search each."""
    keys = [*(f"key {n}" for n in range(2000)), "key 1999"]
    with pytest.raises(ValueError, match="'key 1999' stands twice"):
        unique_keys([(Key(key), 1) for key in keys])
    assert Key.compared < 10 * len(keys)


@pytest.mark.parametrize("number", ["1e999", "-1e400", "1e400"])
def test_numbers_that_no_float_holds_are_refused(number: str) -> None:
    """They would be written as Infinity, which no strict reader takes back."""
    with pytest.raises(BadFile, match="too large"):
        json_text(f'{{"a": {number}}}', "x.json")
    with pytest.raises(BadFile, match=r"x.yaml:2: .*too large"):
        yaml_text(f"a: 1\nb: {number.replace('1e', '1.0e')}\n", "x.yaml")


def test_faults_beyond_the_most_are_counted() -> None:
    """The first are told in full."""
    faults = Faults("x.csv", BadFile, most=2)
    for number in range(5):
        faults.note("bad", f"x.csv:{number}", "mend it")
    assert (len(faults), faults.is_full) == (5, True)
    with pytest.raises(Problems) as caught:
        faults.raise_any()
    assert [error.where for error in caught.value.errors] == ["x.csv:0", "x.csv:1", "x.csv"]
    assert "and 3 more errors" in str(caught.value.errors[-1])


def test_lines_are_searched_only_for_the_faults_that_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph of a million bad nodes is not searched a million times."""
    searched: list[str] = []

    def line_of(text: str, key: str) -> int:
        searched.append(key)
        return 1

    monkeypatch.setattr(graphs, "_line_of", line_of)
    nodes = {f"n{n}": {"id": f"n{n}", "topic": "", "children": [{"x" * 500: n}]} for n in range(200)}
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"nodes": nodes, "root_id": "n0"}, indent=1))
    with pytest.raises(Problems) as caught:
        read_topics(path)
    assert len(searched) == 20
    assert "and 180 more errors" in str(caught.value.errors[-1])


def test_what_a_file_says_is_told_in_few_words(tmp_path: Path) -> None:
    """A child of a megabyte is no message of a megabyte."""
    path = tmp_path / "graph.json"
    node = {"id": 0, "topic": "a", "children": ["x" * 10_000]}
    path.write_text(json.dumps({"nodes": {"0": node}, "root_id": "y" * 10_000}))
    with pytest.raises(Problems) as caught:
        read_topics(path)
    assert len(str(caught.value)) < 1000
