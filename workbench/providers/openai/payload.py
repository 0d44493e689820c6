"""A request as an OpenAI-compatible endpoint wants it."""

from __future__ import annotations

import json
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


def payload(request: Request) -> bytes:
    """Write the JSON body; raises ValueError or TypeError for parameters that JSON cannot hold."""
    body: dict[str, Any] = {"model": request.model, "messages": [dict(m) for m in request.messages]}
    for name in PASSED:
        if (value := request.parameters.get(name)) is not None:
            body[name] = value
    if request.schema is not None:
        body["response_format"] = _response_format(request)
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def _response_format(request: Request) -> dict[str, object]:
    wanted = {"name": "answer", "strict": True, "schema": request.schema}
    return {"type": "json_schema", "json_schema": wanted}
