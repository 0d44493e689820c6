"""The way to SQL: the named questions, the workbench's functions, every table and view with its prose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.browse.links import Links
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.browse.prose import described, opening
from workbench.browse.texts import prose as prose_of
from workbench.queries import questions
from workbench.store import Database

FUNCTIONS: Final = (
    ("gen_id(stage, field…, replicate)", "The ID of a signature under the project's scheme."),
    ("gen_id_in(scheme, stage, field…, replicate)", "The same under a scheme that is named."),
    ("content_hash(text)", "The hash that the record keeps of a text."),
    ("word_count(text)", "How many words a text has."),
)
HIDDEN: Final = ("search_source", "migration_images", "claims")


def gather(db: Database, asked: Asked) -> Found:
    """Give what one needs to ask in SQL: questions with their SQL, functions, tables and views with their columns."""
    facts: Facts = {"opening": opening().strip().split("\n\n"), "questions": [], "tables": [], "views": []}
    for one in questions().values():
        facts["questions"].append({"name": one.name, "prose": one.prose, "sql": one.sql})
    for name, said in described().items():
        if name not in HIDDEN:
            facts["views" if said.view else "tables"].append({"name": name, "prose": said.prose})
    facts["functions"] = [{"call": call, "prose": prose} for call, prose in FUNCTIONS]
    return Found("Ask in SQL", facts, "select gen_id, stage, template_id, parsed from generation_texts limit 20")


def draw(facts: Facts, links: Links) -> Mapping[str, Any]:
    """Set the schema's prose: what stands in backticks is code, what stands in asterisks is stressed."""
    prose = {one["name"]: prose_of(one["prose"]) for one in (*facts["tables"], *facts["views"])}
    return {"opening": [prose_of(part) for part in facts["opening"]], "prose": prose}


QUESTIONS: Final = Page("sql", gather, draw, label="SQL")
