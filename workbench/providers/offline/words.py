"""Plain English about a prompt's topic, from a small stock of sentences and a seeded die."""

from __future__ import annotations

import re
from collections import Counter
from random import Random
from typing import Final

from workbench.providers.offline.stock import (
    ASPECTS,
    COMMON,
    GAIN,
    QUALITY,
    QUESTIONS,
    SENTENCES,
    THING,
    VIEW,
)

_READ: Final = 4_000  # characters of a prompt that are searched for its topic
_LONGEST: Final = 80  # characters of a topic that a sentence can carry
_NAMED: Final = re.compile(
    r"^[\s>*#-]{0,8}(?:topic|subject|theme|about|concept|title)s?\b[^:\n]{0,30}:[ \t]*(\S[^\n]{0,400})",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED: Final = re.compile(r"[\"“]([^\"“”\n]{3,80})[\"”]")
_PATH: Final = re.compile(r"\s*(?:→|->|»|::|>|\|)\s*")
_WORD: Final = re.compile(r"[A-Za-z][a-z]{4,}")


class Voice:
    """Speaks about one topic, deterministically: the same die and topic give the same words in the same order."""

    def __init__(self, rng: Random, prompt: str, topic: object = None) -> None:
        """Speak about the given topic, or find what the prompt is about; the die decides all that follows."""
        self._rng = rng
        self._form = rng.randrange(len(SENTENCES))
        self.title = _short(topic) if isinstance(topic, str) and topic.strip() else topic_of(prompt)
        self._spoken = self.title[:1].lower() + self.title[1:] if self.title[1:2].islower() else self.title

    def _pick(self, stock: tuple[str, ...]) -> str:
        return stock[int(self._rng.random() * len(stock))]

    def _filled(self, pattern: str) -> str:
        text = pattern.format(
            topic=self._spoken,
            view=self._pick(VIEW),
            quality=self._pick(QUALITY),
            thing=self._pick(THING),
            gain=self._pick(GAIN),
        )
        return text.replace(" a open", " an open")

    def sentence(self) -> str:
        """Say one thing, in another form than the last time."""
        self._form = (self._form + 5) % len(SENTENCES)
        return self._filled(SENTENCES[self._form])

    def question(self) -> str:
        """Ask one thing."""
        return self._filled(self._pick(QUESTIONS))

    def paragraph(self, sentences: int = 4) -> str:
        """Say several things."""
        return " ".join(self.sentence() for _ in range(sentences))

    def text(self, minimum_lines: int = 0) -> str:
        """Write paragraphs, as many as the least number of non-blank lines asks for."""
        count = max(3, minimum_lines)
        return "\n\n".join(self.paragraph(3 if count < 20 else 1) for _ in range(count))

    def titles(self, count: int) -> list[str]:
        """Name so many different subtopics of the topic."""
        base = _stem(self.title)
        aspects = list(ASPECTS)
        self._rng.shuffle(aspects)
        numbered = (f"{self._pick(ASPECTS)} {number}" for number in range(len(aspects) + 1, count + 1))
        return [f"{base}: {aspect}" for aspect in (*aspects[:count], *numbered)]


def _stem(title: str) -> str:
    """Turn `A: b` to `B in A` and drop the rest, so that titles do not grow with depth."""
    head, _, aspect = title.partition(": ")
    whole = f"{aspect} in {head.partition(' in ')[0]}" if aspect else head
    return whole[:1].upper() + whole[1:]


def topic_of(prompt: str) -> str:
    """Find what a prompt is about: a named topic (the end of a path), a quotation, or its most frequent words."""
    start = prompt[:_READ]
    if (named := _NAMED.search(start)) is not None:
        return _short(_PATH.split(named[1])[-1])
    if (quoted := _QUOTED.search(start)) is not None:
        return _short(_PATH.split(quoted[1])[-1])
    counts = Counter(word.lower() for word in _WORD.findall(start[:1500]))
    words = [word for word, _ in counts.most_common(60) if word not in COMMON]
    return " and ".join(words[:2]) or "the subject"


def _short(topic: str) -> str:
    topic = topic.strip(" \t\"'“”*_`.:;,")
    if len(topic) <= _LONGEST:
        return topic or "the subject"
    return topic[:_LONGEST].rpartition(" ")[0] or topic[:_LONGEST]
