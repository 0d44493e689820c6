"""What a run tells while it is on, as lines in Dagster's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_PARTS: Final = 10  # lines of progress for a whole run


@dataclass(slots=True)
class Watch:
    """Listens to a run: problems as they come, progress in tenths of what is to do."""

    log: Any
    total: int = 0
    settled: int = 0

    def __call__(self, event: str, facts: Mapping[str, object]) -> None:
        """Take one event."""
        if event == "generation_start":
            self.total = int(str(facts["total_samples"])) - int(str(facts["previously_completed"]))
        elif event == "settled":
            self._progress()
        elif event == "skipped":
            self.log.info(f"{facts['count']} done before are skipped")
        elif event == "sample_failed":
            self.log.warning(f"{facts['gen_id']} failed: {facts['outcome']} {facts['detail'] or ''}".rstrip())
        elif event in ("retry", "draining", "alert"):
            self.log.info(" ".join([event, *(f"{name}={value}" for name, value in facts.items())]))

    def _progress(self) -> None:
        self.settled += 1
        if self.settled * _PARTS // max(1, self.total) > (self.settled - 1) * _PARTS // max(1, self.total):
            self.log.info(f"{self.settled:,} of {self.total:,}")
