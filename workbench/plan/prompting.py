"""From a task to its prompt: what a template of each stage sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from workbench.catalogue.combos import concepts_of, topic_path
from workbench.catalogue.models import Model, model_at
from workbench.catalogue.templates import load_version
from workbench.errors import UnknownName
from workbench.ids import NO_TOPIC, prompt_hash
from workbench.parse import load_parser
from workbench.prompts import Template, render_messages
from workbench.providers import Request
from workbench.record.selection import Row
from workbench.store import Database

MOST_COMBOS: Final = 10_000  # of which what a prompt sees is kept at once


@dataclass(frozen=True, slots=True)
class Versions:
    """The template and model of a task as new work uses them, with the numbers of their versions."""

    template: Template
    template_version_id: int
    model: Model
    model_version_id: int
    hints: dict[str, object] = field(init=False)  # what every request of them tells the embedded model

    def __post_init__(self) -> None:
        """Put the hints together once."""
        template = self.template
        hints = {"parser": template.parser, "scale": template.scale, "minimum_lines": template.minimum_lines}
        object.__setattr__(self, "hints", {"stage": template.stage, **hints})


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt and what it was made from; it is kept under its hash."""

    messages: tuple[dict[str, str], ...]
    system: str
    text: str
    parent_content_id: int | None
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        """Hash it once."""
        object.__setattr__(self, "hash", prompt_hash(self.system, self.text))


class Prompter:
    """Makes prompts; templates and models are looked up once and kept while the run lasts."""

    def __init__(self, db: Database) -> None:
        """Read from `db`."""
        self._db = db
        self._versions: dict[tuple[int, int | None], Versions] = {}
        self._combos: dict[int | None, dict[str, Any]] = {}

    def versions(self, row: Row) -> Versions:
        """Give the template and model of a task."""
        key = (row.template_id, row.model_id)
        if key not in self._versions:
            self._versions[key] = self._load(*key)
        return self._versions[key]

    def _load(self, template_id: int, model_id: int | None) -> Versions:
        version = self._db.execute("select version_id, name from templates where id = ?", (template_id,)).fetchone()
        if version[0] is None:
            raise UnknownName(f"template {version[1]!r} has no text", mend="read it with `workbench templates import`")
        template = load_version(self._db, version[0])
        if template.mode == "copy":
            return Versions(template, version[0], Model("copy", "copy", "copy"), 0)
        load_parser(template.parser)
        if model_id is None:
            raise UnknownName(f"the tasks of template {template.name!r} name no model", mend="name one in the spec")
        return Versions(template, version[0], *model_at(self._db, model_id))

    def prompt(self, row: Row) -> Prompt:
        """Render the prompt of a task; raises BadTemplate with template and line."""
        variables, parent_content_id = self._variables(row)
        messages = render_messages(self.versions(row).template, variables)
        system = messages[0]["content"] if len(messages) > 1 else ""
        return Prompt(messages, system, messages[-1]["content"], parent_content_id)

    def _variables(self, row: Row) -> Variables:
        """Give what the template sees; what is known of a draft's combo is looked up once and kept."""
        if row.stage != "draft":
            return (essay_variables if row.stage == "essay" else evaluation_variables)(self._db, row)
        about = self._combos.get(row.combo_id)
        if about is None:
            if len(self._combos) >= MOST_COMBOS:
                self._combos.clear()
            about = self._combos[row.combo_id] = combo_variables(self._db, row.combo_id)
        return {**about, "cycle": row.replicate - 1, "replicate": row.replicate}, None

    def request(self, row: Row, prompt: Prompt) -> Request:
        """Put the call for a task together."""
        versions = self.versions(row)
        return Request(
            task=row.gen_id,
            model=versions.model.name,
            messages=prompt.messages,
            parameters=versions.model.parameters,
            schema=versions.template.schema,
            hints=versions.hints,
        )


Variables = tuple[dict[str, Any], int | None]


def combo_variables(db: Database, combo_id: int | None) -> dict[str, Any]:
    """What a template sees of a combo: its topic with the path, or its concepts."""
    topic_id, level, combo = db.execute(
        "select topic_id, level, combo_id from combos where id = ?", (combo_id,)
    ).fetchone()
    path = topic_path(db, topic_id) if topic_id is not None else []
    concepts = concepts_of(db, combo_id or 0, level) if topic_id is None else []
    if not path and not concepts and combo != NO_TOPIC:
        raise UnknownName(f"nothing is known of combo {combo!r}", mend="add it with `workbench combos create`")
    if path:
        concepts = [{"name": path[-1], "content": " > ".join(path)}]
    about = path[-1] if path else ", ".join(c["name"] for c in concepts)
    return {
        "topic": about,
        "path": path,
        "path_text": " > ".join(path),
        "concepts": concepts,
        "combo_id": combo,
    }


def _parent_text(db: Database, row: Row) -> tuple[str, int, int | None]:
    raw, parsed, same, content_id, combo_id = db.execute(
        "select x.raw, x.parsed, x.parsed_hash = x.raw_hash, x.id, p.combo_id"
        " from generations p join contents x on x.id = p.content_id where p.id = ?",
        (row.parent_id,),
    ).fetchone()
    return raw if same or parsed is None else parsed, content_id, combo_id


def essay_variables(db: Database, row: Row) -> Variables:
    """What an essay's template sees: its draft as `draft_block` and `links_block`, and what the draft is about."""
    text, content_id, combo_id = _parent_text(db, row)
    about = {} if combo_id is None else {**combo_variables(db, combo_id), "cycle": row.replicate - 1}
    return {**about, "draft_block": text, "links_block": text, "replicate": row.replicate}, content_id


def evaluation_variables(db: Database, row: Row) -> Variables:
    """What an evaluation's template sees: the essay as `response`."""
    text, content_id, _ = _parent_text(db, row)
    return {"response": text, "replicate": row.replicate}, content_id
