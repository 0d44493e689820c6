"""The endpoints of OpenAI's batches: a file of calls goes up, a batch is made of it, files of answers come down.

Source: the API reference of files and batches. A file has at most 50,000 calls of one model and 200 MB; a batch is
validating, in_progress, finalizing, then completed, failed, expired or cancelled; what was answered by then is paid.
"""

from __future__ import annotations

import json
import re
import uuid as uuids
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import quote

from workbench.clock import unix
from workbench.providers.base import Answer
from workbench.providers.binding import Binding
from workbench.providers.openai.exchange import MOST, Body, Exchange
from workbench.providers.openai.judge import Garbage, judge, parsed_object
from workbench.providers.openai.lines import ENDPOINT, result_line
from workbench.providers.openai.reply import Reply
from workbench.providers.texts import one_line

MOST_REQUESTS: Final = 50_000  # calls in one file
MOST_BYTES: Final = 200_000_000  # of one file
MARK: Final = "workbench_batch"  # key of the metadata by which a batch is found again
_WINDOW: Final = "24h"
_ENDED: Final = ("completed", "failed", "expired", "cancelled")
_SECONDS: Final = 120.0  # for one request
_SLOWEST: Final = 50_000  # bytes a second that a file must move with
_PAGES: Final = 1000  # of a list
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")


class Declined(Exception):
    """A request that brought nothing: `answer` says why, and whether and when to try again."""

    def __init__(self, answer: Answer) -> None:
        """Keep the judged answer."""
        super().__init__(answer.error or answer.outcome)
        self.answer = answer

    @property
    def is_clear(self) -> bool:
        """Whether the provider said no: nothing was made over there."""
        status = self.answer.http_status
        return status is not None and 400 <= status < 500 and status not in (408, 409)

    @property
    def is_final(self) -> bool:
        """Whether the provider said no, and will say so again."""
        return self.is_clear and self.answer.verdict != "retry"


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the provider tells of it; `detail` is one line on what is wrong with it."""

    id: str
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    detail: str = ""
    completed: int | None = None  # answers that its output file holds

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in _ENDED


class Batches:
    """Files and batches of one bound provider. Every method raises Declined for what did not succeed."""

    def __init__(self, binding: Binding) -> None:
        """Take the key from the environment; raises KeyNotBound where its variable is not set."""
        self._key = binding.key()
        self._exchange = Exchange(binding.url, self._key, binding.loopback)

    def __repr__(self) -> str:
        return f"Batches({self._exchange!r})"

    def upload(self, name: str, size: int, parts: Iterable[bytes]) -> str:
        """Send a file of so many bytes up, piece by piece, and give its ID."""
        edge = uuids.uuid4().hex
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        ).encode()
        tail = f"\r\n--{edge}--\r\n".encode()
        body = Body(f"multipart/form-data; boundary={edge}", len(head) + size + len(tail), _around(head, parts, tail))
        return _id(self._ask("POST", "/files", body, _SECONDS + size / _SLOWEST).get("id"))

    def find_file(self, name: str) -> str | None:
        """Give the ID of the uploaded file of this name, if it is there."""
        for found in self._listed("/files?purpose=batch&limit=1000"):
            if found.get("filename") == name:
                return _id(found.get("id"))
        return None

    def create(self, file_id: str, uuid: str) -> RemoteBatch:
        """Make a batch of an uploaded file, marked with our own uuid."""
        asked = {
            "input_file_id": file_id,
            "endpoint": ENDPOINT,
            "completion_window": _WINDOW,
            "metadata": {MARK: uuid},
        }
        data = json.dumps(asked).encode()
        return _batch(self._ask("POST", "/batches", Body("application/json", len(data), [data])))

    def find_batch(self, uuid: str, file_id: str) -> RemoteBatch | None:
        """Give the batch that bears our uuid, or that was made of our file, if it is there."""
        for found in self._listed("/batches?limit=100"):
            metadata = found.get("metadata")
            marked = isinstance(metadata, dict) and metadata.get(MARK) == uuid
            if marked or found.get("input_file_id") == file_id:
                return _batch(found)
        return None

    def look(self, remote_id: str) -> RemoteBatch:
        """Say how a batch stands."""
        return _batch(self._ask("GET", f"/batches/{_id(remote_id)}"))

    def cancel(self, remote_id: str) -> RemoteBatch:
        """Ask for a batch to be cancelled; what is answered by then is kept and paid."""
        return _batch(self._ask("POST", f"/batches/{_id(remote_id)}/cancel"))

    def download(self, file_id: str, size: int, into: BinaryIO, most: int = MOST) -> None:
        """Write a file of answers to `into`; `size` is how many bytes are expected, for the time that it may take, and
        no more than `most` are taken."""
        seconds = _SECONDS + 20 * size / _SLOWEST
        path = f"/files/{_id(file_id)}/content"
        reply = self._exchange.send("GET", path, seconds, into=into, most=min(most, MOST))
        if reply.failure is not None or reply.status != 200:
            raise Declined(_refused(reply, self._judged(reply)))

    def answer(self, line: bytes) -> tuple[str | None, Answer]:
        """Read one line of a file of answers: whose it is, and the judged answer."""
        return result_line(line, self._key)

    def _ask(self, method: str, path: str, body: Body | None = None, seconds: float = _SECONDS) -> dict[str, Any]:
        reply = self._exchange.send(method, path, seconds, body)
        if reply.failure is not None or reply.status is None or not 200 <= reply.status < 300:
            raise Declined(_refused(reply, self._judged(reply)))
        try:
            return parsed_object(self._key.redact_bytes(reply.body) if self._key else reply.body)
        except Garbage as error:
            raise Declined(Answer("garbage", http_status=reply.status, error=one_line(error))) from None

    def _judged(self, reply: Reply) -> Answer:
        return judge(reply, self._key, unix())

    def _listed(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Go through a list, page by page; raises Declined where it has no end."""
        after = ""
        for _ in range(_PAGES):
            page = self._ask("GET", path + after)
            data = page.get("data")
            rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
            yield from rows
            if page.get("has_more") is not True or not rows:
                return
            after = f"&after={quote(_id(rows[-1].get('id')))}"
        raise Declined(Answer("garbage", error=f"the list {path.partition('?')[0]} has no end"))


