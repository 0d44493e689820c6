"""DeepFabric's checkpoints into the record: samples as drafts of their topics, cycle by cycle, failures too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.checkpoint import Checkpoint, FailedTask, Placements, place, read_checkpoint
from workbench.checkpoint.read import MAX_FACTS
from workbench.ids import bytes_hash
from workbench.imports.drafts import Drafts, Slot
from workbench.imports.names import Names, going_on_template, model_of, plain_name, template_of
from workbench.imports.record import Import, ImportReport, recorded
from workbench.imports.shapes import chat_shaped, verbatim
from workbench.imports.topics import TopicFinder
from workbench.reading import bytes_file, json_text, lines
from workbench.store import Database


def import_checkpoint(
    db: Database,
    path: Path | str,
    *,
    topics: str | None = None,
    template: str | None = None,
    model: str | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Take a checkpoint of version 4 over, in one transaction; taking it over twice changes nothing.

    Its topics are looked for in `topics`, or in every topic model. The drafts are those of `template` and `model`;
    by default those of `deepfabric-<conversation type>` and of the file's model, made for the import. Raises
    OldCheckpoint, BadFile, UnknownName; then nothing was changed.
    """
    checkpoint = read_checkpoint(path)
    plan = {"topics": topics, "template": template, "model": model}
    facts = checkpoint.files.facts
    with recorded(db, "checkpoint", facts, bytes_hash(bytes_file(facts, MAX_FACTS)), plan, dry_run=dry_run) as going:
        finder = TopicFinder(db, topics)
        placements = place(checkpoint, finder.uuid)
        _report(going, checkpoint, placements, finder)
        drafts = Drafts(going, _names(going, checkpoint, template, model))
        going.row(str(facts), "checkpoint", verbatim(checkpoint.facts))
        slots = {
            line: Slot(finder.find(placed.topic), placed.cycle + 1, placed.inferred)
            for line, placed in placements.samples.items()
        }
        failed = [_failed_slot(task, finder) for task in placements.failed]
        drafts.plan([*slots.values(), *failed])
        _keep_samples(going, drafts, checkpoint, slots)
        _keep_failures(going, drafts, checkpoint, list(zip(failed, placements.failed, strict=True)))
    return going.report


def _report(going: Import, checkpoint: Checkpoint, placements: Placements, finder: TopicFinder) -> None:
    for problem in placements.problems:
        going.problem(problem.severity, problem.where, problem.code, problem.detail)
    finder.report(going, str(checkpoint.files.facts))


def _names(going: Import, checkpoint: Checkpoint, template: str | None, model: str | None) -> Names:
    kind, where = checkpoint.conversation_type or "basic", str(checkpoint.files.facts)
    name = plain_name(f"deepfabric-{kind}")
    if template is None and name != f"deepfabric-{kind.strip().lower()}":
        going.problem("info", where, "name-changed", f"the template {'deepfabric-' + kind!r} is called {name!r} here")
    shape = "reasoned" if checkpoint.reasoning_style or kind == "chain_of_thought" else "chat"
    made = going_on_template(name, shape, checkpoint.files.facts.name)
    names = Names(*template_of(going, template, made), *model_of(going, model, checkpoint.model_name, where))
    going.report.template, going.report.model = names.template, names.model
    return names


def _failed_slot(task: FailedTask, finder: TopicFinder) -> Slot:
    return Slot(finder.find(task.topic), task.cycle + 1, task.inferred)


def _keep_samples(going: Import, drafts: Drafts, checkpoint: Checkpoint, slots: Mapping[int, Slot]) -> None:
    """Stream the samples' lines, so that each is kept as it stands in the file."""
    if not checkpoint.sample_topics:
        return
    for line, raw in lines(checkpoint.files.samples):
        where = f"{checkpoint.files.samples}:{line}"
        if (slot := slots.get(line)) is None:
            going.row(where, "unplaced sample", raw)
            continue
        found = chat_shaped(raw, json_text(raw, where))
        if found.doubt:
            going.problem("warning", where, "unusual-sample", found.doubt)
        drafts.keep(slot, found.text, where, found.metadata)


def _keep_failures(
    going: Import, drafts: Drafts, checkpoint: Checkpoint, failed: list[tuple[Slot, FailedTask]]
) -> None:
    file = checkpoint.files.failures
    for slot, task in failed:
        failure = task.failure
        drafts.fail(slot, failure.error or "no reason given", f"{file}:{failure.line}", verbatim(failure.value))
    placed = {task.failure.line for _, task in failed}
    for failure in checkpoint.failures:
        if failure.line not in placed:
            going.row(f"{file}:{failure.line}", "unplaced failure", verbatim(failure.value))
