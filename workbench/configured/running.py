"""From a recipe to topics, samples and a dataset; the same again does what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import store_topics
from workbench.configured.recipe import Recipe, model_from
from workbench.errors import OutputExists
from workbench.exports.dataset import export_dataset
from workbench.generate import Summary, Terms, generate
from workbench.generate.run import Listener
from workbench.grow import build_topics, growth_job
from workbench.ids import chunks_hash
from workbench.plan.elsewhere import imported_elsewhere
from workbench.plan.forecast import Forecast, forecast, refuse_unusable, unusable
from workbench.reading import chunks
from workbench.record.ledger import spent
from workbench.store import Database, create_project, open_project, transaction
from workbench.topics import TopicModel, read_topics


def run_config(project: Path, path: Path, listener: Listener, terms: Mapping[str, Any], *, force: bool) -> Summary:
    """Carry a configuration out in a project, making that when needed; the same again does what is missing.

    Raises BadConfig, KeyNotBound, OutputExists for a dataset that another program wrote, and what runs raise.
    """
    from workbench.catalogue.starters import install_starters

    recipe = Recipe(path)
    plan = _plan(project, recipe)
    refuse_unusable(plan)
    listener("forecast", {"problems": plan.problems})
    if not project.exists():
        create_project(project)
        with open_project(project, write=True) as db, transaction(db):
            install_starters(db)
    with open_project(project, write=True) as db:
        _refuse_foreign_output(db, recipe, force)
        agreed = Terms(**{"concurrency": recipe.config.output.concurrency or 4, **terms})
        with transaction(db):
            store_template(db, recipe.template)
            store_model(db, recipe.model)
        grown = _topics(db, recipe, agreed, listener)
        if grown is not None and grown.exit_code:
            return grown
        summary = generate(db, recipe.order, _left(db, agreed, recipe), listener)
        _export(db, recipe)
    return summary


def _topics(db: Database, recipe: Recipe, terms: Terms, listener: Listener) -> Summary | None:
    topics = recipe.config.topics
    if topics is None:
        return None
    if recipe.topics_file is not None and not _is_growing(db, recipe.topics_name):
        with transaction(db):
            store_topics(db, _read(recipe))
        return None
    model = model_from(recipe.config.topics_llm, topics.max_tokens, "the topics", recipe.place_of_llm("topics"))
    with transaction(db):
        if model.llm_model_id == recipe.model.llm_model_id and model.hash != recipe.model.hash:
            model = Model(f"{model.llm_model_id}-topics", model.provider, model.name, model.parameters)
        store_model(db, model)
    growing = replace(terms, concurrency=topics.max_concurrent, limit=None, retry_failed=False, force=False)
    return build_topics(db, recipe.topics_name, recipe.growth(model), growing, listener)


def _left(db: Database, terms: Terms, recipe: Recipe) -> Terms:
    """Give what the growing of the topics has left of the caps, which hold over all that a configuration asks for."""
    cost, calls = spent(db, growth_job(recipe.topics_name))
    return replace(
        terms,
        max_calls=None if terms.max_calls is None else max(terms.max_calls - calls, 0),
        max_cost=None if terms.max_cost is None else max(terms.max_cost - cost, 0.0),
    )


def _is_growing(db: Database, name: str) -> bool:
    row = db.execute("select growth from topic_models where name = ?", (name,)).fetchone()
    return row is not None and row[0] is not None


def _read(recipe: Recipe) -> TopicModel:
    assert recipe.topics_file is not None
    return read_topics(recipe.topics_file, name=recipe.topics_name)


def _refuse_foreign_output(db: Database, recipe: Recipe, force: bool) -> None:
    """Refuse before money is spent to write over a dataset that this project did not write."""
    path = recipe.dataset_file
    if path is None or force or not path.exists():
        return
    known = db.execute("select value from project where key = ?", (f"output {path.name}",)).fetchone()
    if known is None or known[0] != chunks_hash(chunks(path)):
        raise OutputExists(str(path), mend="move it away, or say --force")


def _export(db: Database, recipe: Recipe) -> None:
    path = recipe.dataset_file
    if path is None:
        return
    order = recipe.order
    export_dataset(db, path, format="chat", topics=order.topics, template=order.template, model=order.model, force=True)
    with transaction(db):
        db.execute(
            "insert into project (key, value) values (?1, ?2) on conflict (key) do update set value = ?2",
            (f"output {path.name}", chunks_hash(chunks(path))),
        )


def validate_config(project: Path, path: Path) -> dict[str, Any]:
    """Say what a configuration would do, without a call and without changing anything."""
    return _plan(project, Recipe(path)).as_dict()


def _plan(project: Path, recipe: Recipe) -> Forecast:
    if not project.exists():
        return _fresh(recipe)
    with open_project(project) as db:
        plan = forecast(db, recipe.order) if _is_known(db, recipe) else _fresh(recipe)
        if elsewhere := imported_elsewhere(db, recipe.order):
            plan.problems.append(elsewhere)
    return plan


def _is_known(db: Database, recipe: Recipe) -> bool:
    sql = (
        "select exists (select 1 from templates where stage = 'draft' and name = ?)"
        " and exists (select 1 from models where llm_model_id = ?)"
        " and (? is null or exists (select 1 from topic_models where name = ?))"
    )
    topics = recipe.order.topics
    return bool(db.execute(sql, (recipe.template.name, recipe.model.llm_model_id, topics, topics)).fetchone()[0])


def _fresh(recipe: Recipe) -> Forecast:
    """Forecast a configuration whose project, topics or samples are not there yet."""
    from workbench.config import cycles, samples_for

    topics, found = recipe.config.topics, Forecast(0, 0, 0, 0, providers=[recipe.model.provider])
    found.problems = unusable(found)
    if topics is not None:
        read = recipe.topics_file and _read(recipe).counts().unique_topics
        unique = read or topics.degree**topics.depth
        if not read:
            found.problems.append(f"the topics are still to be built: up to {unique:,} with this depth and degree")
        found.unique_topics = unique
    found.total_samples = found.pending = found.calls = samples_for(
        recipe.config.output.num_samples, found.unique_topics
    )
    if topics is not None:
        found.cycles_needed, found.final_cycle_size = cycles(found.total_samples, found.unique_topics)
    return found
