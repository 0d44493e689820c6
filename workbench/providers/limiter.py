"""One limiter per provider, shared by all calls to it: a pure pace against a passed clock, and a queue before it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from workbench.providers.base import Answer

WINDOW: Final = 60.0  # seconds; limits are per minute
GROWTH: Final = 10  # answers in peace before one more call may be in flight


@dataclass(slots=True, eq=False)
class Ticket:
    """Leave for one call: when it began, and the tokens that it counts for until the answer says better."""

    started: float
    tokens: int
    open: bool = True


def tokens_of(answer: Answer) -> int | None:
    """Give the tokens that an answer was billed for, where it says so."""
    if answer.tokens_in is None or answer.tokens_out is None:
        return None
    return answer.tokens_in + answer.tokens_out


class Pace:
    """How many calls and tokens may start when. Pure: every moment is passed in, in seconds of one steady clock.

    In any 60 seconds at most `rpm` calls start and at most `tpm` tokens are counted, estimates settled by the
    answers; one call above `tpm` starts alone. After a 429 half as many may be in flight; answers in peace bring
    them back one by one. No call starts before the end of a Retry-After.
    """

    def __init__(self, concurrency: int, rpm: int | None = None, tpm: int | None = None) -> None:
        """Allow `concurrency` calls in flight, `rpm` calls and `tpm` tokens a minute (None: any number)."""
        self.most = max(1, concurrency)
        self.width = self.most
        self.in_flight = 0
        self._rpm, self._tpm = rpm, tpm
        self._window: deque[Ticket] = deque()
        self._tokens = 0
        self._paused_until = -inf
        self._cut_at = -inf
        self._peace = 0

    def wait(self, now: float, tokens: int = 0) -> float:
        """Give the seconds until a call of so many tokens may start; infinite while one in flight must end first."""
        if now < self._paused_until:
            return self._paused_until - now
        if self.in_flight >= self.width:
            return inf
        self._forget(now)
        return max(self._wait_for_call(now), self._wait_for_tokens(now, tokens))

    def _forget(self, now: float) -> None:
        while self._window and now - self._window[0].started >= WINDOW:
            self._tokens -= self._window.popleft().tokens

    def _wait_for_call(self, now: float) -> float:
        if self._rpm is None or len(self._window) < self._rpm:
            return 0.0
        return self._free_at(self._window[len(self._window) - self._rpm]) - now

    def _wait_for_tokens(self, now: float, tokens: int) -> float:
        if self._tpm is None or not self._window or self._tokens + tokens <= self._tpm:
            return 0.0
        left = self._tokens
        for ticket in self._window:
            left -= ticket.tokens
            if left + tokens <= self._tpm:
                return self._free_at(ticket) - now
        return self._free_at(self._window[-1]) - now

    @staticmethod
    def _free_at(ticket: Ticket) -> float:
        return ticket.started + WINDOW

    def paused(self, now: float) -> float:
        """Give the seconds that a Retry-After still lasts."""
        return max(0.0, self._paused_until - now)

    def start(self, now: float, tokens: int = 0) -> Ticket:
        """Count a call that starts now."""
        ticket = Ticket(now, max(0, tokens))
        self.in_flight += 1
        if self._rpm is not None or self._tpm is not None:
            self._window.append(ticket)
            self._tokens += ticket.tokens
        return ticket

    def finish(self, ticket: Ticket, now: float, tokens: int | None = None) -> None:
        """End a call; `tokens` are those of the answer, None keeps the estimate."""
        if not ticket.open:
            return
        ticket.open = False
        self.in_flight -= 1
        if tokens is not None and self._window and now - ticket.started < WINDOW:
            self._tokens += tokens - ticket.tokens
            ticket.tokens = tokens

    def calmed(self) -> None:
        """Note an answer without complaint; enough of them widen the pace by one."""
        self._peace += 1
        if self._peace >= GROWTH:
            self._peace = 0
            self.width = min(self.most, self.width + 1)

    def complained(self, ticket: Ticket, now: float) -> None:
        """Note a 429: halve the calls in flight, once for all that were sent before the last halving."""
        self._peace = 0
        if ticket.started > self._cut_at:
            self._cut_at = now
            self.width = max(1, self.width // 2)

    def pause(self, now: float, retry_after: float | None) -> None:
        """Start nothing for so many seconds, or for as long as an earlier pause still lasts."""
        if retry_after is not None:
            self._paused_until = max(self._paused_until, now + retry_after)


@dataclass(slots=True, eq=False)
class _Place:
    """One call in the queue."""

    tokens: int
    ticket: asyncio.Future[Ticket | None]


class Limiter:
    """The queue before a Pace, first come first served, on the running event loop's clock."""

    def __init__(self, concurrency: int, rpm: int | None = None, tpm: int | None = None) -> None:
        """Allow `concurrency` calls in flight, `rpm` calls and `tpm` tokens a minute (None: any number)."""
        self.pace = Pace(concurrency, rpm, tpm)
        self._queue: deque[_Place] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def try_acquire(self, tokens: int = 0) -> Ticket | None:
        """Give leave at once, or None where a call of so many tokens would have to wait."""
        now = asyncio.get_running_loop().time()
        if self._queue or self.pace.wait(now, tokens) > 0:
            return None
        return self.pace.start(now, tokens)

    async def acquire(self, tokens: int = 0) -> Ticket | None:
        """Wait for leave to send a call of about so many tokens (prompt and answer); give it back by `release`.

        None: `dismiss` sent everybody away who was waiting.
        """
        if (ticket := self.try_acquire(tokens)) is not None:
            return ticket
        loop = asyncio.get_running_loop()
        place = _Place(tokens, loop.create_future())
        self._queue.append(place)
        self._admit()
        try:
            return await place.ticket
        except asyncio.CancelledError:
            if place.ticket.done() and not place.ticket.cancelled() and (given := place.ticket.result()) is not None:
                self.release(given)
            self._admit()
            raise

    def dismiss(self) -> None:
        """Send everybody away who waits, however long a pause still lasts."""
        for place in self._queue:
            if not place.ticket.done():
                place.ticket.set_result(None)
        self._admit()

    def release(self, ticket: Ticket, answer: Answer | None = None) -> None:
        """End a call with what came back; None where the call was given up, which says nothing about the pace."""
        now = asyncio.get_running_loop().time()
        self.pace.finish(ticket, now, None if answer is None else tokens_of(answer))
        if answer is not None:
            self._heed(ticket, answer, now)
        self._admit()

    def _heed(self, ticket: Ticket, answer: Answer, now: float) -> None:
        if answer.outcome in ("rate_limited", "busy"):
            self.pace.complained(ticket, now)
        elif answer.verdict in ("done", "fail_task"):
            self.pace.calmed()
        self.pace.pause(now, answer.retry_after)

    def _admit(self) -> None:
        """Let in whoever may start, and come back when the first of the rest may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._queue:
            if self._queue[0].ticket.done():
                self._queue.popleft()
                continue
            now = loop.time()
            seconds = self.pace.wait(now, self._queue[0].tokens)
            if seconds > 0:
                self._come_back(loop.call_later, seconds)
                return
            place = self._queue.popleft()
            place.ticket.set_result(self.pace.start(now, place.tokens))

    def _come_back(self, call_later: Callable[..., asyncio.TimerHandle], seconds: float) -> None:
        if seconds < inf:
            self._timer = call_later(min(seconds, 3600.0), self._admit)
