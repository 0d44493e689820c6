"""Where texts come from, in the W3C's words: a PROV-JSON document, made page by page by the `prov` library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from workbench.exports.origins import calls, lifetime, project_uuid, runs, span, topics_above
from workbench.exports.prov_file import prov_file
from workbench.exports.rows import columns, full_rows
from workbench.exports.selection import Choice, chosen
from workbench.ids import canonical_json
from workbench.plugins import library
from workbench.store import Database
from workbench.store.rows import Row
from workbench.verify.check import snapshot

PAGE: Final = 500  # texts in one of the library's documents
TERMS: Final = "urn:generation-workbench:terms#"
_FACTS: Final = (
    *("stage", "replicate", "cycle", "template_id", "template_hash", "llm_model_id", "model_hash", "score"),
    *("scale_min", "scale_max", "score_0_to_1", "synthetic", "truncated", "lossy", "finish_reason", "tokens_in"),
    *("tokens_out", "prompt_hash", "raw_hash", "parsed_hash", "draft_gen_id", "combo_id", "cohorts", "path"),
)
_OF_CALL: Final = ("attempt", "provider", "model", "tokens_in", "tokens_out", "cost")
_OF_RUN: Final = ("job", "status", "version", "done", "failed", "skipped", "calls")


def export_prov(
    db: Database,
    out: Path | str,
    choice: Choice | None = None,
    *,
    texts: Sequence[str] = (),
    force: bool = False,
) -> dict[str, object]:
    """Write where finished texts come from as one PROV-JSON document.

    Entities are generations, templates, topics, concepts and cohorts; activities are calls and their runs; agents
    are models. Generations, and what they are about, are linked by `wasDerivedFrom` up to the root, whether or not
    the parents are chosen. `texts` are attributes of their generation. Memory is bounded by a page of texts; the
    parts of the document wait in files without a name beside `out`. Gives {"rows", "path", "records"}. Raises
    MissingExtra, OutputExists without `force`, UnknownName, BadQuery, BadInput.
    """
    model = library("prov.model", "prov")
    columns(texts)
    count = 0
    with snapshot(db), prov_file(Path(out), force=force) as file:
        history = _History(db, model, texts)
        rows = full_rows(db, chosen(db, choice or Choice(stage=None)), conversations="messages" in texts)
        while page := list(islice(rows, PAGE)):
            file.add(history.page(page))
            count += len(page)
        file.add(history.closing())
    return {"rows": count, "path": str(out), "records": file.records}


def local(kind: str, *names: object) -> str:
    """Give a name in the project's namespace; what no name of PROV can hold is %XX."""
    parts = (quote(str(name), safe="").replace(".", "%2E").replace("~", "%7E") for name in names)
    return "p:" + "/".join((kind, *parts))


