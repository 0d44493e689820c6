"""Selections narrowed by what batches did to their tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workbench.ids import STAGES
from workbench.record.selection import Selection

_IN_RUN: Final = (
    "exists (select 1 from batch_lines o join batches b on b.id = o.batch_id"
    " where o.generation_id = g.id and b.run_id = :batch_run)"
)
_UNANSWERED: Final = (
    "exists (select 1 from batch_lines o join calls c on c.id = o.call_id"
    " where o.generation_id = g.id and o.open = 0 and c.status <> 'answered')"
)


@dataclass(frozen=True, slots=True)
class Untried:
    """The tasks of a selection that this run has not put into a batch; with `answered`, nor any run in vain."""

    selection: Selection
    run_id: int
    answered: bool = False

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages, the last first."""
        return self.selection.stages

    def where(self, stage: str) -> tuple[str, dict[str, object]]:
        """Give the SQL condition on `generations g` and its parameters."""
        condition, parameters = self.selection.where(stage)
        more = f" and not {_UNANSWERED}" if self.answered else ""
        return f"{condition} and not {_IN_RUN}{more}", {**parameters, "batch_run": self.run_id}


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The tasks of a selection that stood in a batch in vain."""

    selection: Selection

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages, the last first."""
        return self.selection.stages

    def where(self, stage: str) -> tuple[str, dict[str, object]]:
        """Give the SQL condition on `generations g` and its parameters."""
        condition, parameters = self.selection.where(stage)
        return f"{condition} and {_UNANSWERED}", parameters


@dataclass(frozen=True, slots=True)
class Everything:
    """All tasks of the record."""

    stages: tuple[str, ...] = tuple(reversed(STAGES))

    def where(self, stage: str) -> tuple[str, dict[str, object]]:
        """Give the SQL condition on `generations g` and its parameters."""
        return "g.stage = :stage", {"stage": stage}
