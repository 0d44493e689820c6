"""Answers of a batch enter the record, by the same way as those of live calls and at the batch's price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from workbench.batch.books import Batch, Line, close_line, close_rest, end_batch, find_line, outcomes
from workbench.batch.filling import FACTOR
from workbench.catalogue.models import Model, model_at
from workbench.catalogue.templates import load_version
from workbench.generate.engine import receipt_of
from workbench.generate.judging import judge, unusable
from workbench.prompts import Template
from workbench.providers import Answer
from workbench.providers.openai.batches import Batches, Declined, RemoteBatch
from workbench.providers.texts import cleaned
from workbench.record.answers import Origin, Result, fail, store_answer
from workbench.record.ledger import Receipt, close_call, count_calls
from workbench.record.selection import Row
from workbench.store import Database, transaction

CHUNK: Final = 200  # answers written in one transaction
_TYPICAL: Final = 20_000  # bytes of a line, for the time that a download may take
_STRAYS: Final = 20  # lines of nobody's that are kept as events, of one batch
_MOST_STRAYS: Final = 10_000  # lines of nobody's, beside as many as were asked, until a file is given up
_REST: Final[Mapping[str, tuple[str, str]]] = {
    "expired": ("failed", "expired"),
    "cancelled": ("failed", "cancelled"),
    "failed": ("failed", "batch_failed"),
}
_MOST: Final = 32 * 2**20  # bytes of the lines written in one transaction, but for one line
_ROOM: Final = 64 * 2**20  # bytes of a file beside those of its lines, which may be twice as long as what is read
_LONGEST: Final = 8 * 2**20  # bytes of a line that is read; what is longer is no answer
Notice = Callable[[str, Mapping[str, object]], None]


@dataclass(slots=True)
class _Count:
    """What the lines of a file are: answers to calls of ours, each once, to those of strangers, or illegible."""

    ours: set[int] = field(default_factory=set)
    strange: int = 0
    unreadable: int = 0

    @property
    def strays(self) -> int:
        """How many lines are nobody's."""
        return self.strange + self.unreadable

    @property
    def answered(self) -> int:
        """How many calls of ours the file may be the answer to; a name may be spoilt, but not every one."""
        return len(self.ours) + self.unreadable + (self.strange if self.ours else 0)


