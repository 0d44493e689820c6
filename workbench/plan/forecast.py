"""A plan in numbers before the first call: tasks, calls, tokens and money."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from workbench.catalogue.models import Model, model_at
from workbench.plan.estimates import TYPICAL_PROMPT, answer_tokens, price_of
from workbench.plan.orders import Order, shape, topics_shape
from workbench.providers import why_not
from workbench.record.selection import CohortSelection, GroupCount, Selection, counts
from workbench.store import Database
from workbench.store.json_columns import told_facts


@dataclass(slots=True)
class Forecast:
    """What a run would do. Money is None when a model has no prices; `problems` would stop or spoil the run.

    `providers` are the aliases that its calls go to.
    """

    total_samples: int
    done: int
    failed: int
    pending: int
    unique_topics: int = 0
    cycles_needed: int = 0
    final_cycle_size: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    providers: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Give it as plain data."""
        return asdict(self)


def by_status(found: Iterable[GroupCount], status: str) -> int:
    """Sum up the tasks of one status."""
    return sum(group.count for group in found if group.status == status)


SETTLED = ("done", "failed")  # what a run leaves alone, unless it says otherwise


def forecast(db: Database, order: Order, settled: tuple[str, ...] | None = None) -> Forecast:
    """Lay an order against the record without changing anything; raises UnknownName and BadInput.

    `settled` are the statuses that the run leaves alone (default: done and failed): all other tasks are pending.
    """
    settled = SETTLED if settled is None else settled
    order_shape = shape(db, order)
    found = counts(db, order_shape.selection)
    plan = Forecast(
        total_samples=order_shape.total_samples,
        done=by_status(found, "done"),
        failed=by_status(found, "failed"),
        pending=order_shape.total_samples - sum(by_status(found, status) for status in settled),
        unique_topics=order_shape.unique_topics if order.topics else 0,
        cycles_needed=order_shape.cycles_needed if order.topics else 0,
        final_cycle_size=order_shape.final_cycle_size if order.topics else 0,
    )
    _add_calls(db, plan, [(order_shape.template_id, order_shape.model_id, plan.pending)])
    plan.problems = [*unusable(plan), *problems(db, order_shape.selection)]
    return plan


def forecast_topics(db: Database, topics: str, num_samples: int | str) -> Forecast:
    """Lay so many samples against a topic model alone, before it is said who writes them from which template.

    Raises UnknownName and BadInput.
    """
    found = topics_shape(db, topics, num_samples)
    return Forecast(
        total_samples=found.total,
        done=0,
        failed=0,
        pending=found.total,
        unique_topics=found.unique,
        cycles_needed=found.cycles_needed,
        final_cycle_size=found.final_cycle_size,
        calls=found.total,
    )


def forecast_cohort(db: Database, selection: CohortSelection, settled: tuple[str, ...] | None = None) -> Forecast:
    """Lay a cohort against the record without changing anything; `settled` as for an order."""
    settled = SETTLED if settled is None else settled
    found = counts(db, selection)
    total = sum(group.count for group in found)
    pending = total - sum(by_status(found, status) for status in settled)
    plan = Forecast(total, by_status(found, "done"), by_status(found, "failed"), pending)
    left_alone = ", ".join(f"'{status}'" for status in settled)
    parts = []
    for stage in selection.stages:
        condition, parameters = selection.where(stage)
        parts += db.execute(
            "select g.template_id, g.model_id, count(*) from generations g join templates t on t.id = g.template_id"
            " join template_versions v on v.id = t.version_id and v.mode = 'llm'"
            f" where g.status not in ({left_alone}) and {condition} group by 1, 2",
            parameters,
        ).fetchall()
    _add_calls(db, plan, parts)
    plan.problems = [*unusable(plan), *problems(db, selection)]
    return plan


def _add_calls(db: Database, plan: Forecast, parts: list[tuple[int, int | None, int]]) -> None:
    """Estimate tokens and money: from this template's earlier calls, else from what the model may answer."""
    money: float | None = 0.0
    for template_id, model_id, count in parts:
        if model_id is None or count <= 0:
            continue
        model = model_at(db, model_id)[0]
        each_in, each_out = _typical(db, template_id, model)
        plan.calls += count
        plan.providers = sorted({*plan.providers, model.provider})
        plan.tokens_in += each_in * count
        plan.tokens_out += each_out * count
        price = price_of(model, each_in * count, each_out * count)
        money = None if price is None or money is None else money + price
    plan.cost = None if money is None else round(money, 6)


def _typical(db: Database, template_id: int, model: Model) -> tuple[int, int]:
    row = db.execute(
        "select avg(tokens_in), avg(tokens_out) from (select x.tokens_in, x.tokens_out from generations g"
        " join contents x on x.id = g.content_id where g.template_id = ? and g.status = 'done' limit 200)",
        (template_id,),
    ).fetchone()
    return int(row[0] or TYPICAL_PROMPT), int(row[1] or answer_tokens(model))


def unusable(plan: Forecast) -> list[str]:
    """Say of each provider that would be called and cannot be, on this machine, how that is mended."""
    return [str(error) for error in map(why_not, plan.providers) if error]


def refuse_unusable(plan: Forecast) -> None:
    """Refuse a run before anything is written down; raises what says why its first such provider cannot be used."""
    for error in filter(None, map(why_not, plan.providers)):
        raise error


def problems(db: Database, selection: Selection) -> list[str]:
    """Say what would stop or spoil a run: open blocking alerts among its tasks, tasks that are blocked."""
    found = []
    for stage in selection.stages:
        condition, parameters = selection.where(stage)
        rows = db.execute(
            "select g.outcome, count(*) from generations g indexed by generations_status"
            f" where g.status = 'blocked' and {condition} group by 1 order by 2 desc",
            parameters,
        )
        found += [f"{count} of stage {stage} blocked: {outcome}" for outcome, count in rows]
    for number, kind, facts in db.execute("select id, kind, facts from alerts where blocking and acknowledged is null"):
        what = told_facts(facts).get("gen_id", "")
        found.append(f"alert {number} is open: {kind} {what}; look at it, then `workbench alerts ack {number}`")
    return found
