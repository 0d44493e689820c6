"""A growing topic model in the record: how it begins, which topic is next, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from workbench.catalogue.pruning import cut
from workbench.catalogue.topics import refresh_leaves
from workbench.clock import now
from workbench.errors import BadInput, Conflict, raise_all
from workbench.ids import fold, node_uuid, path_uuid
from workbench.store import Database, insert
from workbench.store.json_columns import told_facts
from workbench.topics.titles import FORBIDDEN

MODES: Final = ("tree", "graph")
LONGEST_TITLE: Final = 500  # characters


def title_of(text: str) -> str:
    """Give words as a topic's title: one line, no control characters, single blanks, bounded."""
    return " ".join(FORBIDDEN.sub(" ", text).split())[:LONGEST_TITLE].rstrip()


@dataclass(frozen=True, slots=True)
class Growth:
    """How a topic model is grown: `depth` levels below the root, up to `degree` subtopics for each topic."""

    prompt: str
    mode: str  # tree or graph
    depth: int
    degree: int
    model: str
    template: str
    system: str = ""

    def as_json(self) -> str:
        """Give it as it is kept with the topic model."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @property
    def root(self) -> str:
        """The root's title."""
        return title_of(self.prompt)

    def uuid_of(self, path: Sequence[str]) -> str:
        """Give the UUID of the topic at the end of a path; a graph's topics are told apart by their titles alone."""
        return path_uuid(path) if self.mode == "tree" else node_uuid(self.root, path[-1].casefold())

    def check(self) -> None:
        """Raise BadInput for what cannot be grown, everything at once."""
        wrong = {
            "the prompt is empty": not self.root,
            f"the mode is {self.mode!r}, not one of {', '.join(MODES)}": self.mode not in MODES,
            f"the depth is {self.depth}, not at least 1": self.depth < 1,
            f"the degree is {self.degree}, not at least 1": self.degree < 1,
        }
        raise_all([BadInput(text, mend="say it otherwise") for text, is_wrong in wrong.items() if is_wrong])


def plant(db: Database, name: str, growth: Growth) -> int:
    """Begin a topic model with its root, or go on with one that was begun alike; gives its number.

    A larger depth or another degree just continues, what failed is to be tried again. The caller holds the
    transaction. Raises BadInput, and Conflict when the name stands for something else.
    """
    model_id = known_model(db, name, growth)
    if model_id is None:
        return _begin(db, name.strip(), growth)
    db.execute("update topic_models set growth = ? where id = ?", (growth.as_json(), model_id))
    sprout(db, model_id, growth.depth)
    return model_id


def known_model(db: Database, name: str, growth: Growth) -> int | None:
    """Give the number of the topic model that a growth would go on with, None when there is none of that name.

    Raises BadInput for what cannot be grown, Conflict when the name stands for something else.
    """
    growth.check()
    fold(name, "topic model")
    row = db.execute("select id, kind, growth from topic_models where name = ?", (name.strip(),)).fetchone()
    if row is None:
        return None
    before = told_facts(row[2]) if row[2] else None
    if before is None or row[1] != growth.mode or before.get("prompt") != growth.prompt:
        raise Conflict(_otherwise(name, row[1], before), mend="build under another name, or say the same")
    return int(row[0])


def _otherwise(name: str, kind: str, before: dict[str, Any] | None) -> str:
    if before is None:
        return f"topic model {name!r} was read from a file"
    return f"topic model {name!r} is a {kind} grown from the prompt {str(before.get('prompt'))[:80]!r}"


def sprout(db: Database, model_id: int, depth: int) -> None:
    """Let what failed and what has nothing below it be grown down to a depth, and nothing below that."""
    cut(db, model_id, depth)
    db.execute("update topics set growth = 'pending' where topic_model_id = ? and growth = 'failed'", (model_id,))
    wake(db, model_id, depth)


def wake(db: Database, model_id: int, depth: int) -> None:
    """Let topics above a depth that have nothing below them be grown; those that came from a file stay as they are."""
    db.execute(
        "update topics set growth = 'pending' where topic_model_id = ? and growth = 'done' and depth < ?"
        " and not exists (select 1 from topic_edges e where e.parent_id = topics.id)",
        (model_id, depth),
    )
    refresh_leaves(db, model_id)


def _begin(db: Database, name: str, growth: Growth) -> int:
    values = {"name": name, "kind": growth.mode, "growth": growth.as_json(), "created": now()}
    model_id = insert(db, "topic_models", values)
    add_topic(db, model_id, growth.uuid_of([growth.root]), growth.root, 0, growth)
    return model_id


def add_topic(db: Database, model_id: int, uuid: str, title: str, depth: int, growth: Growth) -> int:
    """Add a topic behind all others, to be grown unless it is deep enough; gives its number."""
    pending = depth < growth.depth
    cursor = db.execute(
        "insert into topics (topic_model_id, uuid, title, depth, leaf, place, growth) select ?, ?, ?, ?, ?,"
        " coalesce(max(place) + 1, 0), ? from topics where topic_model_id = ?",
        (model_id, uuid, title, depth, int(not pending), "pending" if pending else "done", model_id),
    )
    return int(cursor.lastrowid or 0)


def next_topic(db: Database, model_id: int) -> tuple[int, str, str, int] | None:
    """Give the next topic to grow, breadth-first, that nobody works on: number, uuid, title, depth."""
    row = db.execute(
        "select id, uuid, title, depth from topics t where topic_model_id = ? and growth = 'pending'"
        " and not exists (select 1 from claims k where k.topic_id = t.id) order by depth, place limit 1",
        (model_id,),
    ).fetchone()
    return None if row is None else tuple(row)


def count(db: Database, model_id: int, growth: str) -> int:
    """Count the topics in a state of growth: pending, failed, or done with subtopics of their own."""
    grown = " and exists (select 1 from topic_edges e where e.parent_id = topics.id)" if growth == "done" else ""
    row = db.execute(
        f"select count(*) from topics where topic_model_id = ? and growth = ?{grown}", (model_id, growth)
    ).fetchone()
    return int(row[0])


def neighbours(db: Database, model_id: int, topic_id: int, depth: int, most: int = 40) -> list[dict[str, Any]]:
    """Give other topics that may be linked above the new ones: none deeper, so that no cycle can arise."""
    rows = db.execute(
        "select id, title from topics where topic_model_id = ? and id <> ? and depth between 1 and ?"
        " order by depth desc, place limit ?",
        (model_id, topic_id, depth, most),
    )
    return [{"id": number, "title": title} for number, title in rows]


def siblings(db: Database, topic_id: int) -> list[str]:
    """Give the titles of the topics beside one, below the same parent."""
    rows = db.execute(
        "select t.title from topic_edges e join topic_edges f on f.parent_id = e.parent_id and f.child_id <> e.child_id"
        " join topics t on t.id = f.child_id where e.child_id = ? and e.main = 1 order by f.place limit 50",
        (topic_id,),
    )
    return [title for (title,) in rows]


def give_up(db: Database, model_id: int, topic_id: int, detail: dict[str, object]) -> None:
    """Keep a topic that could not be grown, with the last reason; building again tries it anew."""
    db.execute("update topics set growth = 'failed', leaf = 0 where id = ?", (topic_id,))
    db.execute("delete from topic_failures where topic_id = ?", (topic_id,))
    db.execute(
        "insert into topic_failures (topic_model_id, topic_id, detail, at) values (?, ?, ?, ?)",
        (model_id, topic_id, json.dumps(detail, ensure_ascii=False), now()),
    )
