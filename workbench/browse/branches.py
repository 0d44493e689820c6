"""Topics below a topic with what was written about each, read in one go and summed up the tree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.store import Database
from workbench.store.rows import Row

LEVELS: Final = 5  # of shades; 0 is nothing done
FEW: Final = 1_000  # topics that are looked up one by one; for more, two indexes are read through
_ROOTS = """
select t.id from topics t where t.topic_model_id = ?
and not exists (select 1 from topic_edges e where e.child_id = t.id and e.main = 1) order by t.depth, t.place
"""
_WHOLE = """
select t.id, e.parent_id, t.uuid, t.title, t.leaf from topics t
left join topic_edges e on e.child_id = t.id and e.main = 1 where t.topic_model_id = ? order by t.place
"""
_BELOW = """
with recursive below (id, parent_id, height) as (
  select ?, null, 0
  union all
  select e.child_id, e.parent_id, height + 1 from below b join topic_edges e on e.parent_id = b.id and e.main = 1
  where height < 200
)
select t.id, b.parent_id, t.uuid, t.title, t.leaf from below b join topics t on t.id = b.id order by t.place
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


@dataclass(slots=True, eq=False)
class Branch:
    """A topic and what is below it: its own drafts and, in the sums, those of all below."""

    id: int
    height: int
    uuid: str
    title: str
    leaf: int
    after: Sequence[Branch] = ()
    leaves: int = 1
    tasks: int = 0
    done: int = 0
    failed: int = 0

    def facts(self) -> Row:
        """Give the topic with its sums, as plain facts."""
        names = ("uuid", "title", "leaf", "height", "leaves", "tasks", "done", "failed")
        return {name: getattr(self, name) for name in names}


def roots(db: Database, topic_model: int) -> list[int]:
    """Give the topics of a model that hang below none, in order."""
    return [number for (number,) in db.execute(_ROOTS, (topic_model,))]


def whole(db: Database, topic_model: int, title: str) -> Branch:
    """Read all topics of a model by main edges, with sums of drafts; several roots hang below one named `title`."""
    return _grown(db, db.execute(_WHOLE, (topic_model,)), title)


def branch(db: Database, top: int) -> Branch:
    """Read a topic and all below it by main edges, with sums of drafts."""
    return _grown(db, db.execute(_BELOW, (top,)), "")


def _grown(db: Database, rows: Iterable[tuple[int, int | None, str, str, int]], title: str) -> Branch:
    nodes: dict[int, Branch] = {}
    below: dict[int | None, list[Branch]] = {}
    for number, parent, uuid, name, leaf in rows:
        nodes[number] = node = Branch(number, 0, uuid, name, leaf)
        below.setdefault(parent, []).append(node)
    tops: list[Branch] = []
    for parent, children in below.items():
        if (above := nodes.get(parent or 0)) is not None:
            above.after = children
        else:
            tops += children
    _count(db, nodes)
    top = tops[0] if len(tops) == 1 else Branch(0, 0, "", title, 0, tops)
    _sum_up(top)
    return top


def _count(db: Database, nodes: dict[int, Branch]) -> None:
    few = len(nodes) <= FEW
    found = db.execute(_OF_FEW, {"topics": json.dumps(list(nodes))}) if few else db.execute(_OF_ALL)
    for topic, tasks, done, failed in found:
        if (node := nodes.get(topic)) is not None:
            node.tasks, node.done, node.failed = tasks, done, failed


def _sum_up(top: Branch) -> None:
    """Say how far down each node is, and add what is below to it."""
    order = [top]
    for node in order:
        if node.after:
            for child in node.after:
                child.height = node.height + 1
            order += node.after
    for node in reversed(order):
        if node.after:
            node.leaves = sum([child.leaves for child in node.after])
            node.tasks += sum([child.tasks for child in node.after])
            node.done += sum([child.done for child in node.after])
            node.failed += sum([child.failed for child in node.after])


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
