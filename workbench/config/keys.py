"""The keys of a configuration: which there are, what each may hold, and what became of those that are not here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.config import checks
from workbench.config.sections import (
    CheckpointOptions,
    Config,
    Conversation,
    Generation,
    Llm,
    Output,
    RateLimit,
    Topics,
)


@dataclass(frozen=True, slots=True)
class Section:
    """A section: what it becomes, its keys with their checks or subsections, and the keys it must have."""

    becomes: Callable[..., Any]
    keys: Mapping[str, checks.Check | Section]
    required: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


_MANY: Final = 1_000_000
_LLM: Final = Section(
    Llm,
    {
        "provider": checks.filled,
        "model": checks.filled,
        "temperature": checks.number(0, 2),
        "base_url": checks.filled,
    },
)
_TOPICS: Final = Section(
    Topics,
    {
        "prompt": checks.filled,
        "mode": checks.one_of("tree", "graph"),
        "system_prompt": checks.text,
        "depth": checks.whole(1, 10),
        "degree": checks.whole(1, 50),
        "max_concurrent": checks.whole(1, 1000),
        "max_tokens": checks.whole(1, _MANY),
        "save_as": checks.filled,
        "llm": _LLM,
    },
    required=("prompt",),
)
_RATE_LIMIT: Final = Section(
    RateLimit,
    {
        "max_retries": checks.whole(0, 20),
        "base_delay": checks.number(0, 60),
        "max_delay": checks.number(0, 300),
        "backoff_strategy": checks.one_of("exponential_jitter", "exponential", "linear", "constant"),
        "exponential_base": checks.number(1, 10),
        "jitter": checks.flag,
        "respect_retry_after": checks.flag,
    },
)
_CONVERSATION: Final = Section(
    Conversation,
    {
        "type": checks.one_of("basic", "cot", "chain_of_thought"),
        "reasoning_style": checks.one_of("freetext", "agent", "structured", "hybrid"),
    },
)
_GENERATION: Final = Section(
    Generation,
    {
        "system_prompt": checks.text,
        "instructions": checks.text,
        "conversation": _CONVERSATION,
        "max_retries": checks.whole(0, 1000),
        "sample_retries": checks.whole(0, 1000),
        "max_tokens": checks.whole(1, _MANY),
        "output_schema": checks.json_schema,
        "rate_limit": _RATE_LIMIT,
        "llm": _LLM,
    },
)
_CHECKPOINT: Final = Section(
    CheckpointOptions,
    {"interval": checks.whole(1, _MANY), "path": checks.filled, "retry_failed": checks.flag},
)
_OUTPUT: Final = Section(
    Output,
    {
        "system_prompt": checks.text,
        "include_system_message": checks.flag,
        "num_samples": checks.amount,
        "batch_size": checks.whole(1, 10_000),
        "concurrency": checks.whole(1, 10_000),
        "save_as": checks.filled,
        "checkpoint": _CHECKPOINT,
    },
    required=("num_samples",),
    aliases={"batch_size": "concurrency"},
)
CONFIG: Final = Section(
    Config,
    {"llm": _LLM, "topics": _TOPICS, "generation": _GENERATION, "output": _OUTPUT},
    required=("output",),
)
_KEY: Final = "remove it: keys come from the environment, see `workbench providers add`"
# Keys that people bring and the workbench has no use for, with what to do instead.
ELSEWHERE: Final = {
    ("llm", "api_key"): _KEY,
    ("topics", "llm", "api_key"): _KEY,
    ("generation", "llm", "api_key"): _KEY,
    ("topics", "prompt_style"): "remove it: a template says how topics are asked for",
    ("generation", "tools"): "remove it: samples with tool calls are not made here",
    ("generation", "conversation", "agent_mode"): "remove it: samples with tool calls are not made here",
    ("output", "checkpoint_samples"): "remove it: every answer is kept when it arrives",
    ("output", "checkpoint_dir"): "remove it: every answer is kept when it arrives",
    ("huggingface",): "remove it, and use `workbench export huggingface`",
    ("kaggle",): "remove it, and use `workbench export`",
    ("evaluation",): "remove it, and judge with a cohort's evaluations",
}
