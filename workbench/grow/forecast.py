"""What growing a topic model would take, before the first call."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from workbench.catalogue.models import Model, load_model
from workbench.catalogue.templates import load_template
from workbench.grow.saplings import Growth, count, known_model
from workbench.plan.estimates import answer_tokens, price_of, prompt_tokens
from workbench.store import Database

TITLE = 12  # tokens of a title, with its quotes


@dataclass(frozen=True, slots=True)
class GrowthForecast:
    """How much a build would do at most. `pending` topics are to be grown now; money is None without prices."""

    name: str
    grown: int
    pending: int
    calls: int
    topics: int
    tokens_in: int
    tokens_out: int
    cost: float | None

    def as_dict(self) -> dict[str, object]:
        """Give it as plain data."""
        return asdict(self)


def forecast_growth(db: Database, name: str, growth: Growth) -> GrowthForecast:
    """Lay a build against the record without changing anything; raises UnknownName, BadInput, Conflict."""
    template, model = load_template(db, "topics", growth.template), load_model(db, growth.model)
    model_id = known_model(db, name, growth)
    pending = {0: 1} if model_id is None else _pending(db, model_id, growth.depth)
    calls = sum(topics * _below(growth, depth) for depth, topics in pending.items())
    words = len(template.text) + len(template.system) + len(growth.prompt) + len(growth.system)
    tokens_in, tokens_out = calls * prompt_tokens(words), calls * _answer(model, growth.degree)
    cost = price_of(model, tokens_in, tokens_out)
    grown = 0 if model_id is None else count(db, model_id, "done")
    waiting, most = sum(pending.values()), calls * growth.degree
    return GrowthForecast(name, grown, waiting, calls, most, tokens_in, tokens_out, cost)


def _pending(db: Database, model_id: int, depth: int) -> dict[int, int]:
    rows = db.execute(
        "select depth, count(*) from topics t where topic_model_id = ? and depth < ?"
        " and (growth in ('pending', 'failed') or growth = 'done'"
        " and not exists (select 1 from topic_edges e where e.parent_id = t.id)) group by depth",
        (model_id, depth),
    )
    return dict(rows.fetchall())


def _below(growth: Growth, depth: int) -> int:
    """Count the calls that a topic at a depth and all that grows below it take at most."""
    return sum(growth.degree**level for level in range(growth.depth - depth))


def _answer(model: Model, degree: int) -> int:
    return min(answer_tokens(model), TITLE * degree + 20)
