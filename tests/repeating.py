"""Projects whose texts repeat each other as planned, and texts whose likeness is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from projects import TITLES, add_draft, add_model, add_template, add_topics, answer

from workbench.ids import path_uuid
from workbench.store import create_project, open_project, transaction


def text_of(name: object, length: int = 102) -> str:
    """Give a text of words that no other text has."""
    return " ".join(f"{name}x{n}" for n in range(length))


def variant(text: str, changed: int, name: object) -> str:
    """Give a text with its last words changed: of n words, m changed, n-2-m runs of three stay of n-2+m together."""
    words = text.split()
    return " ".join(words[: len(words) - changed] + [f"{name}y{n}" for n in range(changed)])


def likeness(length: int, changed: int) -> float:
    """Give the Jaccard index of a text and its variant."""
    return (length - 2 - changed) / (length - 2 + changed)


def written(
    path: Path, cycles: Sequence[Iterable[str]], titles: Sequence[str] = TITLES, seed: int | None = None
) -> Path:
    """Make a project: in each cycle a draft of each text, one topic each; with `seed` in another order."""
    create_project(path)
    combos = [path_uuid(["root", title]) for title in titles]
    planned = [
        (combos[n], replicate, text) for replicate, texts in enumerate(cycles, 1) for n, text in enumerate(texts)
    ]
    if seed is not None:
        Random(seed).shuffle(planned)
    with open_project(path, write=True) as db, transaction(db):
        add_template(db, "plain", "draft")
        add_model(db, "writer")
        add_topics(db, "garden", titles)
        for combo, replicate, text in planned:
            answer(db, add_draft(db, combo, replicate), text)
    return path


def chat(question: str, reply: str) -> str:
    """Give a conversation as it is stored."""
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return json.dumps({"messages": turns})