@dataclass(slots=True)
class Taker:
    """Takes what came of a batch that is over. `charged(run)` says which run an answer of a run's batch counts for."""

    db: Database
    notice: Notice
    tell: Callable[[Row, Result], None]
    charged: Callable[[int], int]
    _templates: dict[int, Template] = field(default_factory=dict)
    _models: dict[int, Model] = field(default_factory=dict)

    def take(self, batch: Batch, remote: RemoteBatch, endpoint: Batches) -> None:
        """Take both files, then close what got no answer.

        Answers that were taken before are left alone, so that this may be cut off and done again at any point.
        Raises Declined when a file cannot be had, or has not the answers that are said to be done, which are paid;
        what came of it until then is kept.
        """
        count = _Count()
        if remote.output_file_id:
            self._take_file(batch, remote.output_file_id, endpoint, count)
        if (done := min(remote.completed or 0, batch.requests)) > count.answered:
            raise Declined(Answer("garbage", error=f"{count.answered:,} answers came, though {done:,} are done"))
        if remote.error_file_id:
            self._take_file(batch, remote.error_file_id, endpoint, _Count())
        with transaction(self.db):
            status, outcome = _REST.get(remote.status, ("unknown", "unknown"))
            close_rest(self.db, batch.id, status, outcome)
            end_batch(self.db, batch.id, "ended", remote.detail)
            facts = {"batch": batch.id, "status": remote.status, "detail": remote.detail}
            self.notice("batch_ended", {**facts, "outcomes": outcomes(self.db, batch.id)})

    def _take_file(self, batch: Batch, file_id: str, endpoint: Batches, count: _Count) -> None:
        with TemporaryFile() as file:
            endpoint.download(file_id, _TYPICAL * batch.requests, file, _ROOM + 2 * _LONGEST * batch.requests)
            file.seek(0)
            for chunk in _chunks(_lines(file), CHUNK):
                self._take_lines(batch, [endpoint.answer(line) for line in chunk], count)
                if count.strays > batch.requests + _MOST_STRAYS:
                    raise Declined(Answer("garbage", error=f"{count.strays:,} answers to what was never asked"))

    def _take_lines(self, batch: Batch, answers: list[tuple[str | None, Answer]], count: _Count) -> None:
        """Write some answers down and judge them: one transaction."""
        receipts: list[Receipt] = []
        with transaction(self.db):
            for custom_id, answer in answers:
                line = None if custom_id is None else find_line(self.db, batch.id, custom_id)
                if line is None:
                    count.unreadable += custom_id is None
                    count.strange += custom_id is not None
                    if count.strays <= _STRAYS:
                        self._keep_stray(batch, answer)
                    continue
                count.ours.add(line.generation_id)
                if line.open:
                    receipts.append(self._take_line(line, answer))
            self._add_up(batch, receipts)

    def _keep_stray(self, batch: Batch, answer: Answer) -> None:
        """Keep the beginning of a line that is no call's of ours, so that a person can see what it was."""
        words, _ = cleaned(answer.body[:500].decode("utf-8", "replace"))
        self.notice("batch_stray", {"batch": batch.id, "line": words})

    def _take_line(self, line: Line, answer: Answer) -> Receipt:
        row = _row(self.db, line.generation_id)
        model = None if row.model_id is None else self._model(row.model_id)
        receipt = receipt_of(model, answer, None, FACTOR)
        close_call(self.db, line.call_id or 0, receipt)
        close_line(self.db, line)
        spent = {"tokens_in": receipt.tokens_in, "tokens_out": receipt.tokens_out, "cost": receipt.cost}
        self.notice("call", {"outcome": answer.outcome, "latency_ms": None, **spent})
        if answer.verdict in ("done", "fail_task"):
            self._settle(row, line, answer)
        return receipt

    def _settle(self, row: Row, line: Line, answer: Answer) -> None:
        """Keep the text, let the task be done or failed; its template is the version that its prompt was made with."""
        template = self._template(line.template_version_id)
        final = answer.verdict != "done"
        if final:
            result = unusable(answer, answer.outcome, synthetic=False)
        else:
            result = judge(answer, template, synthetic=False)
        if final and answer.text is None:
            fail(self.db, row.id, answer.outcome)
        else:
            store_answer(self.db, _origin(line), result)
        self.tell(row, result)

    def _add_up(self, batch: Batch, receipts: list[Receipt]) -> None:
        if receipts:
            tokens_in, tokens_out = (sum(r.tokens_in or 0 for r in receipts), sum(r.tokens_out or 0 for r in receipts))
            cost = sum(r.cost or 0.0 for r in receipts)
            count_calls(self.db, self.charged(batch.run_id), len(receipts), tokens_in, tokens_out, cost)

    def _template(self, version_id: int) -> Template:
        if version_id not in self._templates:
            self._templates[version_id] = load_version(self.db, version_id)
        return self._templates[version_id]

    def _model(self, model_id: int) -> Model:
        if model_id not in self._models:
            self._models[model_id] = model_at(self.db, model_id)[0]
        return self._models[model_id]


def _row(db: Database, number: int) -> Row:
    return Row(
        *db.execute(
            "select id, gen_id, stage, combo_id, parent_id, template_id, model_id, replicate, place"
            " from generations where id = ?",
            (number,),
        ).fetchone()
    )


def _origin(line: Line) -> Origin:
    return Origin(
        generation_id=line.generation_id,
        prompt_hash=line.prompt_hash,
        template_version_id=line.template_version_id,
        model_version_id=line.model_version_id,
        parent_content_id=line.parent_content_id,
        call_id=line.call_id,
    )


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Give the lines that say anything; of one that is too long, its beginning, which is no JSON."""
    whole = True
    while line := file.readline(_LONGEST):
        if whole and line.strip():
            yield line.strip()
        whole = line.endswith(b"\n")


def _chunks(lines: Iterable[bytes], count: int) -> Iterator[list[bytes]]:
    """Give lines some at a time, fewer where they are long."""
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) >= count or size + len(line) > _MOST):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk
