"""Parsers: what each makes of an answer, and what it never does."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadTemplate
from workbench.parse import PARSERS, check_schema, known_parser, mismatch, parse, parser_names

CHAT = '{"messages":[{"role":"user","content":"Why?"},{"role":"assistant","content":"Because."}]}'
SIMPLE = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize("name", ["", "identity", "text"])
def test_text_is_kept_to_the_letter(name: str) -> None:
    """The answer as it is, blanks and all; a blank one is empty."""
    assert parse(name, " a\n\n").text == " a\n\n"
    assert parse(name, " \n").outcome == "empty"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("x <essay>one</essay> <essay>two</essay>", "one"),
        ("<ESSAY>\n one \n</Essay>", "one"),
        ("<essay title='x'>one", "one"),
        ("<essay-idea>no</essay-idea><essay>yes</essay>", "yes"),
        ("no block", None),
        ("<essay> </essay>", None),
    ],
)
def test_essay_block_is_the_first_one_in_any_case_with_an_open_end(raw: str, text: str | None) -> None:
    """Only the first block counts; without one, or with an empty one, there is no text."""
    assert parse("essay_block", raw).text == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<thinking>a <essay>no</essay></thinking><essay>yes</essay>", "yes"),
        ("<thinking>a</thinking> the rest <THINKING>b</THINKING>", "the rest"),
        ("plain", "plain"),
        ("<thinking>never closed", "<thinking>never closed"),
        ("<thinking>all</thinking>", None),
    ],
)
def test_essay_block_lenient_drops_thinking_and_takes_the_rest(raw: str, text: str | None) -> None:
    """What was only thought is no essay; without a block the whole rest is."""
    assert parse("essay_block_lenient", raw).text == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('<essay-idea stage="2">two</essay-idea><essay-idea stage="10">ten</essay-idea>', "ten"),
        ('<essay-idea stage="3">c</essay-idea><essay-idea stage="1">a</essay-idea>', "c"),
        ('<essay-idea stage="1">a</essay-idea><essay-idea stage="1">b</essay-idea>', "b"),
        ("<essay-idea>a</essay-idea><Essay-Idea>b</Essay-Idea>", "b"),
        ('<essay-idea stage="1">a</essay-idea><essay-idea stage="2">cut', "a"),
        ('<essay-idea stage="2">lost<essay-idea stage="1">a</essay-idea>', "a"),
        ("<essay>x</essay>", None),
    ],
)
def test_essay_idea_last_is_the_highest_numbered_closed_block(raw: str, text: str | None) -> None:
    """The number decides, not the place; the last one among equals."""
    assert parse("essay_idea_last", raw).text == text


@pytest.mark.parametrize(
    ("raw", "score"),
    [
        ("words\nSCORE: 7.5", 7.5),
        ("words\n**SCORE: 8**\n\n", 8),
        ("## Score: 3\nSCORE: 4", 3),
        ("SCORE: 1\na\nb\nc", None),
        ("7 8 6", 7),
        ("SCORE: 7, 8, 9", 8),
        ("Total Score: 7/10", 7),
        ("the Final Score is 6.5", 6.5),
        ("1 2 3\nSCORE: 5", 5),
        ("SCORE: 10", None),
        ("SCORE: 7 because", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_in_last_line_reads_the_origins_score_lines(raw: str, score: float | None) -> None:
    """A SCORE line of the last three first, then three digits averaged, then a final score; 0 to 9."""
    assert parse("in_last_line", raw).score == score


@pytest.mark.parametrize(
    ("raw", "score"),
    [
        ("Fine text.\nSCORE: 7", 7),
        ("**Score:** 7.5 / 9", 7.5),
        ("Score: 8/10", 7.2),
        ("Score: 70%", 6.3),
        ("SCORE (0-9): 7", 7),
        ("Score on a scale of 0-9: 7", 7),
        ("Clarity score: 3\nStyle score: 4\nFinal score: 6", 6),
        ("Final score: 6\n(style score: 2)", 6),
        ("Overall: 5/9", 5),
        ("I would give this essay a score of 7.", 7),
        ("I rate it 8 out of 10", 7.2),
        ("8/10", 7.2),
        ("All in all 50%.", 4.5),
        ("7", 7),
        ("7.", 7),
        ('{"score": 7}', 7),
        ('{"reason": "3 flaws", "score": "8/10"}', 7.2),
        ('```json\n{"score": 5, "max": 10}\n```', 4.5),
        ('{"evaluation": {"Final Score": 6}}', 6),
        ('{"score": 7,}', 7),
        ('<think>score: 1, or {"score": 2}</think>\nScore: 9', 9),
        ("Score: 7-8", None),
        ("Score: 7 or 8", None),
        ("Score: 12", None),
        ("Score: -1", None),
        ("Score: 11/10", None),
        ("Score: 120%", None),
        ("no number at all", None),
        ("it has 3 flaws", None),
        ("", None),
    ],
)
def test_score_reads_what_models_write_and_never_guesses(raw: str, score: float | None) -> None:
    """Shares are placed on the scale, plain numbers must lie on it, and what is doubtful is no score."""
    parsed = parse("score", raw, scale=(0, 9))
    assert parsed.score == (None if score is None else pytest.approx(score))
    assert parsed.ok is (score is not None)


def test_score_is_placed_on_the_scale_of_the_template() -> None:
    """The same words mean another number on another scale; a share of the scale's top is its number."""
    assert parse("score", "Score: 8/10", scale=(1, 10)).score == 8
    assert parse("score", "70%", scale=(1, 11)).score == 8
    assert parse("score", "Score: -2", scale=(-5, 5)).score == -2
    assert parse("score", "Score: 8").scale == (0, 9)


