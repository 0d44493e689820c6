"""All checks, in the order of the model's rules."""

from __future__ import annotations

from workbench.store import Database
from workbench.verify.check import Check, examine
from workbench.verify.full import recomputed
from workbench.verify.functions import register
from workbench.verify.rules import RULES
from workbench.verify.soundness import soundness


def verify(db: Database, *, full: bool = False) -> list[Check]:
    """Check every rule of the model; with `full`, recompute every hash and choice from what is recorded.

    Streams in bounded memory and changes nothing. The record holds when every check is ok.
    Source: "Rules that always hold" in docs/architecture.md.
    """
    register(db)
    checks = [examine(db, rule) for rule in RULES] + soundness(db)
    return checks + recomputed(db) if full else checks
