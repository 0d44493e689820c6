"""What the engine drives: something that gives out jobs and takes back answers, inside the desk's transactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.catalogue.models import Model
from workbench.providers import Answer, Request
from workbench.record.ledger import Target
from workbench.store import Database


@dataclass(slots=True)
class Job:
    """One call to make: for whom, what is asked, and what the work keeps beside it (`context`)."""

    target: Target
    request: Request
    model: Model
    tokens: int  # an estimate of the prompt, for limits and caps
    context: Any
    attempt: int = 1
    call_id: int | None = None  # written down once it may be sent
    sent: float = 0.0  # when it was last sent, on the clock of `ticks`
    wait: float = 0.0  # seconds to wait before it is sent again
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """What an answer did to its task: done or failed, and how many other tasks it made ready."""

    done: bool
    outcome: str
    opened: int = 0


class Work(Protocol):
    """A source of jobs. Both methods run inside a transaction of the desk."""

    def choose(self, db: Database) -> Job | None:
        """Choose and claim the next job; None when there is none at the moment."""
        ...

    def settle(self, db: Database, job: Job, answer: Answer, *, final: str | None) -> Settled:
        """Take the answer of a finished job; `final` is the code of a failure without a usable answer."""
        ...

    def is_left(self, db: Database) -> bool:
        """Say whether anything is still to do, whoever works on it."""
        ...
