"""Another project's work into this one: facts are sets, so merging is taking unions, in one recorded migration."""

from workbench.merge.merging import merge
from workbench.merge.report import Clash, MergeReport, Prefer

__all__ = ["Clash", "MergeReport", "Prefer", "merge"]
