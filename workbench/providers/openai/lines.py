"""The lines of batch files: a call as it is handed over, and what came of it. Pure, and never raises on what comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from workbench.providers.base import Answer, Outcome, Request
from workbench.providers.key import Key
from workbench.providers.openai.classes import outcome_of_error
from workbench.providers.openai.judge import Garbage, judge, parsed_object
from workbench.providers.openai.payload import payload
from workbench.providers.openai.reply import Reply
from workbench.providers.texts import cleaned, one_line

ENDPOINT: Final = "/v1/chat/completions"  # what batch files name, whatever address they are sent to
_LONGEST_ID: Final = 256


def request_line(custom_id: str, request: Request) -> bytes:
    """Write one call as a line, without its end; raises ValueError or TypeError for what JSON cannot hold."""
    head = json.dumps({"custom_id": custom_id, "method": "POST", "url": ENDPOINT})
    return head[:-1].encode() + b', "body": ' + payload(request) + b"}"


def result_line(line: bytes, key: Key | None) -> tuple[str | None, Answer]:
    """Read one line of an output or error file: whose it is, where it says so, and its answer, judged.

    The answer's body is the line as it came. The key is masked everywhere.
    """
    body = key.redact_bytes(line) if key else line
    try:
        found = parsed_object(body)
    except Garbage as error:
        return None, Answer("garbage", body, error=one_line(error))
    custom_id = found.get("custom_id")
    return _known(custom_id), replace(_answer(found), body=body)


def _known(custom_id: object) -> str | None:
    """Give an ID that can be one of ours: short enough, and a text that SQLite can be asked for."""
    is_ours = isinstance(custom_id, str) and len(custom_id) <= _LONGEST_ID and not cleaned(custom_id)[1]
    return str(custom_id) if is_ours else None


def _answer(found: Mapping[str, Any]) -> Answer:
    response = found.get("response")
    status = response.get("status_code") if isinstance(response, dict) else None
    if isinstance(response, dict) and isinstance(status, int) and 100 <= status <= 999:
        return judge(Reply(status, body=_bytes(response.get("body"))), None, 0.0)
    error = found.get("error")
    if isinstance(error, dict) and error:
        code = error.get("code") or error.get("type") or ""
        return Answer(_without_answer(error), error=one_line(f"{code}: {error.get('message') or 'no message'}"))
    return Answer("garbage", error="the line has neither a response nor an error")


def _bytes(body: Any) -> bytes:
    """Give a response's body, which is an object that was parsed with its line, as the bytes that it was."""
    return body.encode("utf-8", "replace") if isinstance(body, str) else json.dumps(body).encode()


def _without_answer(error: Mapping[str, Any]) -> Outcome:
    """Class an error of a line that was never answered; codes that nobody knows are taken to pass."""
    outcome = outcome_of_error(400, error)
    return "server_error" if outcome == "bad_request" else outcome
