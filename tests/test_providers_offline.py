"""The embedded model: always the same, always in the form that was asked for."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from workbench.parse import parse
from workbench.providers import Request, provider_for

TREE = "Topic: Keeping a garden > Soil care\nPropose 5 subtopics."


def answered(prompt: str = TREE, schema=None, task: str = "d_1", parameters=None, **hints):
    request = Request(task, "small", ({"role": "user", "content": prompt},), parameters or {}, schema, hints)
    return asyncio.run(provider_for("offline").call(request))


@settings(deadline=None)
@given(st.text(), st.text(max_size=300), st.sampled_from(["", "chat", "score", "essay_block"]))
def test_the_same_question_has_the_same_answer(task, prompt, parser):
    """Text follows from the request, in every process and on every machine."""
    first, second = (answered(prompt, task=task, parser=parser) for _ in range(2))
    assert first == second
    assert first.text.strip() and first.outcome == "ok" and not first.lossy
    first.text.encode()


def test_the_answer_is_pinned():
    """A change of the stock changes every demo and digest: do it knowingly."""
    assert answered("Topic: Bees").text.startswith("With some care, work on bees rests on a modest plan.")


def test_task_model_messages_and_seed_make_the_difference():
    """Replicates differ; the number of the attempt does not matter."""
    base = Request("d_1", "small", ({"role": "user", "content": TREE},))
    provider = provider_for("offline")
    others = [
        Request("d_2", "small", base.messages),
        Request("d_1", "large", base.messages),
        Request("d_1", "small", ({"role": "user", "content": TREE + "!"},)),
        Request("d_1", "small", base.messages, {"seed": 2}),
    ]
    texts = {asyncio.run(provider.call(request)).text for request in [base, *others]}
    assert len(texts) == 5
    again = Request("d_1", "small", base.messages, {"temperature": 1}, attempt=3)
    assert asyncio.run(provider.call(again)).text == asyncio.run(provider.call(base)).text


def test_it_speaks_of_the_topic():
    """The end of a named path is what the text is about."""
    assert "soil care" in answered().text
    assert "crop rotation" in answered(topic="Crop rotation").text
    assert "tide pools" in answered('Write an essay about "tide pools" in plain words.').text


@pytest.mark.parametrize(
    "parser",
    [
        *("", "text", "chat", "qa", "instruction", "json", "subtopics", "subtopics_graph"),
        *("essay_block", "essay_block_lenient", "essay_idea_last", "in_last_line", "score"),
    ],
)
@pytest.mark.parametrize("lines", [0, 3, 40])
def test_every_parser_reads_its_answer(parser, lines):
    """The form of the answer is the one that the template's parser wants, with enough lines."""
    text = answered(parser=parser, minimum_lines=lines).text
    wordy = parser not in ("chat", "qa", "instruction", "json", "subtopics", "subtopics_graph")
    assert parse(parser, text, minimum_lines=lines if wordy else 0).outcome == "ok"


@settings(deadline=None)
@given(
    st.sampled_from([(0.0, 9.0), (1.0, 5.0), (0.0, 10.0), (0.0, 1.0), (0.0, 100.0), (-2.0, 2.0)]),
    st.text(min_size=1, max_size=8),
)
def test_a_score_lies_on_the_scale(scale, task):
    """Evaluations end in a score within the template's scale."""
    text = answered("Judge this essay.", task=task, stage="evaluation", scale=scale).text
    found = float(text.rpartition("SCORE: ")[2])
    assert scale[0] <= found <= scale[1]


def test_scores_are_spread():
    """A hundred essays do not all get the same mark."""
    marks = [answered("Judge.", task=f"v_{n}", parser="score").text.rpartition(" ")[2] for n in range(100)]
    assert len(set(marks)) >= 6


def test_subtopics_are_different_and_as_many_as_asked():
    """By the prompt's words or the hint, without repetition, and not longer with every level."""
    assert len(json.loads(answered(parser="subtopics").text)["subtopics"]) == 5
    title, lengths = "Keeping a small vegetable garden", []
    for _ in range(8):
        found = json.loads(answered(parser="subtopics", topic=title, degree=60).text)["subtopics"]
        assert len(set(found)) == 60
        title = found[0]
        lengths.append(len(title))
    assert max(lengths) < 120


