"""The lines to the providers of a run: one provider and one limiter for each alias, shared by all its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from workbench.generate.work import Job
from workbench.plan.estimates import answer_tokens
from workbench.providers import Answer, Provider, limits_of
from workbench.providers.limiter import Limiter, Ticket


def _size(job: Job) -> int:
    """Give the tokens that a call may take, prompt and answer."""
    return job.tokens + answer_tokens(job.model)


def _lower(asked: int | None, bound: int | None) -> int | None:
    """Give the stricter of two limits, of the command and of the local configuration."""
    return min((n for n in (asked, bound) if n is not None), default=None)


class Lines:
    """Providers by alias, opened when first needed, each behind its limiter."""

    def __init__(
        self,
        provider_for: Callable[[str], Provider],
        *,
        concurrency: int,
        rpm: int | None = None,
        tpm: int | None = None,
    ) -> None:
        """Open providers by `provider_for(alias)`; limits hold for each provider."""
        self._provider_for, self._limits = provider_for, (concurrency, rpm, tpm)
        self._providers: dict[str, Provider] = {}
        self._limiters: dict[str, Limiter] = {}
        self._tickets: dict[int, Ticket] = {}  # leave that was given while the job was chosen
        self._sleeping: set[asyncio.Future[None]] = set()

    def provider(self, job: Job) -> Provider:
        """Give the provider that a job is sent to."""
        alias = job.model.provider
        if alias not in self._providers:
            self._providers[alias] = self._provider_for(alias)
        return self._providers[alias]

    def is_synthetic(self, alias: str) -> bool:
        """Say whether answers of an alias, which was asked before, are written by no model."""
        return alias in self._providers and self._providers[alias].synthetic

    def _limiter(self, job: Job) -> Limiter:
        alias = job.model.provider
        if alias not in self._limiters:
            width, rpm, tpm = self._limits
            own_rpm, own_tpm = limits_of(alias)
            self._limiters[alias] = Limiter(width, _lower(rpm, own_rpm), _lower(tpm, own_tpm))
        return self._limiters[alias]

    def start_at_once(self, job: Job) -> None:
        """Take leave for a job now if nobody has to wait, so that its call is written down with its choice."""
        ticket = self._limiter(job).try_acquire(_size(job))
        if ticket is not None:
            self._tickets[id(job)] = ticket

    def may_send(self, job: Job) -> bool:
        """Say whether a job has leave already."""
        return id(job) in self._tickets

    async def acquire(self, job: Job, is_over: Callable[[], bool]) -> Ticket | None:
        """Wait for leave to send a job; leave that was given before waits out a pause that came since.

        None: it is over, and the job would have to wait. A provider may ask for hours; `dismiss` ends the wait.
        """
        limiter, loop = self._limiter(job), asyncio.get_running_loop()
        ticket = self._tickets.pop(id(job), None)
        if ticket is None:
            ticket = None if is_over() else await limiter.acquire(_size(job))
            return self._unless(is_over(), limiter, ticket)
        while (pause := limiter.pace.paused(loop.time())) > 0 and not is_over():
            await self._sleep(pause)
        return self._unless(pause > 0, limiter, ticket)

    @staticmethod
    def _unless(late: bool, limiter: Limiter, ticket: Ticket | None) -> Ticket | None:
        if ticket is not None and late:
            limiter.release(ticket, None)
            return None
        return ticket

    async def _sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleeping.add(woken)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken
        self._sleeping.discard(woken)

    def dismiss(self) -> None:
        """End every wait for leave."""
        for woken in self._sleeping:
            if not woken.done():
                woken.set_result(None)
        for limiter in self._limiters.values():
            limiter.dismiss()

    def release(self, job: Job, ticket: Ticket, answer: Answer | None) -> None:
        """Give leave back, with what the answer says about the pace."""
        self._limiter(job).release(ticket, answer)

    async def aclose(self) -> None:
        """Close every provider that was opened."""
        for provider in self._providers.values():
            with suppress(Exception):
                await provider.aclose()
        self._providers.clear()
        self._limiters.clear()
