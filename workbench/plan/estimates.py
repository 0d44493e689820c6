"""Tokens and money before a call: estimates, rather too many than too few."""

from __future__ import annotations

from workbench.catalogue.models import Model

TYPICAL_PROMPT = 400  # tokens, when the record holds no call to learn from
DEFAULT_ANSWER = 1000  # tokens that an answer is taken to have when nothing says better


def price_of(model: Model, tokens_in: float, tokens_out: float) -> float | None:
    """Give the money for so many tokens; None when the model has no prices."""
    if model.price_in is None or model.price_out is None:
        return None
    return (tokens_in * model.price_in + tokens_out * model.price_out) / 1e6


def answer_tokens(model: Model) -> int:
    """Give the most tokens that an answer of a model may have, as its parameters say."""
    value = model.parameters.get("max_tokens")
    return int(value) if isinstance(value, (int, float)) and value > 0 else DEFAULT_ANSWER


def prompt_tokens(characters: int) -> int:
    """Estimate a prompt's tokens from its length: rather too many than too few."""
    return characters // 3 + 8
