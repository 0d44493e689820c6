"""What all assets of one project share: the library, the file, the partitions, and how errors are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from workbench.errors import WorkbenchError
from workbench.ids import FactDigest
from workbench.plugins import library
from workbench.store import Database, open_project

MEMBERSHIP: Final = "cohort_membership"
SCORES: Final = "cohort_aggregated_scores"
# The assets of the stages with their groups, by the names that DayDreaming's pipeline has for them.
GROUPS: Final = {"drafts": "generation_draft", "essays": "generation_essays", "evaluations": "evaluation"}
ASSETS: Final = {"draft": "drafts", "essay": "essays", "evaluation": "evaluations"}
_NO_KEYS: Final = ("...",)  # what Dagster refuses within the key of a partition
Compute = Callable[[Any], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Frame:
    """One project in Dagster: `dg` is the library, `partitions` its cohorts."""

    dg: Any
    path: Path
    prefix: str | None
    partitions: Any

    def key(self, name: str) -> Any:
        """Give the key of one of this project's assets."""
        return self.dg.AssetKey([self.prefix, name] if self.prefix else [name])

    def asset(self, name: str, group: str, after: str | None, about: str, compute: Compute, **more: Any) -> Any:
        """Make a function, which yields what Dagster is to know, an asset that depends on the one before it."""
        made = self.dg.asset(
            key=self.key(name),
            deps=[self.key(after)] if after else [],
            partitions_def=self.partitions,
            group_name=group,
            description=about,
            kinds={"sqlite"},
            **more,
        )
        return made(self.telling(compute))

    def telling(self, compute: Compute) -> Compute:
        """Give the function to Dagster: any error of the workbench becomes one of Dagster's, in its one line."""
        # Without annotations: Dagster reads them, and knows its own types only.
        return lambda context: self._told(compute, context)

    def _told(self, compute: Compute, context: Any) -> Iterator[Any]:
        try:
            yield from compute(context)
        except WorkbenchError as error:
            raise self.dg.Failure(description=str(error)) from None

    def result(self, facts: Mapping[str, Any], version: str) -> Any:
        """Give what a materialization made: its figures, and the version of its data."""
        return self.dg.MaterializeResult(metadata=dict(facts), data_version=self.dg.DataVersion(version))

    def version(self, db: Database, sql: str, values: Sequence[object]) -> str:
        """Hash the sorted lines that a question gives: as long as they are the same, nothing below is out of date."""
        digest = FactDigest()
        digest.add_sorted(line for (line,) in db.execute(sql, tuple(values)))
        return digest.hexdigest()[:32]

    def opened(self, *, write: bool = False) -> AbstractContextManager[Database]:
        """Open the project."""
        return open_project(self.path, write=write)


def frame_of(project: Path | str, prefix: str | None) -> Frame:
    """Load the library and read the cohorts of a project; raises MissingExtra, UnknownName, ForeignFile."""
    dg = library("dagster", "dagster")
    path = Path(project).absolute()
    with open_project(path) as db:
        names = [str(name) for (name,) in db.execute("select name from cohorts order by name")]
    for name in names:
        if not _is_key(name):
            dg.get_dagster_logger().warning(f"cohort {name!r} cannot be a partition; see `workbench rename cohort`")
    return Frame(dg, path, prefix, dg.StaticPartitionsDefinition([name for name in names if _is_key(name)]))


def _is_key(name: str) -> bool:
    return name.isprintable() and not any(part in name for part in _NO_KEYS)
