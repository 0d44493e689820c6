"""Workers on a dask cluster: one task a shard. The only file that imports dask.

A task starts the worker as a process where dask runs it and follows it there. Shard files and the project travel as
paths, so every machine of the cluster must see the same folder.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from workbench.errors import Incomplete, MissingExtra
from workbench.generate import Summary
from workbench.shards.crew import Ended, Told
from workbench.shards.leash import Worker, error_facts, error_from
from workbench.shards.share import Share

RETRIES: Final = 3  # of a task that fails; dask itself moves those of a lost worker to another
_LOOK: Final = 0.3  # seconds between looks at the file that tells to end, and between reports
_QUIET: Final = {
    "host": "127.0.0.1",
    "dashboard_address": None,
    "silence_logs": logging.CRITICAL,
    "preload": [__name__],
}
_DRAIN, _NOW = "drain", "now"  # what the file that tells to end may say
_ADDRESS: Final = "give the address that `dask scheduler` prints, such as tcp://127.0.0.1:8786, or `local`"


@dataclass(slots=True)
class DaskWorkers:
    """A crew whose workers are tasks of a dask cluster."""

    client: Any
    cluster: Any
    drain_file: Path
    topic: str = field(default_factory=lambda: f"workbench-{uuid.uuid4().hex}")
    news: SimpleQueue[Told | Ended] = field(default_factory=SimpleQueue)
    _futures: list[Any] = field(default_factory=list)

    @classmethod
    def open(cls, scheduler: str, workers: int, drain_file: Path) -> DaskWorkers:
        """Connect to a scheduler, or start one of our own for `local`; raises MissingExtra and Incomplete."""
        try:
            from distributed import Client, LocalCluster
        except ImportError:
            raise MissingExtra("dask", mend="pip install 'generation-workbench[dask]'") from None
        cluster = None
        try:
            if scheduler == "local":
                cluster = LocalCluster(workers, threads_per_worker=1, processes=True, **_QUIET)
            client = Client(cluster or scheduler, timeout="10s", set_as_default=False)
        except (OSError, ValueError, RuntimeError) as error:
            if cluster is not None:
                cluster.close(timeout=10)
            raise Incomplete(f"no dask scheduler at {scheduler}: {error}", mend=_ADDRESS) from None
        crew = cls(client, cluster, drain_file)
        client.subscribe_topic(crew.topic, crew._hear)
        return crew

    def _hear(self, message: tuple[float, Mapping[str, Any]]) -> None:
        _, told = message
        for event, facts in told["events"]:
            self.news.put(Told(Share(*told["share"]), event, facts))

    def start(self, share: Share, words: Sequence[str]) -> None:
        """Start the worker of a shard with words of the command line."""
        key = f"shard-{share.number}-of-{share.count}-{uuid.uuid4().hex[:8]}"
        job = (list(words), asdict(share), self.topic, str(self.drain_file))
        future = self.client.submit(work, *job, key=key, pure=False, retries=RETRIES)
        self._futures.append(future)
        future.add_done_callback(lambda done: self.news.put(_end_of(share, done)))

    def drain(self) -> None:
        """Let the calls in flight end and send no more; tasks that nobody has begun are taken back."""
        self.drain_file.write_text(_DRAIN)
        threading.Thread(target=self._take_back, daemon=True).start()

    def _take_back(self) -> None:
        with suppress(Exception):  # the client may be closed meanwhile
            while waiting := [future for future in self._futures if not future.done()]:
                begun = {key for keys in self.client.processing().values() for key in keys}
                for future in waiting:
                    if future.key not in begun:
                        future.cancel()
                time.sleep(1)

    def give_up(self) -> None:
        """End at once, after `drain`."""
        self.drain_file.write_text(_NOW)

    def close(self) -> None:
        """Leave nothing behind."""
        self.client.close(timeout=5)
        if self.cluster is not None:
            self.cluster.close(timeout=10)


def _end_of(share: Share, future: Any) -> Ended:
    """Say what came of a task; one whose workers were lost again and again was killed."""
    if future.status == "cancelled":
        return Ended(share)
    if future.status == "error":
        error = future.exception()
        if type(error).__name__ == "KilledWorker":
            return Ended(share, was_killed=True)
        return Ended(share, error=Incomplete(f"the dask task of shard {share} failed: {error}"))
    told = future.result()
    error_told = error_from(told["error"]) if told["error"] else None
    return Ended(share, Summary(**told["summary"]) if told["summary"] else None, error_told, told["code"] < 0)


def dask_setup(worker: Any) -> None:
    """Prepare a worker process of our own cluster: a terminal's Ctrl-C is for its leader, which tells the workers."""
    signal.signal(signal.SIGINT, lambda number, frame: None)


def work(words: list[str], share: dict[str, int], topic: str, drain_file: str) -> dict[str, Any]:
    """Run one shard's worker where dask runs this task, and give its end as plain data."""
    from distributed import get_worker

    report, ended = get_worker().log_event, threading.Event()
    waiting: list[tuple[str, dict[str, Any]]] = []
    worker = Worker(words)

    def tend() -> None:
        while not ended.wait(_LOOK):
            _report(report, topic, share, waiting)
            _pass_on(worker, Path(drain_file))

    tending = threading.Thread(target=tend, daemon=True)
    tending.start()
    code = worker.follow(lambda event, facts: waiting.append((event, dict(facts))))
    ended.set()
    tending.join()
    _report(report, topic, share, waiting)
    summary = asdict(worker.summary) if worker.summary else None
    return {"code": code, "summary": summary, "error": error_facts(worker.error) if worker.error else None}


def _pass_on(worker: Worker, drain_file: Path) -> None:
    """Tell a worker to end as its leader says."""
    if drain_file.exists():
        worker.release()
        if drain_file.read_text() == _NOW:
            worker.give_up()


def _report(report: Any, topic: str, share: dict[str, int], waiting: list[tuple[str, dict[str, Any]]]) -> None:
    """Send the events that have gathered to whoever listens to the topic."""
    count = len(waiting)
    if count:
        report(topic, {"share": [share["number"], share["count"]], "events": waiting[:count]})
        del waiting[:count]