def _around(head: bytes, parts: Iterable[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from parts
    yield tail


def _refused(reply: Reply, answer: Answer) -> Answer:
    """Give an answer that was judged as if it could be a completion; a whole one with status 204 is none."""
    return Answer("garbage", error="an empty answer", http_status=reply.status) if answer.verdict == "done" else answer


def _id(value: object) -> str:
    """Give an ID of the provider's that may stand in a path; raises Declined for anything else."""
    if isinstance(value, str) and _ID.fullmatch(value) and ".." not in value:
        return value
    raise Declined(Answer("garbage", error=one_line(f"{str(value)[:40]!r} is no ID")))


def _batch(found: Mapping[str, Any]) -> RemoteBatch:
    status = found.get("status")
    files = [found.get(name) for name in ("output_file_id", "error_file_id")]
    output, errors = (None if value in (None, "") else _id(value) for value in files)
    counts = found.get("request_counts")
    completed = counts.get("completed") if isinstance(counts, dict) else None
    return RemoteBatch(
        id=_id(found.get("id")),
        status=one_line(status)[:40] if isinstance(status, str) else "",
        output_file_id=output,
        error_file_id=errors,
        detail=_detail(found),
        completed=completed if isinstance(completed, int) else None,
    )


def _detail(found: Mapping[str, Any]) -> str:
    """Put what a batch says of its faults in one line: code and words of the first."""
    errors = found.get("errors")
    data = errors.get("data") if isinstance(errors, dict) else None
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
    return one_line(" ".join(str(first[name]) for name in ("code", "message") if first.get(name)))
