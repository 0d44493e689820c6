"""Batches looked after without sending anything new: what is over is taken, what is not wanted is cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable

from workbench.batch.drive import GRACE, Batching, BatchTerms
from workbench.batch.listing import held
from workbench.batch.sending import Sender
from workbench.batch.taking import Taker
from workbench.batch.tried import Everything
from workbench.clock import ticks
from workbench.errors import Stopped
from workbench.generate.assignment import silent
from workbench.generate.caps import Caps, in_flight
from workbench.generate.run import Listener, Summary, Terms, conclude, session
from workbench.generate.tasks import GenerationWork
from workbench.plan.prompting import Prompter
from workbench.providers.choice import batches_for
from workbench.providers.openai.batches import Batches
from workbench.store import Database

JOB = "batches"  # of runs that only look


def take_batches(
    db: Database,
    listener: Listener = silent,
    endpoints: Callable[[str], Batches] = batches_for,
    pause: Callable[[float], None] = time.sleep,
) -> Summary:
    """Look once after every open batch and take what is over; `left` counts the tasks that are still out there."""
    begun = ticks()
    with session(db, JOB, Terms(), {}, listener) as opened:
        work = GenerationWork(
            prompter=Prompter(db),
            selection=Everything(),
            groups=(),
            notice=opened.notice,
            slot=opened.slot.number,
            is_synthetic=lambda alias: False,
            seed=lambda db: False,
        )
        try:
            Batching(BatchTerms(wait=False, pause=pause), opened, work, Caps(JOB), endpoints).look()
        except Stopped as stop:
            opened.halted = stop
        left = in_flight(db)[1]
        return conclude(opened, done=work.done, failed=work.failed, skipped=0, left=left, begun=begun)


def cancel_batch(
    db: Database,
    number: int,
    endpoints: Callable[[str], Batches] = batches_for,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Ask the provider to cancel an open batch, or withdraw it where it never got there; gives how it stands then.

    What is answered by then is paid, and is taken by `take_batches` or the next run. Raises UnknownName, Refused,
    RunIsOn, KeyNotBound, Stopped.
    """
    with held(db, number) as batch:
        taker = Taker(db, silent, lambda row, result: None, lambda run_id: run_id)
        return Sender(db, endpoints, taker, silent, pause, GRACE).cancel(batch)
