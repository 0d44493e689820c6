"""A project from Python: lookups, texts, topics, scores, cohorts and runs, as plain data.

    >>> from workbench.project import DraftTask, Order, Project
    >>> with Project.open("stories.db", write=True) as project:
    ...     summary = project.generate(Order("notes", "offline", 3, "garden"))
    ...     topics = project.get_unique_topics("garden")
    ...     draft = next(project.generations(stage="draft", status="done"))
    >>> summary.done, draft.combo == topics[0].uuid, draft.parsed == draft.raw
    (3, True, True)

A file opened this way is at rest between calls: nothing is locked, and only `generate` uses SQLite's log while it
runs. `close()`, the end of the `with` block or of the program leaves one file, and so does a Project that is forgotten.

    >>> project = Project.open("stories.db")
    >>> signature = project.signature_for(draft.gen_id)
    >>> signature == DraftTask(topics[0].uuid, "notes", "offline", replicate=1)
    True
    >>> project.find(signature).gen_id == draft.gen_id
    True
    >>> project.topic_path(topics[0].uuid)
    ['Garden', 'Soil']
    >>> project.close()
"""

from workbench.generate import Summary, Terms
from workbench.ids import DraftTask, EssayTask, EvaluationTask
from workbench.plan.forecast import Forecast
from workbench.plan.orders import Order
from workbench.project.data import Build, Found, Generation, Score, Signature, Topic
from workbench.project.opened import Project

__all__ = [
    "Build",
    "DraftTask",
    "EssayTask",
    "EvaluationTask",
    "Forecast",
    "Found",
    "Generation",
    "Order",
    "Project",
    "Score",
    "Signature",
    "Summary",
    "Terms",
    "Topic",
]
