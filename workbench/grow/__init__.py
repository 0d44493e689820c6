"""Topic models grown by a model, breadth-first through the same engine; a kill loses no topic."""

from workbench.grow.build import build_topics, growth_job
from workbench.grow.forecast import GrowthForecast, forecast_growth
from workbench.grow.saplings import Growth

__all__ = ["Growth", "GrowthForecast", "build_topics", "forecast_growth", "growth_job"]
