"""Topic IDs of other programs' files, resolved to topics of the project. No topic is invented."""

from __future__ import annotations

from typing import NamedTuple

from workbench.catalogue.topics import topic_model_id
from workbench.imports.record import Import
from workbench.providers.texts import cleaned
from workbench.store import Database

_WITHIN = "(:model is null or t.topic_model_id = :model)"
_BY_UUID = (
    f"select t.id, t.uuid, t.place from topics t where t.uuid = :id and {_WITHIN} order by t.topic_model_id limit 1"
)
_BY_ALIAS = (
    "select distinct lower(t.uuid) from topic_aliases a join topics t on t.id = a.topic_id"
    f" where a.alias = :id and {_WITHIN} limit 2"
)


class StoredTopic(NamedTuple):
    """A topic of the project: its number, its UUID in lower case, and its place in its model."""

    id: int
    uuid: str
    place: int


class TopicFinder:
    """Finds topics by UUID or by an ID that another program gave them, in one topic model or in all."""

    def __init__(self, db: Database, name: str | None) -> None:
        """Look in the named topic model, or in every one; raises UnknownName."""
        self._db = db
        self._model = None if name is None else topic_model_id(db, name)
        self._found: dict[str, StoredTopic | None] = {}
        self.ambiguous: set[str] = set()

    def find(self, topic_id: str) -> StoredTopic | None:
        """Give the topic of an ID; None when there is none, or several (then it is `ambiguous`)."""
        topic_id = cleaned(topic_id)[0]
        if topic_id not in self._found:
            self._found[topic_id] = self._by_uuid(topic_id) or self._by_alias(topic_id)
        return self._found[topic_id]

    def uuid(self, topic_id: str) -> str | None:
        """Give the UUID of an ID, as `find`."""
        found = self.find(topic_id)
        return found and found.uuid

    def report(self, going: Import, where: str) -> None:
        """Say which IDs were not resolved because they are those of several topics."""
        for topic_id in sorted(self.ambiguous):
            detail = f"{topic_id!r} is the ID of several topics: say which topic model is meant with --topics"
            going.problem("error", where, "ambiguous-topic", detail)

    def _by_uuid(self, uuid: str) -> StoredTopic | None:
        row = self._db.execute(_BY_UUID, {"id": uuid.strip(), "model": self._model}).fetchone()
        return StoredTopic(row[0], row[1].lower(), row[2]) if row else None

    def _by_alias(self, alias: str) -> StoredTopic | None:
        rows = self._db.execute(_BY_ALIAS, {"id": alias, "model": self._model}).fetchall()
        if len(rows) > 1:
            self.ambiguous.add(alias)
        return self._by_uuid(rows[0][0]) if len(rows) == 1 else None
