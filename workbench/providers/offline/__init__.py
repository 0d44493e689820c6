"""The embedded model: no network, no key, no cost, and the same answer to the same question everywhere."""

from __future__ import annotations

import asyncio
from random import Random

from workbench.ids import canonical_json, content_hash
from workbench.providers.base import Answer, Request
from workbench.providers.offline.shapes import shaped


class Offline:
    """Answers from a stock of sentences, in the form that the request's schema or parser wants."""

    synthetic = True

    async def call(self, request: Request) -> Answer:
        """Answer after `parameters["latency_ms"]`; the text follows from task, model, messages and seed alone."""
        latency = request.parameters.get("latency_ms")
        if isinstance(latency, int | float) and latency > 0:
            await asyncio.sleep(latency / 1000)
        messages = [dict(message) for message in request.messages]
        prompt = messages[-1].get("content", "") if messages else ""
        rng = Random(_seed(request, messages))
        text = shaped(request, prompt, rng)
        return Answer(
            "ok",
            text=text,
            finish_reason="stop",
            tokens_in=sum(len(message.get("content", "")) for message in messages) // 4,
            tokens_out=len(text) // 4,
            answered_by=request.model,
        )

    async def aclose(self) -> None:
        """Nothing is open."""


def _seed(request: Request, messages: list[dict[str, str]]) -> int:
    facts = [request.task, request.model, messages, request.parameters.get("seed")]
    return int(content_hash(canonical_json(facts)), 16)
