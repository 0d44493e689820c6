"""What a configuration asks for, in the catalogue's terms: a template, a model, an order, files beside it."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.catalogue.models import Model, checked_model
from workbench.config import Config, Llm, read_config
from workbench.errors import BadConfig, BadTemplate
from workbench.grow import Growth
from workbench.parse.schemas import check_schema
from workbench.plan.orders import Order
from workbench.prompts import Template
from workbench.prompts.samples import QUESTION, REASONED

_END_OF_RAW = re.compile(r"\{%(?=[-+]?\s*endraw\b)")
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
    """Take a configuration's words as they stand: they are no template, and what would end the quoting does not."""
    quoted = _END_OF_RAW.sub("{% endraw %}{{ '{%' }}{% raw %}", text)
    return "{% raw %}" + quoted + "{% endraw %}" if "{" in text else text


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
            detail = f"{name[:200]!r} is outside the configuration's folder"
            raise BadConfig(detail, where=where, mend="name a file in it")
        return path

    def growth(self, model: Model) -> Growth:
        """How it wants its topics grown."""
        topics = self.config.topics
        assert topics is not None
        template = f"topics-{topics.mode}"
        return Growth(
            topics.prompt, topics.mode, topics.depth, topics.degree, model.llm_model_id, template, topics.system_prompt
        )
