"""Where texts come from, as OpenLineage run events: JSON Lines for whoever collects them. Nothing is sent anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from workbench import __version__
from workbench.exports.files import json_line, new_file
from workbench.exports.origins import calls, lifetime, moment, project_uuid, runs, span
from workbench.exports.rows import columns, full_rows
from workbench.exports.selection import Choice, chosen
from workbench.ids import event_uuid
from workbench.plugins import library
from workbench.store import Database
from workbench.store.rows import Row
from workbench.verify.check import snapshot

PAGE: Final = 500  # texts in memory
PRODUCER: Final = f"urn:generation-workbench:{__version__}"
SCHEMA: Final = "urn:generation-workbench:facets:generation"
_ENDINGS: Final = {"done": "COMPLETE", "failed": "FAIL", "stopped": "ABORT", "interrupted": "ABORT", "lost": "ABORT"}
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


def export_openlineage(
    db: Database,
    out: Path | str,
    choice: Choice | None = None,
    *,
    texts: Sequence[str] = (),
    force: bool = False,
) -> dict[str, object]:
    """Write OpenLineage events, one a line: a START and a COMPLETE for each finished text, and for each run.

    A text is a dataset, called by its ID, with its lineage in the facet `generation`; its inputs are its parent or
    topic, and the template; its job is the template with the model, and the run of the workbench is the parent run.
    `texts` go into the facet. IDs of runs are functions of the project's UUID: the same export gives the same
    events. Gives {"rows", "path", "events"}. Raises MissingExtra, OutputExists without `force`, UnknownName,
    BadQuery, BadInput.
    """
    events = _Events(project_uuid(db), [column.name for column in columns(texts)])
    wanted, count, written = choice or Choice(stage=None), 0, 0
    with snapshot(db), new_file(out, force=force) as file:
        rows = full_rows(db, chosen(db, wanted), conversations="messages" in texts)
        while page := list(islice(rows, PAGE)):
            count += len(page)
            for event in events.of_page(db, page):
                file.write(json_line(event))
                written += 1
        for event in events.of_runs():
            file.write(json_line(event))
            written += 1
    return {"rows": count, "path": str(out), "events": written}


class _Events:
    """Events of one project, made by the library's classes."""

    def __init__(self, project: str, names: Sequence[str]) -> None:
        self._event = library("openlineage.client.event_v2", "openlineage")
        self._facet = library("openlineage.client.facet_v2", "openlineage")
        self._to_dict = library("openlineage.client.serde", "openlineage").Serde.to_dict
        self._project, self._namespace, self._names = project, f"workbench://{project}", names
        self._generation = _generation_facet(self._facet, names)
        self._runs: dict[int, Row] = {}

    def of_page(self, db: Database, rows: Sequence[Row]) -> Iterator[Row]:
        """Give the events of some texts, and the beginnings of runs that were not met before."""
        sent = calls(db, rows)
        new = {call["run_id"] for call in sent.values()} - {None, *self._runs}
        for run in runs(db, new):
            self._runs[run["id"]] = run
            yield self._of_run(run, "START", lifetime(run)[0])
        for row in rows:
            yield from self._of_text(row, sent.get(row["call_id"]))

    def of_runs(self) -> Iterator[Row]:
        """Give the ends of the runs; one that goes on has none."""
        for run in self._runs.values():
            if (ending := _ENDINGS.get(run["status"])) is not None:
                start, end = lifetime(run)
                yield self._of_run(run, ending, end or start)

    def _of_run(self, run: Row, kind: str, at: datetime | None) -> Row:
        own = self._event.Run(self._id("run", run["id"]))
        return self._written(kind, at, own, self._job(_run_job(run), "JOB"))

    def _of_text(self, row: Row, call: Row | None) -> Iterator[Row]:
        start, end = (moment(row["created"]), None) if call is None else span(call)
        own = self._event.Run(self._id("text", row["gen_id"], row["content_hash"]), self._parent(call))
        names = (row["stage"], row["template_id"], row["llm_model_id"])
        job = self._job("/".join(filter(None, names)), "TASK")
        yield self._written("START", start, own, job)
        made = [self._output(row)]
        yield self._written("COMPLETE", end or start, own, job, inputs=[*self._inputs(row)], outputs=made)

    def _id(self, *names: object) -> str:
        return event_uuid(self._project, *map(str, names))

    def _job(self, name: str, kind: str) -> Any:
        facet = self._facet.job_type_job.JobTypeJobFacet("BATCH", "GENERATION_WORKBENCH", kind, producer=PRODUCER)
        return self._event.Job(self._namespace, name, {"jobType": facet})

    def _parent(self, call: Row | None) -> dict[str, Any]:
        run = None if call is None else self._runs.get(call["run_id"])
        if run is None:
            return {}
        facet = self._facet.parent_run
        above = facet.Run(self._id("run", run["id"])), facet.Job(self._namespace, _run_job(run))
        return {"parent": facet.ParentRunFacet(*above, producer=PRODUCER)}

    def _inputs(self, row: Row) -> Iterator[Any]:
        if row["parent_gen_id"] is not None:
            yield self._event.InputDataset(self._namespace, row["parent_gen_id"])
        elif row["combo_id"] is not None:
            kind = "combo" if row["leaf_uuid"] is None else "topic"
            yield self._event.InputDataset(self._namespace, f"{kind}/{row['leaf_uuid'] or row['combo_id']}")
        if row["template_id"] is not None:
            name = f"template/{row['stage']}/{row['template_id']}"
            yield self._event.InputDataset(self._namespace, name, facets=self._version(row["template_hash"]))

    def _output(self, row: Row) -> Any:
        facets = {"generation": self._generation(**{name: row[name] for name in self._names}, producer=PRODUCER)}
        facets |= self._version(row["content_hash"])
        return self._event.OutputDataset(self._namespace, row["gen_id"], facets=facets)

    def _version(self, hash: str | None) -> dict[str, Any]:
        if hash is None:
            return {}
        facet = self._facet.dataset_version_dataset.DatasetVersionDatasetFacet
        return {"version": facet(hash, producer=PRODUCER)}

    def _written(self, kind: str, at: datetime | None, run: Any, job: Any, **datasets: Any) -> Row:
        state, when = self._event.RunState[kind], (at or _NO_TIME).isoformat()
        event = self._event.RunEvent(eventTime=when, eventType=state, producer=PRODUCER, run=run, job=job, **datasets)
        found: Row = self._to_dict(event)
        return found


def _run_job(run: Row) -> str:
    return f"run/{run['job']}"


def _generation_facet(facets: Any, names: Sequence[str]) -> Any:
    """Make the facet's class: the columns of a text, under the rules of the library's own facets."""

    class Named(facets.DatasetFacet):  # type: ignore[misc]
        @staticmethod
        def _get_schema() -> str:
            return SCHEMA

    attr = library("attr", "openlineage")
    fields = {name: attr.field(default=None, kw_only=True) for name in names}
    return attr.make_class("GenerationDatasetFacet", fields, bases=(Named,))
