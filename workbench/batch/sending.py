"""Batches are brought to their provider and looked after, each step on record before it is made.

A step that may have been made already, by a process that is gone or by a request without an answer, is looked for
over there before it is made: a file by its name, a batch by our uuid in its metadata. So nothing is paid twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from workbench.batch.books import Batch, drop_requests, note_batch, parts, seal, withdraw
from workbench.batch.taking import Taker
from workbench.clock import now
from workbench.errors import Stopped
from workbench.providers import next_step
from workbench.providers.openai.batches import Batches, Declined, RemoteBatch
from workbench.store import Database, transaction

MISSES: Final = 30  # looks in a row without an answer, until a wait is given up
GO_ON: Final = "the same command goes on with it"
T = TypeVar("T")


@dataclass(slots=True)
class Sender:
    """Brings batches forward, one step after the other; the caller holds the batch.

    `endpoint(alias)` gives the provider's endpoints, `pause(seconds)` waits, `grace` is how many seconds a request
    without an answer may still be at work over there.
    """

    db: Database
    endpoint: Callable[[str], Batches]
    taker: Taker
    notice: Callable[[str, Mapping[str, object]], None]
    pause: Callable[[float], None]
    grace: float
    _misses: int = 0
    _rng: random.Random = field(default_factory=random.Random)

    def advance(self, batch: Batch) -> None:
        """Bring a batch as far as it comes now; raises Stopped when its provider refuses or does not answer."""
        endpoint = self.endpoint(batch.provider)
        if batch.state in ("filling", "uploading"):
            batch = self._upload(batch, endpoint)
        if batch.state in ("uploaded", "submitting"):
            batch = self._submit(batch, endpoint)
        elif batch.state == "submitted":
            self._look(batch, endpoint)

    def _upload(self, batch: Batch, endpoint: Batches) -> Batch:
        fresh = batch.state == "filling"
        if fresh:
            with transaction(self.db):
                batch = seal(self.db, batch)
        name, size = batch.file_name, batch.bytes
        file_id = self._once(
            batch,
            not fresh,
            lambda: endpoint.find_file(name),
            lambda: endpoint.upload(name, size, parts(self.db, batch.id)),
        )
        with transaction(self.db):
            return note_batch(self.db, batch.id, state="uploaded", file_id=file_id)

    def _submit(self, batch: Batch, endpoint: Batches) -> Batch:
        file_id, uuid = batch.file_id or "", batch.uuid
        fresh = batch.state == "uploaded"
        if fresh:
            with transaction(self.db):
                batch = note_batch(self.db, batch.id, state="submitting")
        remote = self._once(
            batch,
            not fresh,
            lambda: endpoint.find_batch(uuid, file_id),
            lambda: endpoint.create(file_id, uuid),
        )
        return self.submitted(batch, remote)

    def submitted(self, batch: Batch, remote: RemoteBatch) -> Batch:
        """Write down that a batch is there."""
        with transaction(self.db):
            drop_requests(self.db, batch.id)
            facts = {"remote_id": remote.id, "status": remote.status, "submitted": now()}
            batch = note_batch(self.db, batch.id, state="submitted", **facts)
            told = {"batch": batch.id, "provider": batch.provider, "model": batch.model, "requests": batch.requests}
            self.notice("batch_submitted", told)
        return batch

    def _once(self, batch: Batch, in_doubt: bool, find: Callable[[], T | None], make: Callable[[], T]) -> T:
        """Make something over there once: while it is in doubt whether it is there, it is looked for first."""
        attempt = 1
        while True:
            if in_doubt and (found := self._found(find)) is not None:
                return found
            try:
                return make()
            except Declined as declined:
                in_doubt = in_doubt or not declined.is_clear
                if declined.is_final and not in_doubt:
                    with transaction(self.db):
                        withdraw(self.db, batch.id, str(declined))
                    raise _stopped(declined, "mend that, or leave out --batch: no task of the batch was sent") from None
                self._wait(declined, attempt)
                attempt += 1

    def _found(self, find: Callable[[], T | None]) -> T | None:
        """Look for something twice, since a request without an answer may still be at work over there."""
        found = self.patiently(find)
        if found is None:
            self.pause(self.grace)
            found = self.patiently(find)
        return found

    def patiently(self, ask: Callable[[], T], mend: str = GO_ON) -> T:
        """Ask until there is an answer; raises Stopped after some tries, or at once for what will not pass."""
        attempt = 1
        while True:
            try:
                return ask()
            except Declined as declined:
                self._wait(declined, attempt, mend)
                attempt += 1

    def _wait(self, declined: Declined, attempt: int, mend: str = GO_ON) -> None:
        step = next_step(declined.answer, attempt, self._rng)
        if step.verdict != "retry":
            raise _stopped(declined, mend) from None
        self.pause(step.wait)

    def _look(self, batch: Batch, endpoint: Batches) -> None:
        try:
            remote = endpoint.look(batch.remote_id or "")
        except Declined as declined:
            self._miss(batch, declined)
            return
        self._misses = 0
        if remote.status != batch.status:
            with transaction(self.db):
                note_batch(self.db, batch.id, status=remote.status)
                self.notice("batch_status", {"batch": batch.id, "status": remote.status})
        if remote.is_over:
            self.patiently(lambda: self.taker.take(batch, remote, endpoint), _or_forget(batch))

    def _miss(self, batch: Batch, declined: Declined) -> None:
        """A wait of hours outlasts an outage; a provider that knows nothing of the batch ends it."""
        self._misses += 1
        if declined.answer.verdict != "retry" or self._misses >= MISSES:
            raise _stopped(declined, _or_forget(batch))
        self.pause(declined.answer.retry_after or 0.0)

    def cancel(self, batch: Batch) -> str:
        """Cancel a batch over there if it came to be, else withdraw it; gives how it stands then."""
        endpoint = self.endpoint(batch.provider)
        if batch.state == "submitting":
            remote = self._found(lambda: endpoint.find_batch(batch.uuid, batch.file_id or ""))
            batch = batch if remote is None else self.submitted(batch, remote)
        if batch.state != "submitted":
            with transaction(self.db):
                withdraw(self.db, batch.id, "cancelled before it was sent")
            return "withdrawn"
        remote = self.patiently(lambda: endpoint.cancel(batch.remote_id or ""))
        with transaction(self.db):
            note_batch(self.db, batch.id, status=remote.status)
        return remote.status


def _or_forget(batch: Batch) -> str:
    return f"{GO_ON}, or `workbench batches forget {batch.id}`: then its tasks are sent, and paid, anew"


def _stopped(declined: Declined, mend: str) -> Stopped:
    return Stopped(f"{declined.answer.outcome}: {declined}", mend=mend)
