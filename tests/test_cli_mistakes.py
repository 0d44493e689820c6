"""Mistakes of the first hour: each is told in one line with what to do."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("status", "my garden.db"), "-p 'my garden.db'"),
        (("generate", "garden", "-n", "3"), "--topics garden or --cohort garden"),
        (("export", "csv", "x.csv"), "there are checkpoint, dataset"),
        (("rename", "old", "new"), "there are "),
        (("topic",), "did you mean topics?"),
    ],
)
def test_a_word_in_the_wrong_place_is_told_where_it_belongs(words, says, run):
    """Exit 2, one line, and the option or verbs that a person most likely meant."""
    told = run(*words)
    assert told.code == 2 and says in told.err and told.err.count("\n") == 1
