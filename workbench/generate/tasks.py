"""The work of a run on generations: choose the next task, settle its answer, count cycles, steps and stages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.generate.groups import Groups
from workbench.generate.judging import judge, judge_text, unusable
from workbench.generate.work import Job, Settled
from workbench.plan.estimates import prompt_tokens
from workbench.plan.prompting import Prompt, Prompter, Versions, essay_variables
from workbench.providers import Answer
from workbench.record.answers import Origin, Result, fail, store_answer, store_prompt
from workbench.record.ledger import Target, claim_generation, release
from workbench.record.selection import START, Place, Row, Selection, anything_ready, next_rows
from workbench.store import Database

Listener = Callable[[str, Mapping[str, object]], None]
Seeder = Callable[[Database], bool]  # plans some more tasks; False when there are no more to plan
AHEAD = 64  # tasks looked up at a time


@dataclass(frozen=True, slots=True)
class Context:
    """What a job's task is made from."""

    row: Row
    versions: Versions
    prompt: Prompt


@dataclass(slots=True)
class GenerationWork:
    """Tasks of a selection as jobs, in order: the last stage first, then replicate, place and number."""

    prompter: Prompter
    selection: Selection
    groups: Sequence[Groups]
    notice: Listener
    slot: int
    is_synthetic: Callable[[str], bool]  # of a provider alias
    seed: Seeder
    seeding: bool = True
    done: int = 0
    failed: int = 0
    _after: dict[str, Place] = field(default_factory=dict)
    _ahead: deque[Row] = field(default_factory=deque)

    def choose(self, db: Database) -> Job | None:
        """Choose and claim the next task; copies are made on the way, without a call."""
        while (row := self._next_row(db)) is not None:
            for groups in self.groups:
                groups.started(row)
            if self.prompter.versions(row).template.mode == "copy":
                self._copy(db, row)
                release(db, Target(row.id))
                continue
            return self._job(db, row)
        return None

    def _next_row(self, db: Database) -> Row | None:
        while True:
            row = self._ready_row(db)
            if row is not None or not self.seeding:
                return row
            self.seeding = self.seed(db)

    def _ready_row(self, db: Database) -> Row | None:
        """Give the next task that may be sent, and claim it; looked up some at a time where there is one stage."""
        while True:
            if not self._ahead and not self._look_ahead(db):
                return None
            row = self._ahead.popleft()
            if claim_generation(db, self.slot, row.id):  # another process may have taken it meanwhile
                return row

    def _look_ahead(self, db: Database) -> bool:
        count = AHEAD if len(self.selection.stages) == 1 else 1
        for stage in self.selection.stages:
            after = self._after.get(stage, START)
            found = next_rows(db, self.selection, stage, after, count)
            if not found and after != START:  # what others let go, or what became ready, may stand before
                found = next_rows(db, self.selection, stage, START, count)
            if found:
                self._after[stage] = found[-1].position
                self._ahead.extend(found)
                return True
        return False

    def _job(self, db: Database, row: Row) -> Job:
        prompt = self.prompter.prompt(row)
        store_prompt(db, prompt.hash, prompt.system, prompt.text)
        versions = self.prompter.versions(row)
        return Job(
            target=Target(row.id),
            request=self.prompter.request(row, prompt),
            model=versions.model,
            tokens=prompt_tokens(len(prompt.system) + len(prompt.text)),
            context=Context(row, versions, prompt),
            facts={"gen_id": row.gen_id, "stage": row.stage, "replicate": row.replicate},
        )

    def _copy(self, db: Database, row: Row) -> None:
        """A copied essay: prompt, raw and parsed text are the draft's parsed text."""
        variables, parent_content_id = essay_variables(db, row)
        text = str(variables["draft_block"])
        versions = self.prompter.versions(row)
        prompt = Prompt(({"role": "user", "content": text},), "", text, parent_content_id)
        store_prompt(db, prompt.hash, "", text)
        origin = Origin(row.id, prompt.hash, versions.template_version_id, None, parent_content_id)
        (synthetic,) = db.execute("select synthetic from contents where id = ?", (parent_content_id,)).fetchone()
        result = judge_text(text, versions.template, synthetic=bool(synthetic))
        store_answer(db, origin, result)
        self.tell(row, result)

    def settle(self, db: Database, job: Job, answer: Answer, *, final: str | None) -> Settled:
        """Keep the answer's text, let the task be done or failed, and its children go on."""
        context: Context = job.context
        result = self._result(job, answer, final)
        if final is None or answer.text is not None:
            store_answer(db, self._origin(job), result)
        else:
            fail(db, context.row.id, final)
        done = result.outcome == "ok"
        self.tell(context.row, result)
        return Settled(done, result.outcome, self._opened(db, context.row) if done else 0)

    def tell(self, row: Row, result: Result) -> None:
        """Count a settled task and tell of it."""
        done = result.outcome == "ok"
        self.done, self.failed = self.done + done, self.failed + (not done)
        facts: dict[str, object] = {"gen_id": row.gen_id, "stage": row.stage}
        if not done:
            self.notice("sample_failed", {**facts, "outcome": result.outcome, "detail": result.detail})
        self.notice("settled", {**facts, "replicate": row.replicate, "done": done})
        for groups in self.groups:
            groups.settled(row, done=done)

    def _result(self, job: Job, answer: Answer, final: str | None) -> Result:
        context: Context = job.context
        synthetic = self.is_synthetic(job.model.provider)
        if final is not None:
            return unusable(answer, final, synthetic=synthetic)
        return judge(answer, context.versions.template, synthetic=synthetic)

    def _origin(self, job: Job) -> Origin:
        context: Context = job.context
        return Origin(
            generation_id=context.row.id,
            prompt_hash=context.prompt.hash,
            template_version_id=context.versions.template_version_id,
            model_version_id=context.versions.model_version_id or None,
            parent_content_id=context.prompt.parent_content_id,
            call_id=job.call_id,
        )

    def _opened(self, db: Database, row: Row) -> int:
        if row.stage == self.selection.stages[0]:  # the last stage has nothing below that is worked on
            return 0
        ready = db.execute("select count(*) from generations where parent_id = ? and ready = 1", (row.id,))
        return int(ready.fetchone()[0])

    def is_left(self, db: Database) -> bool:
        """Say whether any task of the selection may still be sent, whoever works on it."""
        return self.seeding or anything_ready(db, self.selection)
