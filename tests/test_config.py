"""The configuration: DeepFabric's sections, strictly; and how many samples and cycles they ask for."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config import Llm, RateLimit, cycles, read_config, samples_for
from workbench.config.amounts import checked_amount
from workbench.errors import BadConfig, BadFile, Problems, WorkbenchError

REAL = Path(__file__).parent / "data" / "deepfabric" / "tree_v4" / "config.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def complaints(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WorkbenchError) as caught:
        read_config(path)
    assert caught.value.exit_code == 2
    errors = caught.value.errors if isinstance(caught.value, Problems) else [caught.value]
    return [str(error).replace(f"{path}:", "") for error in errors]


def test_the_real_configuration_is_read_in_full() -> None:
    found = read_config(REAL)
    assert found.llm == Llm("openai", "mock-model", 0.7, None)
    assert found.topics is not None
    assert (found.topics.prompt, found.topics.mode) == ("Keeping a small vegetable garden", "tree")
    assert (found.topics.depth, found.topics.degree, found.topics.save_as) == (2, 3, "topics_tree.jsonl")
    assert found.generation.rate_limit == RateLimit(5, 1.0, 60.0, "exponential_jitter", None, None, True)
    assert (found.generation.max_retries, found.generation.sample_retries, found.generation.max_tokens) == (3, 2, 2000)
    assert found.generation.conversation.type == "basic"
    assert (found.output.num_samples, found.output.concurrency) == (40, 4)
    assert (found.output.checkpoint.interval, found.output.checkpoint.path) == (4, "./ckpt")
    assert found.output.checkpoint.retry_failed is False
    assert found.source == str(REAL)


def test_the_least_configuration_has_defaults(config: Path) -> None:
    config.write_text("output: {num_samples: 3}")
    found = read_config(config)
    assert (found.topics, found.output.include_system_message, found.output.concurrency) == (None, True, None)
    assert found.generation.conversation.type == "basic"


def test_a_sections_model_is_laid_over_the_shared_one(config: Path) -> None:
    config.write_text(
        "llm: {provider: openai, model: big, temperature: 1}\n"
        "topics: {prompt: p, llm: {model: small, temperature: 0}}\n"
        "generation: {llm: {base_url: 'http://localhost:1/v1'}}\n"
        "output: {num_samples: auto}\n"
    )
    found = read_config(config)
    assert found.topics_llm == Llm("openai", "small", 0.0, None)
    assert found.generation_llm == Llm("openai", "big", 1.0, "http://localhost:1/v1")


def test_every_documented_key_is_accepted(config: Path) -> None:
    config.write_text(
        "llm: {provider: openai, model: m, temperature: 0.5, base_url: 'http://localhost:1/v1'}\n"
        "topics: {prompt: p, mode: graph, system_prompt: s, depth: 2, degree: 3, max_concurrent: 4,"
        " max_tokens: 5, save_as: t.json, llm: {model: m}}\n"
        "generation: {system_prompt: s, instructions: i, conversation: {type: cot, reasoning_style: freetext},"
        " max_retries: 1, sample_retries: 1, max_tokens: 9, output_schema: {type: object, properties: {}}, llm: {}}\n"
        "output: {system_prompt: s, include_system_message: false, num_samples: 50%, concurrency: 7,"
        " save_as: d.jsonl, checkpoint: {interval: 1}}\n"
    )
    found = read_config(config)
    assert found.generation.output_schema == {"type": "object", "properties": {}}
    assert (found.output.num_samples, found.output.concurrency) == ("50%", 7)


def test_all_unknown_keys_are_named_with_line_and_nearest_key(config: Path) -> None:
    found = complaints(
        config,
        "lllm: {}\n"
        "topics:\n  prompt: p\n  dept: 3\n  num_samples: 3\n"
        "generation:\n  zzz: 1\n  tools: {}\n"
        "output:\n  num_samples: 4\n  batch-size: 2\n"
        "huggingface: {repository: x}\n",
    )
    assert [(line.split(":")[0], line.rsplit("; ", 1)[1]) for line in found] == [
        ("1", "did you mean 'llm'?"),
        ("4", "did you mean 'depth'?"),
        ("5", "it belongs under output"),
        ("7", found[3].rsplit("; ", 1)[1]),
        ("8", "remove it: samples with tool calls are not made here"),
        ("11", "did you mean 'batch_size'?"),
        ("12", "remove it, and use `workbench export huggingface`"),
    ]
    assert "known here: system_prompt, instructions" in found[3]


def test_a_key_in_the_file_is_refused_and_never_shown(config: Path) -> None:
    (message,) = complaints(config, "output: {num_samples: 1}\nllm: {api_key: sk-secret}\n")
    assert "keys come from the environment" in message
    assert "secret" not in message


BAD_VALUES = [
    ("llm: {temperature: '0.7'}", "llm.temperature is '0.7'"),
    ("llm: {temperature: 3}", "a number from 0 to 2"),
    ("llm: {temperature: true}", "llm.temperature is True"),
    ("llm: {model: 5}", "llm.model is 5"),
    ("llm: {model: ''}", "text that is not empty"),
    ("llm: openai", "llm is 'openai', not a section"),
    ("llm: [a]", "llm is a list, not a section"),
    ("topics: {mode: tree}", "topics.prompt is missing"),
    ("topics: {prompt: p, mode: forest}", "one of tree, graph"),
    ("topics: {prompt: p, depth: 0}", "a whole number from 1 to 10"),
    ("topics: {prompt: p, depth: 2.0}", "topics.depth is 2.0"),
    ("topics: {prompt: p, degree: '3'}", "topics.degree is '3'"),
    ("topics: {prompt: {a: b}}", "topics.prompt is a section"),
    ("topics: {prompt: p, llm: {model: 1}}", "topics.llm.model is 1"),
    ("generation: {conversation: {type: poem}}", "one of basic, cot"),
    ("generation: {output_schema: x.json}", "a JSON Schema"),
    ("generation: {rate_limit: {backoff_strategy: never}}", "one of exponential_jitter"),
    ("generation: {max_tokens: true}", "generation.max_tokens is True"),
]


@pytest.mark.parametrize(("text", "why"), BAD_VALUES)
def test_types_are_strict(text: str, why: str, config: Path) -> None:
    (message,) = complaints(config, f"output: {{num_samples: 1}}\n\n{text}\n")
    assert message.startswith("3:")
    assert why in message


BAD_OUTPUTS = [
    ("{}", "output.num_samples is missing"),
    ("{num_samples: null}", "output.num_samples is missing"),
    ("{num_samples: '40'}", "without quotes"),
    ("{num_samples: 0}", "output.num_samples is 0"),
    ("{num_samples: -1}", "output.num_samples is -1"),
    ("{num_samples: 1.5}", "output.num_samples is 1.5"),
    ("{num_samples: all}", "output.num_samples is 'all'"),
    ("{num_samples: 0%}", "output.num_samples is '0%'"),
    ("{num_samples: -5%}", "output.num_samples is '-5%'"),
    ("{num_samples: true}", "output.num_samples is True"),
    ("{num_samples: 9999999999}", "output.num_samples is 9999999999"),
    ("{num_samples: 1, include_system_message: yes}", "output.include_system_message is 'yes'"),
    ("{num_samples: 1, batch_size: 0}", "output.batch_size is 0"),
    ("{num_samples: 1, batch_size: 4, concurrency: 5}", "its other name says 4; keep one of the two"),
    ("{num_samples: 1, concurrency: 5, batch_size: 4}", "its other name says 5"),
    ("{num_samples: 1, checkpoint: {interval: 0}}", "output.checkpoint.interval is 0"),
]


@pytest.mark.parametrize(("text", "why"), BAD_OUTPUTS)
def test_bad_outputs_are_named(text: str, why: str, config: Path) -> None:
    (message,) = complaints(config, f"\noutput: {text}\n")
    assert message.startswith("2:")
    assert why in message


@pytest.mark.parametrize("text", ["", "just text", "- a\n- b", "llm: {}"])
def test_a_file_without_an_output_section_is_refused(text: str, config: Path) -> None:
    assert complaints(config, text)


@pytest.mark.parametrize(
    "text", ["a: &x 1", "output: {num_samples: 1, num_samples: 2}", "output: {", "a: !!python/none"]
)
def test_what_is_no_plain_yaml_is_refused(text: str, config: Path) -> None:
    config.write_text(text)
    with pytest.raises(BadFile):
        read_config(config)


def test_both_names_of_concurrency_may_agree(config: Path) -> None:
    config.write_text("output: {num_samples: 1, batch_size: 4, concurrency: 4}")
    assert read_config(config).output.concurrency == 4


@pytest.mark.parametrize(
    ("wanted", "unique", "samples"),
    [(40, 9, 40), (40, 0, 40), ("40", 9, 40), ("auto", 9, 9), ("50%", 9, 5), ("100%", 9, 9), ("200%", 9, 18),
     ("1%", 9, 1), ("12.5%", 8, 1), ("12.5 %", 9, 2), ("0.1%", 1000, 1), ("29%", 100, 29)],
)  # fmt: skip
def test_wanted_samples(wanted: int | str, unique: int, samples: int) -> None:
    assert samples_for(wanted, unique) == samples


@pytest.mark.parametrize("wanted", ["auto", "50%"])
def test_a_share_of_no_topics_is_an_error(wanted: str) -> None:
    with pytest.raises(BadConfig, match="of no topics"):
        samples_for(wanted, 0)


@pytest.mark.parametrize("wanted", [0, -1, 10**10, "", "%", "1e3%", "٣", "٣%", "0", "07", "half", True, 1.0, None])
def test_what_is_no_amount_is_refused(wanted: object) -> None:
    with pytest.raises(BadConfig, match="auto, or a share"):
        checked_amount(wanted)


def test_forty_samples_of_nine_topics_take_five_cycles() -> None:
    assert cycles(40, 9) == (5, 4)
    assert cycles(5000, 1875) == (3, 1250)
    assert cycles(18, 9) == (2, 9)
    assert cycles(3, 9) == (1, 3)
    assert cycles(0, 9) == cycles(0, 0) == (0, 0)
    with pytest.raises(BadConfig, match="samples of no topics"):
        cycles(1, 0)


@given(st.integers(1, 10**9), st.integers(1, 10**6))
def test_cycles_hold_exactly_the_samples(total: int, unique: int) -> None:
    needed, last = cycles(total, unique)
    assert (needed - 1) * unique + last == total
    assert 1 <= last <= unique


@given(st.integers(1, 1000), st.integers(1, 10**5))
def test_a_share_is_rounded_up_exactly(percent: int, unique: int) -> None:
    assert samples_for(f"{percent}%", unique) == -(-percent * unique // 100) == ceil(percent * unique / 100)


LLM = "llm: {provider: offline, model: x}\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("\noutput:\n  num_samples: 3\n", 2, "names no model"),
        ("output: {num_samples: 3}\ngeneration:\n  llm:\n    model: x\n", 3, "names no model"),
        ("output: {num_samples: 3}\nllm:\n  model: x\n", 2, "names no model"),
        ("output: {num_samples: 3}\nllm:\n  model: x\n  provider: 'http://x'\n", 2, "is an address"),
        (LLM + "output:\n  num_samples: 50%\n", 3, "no topics"),
        (LLM + "output:\n  num_samples: 2\n  save_as: ../x.jsonl\n", 4, "outside"),
        (LLM + "topics:\n  prompt: p\n  save_as: /x.jsonl\noutput: {num_samples: 2}\n", 4, "outside"),
        (LLM + "generation:\n  output_schema: {type: 5}\noutput: {num_samples: 2}\n", 3, "schema is wrong"),
        (LLM + "output:\n  num_samples: 2 # \x01\n", 3, "0x0001"),
    ],
)
def test_what_would_fail_later_is_said_with_its_line(tmp_path, run, text, line, says) -> None:
    """`run` makes nothing and calls nobody; `validate` says the same."""
    config, project = tmp_path / "c.yaml", tmp_path / "p.db"
    config.write_text(text, encoding="utf-8")
    for words in (("run", config), ("validate", config)):
        ran = run(*words, "-p", project)
        assert ran.code == 2 and f"c.yaml:{line}: " in ran.err and says in ran.err
    assert not project.exists()
