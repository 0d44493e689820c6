"""Topics below a topic with what was written about each, read in one go and summed up the tree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from workbench.lineage import Row, rows_of
from workbench.store import Database

LEVELS: Final = 5  # of shades; 0 is nothing done
FEW: Final = 1_000  # topics that are looked up one by one; for more, two indexes are read through
_ROOTS = """
select t.id from topics t where t.topic_model_id = ?
and not exists (select 1 from topic_edges e where e.child_id = t.id and e.main = 1) order by t.depth, t.place
"""
_BELOW = """
with recursive below (id, parent_id, height) as (
  select value, null, 0 from json_each(:tops)
  union all
  select e.child_id, e.parent_id, height + 1 from below b join topic_edges e on e.parent_id = b.id and e.main = 1
  where height < 200
)
select t.id, b.parent_id, b.height, t.uuid, t.title, t.leaf, t.place from below b join topics t on t.id = b.id
order by b.height, t.place
"""
_OF_FEW = """
select c.topic_id, count(*) as tasks, sum(g.status = 'done') as done, sum(g.status = 'failed') as failed
from json_each(:topics) k cross join combos c on c.topic_id = k.value cross join generations g on g.combo_id = c.id
group by 1
"""
# What is ordered by one index, what is not done by another: nothing is looked up for the drafts that are done.
_OF_ALL = """
select c.topic_id, k.tasks, k.tasks - coalesce(o.undone, 0) as done, coalesce(o.failed, 0) as failed
from (select combo_id, count(*) as tasks from generations where combo_id is not null group by 1) k
join combos c on c.id = k.combo_id
left join (
  select combo_id, count(*) as undone, sum(status = 'failed') as failed from generations
  where stage = 'draft' and status in ('planned', 'blocked', 'failed') group by 1
) o on o.combo_id = k.combo_id
where c.topic_id is not null
"""


@dataclass(slots=True)
class Branch:
    """A topic and what is below it: its own drafts and, in the sums, those of all below."""

    row: Row
    after: list[Branch] = field(default_factory=list)
    leaves: int = 0
    tasks: int = 0
    done: int = 0
    failed: int = 0

    def facts(self) -> Row:
        """Give the topic with its sums, as plain facts."""
        names = ("uuid", "title", "leaf", "height")
        sums = {"leaves": self.leaves, "tasks": self.tasks, "done": self.done, "failed": self.failed}
        return {name: self.row[name] for name in names} | sums


def roots(db: Database, topic_model: int) -> list[int]:
    """Give the topics of a model that hang below none, in order."""
    return [row["id"] for row in rows_of(db, _ROOTS, (topic_model,))]


def branch(db: Database, tops: list[int], title: str) -> Branch:
    """Read topics and all below them by main edges, with sums of drafts; several tops hang below one named `title`."""
    nodes: dict[int, Branch] = {}
    rows = rows_of(db, _BELOW, {"tops": json.dumps(tops)})
    if len(tops) != 1:
        nodes[0] = Branch({"id": 0, "uuid": "", "title": title, "leaf": 0, "height": 0})
        rows = [row | {"height": row["height"] + 1, "parent_id": row["parent_id"] or 0} for row in rows]
    for row in rows:
        nodes[row["id"]] = node = Branch(row)
        if row["parent_id"] is not None:
            nodes[row["parent_id"]].after.append(node)
    _count(db, nodes)
    _sum_up(list(nodes.values()))
    return next(iter(nodes.values()))


def _count(db: Database, nodes: dict[int, Branch]) -> None:
    few = len(nodes) <= FEW
    found = rows_of(db, _OF_FEW, {"topics": json.dumps(list(nodes))}) if few else rows_of(db, _OF_ALL)
    for row in found:
        if (node := nodes.get(row["topic_id"])) is not None:
            node.tasks, node.done, node.failed = row["tasks"], row["done"], row["failed"]


def _sum_up(nodes: list[Branch]) -> None:
    """Add what is below to each node; parents stand before their children in the list."""
    for node in reversed(nodes):
        node.leaves = sum(child.leaves for child in node.after) or 1
        for child in node.after:
            node.tasks += child.tasks
            node.done += child.done
            node.failed += child.failed


def down(top: Branch, levels: int, thinnest: float) -> Iterator[Row]:
    """Give the nodes of an icicle, `levels` deep: facts with `column`, `start` and `size` (shares of the whole).

    What would be smaller than `thinnest` is left out.
    """
    todo = [(top, 0, 0.0)]
    while todo:
        node, column, start = todo.pop()
        size = node.leaves / top.leaves
        if size < thinnest:
            continue
        yield node.facts() | {"column": column, "start": start, "size": size}
        for child in node.after if column + 1 < levels else ():
            todo.append((child, column + 1, start))
            start += child.leaves / top.leaves


def shade(done: int, tasks: int) -> str:
    """Give the class of a coverage: c-none without tasks, c-0 for nothing done to c-5 for all."""
    if not tasks:
        return "c-none"
    return f"c-{LEVELS if done >= tasks else min(int(done / tasks * LEVELS) + (done > 0), LEVELS - 1)}"
