"""Texts that repeat an earlier one: the same text, the same words, or nearly the same words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from workbench.report.finished import NO_CYCLE, Finished, Synthetic, facts_of, finished, paths
from workbench.report.likeness import Likeness, Told, likeness, silent
from workbench.report.narrow import Choice
from workbench.report.words import said, words
from workbench.store import Database

Row = dict[str, Any]
FIRST_WORDS: Final = 120  # characters of a text that a row shows
KINDS: Final = ("first", "text", "words", "near")
_BLANKS: Final = 20  # characters read for each one shown: blanks are folded


def duplicates(
    db: Database,
    choice: Choice,
    topics: str | None = None,
    near: float | None = None,
    most: int | None = None,
    *,
    synthetic: Synthetic = "with",
    told: Told = silent,
) -> Iterator[Row]:
    """Give the texts that are alike, group by group, the largest first; in a group by cycle, then signature.

    Keys: group, size, match (`first` of the group; the same `text` or `words` as its nearest, or `near`), similarity
    and nearest (the most similar earlier text: gen_id), gen_id, topic (its path), combo_id, cycle (from 0),
    template_id, llm_model_id, synthetic (written by the offline model or a migration), words, text (its beginning).
    Similarity is the Jaccard index of runs of three words,
    at least `near`. Every text of a group but its first is alike to one before it; `most` keeps so many groups.
    Row numbers decide nothing. Texts are read one by one, so that nobody waits for this. Raises UnknownName,
    MissingExtra.
    """
    texts = finished(db, choice, topics, synthetic=synthetic)
    found = likeness(db, texts, near, told)
    path = paths(db)
    for group, places in enumerate(_groups(found)[:most], 1):
        for place in places:
            yield {"group": group, "size": len(places)} | _row(db, texts, found, place, path)


def _groups(found: Likeness) -> list[list[int]]:
    """Put together what a chain of likeness joins; groups of one are left out."""
    groups: dict[int, list[int]] = {}
    for place in range(len(found.above)):
        if (root := found.root(place)) != place:
            groups.setdefault(root, [root]).append(place)
    return sorted(groups.values(), key=lambda places: (-len(places), places[0]))


def _row(db: Database, texts: Finished, found: Likeness, place: int, path: Any) -> Row:
    facts = facts_of(db, texts.numbers[place])
    text, cycle = facts["text"] or "", texts.cycles[place]
    kind, nearest, similarity = _match(found, place)
    return {
        "match": kind,
        "similarity": None if similarity is None else round(similarity, 6),
        "gen_id": facts["gen_id"],
        "nearest": None if nearest is None else facts_of(db, texts.numbers[nearest])["gen_id"],
        "topic": path(facts["topic_id"]),
        "combo_id": facts["combo_id"],
        "cycle": None if cycle == NO_CYCLE else cycle,
        "template_id": facts["template_id"],
        "llm_model_id": facts["llm_model_id"],
        "synthetic": bool(texts.synthetic[place]),
        "words": len(words(text)),
        "text": " ".join(said(text)[: FIRST_WORDS * _BLANKS].split())[:FIRST_WORDS],
    }


def _match(found: Likeness, place: int) -> tuple[str, int | None, float | None]:
    if place in found.same:
        return "text", found.same[place], 1.0
    if found.first[place] != place:
        return "words", found.first[place], 1.0
    if place in found.nearest:
        return "near", *found.nearest[place]
    return "first", None, None


def counted(rows: Iterable[Row], counts: dict[str, int]) -> Iterator[Row]:
    """Give the rows on while counting them by kind; `groups` too."""
    for row in rows:
        counts[row["match"]] = counts.get(row["match"], 0) + 1
        counts["groups"] = max(counts.get("groups", 0), row["group"])
        yield row
