"""What a topic file may hold: titles, UUIDs and aliases."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import Final

from workbench.errors import BadRow
from workbench.ids import NO_TOPIC, fold

# Control characters, line and paragraph separators, and halves of surrogate pairs, which no UTF-8 can hold.
FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def title_fault(title: object) -> str:
    """Say what is wrong with a title, or nothing."""
    if not isinstance(title, str):
        return f"a title is {type(title).__name__}, not text: {str(title)[:60]!r}"
    if not title.strip():
        return "a title is empty"
    if FORBIDDEN.search(title):
        return f"a title holds a control character: {title[:60]!r}"
    return ""


def topic_uuid(value: object) -> str:
    """Give a file's UUID in the form in which it identifies combos. Raises BadRow, InvalidSignature."""
    if not isinstance(value, str):
        raise BadRow(f"the UUID is {type(value).__name__}, not text", mend="write it in quotes")
    if (uuid := fold(value, "the UUID")) == NO_TOPIC:
        raise BadRow(f"the UUID {NO_TOPIC!r} is reserved for samples without topics", mend="use another")
    return uuid


def unshared(aliases: list[tuple[str, ...]]) -> tuple[list[tuple[str, ...]], int]:
    """Leave out the aliases that two nodes share, since they name neither; say how many went."""
    shared = {alias for alias, count in Counter(chain.from_iterable(aliases)).items() if count > 1}
    if not shared:
        return aliases, 0
    return [tuple(alias for alias in some if alias not in shared) for some in aliases], len(shared)
