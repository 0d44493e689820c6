"""The template and the model that imported texts are filed under: named by the user, or made for the import."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from workbench.catalogue.models import Model, model_ids, store_model
from workbench.catalogue.templates import store_template, template_ids
from workbench.imports.record import Import
from workbench.prompts import Template
from workbench.prompts.samples import PAIR, QUESTION, REASONED
from workbench.providers.texts import cleaned
from workbench.store import Database

UNKNOWN: Final = "imported"  # the model of files that name none, and its provider, which nobody binds
_NOT_ALLOWED: Final = re.compile(r"[^a-z0-9._:/+@-]+")

_SYSTEM: Final = "You write training samples for a chat assistant. You answer with JSON and nothing else."
_ABOUT: Final = "{% if path %}{{ path_text }}{% elif topic %}{{ topic }}{% else %}a subject of your choice{% endif %}"
_CHAT: Final = (
    "Write one conversation about this topic: " + _ABOUT + "\n\n"
    "A user asks one specific question and an assistant answers it, correctly and in concrete terms."
    "{% if replicate > 1 %} It is number {{ replicate }} on this topic: ask something new.{% endif %}\n\n"
    "Answer with one JSON object of this shape:\n"
    '{"question": "the question", "final_answer": "the answer"}\n'
)
_REASONED: Final = _CHAT.replace(
    ' "final_answer": "the answer"}',
    ' "reasoning": {"style": "freetext", "content": "the steps to the answer"}, "final_answer": "the answer"}',
)
_PAIR: Final = (
    "Write one instruction about this topic: " + _ABOUT + "\n\n"
    "and the answer that carries it out, correctly and in concrete terms."
    "{% if replicate > 1 %} It is number {{ replicate }} on this topic: write something new.{% endif %}\n\n"
    'Answer with one JSON object: {"instruction": "…", "input": "", "output": "…"}\n'
)
_PLAIN: Final = (
    "Ask one specific question about this topic and answer it, correctly and in concrete terms: " + _ABOUT + "\n"
    "{% if replicate > 1 %}It is number {{ replicate }} on this topic: write something new.\n{% endif %}"
)
_SCHEMAS: Final = {"chat": QUESTION, "reasoned": REASONED, "instruction": PAIR}
_TEXTS: Final = {"chat": _CHAT, "reasoned": _REASONED, "instruction": _PAIR, "": _PLAIN}


@dataclass(frozen=True, slots=True)
class Names:
    """A draft template and a model of the project, by name and number."""

    template: str
    template_id: int
    model: str
    model_id: int


def going_on_template(name: str, kind: str, source: str) -> Template:
    """Give a template under which more of what was imported can be written.

    `kind` is chat, reasoned (chat with reasoning), instruction, or empty for plain text.
    """
    parser = "chat" if kind == "reasoned" else kind
    return Template(
        name=name,
        stage="draft",
        text=_TEXTS[kind],
        mode="llm",
        parser=parser,
        system=_SYSTEM if parser else "",
        minimum_lines=0,
        scale=None,
        schema=_SCHEMAS.get(kind),
        description=f"Made for the import of {source}; its texts were written under another prompt.",
    )


def plain_name(text: str) -> str:
    """Turn any text into a name that an ID can hold: lower-cased, runs of other characters become one `-`."""
    name = _NOT_ALLOWED.sub("-", text.strip().lower()).lstrip("._:/+@-")[:128].rstrip("-")
    return name or UNKNOWN


def template_of(going: Import, wanted: str | None, made: Template) -> tuple[str, int]:
    """Find the template that the user names, or the one made for the import, which is added when it is missing.

    Raises UnknownName for a name that the project does not know.
    """
    db = going.db
    if wanted is None and not _known(db, "select 1 from templates where stage = 'draft' and name = ?", made.name):
        store_template(db, made)
    number, _ = template_ids(db, "draft", wanted or made.name)
    return str(db.execute("select name from templates where id = ?", (number,)).fetchone()[0]), number


def model_of(going: Import, wanted: str | None, file_name: str | None, where: str) -> tuple[str, int]:
    """Find the model that the user names, or the one that the file names, which is added when it is missing.

    A name that IDs cannot hold is changed, and that is reported. Raises UnknownName.
    """
    name = wanted or plain_name(file_name or UNKNOWN)
    if wanted is None:
        _make_model(going, name, file_name, where)
    number, _ = model_ids(going.db, name)
    return str(going.db.execute("select llm_model_id from models where id = ?", (number,)).fetchone()[0]), number


def _make_model(going: Import, name: str, file_name: str | None, where: str) -> None:
    if file_name is None:
        going.problem("warning", where, "model-unknown", f"the file names no model: filed under {name!r}; see --model")
    elif name != file_name.strip().lower():
        going.problem("info", where, "name-changed", f"the model {file_name!r} is called {name!r} here")
    if not _known(going.db, "select 1 from models where llm_model_id = ?", name):
        provider = "openai" if file_name else UNKNOWN
        own = cleaned(file_name or "")[0]
        store_model(going.db, Model(name, provider, own or UNKNOWN, display_name=own))


def _known(db: Database, sql: str, name: str) -> bool:
    return db.execute(sql, (name,)).fetchone() is not None