@pytest.mark.parametrize(
    ("raw", "text", "outcome"),
    [
        ('{"a": 1}', '{"a":1}', "ok"),
        ('Here: {smile} and {"a": 1} as [1] asked', '{"a":1}', "ok"),
        ('```json\n{\n "a": 1}\n```', '{"a":1}', "ok"),
        ('<think>{"a": 5}</think>{"a": 1}', '{"a":1}', "ok"),
        ('{"a": "x"}', None, "schema_mismatch"),
        ('{"a": 1, "b": 2}', None, "schema_mismatch"),
        ('{"a": 1, "a": 2}', None, "bad_json"),
        ('{"a": NaN}', None, "bad_json"),
        ('{"a": 1e999}', None, "bad_json"),
        ('{"a": {"b": 1} "c": {"a": 1}}', None, "bad_json"),
        ('{"a": 1', None, "bad_json"),
        ("[" * 100_000, None, "bad_json"),
        ("no json", None, "bad_json"),
        ("", None, "empty"),
    ],
)
def test_json_is_strict_and_fits_its_schema(raw: str, text: str | None, outcome: str) -> None:
    """The largest value in the answer, canonical; a broken one is never replaced by a piece of itself."""
    parsed = parse("json", raw, schema=SIMPLE)
    assert (parsed.text, parsed.outcome) == (text, outcome)


def test_json_without_a_schema_may_be_any_value() -> None:
    """A list or a number is JSON too."""
    assert parse("json", "[1, 2]").text == "[1,2]"
    assert parse("json", "7").text == "7"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"$ref": "https://example.org/schema.json"},
        {"$ref": "#/$defs/none"},
        {"pattern": "(?=x)"},
        {"properties": {"a": {"patternProperties": {"(a+)+$": {}}}}},
        {"$dynamicRef": "#x"},
        {"required": "a"},
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_its_place(schema: dict[str, object]) -> None:
    """No schema may fetch anything or take unbounded time."""
    with pytest.raises(BadTemplate, match=r"x\.j2"):
        check_schema(schema, "x.j2")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "type": "array"}, "[" * 60 + "1" + "]" * 60),
        ({"items": {"pattern": "^(a+)+$"}}, json.dumps(["a" * 60 + "!"])),
        ({"uniqueItems": True}, json.dumps([n if n % 2 else str(n) for n in range(40_000)] + [1])),
        ({"$ref": "#"}, "1"),
        ({"multipleOf": 0.1}, "1" + "0" * 399),
    ],
)
def test_hostile_schemas_and_answers_are_judged_in_bounded_time(schema: dict[str, object], value: str) -> None:
    """Exponential references, patterns and comparisons end in a mismatch."""
    start = time.process_time()
    assert parse("json", value, schema=schema).outcome == "schema_mismatch"
    assert time.process_time() - start < 3


