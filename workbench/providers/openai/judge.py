"""From bytes to an Answer. Pure; whatever the bytes are, it gives an outcome and never raises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from workbench.providers.base import Answer, Outcome
from workbench.providers.key import Key
from workbench.providers.openai.classes import outcome_of_error, outcome_of_status
from workbench.providers.openai.reply import Reply
from workbench.providers.openai.waiting import retry_after
from workbench.providers.texts import cleaned, one_line
from workbench.reading.strict_json import unique_keys

_BOM: Final = b"\xef\xbb\xbf"
_MOST_TOKENS: Final = 10**9
_TEXT_PARTS: Final = ("text", "output_text", None)


class Garbage(Exception):
    """The body is no answer of this protocol."""


def judge(reply: Reply, key: Key | None, now: float) -> Answer:
    """Judge what came back; `now` is Unix time, for Retry-After as a date. The key is masked everywhere."""
    body = key.redact_bytes(reply.body) if key else reply.body
    try:
        answer = _judged(reply, body, now)
    except Garbage as error:
        answer = Answer("garbage", body, http_status=reply.status, error=one_line(error))
    return _redacted(answer, key) if key else answer


def _judged(reply: Reply, body: bytes, now: float) -> Answer:
    status = reply.status
    if status is not None and not 200 <= status < 300:
        return _refusal(reply, status, body, now)
    if reply.failure is not None or status is None:
        return Answer(reply.failure or "garbage", body, http_status=status, error=one_line(reply.error))
    found = parsed_object(body)
    if found.get("error") and not found.get("choices"):
        return _error(status, found["error"], body)
    return _completion(found, body, status)


def _refusal(reply: Reply, status: int, body: bytes, now: float) -> Answer:
    """Judge a status that is no success, with whatever came of its body."""
    wait = retry_after(reply.headers, now)
    try:
        found = parsed_object(body)
    except Garbage:
        words = one_line(_without_words(reply, status))
        return Answer(outcome_of_status(status), body, http_status=status, retry_after=wait, error=words)
    return _error(status, found.get("error", found), body, wait)


def _without_words(reply: Reply, status: int) -> str:
    if where := reply.headers.get("location"):
        return f"HTTP {status}: a redirect to {where}, which is not followed"
    return f"HTTP {status}, {len(reply.body):,} bytes that are no JSON"


def _error(status: int, error: Any, body: bytes, wait: float | None = None) -> Answer:
    facts: Mapping[str, Any] = error if isinstance(error, dict) else {"message": error}
    outcome = outcome_of_error(status, facts)
    code = facts.get("code") or facts.get("type") or ""
    words = one_line(f"HTTP {status} {code}: {facts.get('message') or 'no message'}")
    return Answer(outcome, body, http_status=status, retry_after=wait, error=words)


def parsed_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object: no duplicate keys, but NaN and huge numbers pass, for the text may be good; else Garbage."""
    try:
        value = _DECODER.decode(body.removeprefix(_BOM).decode("utf-8").strip())
    except RecursionError:
        raise Garbage("the JSON is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Garbage(f"byte {error.start + 1} of the answer is not UTF-8") from None
    except ValueError as error:
        raise Garbage(f"{len(body):,} bytes that are not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Garbage("the answer is JSON, but no object")
    return value


def _bounded(digits: str) -> int | None:
    return int(digits) if len(digits) <= 20 else None


_DECODER: Final = json.JSONDecoder(object_pairs_hook=unique_keys, parse_int=_bounded)


def _completion(found: Mapping[str, Any], body: bytes, status: int) -> Answer:
    usage = found.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    choice = _first_choice(found)
    if choice.get("error"):
        return _error(status, choice["error"], body)
    text, refused = _content(choice)
    finish = choice.get("finish_reason")
    shown, lossy = cleaned(text)
    return Answer(
        _outcome(text, refused, finish),
        body,
        text=shown if text else None,
        lossy=lossy,
        finish_reason=one_line(finish)[:40] if isinstance(finish, str) else None,
        tokens_in=_count(counts.get("prompt_tokens")),
        tokens_out=_count(counts.get("completion_tokens")),
        http_status=status,
        error=one_line(refused) if refused else None,
        answered_by=_name(found.get("model")),
    )


def _first_choice(found: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = found.get("choices")
    if not isinstance(choices, list):
        raise Garbage("the answer has no list of choices")
    if not choices:
        return {}
    if not isinstance(choices[0], dict):
        raise Garbage("the first choice is no object")
    return choices[0]


def _content(choice: Mapping[str, Any]) -> tuple[str, str]:
    """Give a choice's text, joined from its parts, and the refusal if there is one."""
    if not choice:
        return "", ""
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Garbage("the first choice has no message")
    refusal = message.get("refusal")
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(map(_part, content))
    if not isinstance(content, str | None):
        raise Garbage("the content is neither text nor a list of parts")
    return content or "", refusal if isinstance(refusal, str) else ""


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type") in _TEXT_PARTS and isinstance(part.get("text"), str):
        return str(part["text"])
    return ""


def _outcome(text: str, refused: str, finish: Any) -> Outcome:
    if finish == "content_filter":
        return "filtered"
    if not text.strip():
        return "refused" if refused else "empty"
    return "truncated" if finish == "length" else "ok"


def _count(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS:
        return value
    return None


def _name(value: Any) -> str | None:
    return one_line(value)[:128] if isinstance(value, str) and value else None


def _redacted(answer: Answer, key: Key) -> Answer:
    """Mask the key in every text that was read from the body."""
    texts = (answer.text, answer.error, answer.answered_by, answer.finish_reason)
    masked = [key.redact(text) if text else text for text in texts]
    if masked == list(texts):
        return answer
    text, error, answered_by, finish = masked
    return replace(answer, text=text, error=error, answered_by=answered_by, finish_reason=finish)
