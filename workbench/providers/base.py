"""One way to ask a model and one way to be answered, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, get_args

Verdict = Literal["done", "retry", "fail_task", "stop"]
Outcome = Literal[
    "ok",
    "truncated",
    "filtered",
    "refused",
    "empty",
    "bad_request",
    "too_large",
    "garbage",
    "timeout",
    "reset",
    "busy",
    "rate_limited",
    "server_error",
    "redirected",
    "unknown",
    "auth",
    "no_credit",
    "no_model",
    "not_found",
    "untrusted",
]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

_VERDICTS: Final[Mapping[Verdict, tuple[Outcome, ...]]] = {
    "done": ("ok", "truncated"),
    "fail_task": ("filtered", "refused", "empty", "bad_request", "too_large"),
    "stop": ("auth", "no_credit", "no_model", "not_found", "untrusted"),
}
_VERDICT_OF: Final = {outcome: verdict for verdict, found in _VERDICTS.items() for outcome in found}


def verdict_of(outcome: str) -> Verdict:
    """Say what a run does after an outcome; what is not known to be lasting is tried again."""
    return _VERDICT_OF.get(outcome, "retry")  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    `task` is the generation ID or topic key, `model` the provider's own name, `messages` hold role and content,
    `parameters` what the model's row says (temperature, max_tokens, seed, timeout in seconds …), `schema` the
    JSON Schema that the answer must fit. `hints` (parser, stage, scale, minimum_lines,
    topic, degree) are read by `offline` only.
    """

    task: str
    model: str
    messages: tuple[Mapping[str, str], ...]
    parameters: Mapping[str, object] = field(default_factory=dict)
    schema: Mapping[str, object] | None = None
    hints: Mapping[str, object] = field(default_factory=dict)
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, judged: an outcome code, the body as it came, and the text if there is one.

    `body` is bounded and holds no key; models in this process send none, so theirs is the text before cleaning
    where that differs. `text` is storable (no NUL, no lone surrogate), `lossy` says that cleaning changed it.
    Token counts are sane integers or None, `retry_after` is in seconds, `error` is one line without keys.
    """

    outcome: Outcome
    body: bytes = b""
    text: str | None = None
    lossy: bool = False
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    http_status: int | None = None
    retry_after: float | None = None
    error: str | None = None
    answered_by: str | None = None

    @property
    def verdict(self) -> Verdict:
        """What a run does with it."""
        return verdict_of(self.outcome)


class Provider(Protocol):
    """Where answers come from. `synthetic` says that no model wrote them, and is kept in every row."""

    synthetic: bool

    async def call(self, request: Request) -> Answer:
        """Ask once. Whatever the other side does is an Answer; only cancellation and our own misuse raise."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and threads."""
        ...
