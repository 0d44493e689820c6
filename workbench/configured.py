"""A configuration file carried out: topics, samples and dataset as it says, with nothing paid twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.catalogue.models import Model, checked_model, store_model
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import store_topics
from workbench.config import Config, Llm, read_config
from workbench.errors import BadConfig, BadTemplate, OutputExists
from workbench.exports.dataset import export_dataset
from workbench.generate import Summary, Terms, generate
from workbench.generate.run import Listener
from workbench.grow import Growth, build_topics
from workbench.ids import chunks_hash
from workbench.parse.schemas import check_schema
from workbench.plan.elsewhere import imported_elsewhere
from workbench.plan.forecast import Forecast, forecast, refuse_unusable, unusable
from workbench.plan.orders import Order
from workbench.prompts import Template
from workbench.prompts.samples import QUESTION, REASONED
from workbench.reading import chunks
from workbench.store import Database, create_project, open_project, transaction
from workbench.topics import TopicModel, read_topics

PLAIN = "Write one training sample: a question that a person would ask, and a good answer."
_ABOUT = "The subject: {{ path_text }}. Stay with the last part of it; sample {{ replicate }} about it."
_FORM = 'Answer with one JSON object: {"question": …, "final_answer": …}.'
_REASONED = (
    'Answer with one JSON object: {"question": …, "reasoning": {"style": "%s", "content": …}, "final_answer": …}.'
)


def name_from(text: str) -> str:
    """Make a name that an ID can hold from a file's name."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:100] or "config"


def template_from(config: Config) -> Template:
    """Make the draft template that a configuration's generation section describes."""
    made = config.generation
    kind = made.conversation.type
    style = made.conversation.reasoning_style or "freetext"
    form, parser, schema = _FORM, "chat", QUESTION
    if kind != "basic":
        form, schema = _REASONED % style, REASONED
    if made.output_schema is not None:
        form, parser, schema = "Answer with one JSON object that fits the schema.", "json", made.output_schema
    parts = [_escaped(made.instructions), _ABOUT if config.topics else "Sample {{ replicate }}.", form]
    return Template(
        name=f"{name_from(Path(config.source).stem)}-{kind.replace('_', '-')}",
        stage="draft",
        text="\n\n".join([PLAIN, *filter(None, parts)]) + "\n",
        parser=parser,
        system=_escaped(made.system_prompt),
        schema=schema,
        description=f"made from {Path(config.source).name}",
    )


def _escaped(text: str) -> str:
    """Take a configuration's words as they stand: they are no template."""
    return "{% raw %}" + text + "{% endraw %}" if "{" in text else text


def model_from(llm: Llm, max_tokens: int | None, what: str, where: str = "") -> Model:
    """Make the catalogue's model from an `llm` section. Its base_url is not kept: hosts are bound on each machine.

    Raises BadConfig without provider and model, BadInput for a provider that is an address.
    """
    if not llm.provider or not llm.model:
        raise BadConfig(f"{what} names no model", where=where, mend="give llm.provider and llm.model")
    parameters: dict[str, object] = {}
    if llm.temperature is not None:
        parameters["temperature"] = llm.temperature
    if max_tokens is not None:
        parameters["max_tokens"] = max_tokens
    return checked_model(Model(name_from(llm.model), llm.provider, llm.model, parameters), where)


class Recipe:
    """What a configuration asks for, in the catalogue's terms."""

    def __init__(self, path: Path) -> None:
        """Read a configuration strictly; raises BadConfig with every error and its line."""
        self.config = read_config(path)
        self.folder = path.parent
        self.template = template_from(self.config)
        self.model = model_from(
            self.config.generation_llm,
            self.config.generation.max_tokens,
            "the generation",
            self.place_of_llm("generation"),
        )
        self.topics_name = name_from(Path((self.config.topics and self.config.topics.save_as) or path.stem).stem)
        self._refuse_other_folders()
        self._refuse_what_would_fail()

    @property
    def order(self) -> Order:
        """The samples it asks for."""
        topics = self.topics_name if self.config.topics else None
        return Order(self.template.name, self.model.llm_model_id, self.config.output.num_samples, topics)

    @property
    def topics_file(self) -> Path | None:
        """The file that it keeps its topics in, when there is one already."""
        save_as = self.config.topics.save_as if self.config.topics else None
        path = self._inside(save_as) if save_as else None
        return path if path is not None and path.is_file() else None

    @property
    def dataset_file(self) -> Path | None:
        """The file that it wants its samples in."""
        return self._inside(self.config.output.save_as) if self.config.output.save_as else None

    def _refuse_other_folders(self) -> None:
        for section in (self.config.output, self.config.topics):
            if section and section.save_as:
                self._inside(section.save_as)

    def _refuse_what_would_fail(self) -> None:
        """Say before a call is made what each of them would break on."""
        config = self.config
        if config.topics is None and not isinstance(config.output.num_samples, int):
            mend = "add a topics section, or give a whole number"
            where = config.where(("output", "num_samples"))
            raise BadConfig(f"{config.output.num_samples} of no topics", where=where, mend=mend)
        if config.generation.output_schema is not None:
            try:
                check_schema(config.generation.output_schema)
            except BadTemplate as error:
                where = config.where(("generation", "output_schema"))
                raise BadConfig(error.detail, where=where, mend="mend output_schema") from None

    def place_of_llm(self, section: str) -> str:
        """Give `file:line` of what says which model a section uses."""
        return self.config.where((section, "llm"), ("llm",))

    def _inside(self, name: str) -> Path:
        path = self.folder / name
        if Path(name).is_absolute() or not path.resolve().is_relative_to(self.folder.resolve()):
            section = "output" if name == self.config.output.save_as else "topics"
            where = self.config.where((section, "save_as"))
            raise BadConfig(f"{name!r} is outside the configuration's folder", where=where, mend="name a file in it")
        return path

    def growth(self, model: Model) -> Growth:
        """How it wants its topics grown."""
        topics = self.config.topics
        assert topics is not None
        template = f"topics-{topics.mode}"
        return Growth(
            topics.prompt, topics.mode, topics.depth, topics.degree, model.llm_model_id, template, topics.system_prompt
        )


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
        summary = generate(db, recipe.order, agreed, listener)
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
    return build_topics(
        db, recipe.topics_name, recipe.growth(model), Terms(concurrency=topics.max_concurrent, rpm=terms.rpm), listener
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
