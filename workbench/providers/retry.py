"""When to try again, how long to wait, and when to stop. Pure: the dice and the clock are passed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Final

from workbench.providers.base import Answer, Verdict

MAX_RETRIES: Final = 5  # calls after the first
LONGEST_WAIT: Final = 120.0  # seconds of Retry-After that a run sits out
_FIRST: Final = 0.5  # seconds at most before the second call; doubled for each that follows
_CAP: Final = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """What to do after one answer; `wait` is in seconds, before a retry or until the provider wants us back."""

    verdict: Verdict
    wait: float = 0.0
    reason: str = ""


def delay(attempt: int, retry_after: float | None, rng: Random) -> float:
    """Give the seconds to wait after the attempt of this number (from 1): full jitter, doubled each time.

    It is never shorter than `retry_after`; the jitter then comes on top, so that not all come back at once.
    """
    jitter = rng.uniform(0.0, min(_CAP, _FIRST * 2.0 ** min(attempt - 1, 16)))
    return jitter if retry_after is None else retry_after + min(jitter, 1.0)


def next_step(answer: Answer, attempt: int, rng: Random) -> Step:
    """Judge an answer together with the number of calls that its task has had (from 1)."""
    verdict = answer.verdict
    if verdict == "stop":
        return Step("stop", reason=answer.error or answer.outcome)
    if answer.retry_after is not None and answer.retry_after > LONGEST_WAIT and verdict == "retry":
        return Step("stop", answer.retry_after, f"the provider wants no call for {_span(answer.retry_after)}")
    if verdict != "retry":
        return Step(verdict, reason=answer.error or "")
    if attempt > MAX_RETRIES:
        return Step("fail_task", reason=f"{attempt} calls failed, the last with {answer.outcome}")
    return Step("retry", delay(attempt, answer.retry_after, rng))


_REMEDIES: Final[Mapping[str, str]] = {
    "auth": "put a key that is good there into its variable, which `workbench providers` names, and",
    "no_credit": "see to the account there, or take another model, and",
    "no_model": "say its name there, `workbench models add {model} --provider {provider} --name NAME`, and",
    "not_found": "mend the address, which `workbench providers` shows, and",
    "untrusted": "mend the certificate or the address, which `workbench providers` shows, and",
}


def remedy(outcome: str, model: str, provider: str) -> str:
    """Say what a person does after the outcome that stopped a run, with the model's name here and its provider's."""
    first = _REMEDIES.get(outcome, "mend that and").format(model=model, provider=provider)
    return f"{first} run the same command again"


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"


class Patience:
    """Stops a run that a provider puts off without end: only 429s for six rounds in a row and for ten seconds.

    Calls that were in flight together are one round.
    """

    def __init__(self, rounds: int = 6, span: float = 10.0) -> None:
        """Lose it after so many rounds without any other answer, and no less than `span` seconds."""
        self._limit, self._span = rounds, span
        self.succeeded()

    def succeeded(self) -> None:
        """End the row."""
        self._rounds, self._since, self._last = 0, 0.0, -inf

    def put_off(self, sent: float, now: float) -> bool:
        """Count a 429 that came at `now` for a call of `sent` (seconds of one steady clock); tells whether to stop."""
        if sent >= self._last:
            self._since = self._since if self._rounds else now
            self._rounds, self._last = self._rounds + 1, now
        return self._rounds >= self._limit and now - self._since >= self._span


class Breaker:
    """Stops a run when nothing works: ten failures in a row, over at least three tasks.

    A burst is no proof: calls that were in flight together fail together when a server restarts. So a row must
    last `span` seconds or be four times as long. A provider that only asks to slow down fails nothing yet: count
    `rate_limited` as a failure when its task has no retries left.
    """

    def __init__(self, failures: int = 10, tasks: int = 3, span: float = 2.0) -> None:
        """Open after `failures` in a row over `tasks` tasks within no less than `span` seconds."""
        self._limit, self._tasks, self._span = failures, tasks, span
        self.succeeded()

    def succeeded(self) -> None:
        """End the row."""
        self._count, self._since = 0, 0.0
        self._seen: set[str] = set()

    def failed(self, task: str, now: float) -> bool:
        """Count one failure of a task at `now` (seconds of any steady clock); tells whether to stop."""
        if self._count == 0:
            self._since = now
        self._count += 1
        if len(self._seen) < self._tasks:
            self._seen.add(task)
        return self._is_open(now)

    def _is_open(self, now: float) -> bool:
        if self._count < self._limit or len(self._seen) < self._tasks:
            return False
        return now - self._since >= self._span or self._count >= 4 * self._limit
