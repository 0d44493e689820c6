"""Two texts side by side, by word: nothing of either is lost, and long ones take no minutes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.report import compare
from workbench.report.compare import compared, is_long, word_diff

TEXTS = st.text(alphabet="ab .!\n", max_size=60)


@given(a=TEXTS, b=TEXTS, most=st.sampled_from([0, 4, 12, 6_000]))
def test_both_texts_can_be_put_together_again(a: str, b: str, most: int) -> None:
    """What is common and gone is the first, what is common and new the second, however long they may be."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compare, "PIECES", most)
        pieces = list(word_diff(a, b))
    assert "".join(text for sign, text in pieces if sign != "+") == a
    assert "".join(text for sign, text in pieces if sign != "-") == b
    assert compared(pieces)["equal"] == (a == b)


def test_of_long_texts_only_sentences_that_differ_are_compared_by_word() -> None:
    """A word that changed is found in a text of any length; texts without a sentence in common are given whole."""
    same = "".join(f"All {n} of these words stay as they are. " for n in range(900))
    assert is_long(same, same)
    pieces = list(word_diff(f"{same}It was cold. {same}", f"{same}It was warm. {same}"))
    assert [piece for piece in pieces if piece[0] != "="] == [("-", "cold"), ("+", "warm")]
    here, there = "one " * 4_000, "other " * 4_000
    assert list(word_diff(here, there)) == [("-", here), ("+", there)]
