"""Topic models grown by a model, breadth-first through the same engine; a kill loses no topic."""

from workbench.grow.build import build_topics
from workbench.grow.saplings import Growth

__all__ = ["Growth", "build_topics"]
