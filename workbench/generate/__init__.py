"""Drive a plan: calls in a sliding window, every answer kept as it arrives, resumed where it stopped."""

from workbench.generate.cohorts import generate_cohort
from workbench.generate.drafts import generate
from workbench.generate.run import Summary, Terms

__all__ = ["Summary", "Terms", "generate", "generate_cohort"]
