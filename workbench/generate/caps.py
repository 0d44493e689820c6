"""Caps on money and calls: they count all runs of a job, so they hold across restarts and processes."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import BadInput, Stopped
from workbench.generate.work import Job
from workbench.plan.estimates import answer_tokens, price_of
from workbench.record.ledger import spent
from workbench.store import Database


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that a job may cost and call, over all its runs; None: no cap."""

    job: str
    max_cost: float | None = None
    max_calls: int | None = None

    @property
    def are_set(self) -> bool:
        """Whether there is any cap."""
        return self.max_cost is not None or self.max_calls is not None

    def refusal(self, db: Database, job: Job) -> Stopped | None:
        """Say why one more call would break a cap, counting what is in flight at its dearest."""
        if not self.are_set:
            return None
        claims, lines, reserved = in_flight(db)  # this task's claim is among them
        return self.broken(*spent(db, self.job), claims + lines, self.dearest(job) * claims + reserved)

    def dearest(self, job: Job) -> float:
        """Give the most that a call may cost, 0 where money is not capped; raises BadInput without prices."""
        if self.max_cost is None:
            return 0.0
        dearest = price_of(job.model, job.tokens, answer_tokens(job.model))
        if dearest is None:
            raise BadInput(
                f"--max-cost needs prices, and model {job.model.llm_model_id} has none",
                mend="set them with `workbench models add NAME --price-in X --price-out Y`",
            )
        return dearest

    def broken(self, cost: float, calls: int, flying: int, reserved: float) -> Stopped | None:
        """Say which cap is broken by what was spent and what is in flight, the next call in it, at its dearest."""
        if self.max_calls is not None and calls + flying > self.max_calls:
            return calls_reached(self.max_calls, calls, flying - 1)
        if self.max_cost is not None and cost + reserved > self.max_cost:
            return cost_reached(self.max_cost, cost)
        return None


def calls_reached(cap: int, calls: int, flying: int = 0) -> Stopped:
    """Say that a cap on calls is reached, by those that have ended and those in flight."""
    made = f"{calls} made{f' and {flying} in flight' if flying > 0 else ''}"
    told = f"the cap of {cap} calls is reached ({made} by all runs of the same work together)"
    return Stopped(told, mend="raise --max-calls")


def cost_reached(cap: float, cost: float) -> Stopped:
    """Say that a cap on money is reached."""
    spent = f"{cost:.4g} spent by all runs of the same work together; the next call could cost more than the rest"
    return Stopped(f"the cap of {cap:g} is reached ({spent})", mend="raise --max-cost")


def in_flight(db: Database) -> tuple[int, int, float]:
    """Give how many calls are in flight, of live processes and in open batches, and what those in batches may cost."""
    return db.execute(  # type: ignore[no-any-return]
        "select (select count(*) from claims), count(*), total(reserved) from batch_lines where open = 1"
    ).fetchone()
