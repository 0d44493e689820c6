"""Workers by the number, one a shard: what a leader asks of them, and processes of this machine that do it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Protocol

from workbench.errors import WorkbenchError
from workbench.generate import Summary
from workbench.shards.leash import Worker
from workbench.shards.share import Share


@dataclass(frozen=True, slots=True)
class Told:
    """One event of one shard's worker."""

    share: Share
    event: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of one shard's worker: what came of it, or what went wrong; neither where it was killed."""

    share: Share
    summary: Summary | None = None
    error: WorkbenchError | None = None
    was_killed: bool = False


class Crew(Protocol):
    """Starts workers and tells what they do, each to its end, in the order in which it is heard."""

    news: SimpleQueue[Told | Ended]

    def start(self, share: Share, words: Sequence[str]) -> None:
        """Start the worker of a shard with words of the command line."""
        ...

    def drain(self) -> None:
        """Let the calls in flight end and send no more."""
        ...

    def give_up(self) -> None:
        """End at once, after `drain`."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


@dataclass(slots=True)
class Processes:
    """Workers as processes of this machine. They drain by themselves when this process ends, however it ends."""

    news: SimpleQueue[Told | Ended] = field(default_factory=SimpleQueue)
    _workers: list[Worker] = field(default_factory=list)

    def start(self, share: Share, words: Sequence[str]) -> None:
        """Start the worker of a shard with words of the command line."""
        worker = Worker(words)
        self._workers.append(worker)
        threading.Thread(target=self._follow, args=(share, worker), daemon=True).start()

    def _follow(self, share: Share, worker: Worker) -> None:
        code = worker.follow(lambda event, facts: self.news.put(Told(share, event, facts)))
        self._workers.remove(worker)
        self.news.put(Ended(share, worker.summary, worker.error, was_killed=code < 0))

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that are at work."""
        return [worker.pid for worker in self._workers]

    def drain(self) -> None:
        """Let the calls in flight end and send no more."""
        for worker in list(self._workers):
            worker.release()

    def give_up(self) -> None:
        """End at once, after `drain`."""
        for worker in list(self._workers):
            worker.give_up()

    def close(self) -> None:
        """Leave nothing behind."""
        self.drain()
