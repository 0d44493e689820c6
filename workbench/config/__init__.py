"""DeepFabric's YAML configuration: read strictly, with every error and its line, and the arithmetic of cycles."""

from workbench.config.amounts import Cycles, cycles, samples_for
from workbench.config.read import read_config
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

__all__ = [
    "CheckpointOptions",
    "Config",
    "Conversation",
    "Cycles",
    "Generation",
    "Llm",
    "Output",
    "RateLimit",
    "Topics",
    "cycles",
    "read_config",
    "samples_for",
]
