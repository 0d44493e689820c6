"""What of an order is in the record, counted along the index of signatures: the same as counted row by row."""

from __future__ import annotations

from pathlib import Path

from gardens import garden, order
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.ids import V1
from workbench.plan.orders import Planting, shape
from workbench.record.seed import Seed, seed_tasks
from workbench.record.selection import GroupCount, counts, whole_cycles
from workbench.store import Database, open_project, transaction

TOPICS = 12
STATUSES = ("planned", "blocked", "failed")


def row_by_row(db: Database, count: int, topics: str | None) -> list[GroupCount]:
    """Count the drafts of an order by looking at every one of them."""
    condition, parameters = shape(db, order(count, topics)).selection.where("draft")
    rows = db.execute(
        f"select g.stage, g.replicate, g.status, count(*) from generations g where {condition}"
        " group by g.replicate, g.status order by g.replicate, g.status",
        parameters,
    )
    return [GroupCount(*row) for row in rows]


def plant(db: Database, drafts: set[tuple[int, int]], statuses: list[str], *, topics: bool) -> None:
    """Put drafts of (topic, replicate) into the record, with statuses in turn."""
    found = shape(db, order(1, "garden" if topics else None))
    db.execute("insert or ignore into combos (combo_id, topic_id) select uuid, id from unique_topics")
    places = dict(db.execute("select place, uuid from unique_topics order by place").fetchall())
    uuids = [places[place] for place in sorted(places)]
    template, model = db.execute("select t.name, m.llm_model_id from templates t, models m").fetchone()
    for number, (topic, replicate) in enumerate(sorted(drafts)):
        combo = uuids[topic] if topics else "none"
        (combo_id,) = db.execute("select id from combos where combo_id = ?", (combo,)).fetchone()
        fields = (combo, template, model)
        seed = Seed(
            "draft", fields, replicate, found.template_id, found.model_id, combo_id, place=sorted(places)[topic]
        )
        ((_, generation),) = seed_tasks(db, [seed], V1).items()
        status = statuses[number % len(statuses)]
        db.execute("update generations set status = ?, ready = 0 where id = ?", (status, generation))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    drafts=st.sets(st.tuples(st.integers(0, TOPICS - 1), st.integers(1, 4))),
    statuses=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3),
    count=st.integers(1, 4 * TOPICS),
)
def test_an_order_is_counted_alike_by_index_and_by_rows(
    tmp_path: Path, drafts: set[tuple[int, int]], statuses: list[str], count: int
) -> None:
    """Whatever drafts there are, with gaps or without, of the last cycle or beyond the order."""
    path = tmp_path / "p.db"
    if not path.exists():
        garden(path)
    with open_project(path, write=True) as db:
        try:
            with transaction(db):
                plant(db, drafts, statuses, topics=True)
                selection = shape(db, order(count)).selection
                assert sorted(counts(db, selection), key=_key) == row_by_row(db, count, "garden")
                whole = whole_cycles(db, selection)
                for replicate in range(1, whole + 1):
                    assert {(topic, replicate) for topic in range(TOPICS)} <= drafts
                raise _Undo
        except _Undo:
            pass


class _Undo(Exception):
    """Takes the drafts of one example back."""


def _key(group: GroupCount) -> tuple[int, str]:
    return group.replicate, group.status


def test_planning_goes_on_behind_what_is_whole(tmp_path: Path) -> None:
    """What is whole is not gone through again, a gap before it is filled, and N is N."""
    path = garden(tmp_path / "p.db")
    drafts = {(topic, replicate) for topic in range(TOPICS) for replicate in (1, 2, 3)} - {(5, 2)}
    with open_project(path, write=True) as db:
        with transaction(db):
            plant(db, drafts, ["planned"], topics=True)
            found = shape(db, order(40))
            assert whole_cycles(db, found.selection) == 0  # a gap anywhere: nothing is taken for granted
            planting = Planting(found)
            while planting.more(db):
                pass
        assert sum(group.count for group in counts(db, found.selection)) == 40
        assert whole_cycles(db, found.selection) == 3


def test_plain_samples_are_counted_alike(tmp_path: Path) -> None:
    """Samples without topics, with a gap and one beyond the order."""
    path = garden(tmp_path / "p.db")
    with open_project(path, write=True) as db:
        db.execute("insert into combos (combo_id) values ('none')")
        with transaction(db):
            plant(db, {(0, 1), (0, 2), (0, 4), (0, 9)}, list(STATUSES), topics=False)
        found = counts(db, shape(db, order(8, None)).selection)
        assert found == row_by_row(db, 8, None)
        assert sum(group.count for group in found) == 3
