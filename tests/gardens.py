"""Projects that are ready to generate: a topic model, a template and a model behind a server on loopback."""

from __future__ import annotations

from pathlib import Path

from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import store_topics
from workbench.plan.orders import Order
from workbench.prompts import Template
from workbench.store import create_project, open_project, transaction
from workbench.topics import read_topics

DEEPFABRIC = Path(__file__).resolve().parent / "data" / "deepfabric"
PROMPT = "Write about {{ path_text }}, sample {{ replicate }} of task {{ topic }}."


def garden(path: Path, *, provider: str = "openai", parser: str = "", **parameters: object) -> Path:
    """Make a project with the graph `garden` (12 unique topics), the template `plain` and the model `m`."""
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        store_topics(db, read_topics(DEEPFABRIC / "graph" / "topic_graph.json", name="garden"))
        store_template(db, Template("plain", "draft", PROMPT, parser=parser))
        store_model(db, Model("m", provider, "mock-model", parameters, price_in=1.0, price_out=2.0))
    return path


def order(count: int | str, topics: str | None = "garden") -> Order:
    """Order so many samples of the garden."""
    return Order("plain", "m", count, topics)
