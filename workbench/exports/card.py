"""The card of a dataset folder: what is in it, for people and, in its front matter, for programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workbench import __version__
from workbench.exports.rows import SCORE, Column
from workbench.exports.selection import Choice
from workbench.exports.store_folder import Folder
from workbench.providers.texts import one_line
from workbench.store import Database

Counts = Mapping[str, Mapping[str, int]]
CARD: Final = "README.md"
SHOWN: Final = 100  # topic models, templates and models that a card lists of each
_TEXT: Final = {"dtype": "string"}
_DTYPES: Final = {"text": "string", "whole": "int64", "number": "float64", "flag": "bool"}
_SIZES: Final = (
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")),
    (10_000_000, "1M<n<10M"),
)
_SIGNS: Final = re.compile(r"([\\`*_{}\[\]()#+\-!|~^$:])")
_NAME: Final = "select value from project where key = 'name'"
_TOPICS: Final = "select name, kind from topic_models order by 1 limit ?"
_TEMPLATES: Final = (
    "select t.stage, t.name, v.hash from templates t join template_versions v on v.id = t.version_id"
    " where exists (select 1 from generations g where g.template_id = t.id) order by 1, 2 limit ?"
)
_MODELS: Final = (
    "select m.llm_model_id, v.provider, v.name, v.parameters from models m join model_versions v on v.id = m.version_id"
    " where exists (select 1 from generations g where g.model_id = m.id) order by 1 limit ?"
)


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says of a dataset: title, license, columns, format of the shards, and what was chosen."""

    title: str | None
    license: str | None
    columns: Sequence[Column]
    format: str
    choice: Choice


def write_card(db: Database, hub: Any, folder: Folder, card: Card, counts: Counts) -> None:
    """Write the card, after huggingface_hub has read it as it reads any; `counts` are rows by stage and split."""
    row = db.execute(_NAME).fetchone()
    title = one_line(card.title or (row and row[0]) or "Generations")
    front = hub.DatasetCardData(**_front(card, counts, title)).to_yaml()
    body = "\n".join([f"# {plain(title)}", "", *_body(db, card, counts)])
    folder.text(CARD, str(hub.DatasetCard(f"---\n{front}\n---\n\n{body}\n")))


def plain(text: object) -> str:
    """Give foreign text as one line that Markdown shows as it is: no markup, no HTML, no cell's end."""
    html = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SIGNS.sub(r"\\\1", html)


def _front(card: Card, counts: Counts, title: str) -> dict[str, Any]:
    rows = sum(sum(splits.values()) for splits in counts.values())
    facts = {
        "pretty_name": title,
        "license": card.license,
        "tags": ["synthetic-data", "lineage", "generation-workbench"],
        "size_categories": [next((name for size, name in _SIZES if rows < size), "n>10M")],
        "configs": [_config(stage, splits, card.format) for stage, splits in counts.items()],
        "dataset_info": [_schema(stage, card.columns) for stage in counts],
    }
    return {name: value for name, value in facts.items() if value is not None}


def _config(stage: str, splits: Mapping[str, int], ending: str) -> dict[str, Any]:
    files = [{"split": split, "path": f"data/{stage}/{split}-*.{ending}"} for split in splits]
    return {"config_name": stage, "data_files": files}


def _schema(stage: str, wanted: Sequence[Column]) -> dict[str, Any]:
    return {"config_name": stage, "features": [_feature(column) for column in wanted]}


def _feature(column: Column) -> dict[str, Any]:
    named = {"name": column.name}
    match column.kind:
        case "texts":
            return named | {"list": "string"}
        case "messages":
            return named | {"list": [{"name": name} | _TEXT for name in ("role", "content")]}
        case "scores":
            numbers = {"replicate": "int64"} | dict.fromkeys(SCORE[-4:], "float64")
            return named | {"list": [{"name": name, "dtype": numbers.get(name, "string")} for name in SCORE]}
    return named | {"dtype": _DTYPES[column.kind]}


def _body(db: Database, card: Card, counts: Counts) -> Iterator[str]:
    yield "Texts that language models made, each with its lineage: what it is about, which template and model made it,"
    yield f"what it was made from, and how it was judged. Written by generation-workbench {__version__}."
    yield from ("", "## Rows", "")
    rows = [(stage, split, f"{n:,}") for stage, splits in counts.items() for split, n in splits.items()]
    yield from _table(("configuration", "split", "rows"), rows)
    names = ("topics", "template", "model", "cohort", "cycle", "where")
    chosen = [(name, value) for name in names if (value := getattr(card.choice, name)) is not None]
    if chosen:
        yield from ("", "Chosen by:", "")
        yield from _table(("option", "value"), [(name, plain(value)) for name, value in chosen])
    yield from ("", "## Columns", "")
    yield from _table(("column", "meaning"), [(f"`{column.name}`", column.about) for column in card.columns])
    yield from _sources(db)


def _sources(db: Database) -> Iterator[str]:
    for heading, names, sql in (
        ("Topic models", ("name", "kind"), _TOPICS),
        ("Templates", ("stage", "name", "hash"), _TEMPLATES),
        ("Models", ("name", "provider", "provider's name", "parameters"), _MODELS),
    ):
        rows = db.execute(sql, (SHOWN + 1,)).fetchall()
        if rows:
            yield from ("", f"## {heading}", "")
            yield from _table(names, [tuple(map(plain, row)) for row in rows[:SHOWN]])
        if len(rows) > SHOWN:
            yield from ("", "… and more.")


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
