"""How far a run has come: a bar on a terminal, a plain line now and then elsewhere. Everything goes to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from workbench.cli.output import many, note
from workbench.clock import ticks

EVERY = 5.0  # seconds between plain lines
LINES = 20  # about so many cycles of a run are told
Listener = Callable[[str, Mapping[str, Any]], None]


@dataclass(slots=True)
class Tally:
    """What the events of a run add up to."""

    total: int = 0
    before: int = 0
    done: int = 0
    failed: int = 0
    tokens: int = 0
    cost: float = 0.0
    where: str = ""
    staged: bool = False  # a cohort: its stages are told, not its cycles
    begun: float = field(default_factory=ticks)

    def hear(self, event: str, facts: Mapping[str, Any]) -> None:
        """Count one event."""
        match event:
            case "generation_start":
                self.total, self.before = facts["total_samples"], facts["previously_completed"]
                self.done, self.failed, self.staged = 0, 0, "stages" in facts
            case "cycle_start" if not self.staged:
                self.where = f"Cycle {facts['cycle']}/{facts['total_cycles']}"
            case "step_start":
                self.where = f"Step {facts['step']}/{facts['total_steps']}"
            case "stage_start":
                self.where = f"Stage {facts['stage']}"
            case "settled" | "topic_grown":
                failed = event == "settled" and not facts["done"]
                self.done, self.failed = self.done + (not failed), self.failed + failed
            case "call":
                self.tokens += (facts["tokens_in"] or 0) + (facts["tokens_out"] or 0)
                self.cost += facts["cost"] or 0.0

    @property
    def rate(self) -> float:
        """Settled tasks per second."""
        return (self.done + self.failed) / max(ticks() - self.begun, 1e-9)

    def line(self) -> str:
        """Say it in one line."""
        of = f"/{self.total:,}" if self.total else ""
        text = f"{self.where or 'Run'}: {self.before + self.done:,}{of} done, {self.rate:.1f}/s"
        parts = [f"{self.failed:,} failed" if self.failed else "", f"{self.tokens:,} tokens" if self.tokens else ""]
        parts += [f"cost {self.cost:.4g}" if self.cost else "", self._left()]
        return ", ".join([text, *filter(None, parts)])

    def _left(self) -> str:
        left = self.total - self.before - self.done - self.failed
        return f"{left / self.rate:,.0f} s left" if self.total and left > 0 and self.done else ""


def sentence(event: str, facts: Mapping[str, Any], tally: Tally) -> str | None:
    """Say an event that people want to read, or None."""
    match event:
        case "forecast" if facts["problems"]:
            return "\n".join(facts["problems"])
        case "skipped":
            return f"{facts['count']:,} done before, skipped"
        case "cycle_complete" if not tally.staged and _is_told(facts):
            total = f"total {tally.before + tally.done:,}/{tally.total:,}"
            failures = f", {facts['failures_in_cycle']:,} failed" if facts["failures_in_cycle"] else ""
            cycle = f"Cycle {facts['cycle']}/{facts['total_cycles']}"
            return f"{cycle}: +{many(facts['samples_in_cycle'], 'sample')} ({total}){failures}"
        case "stage_complete":
            counts = f"{facts['done']:,} done, {facts['failed']:,} failed, {facts['skipped']:,} skipped"
            return f"Stage {facts['stage']}: {counts}"
        case "sample_failed":
            who = facts.get("gen_id") or facts.get("topic")
            return f"failed: {who}: {facts['outcome']}{': ' + facts['detail'] if facts.get('detail') else ''}"
        case "shard_home":
            more = f": {facts['done']:,} done, merged" if "done" in facts else ", left by an earlier command, is merged"
            return f"Shard {facts['shard']}{more}"
        case "worker_killed":
            return f"the worker of shard {facts['shard']} was killed; it is started again"
        case "batch_submitted" | "batch_status" | "batch_ended" | "batch_waiting":
            return _of_batch(event, facts)
        case "draining":
            return "stopping: waiting for the calls in flight (Ctrl-C again gives them up)"
    return None


def _is_told(facts: Mapping[str, Any]) -> bool:
    """Of many cycles only each so many-th has a line, the last one, and those with failures."""
    cycle, total = int(facts["cycle"]), int(facts["total_cycles"])
    return cycle == total or int(facts["failures_in_cycle"]) > 0 or cycle % max(1, total // LINES) == 0


def _of_batch(event: str, facts: Mapping[str, Any]) -> str | None:
    """Say how a batch stands; that it is waited for only once."""
    match event:
        case "batch_submitted":
            return f"batch {facts['batch']} sent: {many(facts['requests'], 'task')} for {facts['model']}"
        case "batch_status":
            return f"batch {facts['batch']}: {facts['status']}"
        case "batch_ended":
            counted = ", ".join(f"{count:,} {name}" for name, count in facts["outcomes"].items())
            return f"batch {facts['batch']} taken: {counted or facts['detail'] or 'nothing'}"
        case "batch_waiting" if facts["first"]:
            return "waiting for the provider; Ctrl-C leaves, and the same command goes on"
    return None


@contextmanager
def progress() -> Iterator[Listener]:
    """Give a listener for a run's events that shows how far it has come."""
    tally = Tally()
    with _bar(tally) if sys.stderr.isatty() else _lines(tally) as show:

        def listen(event: str, facts: Mapping[str, Any]) -> None:
            tally.hear(event, facts)
            show(sentence(event, facts, tally))

        yield listen


@contextmanager
def _lines(tally: Tally) -> Iterator[Callable[[str | None], None]]:
    last, failures = ticks(), 0

    def show(text: str | None) -> None:
        nonlocal last, failures
        if text and text.startswith("failed:"):
            failures += 1
            text = text if failures <= 5 else None  # the rest is in `events` and `status`
        if text:
            note(text)
        elif ticks() - last >= EVERY:
            last = ticks()
            note(tally.line())

    yield show


@contextmanager
def _bar(tally: Tally) -> Iterator[Callable[[str | None], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.text import Text

    from workbench.cli.visible import visible

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=30), TextColumn("{task.fields[line]}", markup=False))
    with Progress(*columns, console=console, transient=True, refresh_per_second=8) as bar:
        task = bar.add_task("run", total=None, line="")

        def show(text: str | None) -> None:
            if text:
                console.print(Text(visible(text)))
            settled = tally.before + tally.done + tally.failed
            bar.update(task, total=tally.total or None, completed=settled, line=tally.line())

        yield show
