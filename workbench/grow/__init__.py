"""Topic models grown by a model, breadth-first through the same engine; a kill loses no topic."""

from workbench.grow.build import Growth, build_topics

__all__ = ["Growth", "build_topics"]
