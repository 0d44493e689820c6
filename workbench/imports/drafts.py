"""Imported texts as drafts of the record: planned all together, then filled one by one. Nothing is overwritten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from workbench.catalogue.combos import ensure_plain_combo
from workbench.exports.samples import chat_sample, sample_key
from workbench.ids import NO_TOPIC, content_hash, prompt_hash
from workbench.imports.names import Names
from workbench.imports.record import Import
from workbench.imports.shapes import Text
from workbench.imports.topics import StoredTopic
from workbench.providers.texts import cleaned
from workbench.record.answers import Origin, Result, store_answer, store_prompt
from workbench.record.seed import Seed, seed_tasks
from workbench.store import scheme_of

_FIND = (
    "select id, status from generations where stage = 'draft' and legacy = 0 and combo_id = ? and template_id = ?"
    " and model_id = ? and replicate = ?"
)
_COMBO = (
    "insert into combos (combo_id, topic_id) select uuid, id from topics where id = ?"
    " and not exists (select 1 from combos c where c.combo_id = topics.uuid)"
)


class Slot(NamedTuple):
    """A task for an imported text: its topic (None: without), its 1-based replicate, and whether that is a guess."""

    topic: StoredTopic | None
    replicate: int
    inferred: bool = False

    def __str__(self) -> str:
        return f"cycle {self.replicate - 1} of topic {self.topic.uuid}" if self.topic else f"sample {self.replicate}"


class Drafts:
    """The drafts of one template and model, as an import sees and fills them."""

    def __init__(self, going: Import, names: Names) -> None:
        """Write into the import's transaction."""
        self._going, self._db, self._names = going, going.db, names
        self._combos: dict[str, int] = {}

    def combo(self, topic: StoredTopic | None) -> int:
        """Give the number of a topic's combo, or of the one without topic, making it when needed."""
        key = topic.uuid if topic else NO_TOPIC
        if key not in self._combos:
            self._combos[key] = self._topic_combo(topic) if topic else ensure_plain_combo(self._db)
        return self._combos[key]

    def _topic_combo(self, topic: StoredTopic) -> int:
        self._db.execute(_COMBO, (topic.id,))
        return int(self._db.execute("select id from combos where combo_id = ?", (topic.uuid,)).fetchone()[0])

    def plan(self, slots: Iterable[Slot]) -> None:
        """Plan every task that is not in the record: all at once, so that collisions come in canonical order."""
        missing = {(self.combo(slot.topic), slot.replicate): slot for slot in slots if self._find(slot) is None}
        seed_tasks(self._db, [self._seed(slot) for slot in missing.values()], scheme_of(self._db))

    def _find(self, slot: Slot) -> tuple[int, str] | None:
        names = self._names
        values = (self.combo(slot.topic), names.template_id, names.model_id, slot.replicate)
        row = self._db.execute(_FIND, values).fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def _seed(self, slot: Slot) -> Seed:
        names = self._names
        about = slot.topic.uuid if slot.topic else NO_TOPIC
        fields = (about, names.template.lower(), names.model.lower())
        combo, place = self.combo(slot.topic), slot.topic.place if slot.topic else 0
        return Seed("draft", fields, slot.replicate, names.template_id, names.model_id, combo, place=place)

    def _planned(self, slot: Slot) -> tuple[int, str]:
        found = self._find(slot)
        assert found is not None, "every slot is planned before it is filled"
        return found

    def keep(self, slot: Slot, text: Text, where: str, metadata: str) -> None:
        """Give a planned or failed draft its text and count it; what is done stays, and another text is reported."""
        number, status = self._planned(slot)
        report, conflict = self._going.report, False
        if status != "done":
            self._answer(number, text)
            report.added["draft"] += 1
            name = "sample, cycle inferred" if slot.inferred else "sample"
            self._going.row(where, name, metadata, generation_id=number)
        else:
            report.unchanged["draft"] += 1
            if conflict := not self._has(number, text):
                detail = f"{slot} is done here with another text, which stays"
                self._going.problem("error", where, "conflict", detail)
        report.completions += slot.topic is not None and not conflict

    def _answer(self, number: int, text: Text) -> None:
        digest = None
        if text.prompt is not None:
            digest = prompt_hash(text.system, text.prompt)
            store_prompt(self._db, digest, text.system, text.prompt)
        result = Result("ok", text.raw, text.parsed, synthetic=text.synthetic)
        store_answer(self._db, Origin(number, digest, None, None), result)

    def _has(self, number: int, text: Text) -> bool:
        """Say whether a draft ever had this text, or has it now under other labels."""
        known = self._db.execute(
            "select 1 from contents where generation_id = ? and raw_hash = ?", (number, content_hash(text.raw))
        ).fetchone()
        if known:
            return True
        current = self._db.execute("select parsed, prompt, system from generation_texts where id = ?", (number,))
        ours, theirs = chat_sample(*current.fetchone()), chat_sample(text.parsed, text.prompt, text.system)
        return sample_key(ours) == sample_key(theirs)

    def fail(self, slot: Slot, error: str, where: str, metadata: str) -> None:
        """Mark a planned draft as failed elsewhere and count it; one that has failed or is done stays as it is."""
        number, status = self._planned(slot)
        report = self._going.report
        report.failures += 1
        if status in ("done", "failed"):
            report.unchanged["draft"] += 1
            return
        result = Result("imported_failure", None, None, detail=cleaned(error)[0])
        store_answer(self._db, Origin(number, None, None, None), result)
        report.added["draft"] += 1
        name = "failure, cycle inferred" if slot.inferred else "failure"
        self._going.row(where, name, metadata, generation_id=number)
