"""The models of the `llm` tool, met through a stand-in with the interface that its documentation describes."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from types import ModuleType, SimpleNamespace

import pytest

from workbench.errors import MissingExtra
from workbench.providers import Request, provider_for


class NeedsKeyException(Exception):
    """What the tool raises where it has no key."""


class _Response:
    def __init__(self, text: str) -> None:
        self._text = text

    def text(self) -> str:
        return self._text

    def usage(self) -> SimpleNamespace:
        return SimpleNamespace(input=12, output=True, details=None)


class _Model:
    model_id = "tiny"
    needs_key: str | None = None
    supports_schema = True
    Options = SimpleNamespace(model_fields={"temperature": 1, "seed": 1})

    def __init__(self, act) -> None:
        self._act = act
        self.asked: list[dict] = []
        self.together = self.most = 0

    def prompt(self, **arguments) -> _Response:
        self.asked.append(arguments)
        self.together += 1
        self.most = max(self.most, self.together)
        try:
            return _Response(self._act())
        finally:
            self.together -= 1


@pytest.fixture
def tool(monkeypatch):
    """Put a stand-in for the `llm` package with one model in place; give a function that makes that model."""

    def install(act=lambda: "yes") -> _Model:
        model = _Model(act)

        def get_model(name: str) -> _Model:
            if name != "tiny":
                raise KeyError(f"Unknown model: {name}")
            return model

        module = ModuleType("llm")
        module.get_model, module.NeedsKeyException = get_model, NeedsKeyException
        monkeypatch.setitem(sys.modules, "llm", module)
        return model

    return install


def request(**rest) -> Request:
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"})
    return Request("d_1", "tiny", messages, **rest)


def test_a_missing_extra_is_one_line(monkeypatch):
    """Without the tool the message is the command that installs it."""
    monkeypatch.setitem(sys.modules, "llm", None)
    with pytest.raises(MissingExtra, match=r"pip install 'generation-workbench\[llm\]'"):
        provider_for("llm:tiny")


@pytest.mark.parametrize("alias", ["llm", "llm:tiny"])
def test_it_is_asked_with_what_it_knows(tool, alias):
    """System and user text, the options that the model has, and the schema where it takes one."""
    model = tool()
    schema = {"type": "object"}
    parameters = {"temperature": 0.5, "max_tokens": 9, "timeout": 5}
    answer = asyncio.run(provider_for(alias).call(request(parameters=parameters, schema=schema)))
    assert (answer.outcome, answer.text, answer.answered_by) == ("ok", "yes", "tiny")
    assert (answer.tokens_in, answer.tokens_out) == (12, None)
    assert model.asked == [
        {"temperature": 0.5, "schema": schema, "prompt": "Why?", "system": "Be brief.", "stream": False}
    ]
    assert not provider_for(alias).synthetic


def _raise(error: Exception):
    raise error


class _Status(Exception):
    status_code = 429


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        (lambda: "", "empty"),
        (lambda: _raise(NeedsKeyException("no key")), "auth"),
        (lambda: _raise(_Status("slow down")), "rate_limited"),
        (lambda: _raise(ConnectionResetError()), "reset"),
        (lambda: _raise(RuntimeError("odd")), "server_error"),
    ],
)
def test_its_errors_are_outcomes(tool, act, outcome):
    """Whatever a model raises, the call ends in an answer, classed by type and status."""
    tool(act)
    assert asyncio.run(provider_for("llm").call(request())).outcome == outcome


def test_an_unknown_model_stops(tool):
    """A model that the tool does not have is lasting."""
    tool()
    answer = asyncio.run(provider_for("llm:huge").call(request()))
    assert (answer.outcome, answer.verdict) == ("no_model", "stop")


def test_text_that_cannot_be_stored_is_cleaned_and_kept_as_it_came(tool):
    """The body holds what the cleaned text lost."""
    tool(lambda: "a\0b")
    answer = asyncio.run(provider_for("llm").call(request()))
    assert (answer.text, answer.lossy, answer.body) == ("a\N{REPLACEMENT CHARACTER}b", True, b"a\0b")


def test_a_model_that_never_ends_is_left_behind(tool):
    """The deadline holds although the thread cannot be stopped."""
    release = threading.Event()
    tool(lambda: str(release.wait(20)))
    begun = time.monotonic()
    answer = asyncio.run(provider_for("llm").call(request(parameters={"timeout": 0.2})))
    release.set()
    assert answer.outcome == "timeout" and time.monotonic() - begun < 5


@pytest.mark.parametrize(("needs_key", "most"), [(None, 1), ("openai", 4)])
def test_a_model_in_this_process_has_one_caller(tool, needs_key, most):
    """Local models take one call at a time; remote ones as many as there are."""
    model = tool(lambda: time.sleep(0.1) or "yes")
    model.needs_key = needs_key

    async def main() -> None:
        provider = provider_for("llm")
        await asyncio.gather(*(provider.call(request()) for _ in range(4)))
        await provider.aclose()

    asyncio.run(main())
    assert model.most == most
