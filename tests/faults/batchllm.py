"""A server on 127.0.0.1 with OpenAI's files, batches and chat endpoints, that can misbehave on purpose.

    with BatchServer() as server:
        server.url                      # …/v1
        server.behave = lambda n, custom_id: "ok" | "500" | "length" | …   # of each line, see `_lines_of`
        server.ends = "completed"       # or "expired", "cancelled", "failed"
        server.looks = 1                # looks at a batch until it is over
        server.faults = {"POST /batches": ["500", "cut"]}   # of the next requests of that route, see `Fault`
        server.paid                     # Counter: prompt → answers that a provider would bill
        server.requests                 # ["POST /files", "POST /batches", …]

Every answer is billed once, when its batch is over (or its live call is made). `kill(process, at, done)` ends a
process with SIGKILL when the server sees request number `at`: before it is carried out, or after and unanswered.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

# What a fault does to one request: a status refuses it; "lost" closes the connection before anything is done, "cut"
# after; "garbage" carries it out and answers what is no JSON; "half" sends half of an answer.
STATUSES = {"400": 400, "401": 401, "404": 404, "429": 429, "500": 500, "503": 503}
Behave = Callable[[int, str], str]


@dataclass
class Remote:
    """One batch as the server has it."""

    id: str
    file_id: str
    metadata: Any
    status: str = "validating"
    looks: int = 0
    output: str | None = None
    errors: str | None = None
    done: int = 0
    detail: str = ""

    def as_dict(self, total: int) -> dict[str, Any]:
        """Give it as the API does."""
        errors = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": self.detail}]}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": self.file_id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output,
            "error_file_id": self.errors,
            "errors": errors if self.detail else None,
            "metadata": self.metadata,
            "request_counts": {"total": total, "completed": self.done, "failed": 0},
        }


@dataclass
class BatchServer:
    """The server; its state is plain attributes, set between requests."""

    looks: int = 1
    ends: str = "completed"
    behave: Behave = lambda number, custom_id: "ok"
    faults: dict[str, list[str]] = field(default_factory=dict)
    metadata: bool = True  # some servers drop what they do not know
    most_requests: int = 50_000
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    batches: dict[str, Remote] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    live: int = 0
    requests: list[str] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    limits: list[int] = field(default_factory=list)  # how many calls each file held
    _victim: tuple[subprocess.Popen[bytes], int, bool] | None = None
    _known: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __enter__(self) -> BatchServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self._known.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def started(self, start: Callable[[], subprocess.Popen[bytes]], at: int, done: bool) -> subprocess.Popen[bytes]:
        """Start a process that dies when request number `at` (from 1) is seen, `done` or not."""
        self._known.clear()
        process = start()
        self._victim = (process, len(self.requests) + at, done)
        self._known.set()
        return process

    def survive(self) -> None:
        """Kill no process any more."""
        self._victim = None

    def dies(self, number: int, done: bool) -> bool:
        """Kill the process that waits for this request; tells whether it was killed."""
        self._known.wait()
        if self._victim is None or self._victim[1:] != (number, done):
            return False
        os.kill(self._victim[0].pid, signal.SIGKILL)
        self._victim[0].wait()
        return True

    def upload(self, name: str, data: bytes) -> dict[str, Any]:
        """Keep a file."""
        file_id = f"file-{len(self.files) + 1}"
        self.files[file_id] = (name, data)
        return {"id": file_id, "object": "file", "filename": name, "bytes": len(data), "purpose": "batch"}

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Make a batch of an uploaded file."""
        assert asked["endpoint"] == "/v1/chat/completions" and asked["completion_window"] == "24h"
        batch_id = f"batch_{uuid.uuid4().hex[:8]}"
        metadata = asked.get("metadata") if self.metadata else None
        self.batches[batch_id] = Remote(batch_id, asked["input_file_id"], metadata)
        return self.told(self.batches[batch_id])

    def told(self, batch: Remote) -> dict[str, Any]:
        """Give a batch as the API does."""
        return batch.as_dict(len(self._calls(batch)))

    def _calls(self, batch: Remote) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[batch.file_id][1].splitlines()]

    def looked(self, batch: Remote) -> dict[str, Any]:
        """Let a batch come forward with each look at it."""
        batch.looks += 1
        if batch.status in ("validating", "in_progress", "cancelling"):
            over = batch.looks >= self.looks
            if over:
                self._carry_out(batch, "cancelled" if batch.status == "cancelling" else self.ends)
            elif batch.status == "validating":
                batch.status = "in_progress"
        return self.told(batch)

    def _carry_out(self, batch: Remote, ends: str) -> None:
        calls = self._calls(batch)
        self.limits.append(len(calls))
        batch.status = ends
        if ends == "failed" or len({call["body"]["model"] for call in calls}) != 1 or len(calls) > self.most_requests:
            batch.status, batch.detail = "failed", "Enqueued token limit reached"
            return
        output: list[str] = []
        errors: list[str] = []
        for number, call in enumerate(calls):
            good, bad = self._lines_of(number, call)
            output += good
            errors += bad
        batch.done = len(output)
        batch.output = self._stored(output)
        batch.errors = self._stored(errors)

    def _stored(self, lines: list[str]) -> str | None:
        if not lines:
            return None
        return str(self.upload("out.jsonl", "".join(f"{line}\n" for line in lines).encode())["id"])

    def _lines_of(self, number: int, call: dict[str, Any]) -> tuple[list[str], list[str]]:
        """Give the lines of one call in the output file and in the error file."""
        own, kind = call["custom_id"], self.behave(number, call["custom_id"])
        if kind in ("expired", "cancelled"):
            return [], [_line(own, None, {"code": f"batch_{kind}", "message": "This request could not be executed"})]
        if kind in ("400", "429", "500"):
            body = {"error": {"message": "no", "type": "server_error" if kind == "500" else "invalid_request_error"}}
            return [], [_line(own, {"status_code": int(kind), "request_id": "r", "body": body}, None)]
        if kind == "missing":
            return [], []
        self.paid[call["body"]["messages"][-1]["content"]] += 1
        answer = completion(call["body"], "length" if kind == "length" else "stop", "" if kind == "empty" else None)
        line = _line(own, {"status_code": 200, "request_id": "r", "body": answer}, None)
        if kind == "garbage":
            return [line[: len(line) // 2]], []
        if kind == "unknown":
            return [_line("d_somebodyelse", {"status_code": 200, "body": answer}, None)], []
        return [line, line] if kind == "twice" else [line], []


def _line(custom_id: str, response: Any, error: Any) -> str:
    return json.dumps({"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": error})


def completion(body: dict[str, Any], finish: str = "stop", text: str | None = None) -> dict[str, Any]:
    """Answer one call; the text is a function of the prompt."""
    said = f"On: {body['messages'][-1]['content']}" if text is None else text
    return {
        "id": "chatcmpl-1",
        "model": body["model"],
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": said}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }


def _handler(server: BatchServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._serve("GET")

        def do_POST(self) -> None:
            self._serve("POST")

        def _serve(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = [part for part in urlsplit(self.path).path.split("/") if part][1:]
            route = f"{method} /{'/'.join('*' if n == 1 else part for n, part in enumerate(parts))}"
            if parts[:1] == ["chat"]:
                route = f"{method} /chat/completions"
            with server._lock:
                server.requests.append(route)
                number = len(server.requests)
                server.keys.add(self.headers.get("Authorization"))
                waiting = server.faults.get(route)
                fault = waiting.pop(0) if waiting else ""
            if server.dies(number, False) or fault == "lost":
                self._hang_up()
                return
            if fault in STATUSES:
                self._send(STATUSES[fault], json.dumps({"error": {"message": "no", "code": fault}}).encode())
                return
            with server._lock:
                status, answer = self._carry_out(method, route, parts, body)
            if server.dies(number, True) or fault == "cut":
                self._hang_up()
                return
            self._send(status, b"{oops" if fault == "garbage" else answer, half=fault == "half")

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.close()

        def _send(self, status: int, answer: bytes, half: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer[: len(answer) // 2] if half else answer)
            self.close_connection = True

        def _carry_out(self, method: str, route: str, parts: list[str], body: bytes) -> tuple[int, bytes]:
            found: Any = None
            match route:
                case "POST /files":
                    found = server.upload(*_posted(self.headers["Content-Type"], body))
                case "GET /files":
                    found = self._page([_file(key, *value) for key, value in server.files.items()])
                case "GET /files/*/content" if parts[1] in server.files:
                    return 200, server.files[parts[1]][1]
                case "POST /batches":
                    found = server.create(json.loads(body))
                case "GET /batches":
                    found = self._page([server.told(batch) for batch in server.batches.values()])
                case "GET /batches/*" if parts[1] in server.batches:
                    found = server.looked(server.batches[parts[1]])
                case "POST /batches/*/cancel" if parts[1] in server.batches:
                    batch = server.batches[parts[1]]
                    batch.status = "cancelling"
                    found = server.told(batch)
                case "POST /chat/completions":
                    asked = json.loads(body)
                    server.paid[asked["messages"][-1]["content"]] += 1
                    server.live += 1
                    found = completion(asked)
            if found is None:
                return 404, b'{"error": {"message": "no such thing"}}'
            return 200, json.dumps(found).encode()

        def _page(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
            """Give a page of two, the latest first, so that clients have to turn pages."""
            rows.reverse()
            after = parse_qs(urlsplit(self.path).query).get("after", [""])[0]
            start = next((n + 1 for n, row in enumerate(rows) if row["id"] == after), 0)
            page = rows[start : start + 2]
            return {"object": "list", "data": page, "has_more": start + 2 < len(rows)}

    return Handler


def _file(file_id: str, name: str, data: bytes) -> dict[str, Any]:
    return {"id": file_id, "object": "file", "filename": name, "bytes": len(data), "purpose": "batch"}


def _posted(kind: str, body: bytes) -> tuple[str, bytes]:
    """Read a multipart form: the file's name and bytes; its purpose must be `batch`."""
    form = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    fields: dict[str, Any] = {part.get_param("name", header="content-disposition"): part for part in _parts(form)}
    assert fields["purpose"].get_payload(decode=True).strip() == b"batch"
    data = fields["file"].get_payload(decode=True)
    return str(fields["file"].get_filename()), data


def _parts(form: Any) -> Iterator[Any]:
    assert form.is_multipart()
    yield from form.get_payload()
