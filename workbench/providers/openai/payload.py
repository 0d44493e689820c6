"""A request as an OpenAI-compatible endpoint wants it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from workbench.providers.base import Request

PASSED: Final = (
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "top_p",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
)
# Read here or by the provider, and not sent under these names.
_READ: Final = ("timeout", "response_format", "extra_body")
_FORMATS: Final = ("json_schema", "json_object", "text")
_OURS: Final = ("model", "messages", "stream")
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def payload(request: Request) -> bytes:
    """Write the JSON body; raises ValueError or TypeError for parameters that JSON cannot hold."""
    extra = _extra(request.parameters)
    body: dict[str, Any] = {"model": request.model, "messages": [dict(m) for m in request.messages]}
    for name in PASSED:
        if (value := request.parameters.get(name)) is not None:
            body[name] = value
    if request.schema is not None and (wanted := _response_format(request)) is not None:
        body["response_format"] = wanted
    return _ENCODER.encode(extra | body).encode("utf-8", "replace")


def unsent(parameters: Mapping[str, object]) -> list[str]:
    """Name the parameters that no request carries; `extra_body` takes what only some servers know."""
    return [name for name in parameters if name not in (*PASSED, *_READ)]


def _extra(parameters: Mapping[str, object]) -> dict[str, Any]:
    """Give what a server wants beside the protocol's own fields (top_k, chat_template_kwargs …)."""
    extra = parameters.get("extra_body") or {}
    if not isinstance(extra, dict) or not extra.keys().isdisjoint(_OURS):
        raise ValueError(f"extra_body is an object without {', '.join(_OURS)}")
    return extra


def _response_format(request: Request) -> dict[str, object] | None:
    """Ask for structure as the parameter `response_format` says; some servers know no json_schema."""
    form = request.parameters.get("response_format", "json_schema")
    if form not in _FORMATS:
        raise ValueError(f"response_format is {form!r:.40}, not one of {', '.join(_FORMATS)}")
    if form == "text":
        return None
    if form == "json_object":
        return {"type": form, "schema": request.schema}
    return {"type": form, "json_schema": {"name": "answer", "strict": True, "schema": request.schema}}
