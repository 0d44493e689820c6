"""Any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from workbench.clock import unix
from workbench.providers.base import Answer, Request
from workbench.providers.binding import Binding
from workbench.providers.openai.judge import judge
from workbench.providers.openai.payload import payload, unsent
from workbench.providers.texts import one_line

DEADLINE: Final = 120.0  # seconds for a whole call
HERE: Final = 600.0  # the same for a server on this machine: it computes, and one call may wait for another
_LONGEST: Final = 86_400.0


class OpenAI:
    """One bound endpoint. Calls share its connections and nothing else: a slow one holds up no other."""

    synthetic = False

    def __init__(self, binding: Binding) -> None:
        """Take the key from the environment; raises KeyNotBound where its variable is not set."""
        from workbench.providers.openai.wire import Wire

        self._key = binding.key()
        self._deadline = binding.timeout or (HERE if binding.loopback else DEADLINE)
        self._versioned = binding.url.endswith("/v1")
        self._wire = Wire(f"{binding.url}/chat/completions", self._key, binding.loopback)

    def __repr__(self) -> str:
        return f"OpenAI({self._wire!r})"

    async def call(self, request: Request) -> Answer:
        """Ask once, within `parameters["timeout"]` seconds (default: the binding's, else 120; 600 on this machine)."""
        try:
            body, seconds = payload(request), self.seconds(request)
        except (ValueError, TypeError, RecursionError) as error:
            return Answer("bad_request", error=one_line(f"the parameters cannot be sent: {error}"))
        answer = judge(await self._wire.post(body, seconds), self._key, unix())
        if answer.outcome == "not_found" and not self._versioned:
            return replace(answer, error=one_line(f"{answer.error} (is the address right? most end in /v1)"))
        return answer

    def unsent(self, request: Request) -> list[str]:
        """Name the parameters that are not sent."""
        return unsent(request.parameters)

    def seconds(self, request: Request) -> float:
        """Give how long a call may take; raises ValueError for a parameter that is no time."""
        wanted = request.parameters.get("timeout")
        if wanted is None:
            return self._deadline
        if isinstance(wanted, bool) or not isinstance(wanted, int | float) or not 0 < wanted <= _LONGEST:
            raise ValueError(f"timeout is {wanted!r}, not a number of seconds")
        return float(wanted)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._wire.aclose()
