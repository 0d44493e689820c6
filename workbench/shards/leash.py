"""A worker on a leash: a process whose events and end are told in JSON Lines, and that drains when its leader is gone.

The leash is the worker's standard input: whoever started it holds the other end, and it closes with them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, Final

from workbench import errors
from workbench.assets import program
from workbench.errors import Incomplete, Problems, WorkbenchError
from workbench.generate import Summary

TOLD: Final = ("call", "settled", "retry", "sample_failed")  # what a leader counts or shows
SUMMARY, ERROR = "summary", "error"


def drain_when_released() -> None:
    """Interrupt this process once its standard input ends."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored, and that is inherited
    threading.Thread(target=wait, daemon=True).start()


def tell(out: IO[str], event: str, facts: Mapping[str, Any]) -> None:
    """Write one event as a line of JSON."""
    if event in TOLD or event in (SUMMARY, ERROR):
        out.write(json.dumps({"event": event, **facts}) + "\n")
        out.flush()


def error_facts(error: WorkbenchError) -> dict[str, Any]:
    """Give an error as plain data, to be raised again by the leader."""
    found = error.errors if isinstance(error, Problems) else [error]
    return {"errors": [[type(e).__name__, e.detail, e.where, e.mend] for e in found]}


def error_from(facts: Mapping[str, Any]) -> WorkbenchError:
    """Make an error of a worker one of this process."""
    found: list[WorkbenchError] = []
    for name, detail, where, mend in facts["errors"]:
        kind = getattr(errors, name, WorkbenchError)
        found.append(kind(detail, where=where, mend=mend))
    return found[0] if len(found) == 1 else Problems(found)


class Worker:
    """One process of `workbench generate --shard`, on a leash."""

    def __init__(self, words: Sequence[str]) -> None:
        """Start it with words of the command line."""
        # A terminal's Ctrl-C goes to its whole group; the worker would take ours for its second one.
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            [*program("workbench"), *words, "--leash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=_surroundings(),
            start_new_session=True,
            encoding="utf-8",
        )
        self.summary: Summary | None = None
        self.error: WorkbenchError | None = None

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def follow(self, listen: Callable[[str, Mapping[str, Any]], None]) -> int:
        """Tell of its events until it ends; gives its exit code, negative where a signal ended it."""
        for event, facts in self._lines():
            if event == SUMMARY:
                self.summary = Summary(**facts)
            elif event == ERROR:
                self.error = error_from(facts)
            else:
                listen(event, facts)
        code = self._process.wait()
        if code not in (130, *range(-64, 0)) and self.summary is None and self.error is None:
            self.error = Incomplete(f"a worker ended with exit code {code}: {self._last_words()}")
        self.release()
        self._said.close()
        return code

    def _lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            for line in out:
                try:
                    facts = json.loads(line)
                    yield facts.pop("event"), facts
                except ValueError:  # cut by a kill
                    continue

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read()[-2000:].strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def release(self) -> None:
        """Let go of the leash: the calls in flight end, and then the process."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            return

    def give_up(self) -> None:
        """Have it end at once; what is in flight stays on record as unknown."""
        self._process.send_signal(signal.SIGTERM)


def _surroundings() -> dict[str, str]:
    """The environment, without options of `generate`: the leader has read them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_GENERATE_")}