def test_a_schema_may_refer_to_its_own_parts() -> None:
    """Definitions work as pydantic writes them, escaped names too."""
    schema = {"$defs": {"A/b": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/A~1b"}}}
    assert mismatch({"x": 1}, schema) == ""
    assert "$.x" in mismatch({"x": "1"}, schema)


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (CHAT, "ok"),
        (f"Sure!\n```json\n{CHAT}\n```\nDone.", "ok"),
        (CHAT[len('{"messages":') : -1], "ok"),
        (CHAT[:-1] + ',"question":"Why?","final_answer":null,"reasoning":{"style":"steps","content":"…"}}', "ok"),
        (CHAT.replace("user", "human"), "bad_chat"),
        (CHAT.replace("Because.", " "), "bad_chat"),
        (CHAT.replace("assistant", "user"), "bad_chat"),
        (CHAT[:-1] + ',"question":5}', "bad_chat"),
        (CHAT[:-1] + ',"reasoning":"hm"}', "bad_chat"),
        (CHAT[:-1] + ',"reasoning":{"style":"x"}}', "bad_chat"),
        (CHAT[:-2] + ',{"role":"system","content":"x"}]}', "bad_chat"),
        ('{"messages":[]}', "bad_chat"),
        ('{"message":"x"}', "bad_chat"),
        ("words", "bad_json"),
    ],
)
def test_chat_checks_messages_and_roles(raw: str, outcome: str) -> None:
    """A sample has a user, an assistant, and text in every message."""
    parsed = parse("chat", raw)
    assert parsed.outcome == outcome
    if parsed.text is not None:
        assert json.loads(parsed.text)["messages"][1] == {"role": "assistant", "content": "Because."}


def test_pairs_are_canonical_json() -> None:
    """Question and answer, instruction and output; a missing input is empty."""
    assert parse("qa", '{"question": "a", "answer": "b"}').text == '{"answer":"b","question":"a"}'
    assert parse("qa", '{"question": "a", "answer": 3}').outcome == "bad_qa"
    pair = parse("instruction", '{"output": "o", "instruction": "i"}')
    assert pair.text == '{"input":"","instruction":"i","output":"o"}'
    assert parse("instruction", '{"instruction": "i", "input": 1, "output": "o"}').outcome == "bad_instruction"


@pytest.mark.parametrize(
    "raw",
    [
        '{"subtopics": ["Soil", "Water"]}',
        '["Soil", " Water "]',
        '{"subtopics": [{"topic": "Soil"}, {"title": "Water"}]}',
        "Sure:\n1. Soil\n2) **Water**: how much\n3. soil",
        "- Soil\n* Water\n\nThat is all.",
        "• “Soil”\n• Water",
    ],
)
def test_subtopics_come_as_json_or_as_a_list(raw: str) -> None:
    """Titles are trimmed and stand once."""
    assert parse("subtopics", raw).text == '{"subtopics":["Soil","Water"]}'


@pytest.mark.parametrize(
    "raw", ["", "I cannot help.", "{}", '{"subtopics": []}', '{"subtopics": [7]}', '["' + "x" * 501 + '"]']
)
def test_subtopics_without_titles_fail(raw: str) -> None:
    """Prose is no list of topics."""
    assert not parse("subtopics", raw).ok


def test_subtopics_of_a_graph_carry_their_connections() -> None:
    """Node IDs become text; a topic named twice is one with the links of both."""
    links = '{"topic": "A", "connections": [1, "2"]}, {"topic": "a", "connections": [2, 3]}, {"topic": "B"}'
    raw = f'{{"subtopics": [{links}]}}'
    assert json.loads(parse("subtopics_graph", raw).text or "") == {
        "subtopics": [{"topic": "A", "connections": ["1", "2", "3"]}, {"topic": "B", "connections": []}]
    }
    assert parse("subtopics_graph", '{"subtopics": [{"topic": "A", "connections": [true]}]}').outcome == "no_subtopics"


