"""A small project for the reports: essays that two models judged by rubrics of different scales."""

from __future__ import annotations

from pathlib import Path

from projects import AT, TITLES, add, add_cohort, add_draft, add_generation, add_model, add_template, add_topics, number

from workbench.ids import path_uuid
from workbench.store import Database, create_project, open_project, transaction

COMBOS = [path_uuid(["root", title]) for title in TITLES]


def add_essay(db: Database, combo: str, *, done: bool = True) -> int:
    """Add a draft of a combo and an essay of it, both done or both planned."""
    draft = add_draft(db, combo, 1)
    (key,) = db.execute("select gen_id from generations where id = ?", (draft,)).fetchone()
    links = {"parent_id": draft, "template_id": number(db, "templates", name="long", stage="essay")}
    essay = add_generation(db, "essay", (key, "long", 1), model_id=number(db, "models", llm_model_id="writer"), **links)
    for one in (draft, essay) if done else ():
        finish(db, one)
    return essay


def finish(db: Database, generation: int) -> int:
    """Give a generation an answer that is good."""
    content = add(
        db,
        "contents",
        generation_id=generation,
        revision=1,
        hash=f"h{generation}",
        outcome="ok",
        raw="text",
        created=AT,
    )
    db.execute(
        "update generations set status = 'done', content_id = ?, outcome = 'ok' where id = ?", (content, generation)
    )
    return content


def judge(
    db: Database,
    essay: int,
    rubric: str,
    model: str,
    *scores: float,
    scale: tuple[float, float] | None = (0, 9),
    start: int = 1,
) -> list[int]:
    """Add an evaluation for each score, replicates from `start`, and give their numbers."""
    (key,) = db.execute("select gen_id from generations where id = ?", (essay,)).fetchone()
    links = {
        "parent_id": essay,
        "template_id": number(db, "templates", name=rubric, stage="evaluation"),
        "model_id": number(db, "models", llm_model_id=model),
    }
    made = []
    for replicate, score in enumerate(scores, start):
        one = add_generation(db, "evaluation", (key, rubric, model, replicate), **links)
        content = finish(db, one)
        low, high = scale or (None, None)
        add(db, "scores", generation_id=one, content_id=content, score=score, scale_min=low, scale_max=high)
        made.append(one)
    return made


def add_catalogues(db: Database) -> None:
    """Add three topics, one template for each stage, a second rubric, and three models."""
    add_topics(db, "garden", TITLES)
    for name, stage in (("plain", "draft"), ("long", "essay"), ("novelty", "evaluation"), ("style", "evaluation")):
        add_template(db, name, stage)
    for name in ("writer", "judge-a", "judge-b"):
        add_model(db, name)


def fill(db: Database) -> list[int]:
    """Fill a project with three essays and give their numbers, in order of TITLES.

    The first: novelty 0..9 by both models, twice by one; style 0..100 by one. The second: novelty by both, apart
    by five points. The third is planned, without scores. Cohort `one` holds all of the first, cohort `all` everything.
    """
    add_catalogues(db)
    essays = [add_essay(db, combo, done=combo != COMBOS[2]) for combo in COMBOS]
    first = judge(db, essays[0], "novelty", "judge-a", 6.0, 8.0)
    first += judge(db, essays[0], "novelty", "judge-b", 7.0)
    first += judge(db, essays[0], "style", "judge-a", 50.0, scale=(0, 100))
    judge(db, essays[1], "novelty", "judge-a", 9.0)
    judge(db, essays[1], "novelty", "judge-b", 4.0)
    draft = db.execute("select parent_id from generations where id = ?", (essays[0],)).fetchone()[0]
    add_cohort(db, "one", [draft, essays[0], *first])
    add_cohort(db, "all", [row[0] for row in db.execute("select id from generations order by id")])
    return essays


def ids(db: Database, numbers: list[int]) -> list[str]:
    """Give the public IDs of some generations."""
    return [db.execute("select gen_id from generations where id = ?", (one,)).fetchone()[0] for one in numbers]


def made(path: Path) -> tuple[Path, list[str]]:
    """Make the project and give its path and the IDs of its essays."""
    create_project(path)
    with open_project(path, write=True) as db, transaction(db):
        return path, ids(db, fill(db))
