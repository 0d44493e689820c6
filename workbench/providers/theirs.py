"""Providers of other packages: whatever one raises or gives becomes an Answer that can be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import Any, Final

from workbench.errors import WorkbenchError
from workbench.plugins import BROKEN, broken
from workbench.providers.base import OUTCOMES, Answer, Provider, Request
from workbench.providers.texts import cleaned, one_line

MAX_BODY: Final = 8 * 2**20  # bytes
MOST: Final = 10**9  # tokens, seconds


class Theirs:
    """One provider of another package."""

    def __init__(self, make: Callable[[str], Provider], alias: str) -> None:
        """Make it; raises BadConfig where that fails."""
        try:
            self._provider = make(alias)
        except WorkbenchError:
            raise
        except BROKEN as error:
            raise broken(f"the provider {alias!r} cannot be made", error) from error
        self._alias = alias
        self.synthetic = bool(getattr(self._provider, "synthetic", False))

    async def call(self, request: Request) -> Answer:
        """Ask once; what is no answer is garbage, and says whose."""
        try:
            answer = await self._provider.call(request)
        except BROKEN as error:
            return self._garbage(f"{type(error).__name__}: {error}")
        if not isinstance(answer, Answer):
            return self._garbage(f"it gave {type(answer).__name__}, no Answer")
        if answer.outcome not in OUTCOMES:
            return self._garbage(f"{answer.outcome!r} is no outcome")
        return storable(answer)

    def _garbage(self, what: str) -> Answer:
        return Answer("garbage", error=one_line(f"the provider {self._alias} broke: {what}"))

    def unsent(self, request: Request) -> list[str]:
        """Name the parameters that are not sent, where it says so."""
        named: Callable[[Request], list[str]] | None = getattr(self._provider, "unsent", None)
        return [] if named is None else named(request)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._provider.aclose()


def storable(answer: Answer) -> Answer:
    """Give an answer as the record can hold it: types as they are promised, sane numbers, clean texts."""
    text, changed = cleaned(answer.text) if isinstance(answer.text, str) else (None, False)
    lines = (answer.error, answer.finish_reason, answer.answered_by)
    error, finish, by = (None if line is None else one_line(line) for line in lines)
    return replace(
        answer,
        outcome="empty" if answer.verdict == "done" and text is None else answer.outcome,
        body=bytes(answer.body[:MAX_BODY]) if isinstance(answer.body, bytes | bytearray) else b"",
        text=text,
        lossy=bool(answer.lossy or changed),
        finish_reason=finish and finish[:40],
        tokens_in=_count(answer.tokens_in),
        tokens_out=_count(answer.tokens_out),
        http_status=_count(answer.http_status, 999),
        retry_after=_seconds(answer.retry_after),
        error=error,
        answered_by=by and by[:128],
    )


def _count(value: Any, most: int = MOST) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def _seconds(value: Any) -> float | None:
    sane = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and isfinite(value)
    return min(float(value), float(MOST)) if sane else None
