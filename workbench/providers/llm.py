"""The models of the `llm` tool, local ones among them; an extra, since few need it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, Final

from workbench.plugins import library
from workbench.providers.base import Answer, Outcome, Request
from workbench.providers.openai.classes import outcome_of_status
from workbench.providers.texts import cleaned, one_line

DEADLINE: Final = 600.0  # seconds; a local model on a slow machine takes its time


class Llm:
    """Asks models of the `llm` tool, each call in a thread of its own; `llm` keeps its keys itself."""

    synthetic = False

    def __init__(self, model: str = "") -> None:
        """Name a model, or leave it to each request; raises MissingExtra where `llm` is not installed."""
        self._llm = library("llm", "llm")
        self._named = model
        self._turn = asyncio.Lock()
        self._alone = threading.Lock()

    async def call(self, request: Request) -> Answer:
        """Ask once, within `parameters["timeout"]` seconds (default 600). A model in this process has one caller."""
        name = self._named or request.model
        try:
            model = self._llm.get_model(name)
        except Exception as error:
            return Answer("no_model", error=one_line(f"llm has no model {name!r}: {error}"))
        is_local = not getattr(model, "needs_key", None)
        turn: AbstractAsyncContextManager[Any] = self._turn if is_local else nullcontext()
        alone: AbstractContextManager[Any] = self._alone if is_local else nullcontext()
        async with turn:
            return await self._within(request, lambda: self._ask(model, request, alone))

    def unsent(self, request: Request) -> list[str]:
        """Name the parameters that the model has no option for; raises what `llm` raises for an unknown model."""
        known = _options(self._llm.get_model(self._named or request.model))
        return [name for name in request.parameters if name not in known and name != "timeout"]

    async def _within(self, request: Request, ask: Callable[[], Answer]) -> Answer:
        wanted = request.parameters.get("timeout")
        seconds = float(wanted) if isinstance(wanted, int | float) and wanted > 0 else DEADLINE
        try:
            async with asyncio.timeout(seconds):
                return await _in_thread(ask)
        except TimeoutError:
            return Answer("timeout", error=f"no answer within {seconds:g} seconds")

    def _ask(self, model: Any, request: Request, alone: AbstractContextManager[Any]) -> Answer:
        try:
            with alone:
                response = model.prompt(**_arguments(model, request))
                text = str(response.text())
                usage = response.usage()
        except Exception as error:
            return Answer(self._outcome(error), error=one_line(f"{type(error).__name__}: {error}"))
        shown, lossy = cleaned(text)
        return Answer(
            "ok" if text.strip() else "empty",
            text.encode("utf-8", "surrogatepass") if lossy else b"",
            text=shown if text else None,
            lossy=lossy,
            tokens_in=_count(getattr(usage, "input", None)),
            tokens_out=_count(getattr(usage, "output", None)),
            answered_by=one_line(model.model_id)[:128],
        )

    def _outcome(self, error: Exception) -> Outcome:
        """Class an error by its type, or by the HTTP status that it carries."""
        if isinstance(error, getattr(self._llm, "NeedsKeyException", ())):
            return "auth"
        if isinstance(status := getattr(error, "status_code", None), int):
            return outcome_of_status(status)
        if isinstance(error, TimeoutError):
            return "timeout"
        return "reset" if isinstance(error, OSError) else "server_error"

    async def aclose(self) -> None:
        """Nothing is open; a thread that still waits for a model ends with it."""


def _arguments(model: Any, request: Request) -> dict[str, Any]:
    """Give what `Model.prompt` takes: the text, the system prompt, and the options that this model knows."""
    spoken = [m for m in request.messages if m.get("role") not in ("system", "developer")]
    system = [m.get("content", "") for m in request.messages if m not in spoken]
    known = _options(model)
    found: dict[str, Any] = {
        name: value for name, value in request.parameters.items() if name in known and value is not None
    }
    if request.schema is not None and getattr(model, "supports_schema", False):
        found["schema"] = dict(request.schema)
    found["prompt"] = spoken[0].get("content", "") if len(spoken) == 1 else _transcript(spoken)
    return found | {"system": "\n\n".join(system) or None, "stream": False}


def _options(model: Any) -> Any:
    return getattr(getattr(model, "Options", None), "model_fields", {})


def _transcript(messages: list[Any]) -> str:
    return "\n\n".join(f"{m.get('role', 'user')}: {m.get('content', '')}" for m in messages)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**9 else None


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    """Run blocking work in a daemon thread, so that a model that never ends cannot keep the program from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer) -> None:
        if not done.done():
            done.set_result(answer)

    def run() -> None:
        answer = work()
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, answer)

    threading.Thread(target=run, daemon=True, name="llm").start()
    return await done
