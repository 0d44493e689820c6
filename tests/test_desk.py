"""Group commit: what arrives together is written together, without a timer; one act's fault is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gardens import garden, order

from workbench.generate import desk as rules
from workbench.generate.desk import PASSES, Desk
from workbench.plan import prompting
from workbench.plan.orders import Planting, shape
from workbench.plan.prompting import Prompter
from workbench.record.selection import START, next_rows
from workbench.store import Database, open_project, transaction


@contextmanager
def desk(tmp_path: Path) -> Iterator[tuple[Desk, Database, list[str]]]:
    """Give a desk, its project, and the statements that begin or end transactions as they are run."""
    said: list[str] = []
    with open_project(garden(tmp_path / "p.db"), write=True) as db:
        db.conn.set_trace_callback(lambda sql: said.append(sql) if sql.startswith(("begin", "COMMIT")) else None)
        yield Desk(db, lambda db, receipts: None, lambda: None), db, said
        db.conn.set_trace_callback(None)


@pytest.mark.parametrize(("span", "commits"), [(3600.0, 1), (0.0, 11)])
def test_what_arrives_within_a_few_passes_of_the_loop_is_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, span: float, commits: int
) -> None:
    """Twenty acts that come in three passes are one transaction, or more when they take too long; none is lost.

    Each gets its own result, after its commit. By a clock that ticks when it is looked at, every act and every commit
    takes one: without a span that is one act first, then two at a time, since that is as long as a commit takes.
    """
    monkeypatch.setattr(rules, "SPAN", span)
    monkeypatch.setattr(rules, "ticks", iter(range(1000)).__next__)
    with desk(tmp_path) as (found, _, said):

        async def one(number: int) -> int:
            for _ in range(number % PASSES):
                await asyncio.sleep(0)
            result = await found.do(lambda db: number)
            assert said[-1] == "COMMIT"
            return result

        async def all_of_them() -> list[int]:
            return await asyncio.gather(*map(one, range(20)))

        assert asyncio.run(all_of_them()) == list(range(20))
        assert said == ["begin immediate", "COMMIT"] * commits


def test_an_act_alone_is_written_at_once(tmp_path: Path) -> None:
    """Nothing waits for company: acts one after the other are transactions of their own."""
    with desk(tmp_path) as (found, _, said):

        async def three() -> None:
            for number in range(3):
                assert await found.do(lambda db, n=number: n) == number
                assert said.count("COMMIT") == number + 1

        asyncio.run(three())


def test_the_fault_of_one_act_takes_no_other_with_it(tmp_path: Path) -> None:
    """Of three acts that came together the second fails: it alone is told, the others are in the file."""
    with desk(tmp_path) as (found, db, _):

        def note(db: Database, key: str) -> None:
            db.execute("insert into project (key, value) values (?, 'x')", (key,))

        async def together() -> list[object]:
            acts = (lambda db: note(db, "a"), lambda db: note(db, "name"), lambda db: note(db, "b"))
            return await asyncio.gather(*map(found.do, acts), return_exceptions=True)

        first, second, third = asyncio.run(together())
        assert (first, third) == (None, None)
        assert "UNIQUE" in str(second)
        kept = db.execute("select key from project where value = 'x' order by 1").fetchall()
        assert (kept, found.troubled) == ([("a",), ("b",)], True)


def test_prompts_are_the_same_with_what_is_kept_of_combos_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three cycles of twelve topics: looked up once, looked up again and again, or each by a prompter of its own."""
    with open_project(garden(tmp_path / "p.db"), write=True) as db, transaction(db):
        found = shape(db, order(36))
        Planting(found).more(db)
        rows = next_rows(db, found.selection, "draft", START, 36)
        kept = Prompter(db)
        prompts = [kept.prompt(row) for row in rows]
        assert len({prompt.hash for prompt in prompts}) == 36
        assert prompts == [Prompter(db).prompt(row) for row in rows]
        monkeypatch.setattr(prompting, "MOST_COMBOS", 5)
        few = Prompter(db)
        assert prompts == [few.prompt(row) for row in rows]
