"""From bytes to an answer: whatever the bytes are, there is an outcome and nothing is raised."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import KeyNotBound
from workbench.providers import OUTCOMES, verdict_of
from workbench.providers.key import Key
from workbench.providers.openai.classes import outcome_of_error, outcome_of_status
from workbench.providers.openai.judge import judge
from workbench.providers.openai.reply import Reply
from workbench.providers.openai.waiting import LONGEST, retry_after
from workbench.providers.texts import cleaned, one_line

KEY = Key("TEST_KEY", "sk-abc/def-0123456789")
SECRET = "sk-abc/def-0123456789"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ENVELOPE = st.fixed_dictionaries(
    {},
    optional={
        "choices": ANYTHING
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "message": ANYTHING
                    | st.fixed_dictionaries({}, optional={"content": ANYTHING, "refusal": ANYTHING}),
                    "finish_reason": st.sampled_from(["stop", "length", "content_filter", None, 7]) | ANYTHING,
                    "error": ANYTHING,
                },
            ),
            max_size=2,
        ),
        "usage": ANYTHING | st.fixed_dictionaries({"prompt_tokens": ANYTHING, "completion_tokens": ANYTHING}),
        "error": ANYTHING,
        "model": ANYTHING,
    },
)


def body(content: object = "yes", **rest: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}], **rest}).encode()


def judged(data: bytes, status: int | None = 200, **headers: str):
    return judge(Reply(status, headers, data), KEY, 0.0)


def check(answer) -> None:
    assert answer.outcome in OUTCOMES
    if answer.text is not None:
        answer.text.encode()
        assert "\0" not in answer.text
    for count in (answer.tokens_in, answer.tokens_out):
        assert count is None or 0 <= count <= 10**9
    if answer.error is not None:
        assert "\n" not in answer.error and len(answer.error) <= 300
    assert answer.verdict != "done" or answer.text


@settings(deadline=None)
@given(st.binary(max_size=300), st.none() | st.integers(100, 599))
def test_any_bytes_are_judged(data, status):
    """Bytes that are no answer are an outcome too."""
    check(judged(data, status))


@settings(deadline=None)
@given(ENVELOPE | ANYTHING, st.sampled_from([200, 201, 307, 400, 404, 429, 500]))
def test_any_json_is_judged(value, status):
    """JSON of any shape is judged, with NaN and lone surrogates in it."""
    check(judged(json.dumps(value).encode(), status))


@settings(deadline=None)
@given(st.text(), st.binary(max_size=200), st.sampled_from(["reset", "timeout", "garbage"]))
def test_a_broken_exchange_keeps_what_came(error, data, failure):
    """What had arrived when the connection broke stays on record."""
    answer = judge(Reply(200, {}, data, failure, error), None, 0.0)
    assert (answer.outcome, answer.body) == (failure, data)
    check(answer)


@settings(deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_cleaned_text_can_always_be_stored(text):
    """Cleaning leaves storable text, says when it changed something, and changes nothing twice."""
    clean, lossy = cleaned(text)
    clean.encode()
    assert "\0" not in clean
    assert lossy == (clean != text)
    assert cleaned(clean) == (clean, False)
    assert "\n" not in one_line(text)


def test_a_pair_of_surrogates_is_one_character():
    """Halves that belong together are joined, not lost."""
    assert cleaned("\ud83d\ude00") == ("\U0001f600", True)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        SECRET.replace("/", "\\/"),
        "".join(f"\\u{ord(sign):04x}" for sign in SECRET),
        "".join(f"\\u{ord(sign):04X}" for sign in SECRET),
        SECRET[:5] + "\\u002d" + SECRET[6:] if SECRET[5] == "-" else "\\u0073" + SECRET[1:],
    ],
)
def test_the_key_is_masked_however_json_writes_it(written):
    """Escapes do not carry the key past the mask."""
    data = b'{"choices": [{"message": {"content": "you sent ' + written.encode() + b'"}}], "model": "x"}'
    answer = judged(data)
    assert answer.text == "you sent [key]"
    assert written.encode() not in answer.body and SECRET not in repr(answer)


def test_a_key_cannot_be_shown_or_written_down():
    """repr names the variable; pickling is refused; a key with a line break is no key."""
    assert repr(KEY) == "Key(TEST_KEY)"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
    with pytest.raises(KeyNotBound) as caught:
        Key("TEST_KEY", "sk-first-line\nsk-second-line")
    assert "sk-" not in str(caught.value)


def test_a_placeholder_is_not_masked():
    """Local servers take any word as a key; the same word in an answer stays."""
    answer = judge(Reply(200, {}, body("there is none")), Key("X", "none"), 0.0)
    assert answer.text == "there is none"


def test_words_in_a_message_class_nothing():
    """A message that speaks of quotas and networks is still judged by its status."""
    told = {"error": {"message": "insufficient_quota: network error, rate limit, invalid_api_key", "code": None}}
    assert judged(json.dumps(told).encode(), 400).outcome == "bad_request"
    assert judged(body("network error: connection reset")).outcome == "ok"


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (429, {"type": "insufficient_quota"}, "no_credit"),
        (429, {"code": "rate_limit_exceeded"}, "rate_limited"),
        (400, {"code": "context_length_exceeded"}, "too_large"),
        (404, {"code": "model_not_found"}, "no_model"),
        (404, {}, "not_found"),
        (503, {"code": "invalid_api_key"}, "busy"),
        (200, {"code": 429}, "rate_limited"),
        (200, {"code": 401}, "auth"),
        (200, {"code": "odd"}, "server_error"),
        (200, {"code": True}, "server_error"),
        (418, {"code": ["x"], "type": {}}, "bad_request"),
    ],
)
def test_codes_come_before_statuses_but_for_5xx(status, error, outcome):
    """The code is believed where it is known, the status otherwise."""
    assert outcome_of_error(status, error) == outcome


@settings(deadline=None)
@given(st.integers(100, 999))
def test_every_status_has_a_class(status):
    """Transient, per task and lasting statuses are kept apart."""
    verdict = verdict_of(outcome_of_status(status))
    if status in (408, 409, 425, 429, 529) or 500 <= status < 600:
        assert verdict == "retry"
    elif status in (400, 413, 422):
        assert verdict == "fail_task"
    elif status in (401, 402, 403, 404):
        assert verdict == "stop"


def test_parts_are_joined():
    """A list of parts is one text; what is no text is left out."""
    parts = ["a", {"type": "text", "text": "b"}, {"type": "image_url", "image_url": {}}, {"text": "c"}, 7]
    assert judged(body(parts)).text == "abc"


def test_an_error_inside_a_choice_is_an_error():
    """Gateways put the upstream's failure into the choice."""
    told = {"choices": [{"finish_reason": "error", "error": {"code": 502, "message": "upstream"}}]}
    assert judged(json.dumps(told).encode()).outcome == "server_error"


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_header_gives_a_sane_wait(seconds, milliseconds, date):
    """Headers are a stranger's text: the wait is a finite number of seconds or nothing."""
    wait = retry_after({"retry-after": seconds, "retry-after-ms": milliseconds, "date": date}, 0.0)
    assert wait is None or 0 <= wait <= LONGEST


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "9" * 300}, LONGEST),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "3"}, 3),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 0),
        ({"retry-after": "Fri, 02 May 2036 10:00:30 GMT", "date": "Fri, 02 May 2036 10:00:00 GMT"}, 30),
        ({}, None),
    ],
)
def test_waits(headers, wait):
    """Seconds, milliseconds, dates by the server's clock or ours; here it is ten seconds past 1970 began."""
    assert retry_after(headers, 10.0) == wait
