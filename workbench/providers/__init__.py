"""Who answers: one protocol, and behind it bound endpoints, an embedded model, and the models of other packages."""

from workbench.providers.base import OUTCOMES, Answer, Outcome, Provider, Request, Verdict, verdict_of
from workbench.providers.choice import limits_of, provider_for, why_not
from workbench.providers.limiter import Limiter, Pace, Ticket
from workbench.providers.retry import LONGEST_WAIT, MAX_RETRIES, Breaker, Step, delay, next_step

__all__ = [
    "LONGEST_WAIT",
    "MAX_RETRIES",
    "OUTCOMES",
    "Answer",
    "Breaker",
    "Limiter",
    "Outcome",
    "Pace",
    "Provider",
    "Request",
    "Step",
    "Ticket",
    "Verdict",
    "delay",
    "limits_of",
    "next_step",
    "provider_for",
    "verdict_of",
    "why_not",
]