def test_links_by_the_hundred_thousand_are_read_at_once() -> None:
    """A topic named again with other links costs its links, not a search through those that it has."""
    twice = [{"topic": "A", "connections": list(range(first, first + 100_000))} for first in (0, 100_000)]
    start = time.process_time()
    found = json.loads(parse("subtopics_graph", json.dumps({"subtopics": twice})).text or "")
    assert time.process_time() - start < 5
    assert len(found["subtopics"][0]["connections"]) == 200_000


def test_what_the_template_asks_comes_before_the_parser() -> None:
    """A cut answer and one that is too short fail whatever they hold."""
    assert parse("text", "x", truncated=True).outcome == "truncated"
    assert parse("text", "a\n\nb\n", minimum_lines=3).outcome == "too_few_lines"
    assert parse("text", "a\n\nb\n", minimum_lines=2).ok


def test_an_unknown_parser_is_named_with_its_neighbours() -> None:
    """The message says which parser was meant."""
    assert known_parser("score") == "score"
    with pytest.raises(BadTemplate, match="essay_block"):
        known_parser("esay_block")
    with pytest.raises(BadTemplate):
        parse("nothing", "x")


@given(st.sampled_from(sorted(PARSERS)), st.text() | st.from_regex(r'[\[{"}\]:,a1\\ <>/*#%.-]{0,40}'))
def test_no_answer_raises_and_every_text_can_be_stored(name: str, raw: str) -> None:
    """Whatever a model writes is a Parsed: a text in UTF-8, or a reason."""
    parsed = parse(name, raw, schema=SIMPLE, scale=(1, 5))
    assert parsed.ok is (parsed.text is not None)
    assert parsed.ok or (parsed.detail and "\n" not in parsed.detail)
    (parsed.text or "").encode()


@given(
    st.sampled_from(["score", "in_last_line"]),
    st.text(alphabet='score: SCORE0123456789./%-\nofut*{}"', max_size=60),
    st.tuples(st.integers(-10, 10), st.integers(1, 100)),
)
def test_a_score_lies_within_its_scale_or_is_none(name: str, raw: str, scale: tuple[int, int]) -> None:
    """No rounding, share or sign leads out of the scale."""
    low, high = scale[0], scale[0] + scale[1]
    parsed = parse(name, raw, scale=(low, high))
    assert (parsed.score is None) is (not parsed.ok)
    assert parsed.score is None or low <= parsed.score <= high


@given(st.integers(0, 90))
def test_a_plain_score_is_read_as_it_stands(tenths: int) -> None:
    """Both parsers give back the number of a SCORE line."""
    value = tenths / 10
    assert parse("score", f"words\nSCORE: {value}").score == parse("in_last_line", f"SCORE: {value}").score == value


@pytest.mark.parametrize("piece", ["<", "{", "[", '{"a":', "<essay>", '<essay-idea stage="1">', "score: ", "[1]", "\n"])
def test_four_mebibytes_of_hostile_text_are_read_at_once(piece: str) -> None:
    """Every parser is linear in the length of the answer."""
    raw = piece * (4 * 2**20 // len(piece))
    for name in parser_names():
        start = time.process_time()
        parse(name, raw, scale=(0, 9))
        assert time.process_time() - start < 2, name


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('{"a": "</think> 1"}', '{"a":"</think> 1"}'),
        ('<think>so</think>{"a": "<think>b</think> 1"}', '{"a":"<think>b</think> 1"}'),
        ('<think>{"a": 5}</think> {"a": 1}', '{"a":1}'),
        ('```json\n{"a": ["</think>"]}\n```', '{"a":["</think>"]}'),
        ("</think>" * 30 + '{"a": 1}', '{"a":1}'),
        ('{"a": "</think>" and {"b": 1}', '{"b":1}'),
    ],
)
def test_a_thought_ends_before_the_answer_and_not_within_it(raw: str, text: str) -> None:
    """A </think> in the texts of an answer that is JSON as a whole is part of it; elsewhere thoughts are dropped."""
    assert parse("json", raw).text == text
