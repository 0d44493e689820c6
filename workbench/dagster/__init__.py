"""A project in Dagster: the stages of its cohorts as assets, one partition for each cohort.

In a file that `dagster dev -f` reads:

    from workbench.dagster import definitions

    defs = definitions("project.db")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.dagster.frame import frame_of
from workbench.dagster.reports import aggregated_scores_asset, membership_asset, verify_check
from workbench.dagster.stages import stage_assets
from workbench.generate import Terms

if TYPE_CHECKING:
    from dagster import Definitions

__all__ = ["Terms", "definitions"]


def definitions(project: Path | str, *, terms: Terms | None = None, key_prefix: str | None = None) -> Definitions:
    """Give a project's assets and checks to Dagster.

    Assets, each depending on the one before: `cohort_membership` → `drafts` → `essays` → `evaluations` →
    `cohort_aggregated_scores`. Partitions are the cohorts that the file has when this is called. `terms` are what the
    stages' run configuration says unless it is told otherwise; `key_prefix` keeps two projects apart.

    Raises MissingExtra without the extra `[dagster]`, and UnknownName, ForeignFile, NewerProject or DamagedFile.
    """
    frame = frame_of(project, key_prefix)
    assets = [membership_asset(frame), *stage_assets(frame, terms or Terms()), aggregated_scores_asset(frame)]
    defined: Definitions = frame.dg.Definitions(assets=assets, asset_checks=[verify_check(frame)])
    return defined
