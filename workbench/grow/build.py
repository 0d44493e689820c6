"""Build a topic model: one call for each topic that is to be grown, many at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from workbench.catalogue.combos import topic_path
from workbench.catalogue.models import Model, load_model
from workbench.catalogue.templates import load_template
from workbench.clock import ticks
from workbench.generate.caps import Caps
from workbench.generate.judging import judge
from workbench.generate.run import Listener, Summary, Terms, conclude, session
from workbench.generate.work import Job, Settled
from workbench.grow.branches import hang
from workbench.grow.saplings import Growth, count, give_up, neighbours, next_topic, plant, siblings
from workbench.plan.estimates import prompt_tokens
from workbench.prompts import Template, render_messages
from workbench.providers import Answer, Provider, Request, provider_for
from workbench.record.ledger import Target, claim
from workbench.store import Database, transaction


@dataclass(slots=True)
class GrowthWork:
    """Topics that are to be grown as jobs, breadth-first."""

    growth: Growth
    model_id: int
    template: Template
    model: Model
    slot: int
    notice: Listener
    grown: int = 0
    failed: int = 0

    def choose(self, db: Database) -> Job | None:
        """Choose and claim the next topic to grow."""
        found = next_topic(db, self.model_id)
        if found is None:
            return None
        topic_id, uuid, title, depth = found
        claim(db, self.slot, Target(topic_id=topic_id))
        messages = tuple(dict(m) for m in render_messages(self.template, self._variables(db, topic_id, title, depth)))
        request = Request(
            task=uuid,
            model=self.model.name,
            messages=messages,
            parameters=self.model.parameters,
            schema=self.template.schema,
            hints={"stage": "topics", "parser": self.template.parser, "degree": self.growth.degree, "topic": title},
        )
        return Job(
            target=Target(topic_id=topic_id),
            request=request,
            model=self.model,
            tokens=prompt_tokens(sum(len(m["content"]) for m in messages)),
            context=title,
            facts={"topic": title, "depth": depth},
        )

    def _variables(self, db: Database, topic_id: int, title: str, depth: int) -> dict[str, Any]:
        path = topic_path(db, topic_id)
        return {
            "topic": title,
            "path": path,
            "path_text": " > ".join(path),
            "degree": self.growth.degree,
            "depth": depth,
            "prompt": self.growth.prompt,
            "system_prompt": self.growth.system,
            "siblings": siblings(db, topic_id),
            "existing": neighbours(db, self.model_id, topic_id, depth) if self.growth.mode == "graph" else [],
        }

    def settle(self, db: Database, job: Job, answer: Answer, *, final: str | None) -> Settled:
        """Hang the subtopics of an answer below its topic, or keep the failure."""
        topic_id = job.target.topic_id or 0
        path = topic_path(db, topic_id)
        outcome, detail, found = self._read(answer, final)
        if outcome == "ok":
            added = hang(db, self.growth, self.model_id, topic_id, path, found)
            if added is not None:
                self.grown += 1
                self.notice("topic_grown", {**job.facts, "subtopics": added})
                return Settled(True, "ok", added)
            outcome, detail = "no_subtopics", "every subtopic stands above it already"
        self.failed += 1
        facts = {"topic": job.context, "outcome": outcome, "detail": detail}
        give_up(db, self.model_id, topic_id, {"failed_generation": {**facts, "path": path}})
        self.notice("settled", {"done": False})
        self.notice("sample_failed", facts)
        return Settled(False, outcome)

    def _read(self, answer: Answer, final: str | None) -> tuple[str, str | None, list[dict[str, Any]]]:
        if final is not None:
            return final, answer.error, []
        result = judge(answer, self.template, synthetic=False)
        if result.parsed is None:
            return result.outcome, result.detail, []
        entries = json.loads(result.parsed)["subtopics"]
        found = [e if isinstance(e, dict) else {"topic": e} for e in entries]
        return ("ok", None, found) if found else ("empty", "no subtopics", [])

    def rehearsed(self, db: Database, providers: Callable[[str], Provider]) -> Provider | None:
        """Render the next prompt and open its provider, so that what is wrong shows before a run begins."""
        found = next_topic(db, self.model_id)
        if found is None:
            return None
        topic_id, _, title, depth = found
        render_messages(self.template, self._variables(db, topic_id, title, depth))
        return providers(self.model.provider)

    def is_left(self, db: Database) -> bool:
        """Say whether any topic is still to be grown, whoever works on it."""
        pending = "select exists (select 1 from topics where topic_model_id = ? and growth = 'pending')"
        return bool(db.execute(pending, (self.model_id,)).fetchone()[0])


def growth_job(name: str) -> str:
    """Give the name under which runs that grow a topic model count together."""
    return f"topics {name.strip()}".lower()


def build_topics(
    db: Database,
    name: str,
    growth: Growth,
    terms: Terms | None = None,
    listener: Listener = lambda event, facts: None,
    providers: Callable[[str], Provider] = provider_for,
) -> Summary:
    """Grow a topic model to its depth; what is grown already is kept, what failed is tried again.

    Raises UnknownName, BadInput, Conflict, BadTemplate and KeyNotBound before anything is changed.
    """
    terms, begun = terms or Terms(), ticks()
    template, model = load_template(db, "topics", growth.template), load_model(db, growth.model)
    job = growth_job(name)
    with transaction(db):
        model_id = plant(db, name, growth)
        skipped = count(db, model_id, "done")
        work = GrowthWork(growth, model_id, template, model, 0, listener)
        ready = work.rehearsed(db, providers)
    with session(db, job, terms, asdict(growth), listener, lambda alias: ready or providers(alias)) as opened:
        work.slot, work.notice = opened.slot.number, opened.notice
        with transaction(db):
            opened.notice("growth_start", {"name": name, "grown": skipped, **asdict(growth)})
        opened.drive(work, Caps(job, terms.max_cost, terms.max_calls))
        left = count(db, model_id, "pending") + count(db, model_id, "failed")
        with transaction(db):
            opened.notice("growth_complete", {"name": name, "grown": work.grown, "failed": work.failed, "left": left})
        return conclude(opened, done=work.grown, failed=work.failed, skipped=skipped, left=left, begun=begun)