def test_subtopics_by_schema():
    """The schema of a topic expansion gives titles, not prose."""
    schema = {
        "type": "object",
        "properties": {"subtopics": {"type": "array", "items": {"type": "string"}, "minItems": 4, "maxItems": 4}},
        "required": ["subtopics"],
        "additionalProperties": False,
    }
    found = json.loads(answered(schema=schema).text)["subtopics"]
    assert len(set(found)) == 4 and all("Soil care" in title for title in found)


LEAVES = st.one_of(
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more}, *[st.integers(0, 90)] * 2
    ),
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        st.integers(-9, 9),
        st.integers(0, 9),
    ),
    st.builds(
        lambda low, more: {"type": "number", "minimum": low, "maximum": low + more},
        st.integers(-9, 9),
        st.integers(1, 9),
    ),
    st.builds(lambda high: {"type": "number", "maximum": high}, st.integers(-50, 50)),
    st.builds(lambda low: {"type": "integer", "exclusiveMinimum": low, "multipleOf": 3}, st.integers(-50, 50)),
    st.builds(lambda values: {"enum": values}, st.lists(st.none() | st.booleans() | st.text(max_size=5), min_size=1)),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"const": [1, {"a": None}]}]),
    st.sampled_from([{"type": "string", "pattern": "^[a-z]+$"}, {"type": "string", "format": "date"}, {}]),
    st.just({"$ref": "#/$defs/node"}),
)


def _object(properties, required, closed):
    names = [name for name, wanted in zip(properties, required, strict=False) if wanted]
    made = {"type": "object", "properties": properties, "required": names}
    return made | ({"additionalProperties": False} if closed else {})


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            _object,
            st.dictionaries(st.sampled_from(["title", "question", "tags", "n", "topic", "text"]), inner, max_size=4),
            st.lists(st.booleans(), min_size=4, max_size=4),
            st.booleans(),
        ),
        st.builds(
            lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
            inner,
            st.integers(0, 4),
            st.integers(0, 3),
        ),
        st.builds(lambda first, second: {"anyOf": [first, second]}, inner, inner),
    ),
    max_leaves=8,
)
NODE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "inner": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["name"],
}


@settings(deadline=None, max_examples=300)
@given(SCHEMAS, st.integers(0, 10_000))
def test_every_instance_fits_its_schema(schema, number):
    """Types, bounds, enumerations, requirements and references are kept."""
    schema = {**schema, "$defs": {"node": NODE}}
    made = json.loads(answered(schema=schema, task=f"d_{number}").text)
    Draft202012Validator(schema).validate(made)


def test_unique_items_are_unique():
    """A list that must be unique is."""
    schema = {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": 9},
        "minItems": 5,
        "uniqueItems": True,
    }
    made = json.loads(answered(schema=schema).text)
    assert len(set(made)) == len(made) >= 5


def test_it_can_be_slow():
    """`latency_ms` makes it wait, for trying out concurrency."""
    begun = time.perf_counter()
    answered(parameters={"latency_ms": 60})
    assert time.perf_counter() - begun >= 0.055


def test_it_counts_tokens_and_is_marked():
    """Plans can be checked against it; every row says that no model wrote it."""
    answer = answered()
    assert answer.tokens_in > 0 and answer.tokens_out > 0
    assert answer.answered_by == "small" and answer.finish_reason == "stop"
    assert provider_for("offline").synthetic


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": r"^([0-9-]+)+x$"},
        {"type": "string", "pattern": r"^\p{L}+$"},
        {"type": "array", "items": {"type": "string"}, "minItems": 10**9},
        {"type": "array", "minItems": 9000, "items": {"type": "array", "minItems": 9000, "items": {"type": "null"}}},
        {"type": "array", "minItems": 10**9, "items": {"const": 1}, "uniqueItems": True},
        {"type": "object", "minProperties": 10**9},
        {"type": "string", "minLength": 10**9},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    ],
)
def test_a_hostile_schema_gets_some_answer(schema):
    """Whether it fits is for the parser to say: neither time nor memory is the schema's to command."""
    start = time.process_time()
    assert json.loads(answered(schema=schema).text) is not None
    assert time.process_time() - start < 10