class _History:
    """Pages of a document; what several pages speak of is described once, on the first."""

    def __init__(self, db: Database, model: Any, texts: Sequence[str]) -> None:
        self._db, self._model, self._texts = db, model, texts
        self._namespace = f"urn:uuid:{project_uuid(db)}#"
        self._told: set[str] = set()
        self._runs: set[int] = set()
        self._doc = self._begin()

    def _begin(self) -> Any:
        self._doc = self._model.ProvDocument()
        self._doc.add_namespace("p", self._namespace)
        self._doc.add_namespace("wb", TERMS)
        return self._doc

    def page(self, rows: list[Row]) -> Any:
        """Describe some generations with all that they come from."""
        doc, sent = self._begin(), calls(self._db, rows)
        for topic in topics_above(self._db, rows):
            self._topic(topic)
        for row in rows:
            self._generation(row, sent.get(row["call_id"]))
        return doc

    def _generation(self, row: Row, call: Row | None) -> None:
        doc, name = self._doc, local("generation", row["gen_id"])
        facts = {"prov:type": "generation", "prov:label": row["gen_id"]}
        doc.entity(name, facts | _attributes(row, (*_FACTS, *self._texts)))
        agent, template = self._agent(row), self._template(row)
        activity = None if call is None else self._call(row, call, agent, template)
        if call is not None:
            doc.wasGeneratedBy(name, activity, span(call)[1])
        elif template is not None:
            doc.wasInfluencedBy(name, template)
        if agent is not None:
            doc.wasAttributedTo(name, agent)
        for origin in self._origins(row):
            doc.wasDerivedFrom(name, origin, activity)
        for cohort in row["cohorts"]:
            doc.hadMember(self._entity("cohort", cohort, label=cohort, collection=True), name)

    def closing(self) -> Any:
        """Describe the runs that the calls belong to."""
        doc = self._begin()
        for run in runs(self._db, self._runs):
            facts = {"prov:type": "run", **_attributes(run, _OF_RUN)}
            doc.activity(local("run", run["id"]), *lifetime(run), facts)
        return doc

    def _first(self, name: str) -> bool:
        new = name not in self._told
        self._told.add(name)
        return new

    def _entity(self, kind: str, *names: str, label: str, collection: bool = False) -> str:
        name = local(kind, *names)
        if self._first(name):
            kinds = [("prov:type", kind)]
            if collection:
                kinds.append(("prov:type", self._qualified("prov:Collection")))
            self._doc.entity(name, [*kinds, ("prov:label", label)])
        return name

    def _qualified(self, name: str) -> Any:
        return self._doc.valid_qualified_name(name)

    def _topic(self, topic: Row) -> None:
        name = local("topic", topic["uuid"].lower())
        if self._first(name):
            self._doc.entity(name, {"prov:type": "topic", "prov:label": topic["title"], "wb:depth": topic["depth"]})
            if topic["parent_uuid"] is not None:
                self._doc.wasDerivedFrom(name, local("topic", topic["parent_uuid"].lower()))

    def _origins(self, row: Row) -> Iterator[str]:
        """Name what a generation is made from: its parent, or what it is about."""
        if row["parent_gen_id"] is not None:
            yield local("generation", row["parent_gen_id"])
        elif row["leaf_uuid"] is not None:
            yield local("topic", row["leaf_uuid"].lower())
        elif row["concepts"]:
            yield self._combo(row["combo_id"], row["concepts"])

    def _combo(self, combo_id: str, concepts: list[str]) -> str:
        known = local("combo", combo_id) in self._told
        name = self._entity("combo", combo_id, label=combo_id, collection=True)
        for concept in concepts if not known else ():
            self._doc.hadMember(name, self._entity("concept", concept, label=concept))
        return name

    def _call(self, row: Row, call: Row, agent: str | None, template: str | None) -> str:
        name, run = local("call", call["id"]), call["run_id"]
        self._doc.activity(name, *span(call), {"prov:type": "call", **_attributes(call, _OF_CALL)})
        for used in (template, *self._origins(row)):
            if used is not None:
                self._doc.used(name, used)
        if agent is not None:
            self._doc.wasAssociatedWith(name, agent, template)
        if run is not None:
            self._runs.add(run)
            self._doc.wasStartedBy(name, starter=local("run", run))
        return name

    def _template(self, row: Row) -> str | None:
        label, names = row["template_id"], (row["stage"], row["template_id"], row["template_hash"])
        return None if label is None else self._entity("template", *filter(None, names), label=label)

    def _agent(self, row: Row) -> str | None:
        if row["llm_model_id"] is None:
            return None
        name = local("model", *filter(None, (row["llm_model_id"], row["model_hash"])))
        if self._first(name):
            facts = [("prov:type", self._qualified("prov:SoftwareAgent")), ("prov:type", "model")]
            self._doc.agent(name, [*facts, ("prov:label", row["llm_model_id"])])
        return name


def _attributes(row: Row, names: Iterable[str]) -> dict[str, object]:
    return {f"wb:{name}": _plain(row[name]) for name in names if row[name] is not None and row[name] != []}


def _plain(value: object) -> object:
    return canonical_json(value) if isinstance(value, list) else value
