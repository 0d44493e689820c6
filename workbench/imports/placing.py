"""Where the rows of a dataset belong: in the cycle that they tell, or in the lowest free one of their topic."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from workbench.exports.samples import chat_sample, conversation_key
from workbench.ids import NO_TOPIC
from workbench.imports.drafts import Slot
from workbench.imports.names import Names
from workbench.imports.record import Import
from workbench.imports.shapes import Shaped, Text
from workbench.imports.topics import StoredTopic, TopicFinder
from workbench.store import Database

_EXISTING: Final = """
select x.combo_id, x.replicate, x.status, x.parsed, x.prompt, x.system
from generations g join generation_texts x on x.id = g.id
where g.stage = 'draft' and g.legacy = 0 and g.template_id = ? and g.model_id = ?
"""


def _key(text: Text) -> int:
    return int(conversation_key(chat_sample(text.parsed, text.prompt, text.system)), 16)


def _about(topic: StoredTopic | None) -> str:
    return topic.uuid if topic else NO_TOPIC


@dataclass(slots=True)
class Known:
    """What is in the record: how often each conversation, and which replicates have a text, by combo.

    A conversation takes some hundred bytes of memory, whatever its length.
    """

    conversations: Counter[tuple[str, int]] = field(default_factory=Counter)
    done: dict[str, set[int]] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)  # without topic: the last replicate; with: the last that is done

    @classmethod
    def read(cls, db: Database, names: Names) -> Known:
        """Look at the drafts of a template and model."""
        known = cls()
        for combo, replicate, status, parsed, prompt, system in db.execute(
            _EXISTING, (names.template_id, names.model_id)
        ):
            about = combo.lower()
            if about == NO_TOPIC:
                known.ends[about] = max(known.ends.get(about, 0), replicate)
            if status == "done":
                known.take(about, replicate)
                known.conversations[(about, _key(Text("", parsed, prompt, system or "")))] += 1
        return known

    def take(self, about: str, replicate: int) -> None:
        """Say that a replicate has a text."""
        self.done.setdefault(about, set()).add(replicate)

    def next_free(self, about: str) -> int:
        """Take a topic's lowest replicate that has no text; without topic, the one after the last."""
        replicate = self.ends.get(about, 0) + 1
        while about != NO_TOPIC and replicate in self.done.get(about, ()):
            replicate += 1
        self.ends[about] = replicate
        self.take(about, replicate)
        return replicate


@dataclass(slots=True)
class Placing:
    """Where each line of a dataset belongs; a line in none of these repeats what is known.

    A topic may have the same conversation in several cycles (real runs wrote such files), so that the n-th line of
    it stands for the n-th in the record. Without topic, a conversation counts once.
    """

    known: Known
    slots: dict[int, Slot] = field(default_factory=dict)
    waiting: list[tuple[int, StoredTopic | None]] = field(default_factory=list)
    unplaced: set[int] = field(default_factory=set)
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    repeated: int = 0
    alike: int = 0

    def take(self, going: Import, finder: TopicFinder, line: int, where: str, row: Shaped) -> None:
        """Place a row whose cycle is told; the others wait; what is in the record already is left out."""
        topic = finder.find(row.topic_id) if row.topic_id else None
        if row.topic_id and topic is None:
            self.unplaced.add(line)
            detail = f"a sample of topic {row.topic_id!r}: no such topic is known"
            going.problem("error", where, "unknown-topic", detail)
            return
        if row.doubt:
            going.problem("warning", where, "unusual-sample", row.doubt)
        if topic and row.cycle is not None:
            self.slots[line] = Slot(topic, row.cycle + 1)
            self.known.take(topic.uuid, row.cycle + 1)
        else:
            self._wait(going, line, topic, (_about(topic), _key(row.text)))

    def _wait(self, going: Import, line: int, topic: StoredTopic | None, conversation: tuple[str, int]) -> None:
        before = self.seen[conversation]
        self.seen[conversation] += 1
        if before < self.known.conversations[conversation] or (before and topic is None):
            self.repeated += 1
            going.report.unchanged["draft"] += 1
            going.report.completions += topic is not None
        else:
            self.alike += before > 0
            self.waiting.append((line, topic))

    def infer(self) -> None:
        """Give the rows that wait the lowest free cycles of their topics, in file order."""
        for line, topic in self.waiting:
            self.slots[line] = Slot(topic, self.known.next_free(_about(topic)), inferred=topic is not None)

    def report(self, going: Import, where: str) -> None:
        """Say how many cycles are a guess, and how many rows said nothing new."""
        inferred = sum(topic is not None for _, topic in self.waiting)
        told = (
            (
                inferred,
                "cycle-inferred",
                "samples tell no cycle: in file order, they take their topics' lowest free ones",
            ),
            (self.repeated, "repeated-rows", "rows repeat a conversation that is there already and add nothing"),
            (self.alike, "alike-rows", "rows repeat a conversation of their topic: each counts as a cycle of its own"),
        )
        for count, code, what in told:
            if count:
                going.problem("info", where, code, f"{count:,} {what}")
