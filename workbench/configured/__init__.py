"""A configuration file carried out: topics, samples and dataset as it says, with nothing paid twice."""

from workbench.configured.recipe import Recipe
from workbench.configured.running import run_config, validate_config

__all__ = ["Recipe", "run_config", "validate_config"]
