"""The sections of a configuration as data. Nothing here is obeyed: what to do with it is for others."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from workbench.reading import Located


@dataclass(frozen=True, slots=True)
class Llm:
    """Which model to call; what is None is inherited or chosen elsewhere.

    `base_url` is what the file says: no key follows it unless the local configuration binds one to that origin.
    """

    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    base_url: str | None = None

    def over(self, base: Llm) -> Llm:
        """Give these settings, and the base's where there are none."""
        own = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}
        return replace(base, **own)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topic model to grow: a prompt, a tree or a graph of `depth` levels with `degree` subtopics each."""

    prompt: str
    mode: Literal["tree", "graph"] = "tree"
    system_prompt: str = ""
    depth: int = 2
    degree: int = 3
    max_concurrent: int = 4
    max_tokens: int | None = None
    save_as: str | None = None
    llm: Llm = field(default_factory=Llm)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The kind of sample: plain chat, or chat with reasoning of a style."""

    type: Literal["basic", "cot", "chain_of_thought"] = "basic"
    reasoning_style: Literal["freetext", "agent", "structured", "hybrid"] | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """DeepFabric's own pacing, delays in seconds; accepted, since retries have one owner here."""

    max_retries: int | None = None
    base_delay: float | None = None
    max_delay: float | None = None
    backoff_strategy: str | None = None
    exponential_base: float | None = None
    jitter: bool | None = None
    respect_retry_after: bool | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """How samples are asked for; `output_schema` is a JSON Schema."""

    system_prompt: str = ""
    instructions: str = ""
    conversation: Conversation = field(default_factory=Conversation)
    max_retries: int | None = None
    sample_retries: int | None = None
    max_tokens: int | None = None
    output_schema: dict[str, Any] | None = None
    rate_limit: RateLimit = field(default_factory=RateLimit)
    llm: Llm = field(default_factory=Llm)


@dataclass(frozen=True, slots=True)
class CheckpointOptions:
    """DeepFabric's checkpoints; `interval` is accepted and needless, every answer being durable when it arrives."""

    interval: int | None = None
    path: str | None = None
    retry_failed: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """How many samples are wanted (see `samples_for`) and what the dataset looks like."""

    num_samples: int | str
    system_prompt: str | None = None
    include_system_message: bool = True
    concurrency: int | None = None
    save_as: str | None = None
    checkpoint: CheckpointOptions = field(default_factory=CheckpointOptions)


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration file. Without a topics section samples have no topics."""

    source: str
    output: Output
    llm: Llm = field(default_factory=Llm)
    topics: Topics | None = None
    generation: Generation = field(default_factory=Generation)
    located: Located | None = field(default=None, compare=False, repr=False)

    def where(self, *places: tuple[str, ...]) -> str:
        """Give `file:line` of the first of some keys that is in the file, else where the last would stand."""
        if self.located is None:
            return self.source
        found = next((place for place in places if place in self.located.marks), places[-1])
        return self.located.where(*found)

    @property
    def topics_llm(self) -> Llm:
        """The model that grows topics: the section's settings over the shared ones."""
        return self.topics.llm.over(self.llm) if self.topics else self.llm

    @property
    def generation_llm(self) -> Llm:
        """The model that writes samples: the section's settings over the shared ones."""
        return self.generation.llm.over(self.llm)
