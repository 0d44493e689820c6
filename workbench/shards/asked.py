"""What shards are to make together: an order or a cohort, laid against a project or against one shard of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace

from workbench.generate.assignment import Assignment
from workbench.generate.cohorts import assignment_of as cohort_assignment
from workbench.generate.groups import CohortCycles
from workbench.plan.cohorts import cohort_selection
from workbench.plan.forecast import Forecast, forecast, forecast_cohort
from workbench.plan.orders import Order, shape
from workbench.record.selection import Selection, counts
from workbench.shards.share import Share
from workbench.store import Database


@dataclass(frozen=True, slots=True)
class Asked:
    """An order, or a cohort with all its stages or one."""

    order: Order | None = None
    cohort: str | None = None
    stage: str | None = None

    @property
    def job(self) -> str:
        """The name under which runs of the same work count together."""
        return self.order.job if self.order is not None else f"cohort {self.cohort}".lower()

    def words(self) -> list[str]:
        """Give it as options of `workbench generate`."""
        if self.order is None:
            return [f"--cohort={self.cohort}", *([f"--stage={self.stage}"] if self.stage else [])]
        order = self.order
        about = [f"--topics={order.topics}"] if order.topics is not None else []
        return [*about, f"--num-samples={order.num_samples}", f"--template={order.template}", f"--model={order.model}"]

    def selection(self, db: Database) -> Selection:
        """Select its tasks in a record; raises UnknownName and BadInput."""
        if self.order is not None:
            return shape(db, self.order).selection
        return cohort_selection(db, str(self.cohort), self.stage)

    def forecast(self, db: Database, settled: tuple[str, ...] | None = None) -> Forecast:
        """Say what is to do of it in a project."""
        if self.order is not None:
            return forecast(db, self.order, settled)
        return forecast_cohort(db, cohort_selection(db, str(self.cohort), self.stage), settled)

    def assignment(self, db: Database, share: Share) -> Assignment:
        """Make what a shard's file holds of it the work of one run: there is nothing to plan beside that."""
        if self.order is None:
            found = cohort_assignment(db, str(self.cohort), cohort_selection(db, str(self.cohort), self.stage))
            return replace(found, config={**found.config, "shard": str(share)})
        selection, sizes = shape(db, self.order).selection, Counter[int]()
        for group in counts(db, selection):
            sizes[group.replicate] += group.count
        about_topics = self.order.topics is not None
        return Assignment(
            job=self.job,
            config={**asdict(self.order), "shard": str(share)},
            selection=selection,
            groupings=[CohortCycles(sizes)] if about_topics else [],
            total=sizes.total(),
            facts={"cycles_needed": len(sizes) if about_topics else 0},
        )

    def aliases(self, db: Database) -> set[str]:
        """Give the aliases of the providers that its models are behind."""
        if self.order is not None:
            where, values = "m.llm_model_id = ?", (self.order.model,)
        else:
            where = (
                "m.id in (select g.model_id from cohort_members k join generations g on g.id = k.generation_id"
                " join cohorts c on c.id = k.cohort_id where c.name = ?)"
            )
            values = (str(self.cohort),)
        rows = db.execute(
            f"select distinct v.provider from models m join model_versions v on v.id = m.version_id where {where}",
            values,
        )
        return {alias for (alias,) in rows}
