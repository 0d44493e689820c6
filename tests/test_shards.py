"""One shard of an order or a cohort, made into a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gardens import garden, order
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalogue.starters import install_starters
from workbench.cohorts import read_spec
from workbench.errors import BadInput, Conflict
from workbench.generate import Terms, generate, generate_cohort
from workbench.plan.compiling import compile_cohort
from workbench.shards.asked import Asked
from workbench.shards.share import Share, shard_of, shared
from workbench.shards.work import generate_shard
from workbench.store import open_project
from workbench.verify import digest, verify

SPEC = """topics: garden
cycles: 2
axes:
  draft_template: [plain]
  draft_llm: [m]
  essay_template: [essay-polish, essay-copy]
  essay_llm: [m]
  evaluation_template: [rubric-clarity]
  evaluation_llm: [m]
  evaluation_replicate: ['1', '2']
"""


@pytest.fixture
def plot(tmp_path: Path) -> Path:
    """Give a project with 12 topics, the starter templates and a cohort `pilot`, all by the offline model."""
    path, spec = garden(tmp_path / "p.db", provider="offline"), tmp_path / "pilot.yaml"
    spec.write_text(SPEC)
    with open_project(path, write=True) as db:
        install_starters(db)
        compile_cohort(db, "pilot", read_spec(spec))
    return path


def ids(path: Path, *, stage: str = "draft", status: str = "done") -> set[str]:
    """Give the IDs of a stage that are done."""
    with open_project(path) as db:
        rows = db.execute("select gen_id from generations where stage = ? and status = ?", (stage, status))
        return {gen_id for (gen_id,) in rows}


def facts(path: Path, sql: str) -> Any:
    """Give the one row of a query."""
    with open_project(path) as db:
        return db.execute(sql).fetchone()


@given(st.text(min_size=1, max_size=30), st.integers(1, 300))
def test_a_family_is_in_one_shard_whatever_its_suffix(root: str, count: int) -> None:
    """The shard is between 1 and N, the same for any case and for the tasks that share an ID."""
    number = shard_of(root, count)
    assert 1 <= number <= count
    assert [s.number for s in (Share(n, count) for n in range(1, count + 1)) if s.holds(root)] == [number]
    assert shard_of(f"{root}-1", count) == shard_of(f"{root}-22", count)


def test_shards_are_of_like_size() -> None:
    """10,000 IDs in 8 shards: none is a tenth above its part."""
    sizes = [0] * 8
    for number in range(10_000):
        sizes[shard_of(f"d_{number}", 8) - 1] += 1
    assert min(sizes) > 1125 and max(sizes) < 1375


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "01/3", "1/3/4", "-1/3", "1/5000", "x/y", "1 / 3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    """I and N are plain numbers, and I is one of N."""
    with pytest.raises(BadInput, match="I/N"):
        Share.parse(text)


@given(st.integers(1, 40), st.integers(1, 500), st.integers(1, 500))
def test_parts_of_limits_add_up(count: int, limit: int, calls: int) -> None:
    """All workers together have the limit and the caps, no more and no less."""
    terms = Terms(limit=limit, max_calls=calls, max_cost=3.0)
    parts = [part for n in range(count) if (part := shared(terms, Share(n + 1, count), width=None))]
    if min(limit, calls) >= count:
        assert sum(part.limit or 0 for part in parts) == limit
        assert sum(part.max_calls or 0 for part in parts) == calls
    assert sum(part.max_cost or 0 for part in parts) <= 3.000001


@pytest.mark.parametrize("option", ["rpm", "tpm", "concurrency"])
def test_too_little_for_so_many_workers_is_refused(option: str) -> None:
    """A worker without any call a minute would never end."""
    width = 3 if option == "concurrency" else None
    terms = Terms() if width else Terms(**{option: 3})
    with pytest.raises(BadInput, match="fewer workers"):
        shared(terms, Share(1, 4), width=width)


@pytest.mark.parametrize(("topics", "count"), [("garden", 31), (None, 31)])
def test_shards_are_the_whole_and_leave_the_project_alone(
    tmp_path: Path, plot: Path, topics: str | None, count: int
) -> None:
    """The shards' IDs are those of one process, each once; the project's bytes do not change; every rule holds."""
    before = plot.read_bytes()
    found: list[str] = []
    for number in (1, 2, 3):
        into = tmp_path / f"s{number}.db"
        summary = generate_shard(plot, into, Share(number, 3), Asked(order(count, topics)))
        assert summary.status == "done" and summary.done > 0 and summary.skipped == 0
        found += ids(into)
        with open_project(into, write=True) as db:
            assert [check.name for check in verify(db, full=True) if not check.ok] == []
    assert plot.read_bytes() == before
    with open_project(plot, write=True) as db:
        generate(db, order(count, topics))
    assert len(found) == count and set(found) == ids(plot)


def test_a_shard_resumes_and_skips_what_the_project_has_done(tmp_path: Path, plot: Path) -> None:
    """Half of a shard, then the rest; what the project did before is not in the file and counts as skipped."""
    with open_project(plot, write=True) as db:
        generate(db, order(12))
    into = tmp_path / "s.db"
    first = generate_shard(plot, into, Share(1, 2), Asked(order(40)), Terms(limit=3, concurrency=1))
    again = generate_shard(plot, into, Share(1, 2), Asked(order(40)))
    quiet = generate_shard(plot, into, Share(1, 2), Asked(order(40)))
    known = sum(Share(1, 2).holds(one) for one in ids(plot))
    assert (first.done, first.skipped) == (3, known)
    assert again.skipped == known + 3 and again.status == "done"
    assert (quiet.calls, quiet.skipped) == (0, known + first.done + again.done)
    assert not ids(into) & ids(plot)


def test_a_cohort_s_families_stay_whole(tmp_path: Path, plot: Path) -> None:
    """All stages of a family are in one shard; the shards together are the cohort."""
    files = [tmp_path / f"s{number}.db" for number in (1, 2, 3)]
    for number, into in enumerate(files, 1):
        summary = generate_shard(plot, into, Share(number, 3), Asked(cohort="pilot"))
        assert summary.status == "done"
        with open_project(into, write=True) as db:
            assert all(check.ok for check in verify(db, full=True))
            roots = db.execute("select distinct gen_id from generations where stage = 'draft'").fetchall()
        assert roots and all(Share(number, 3).holds(root) for (root,) in roots)
    with open_project(plot, write=True) as db:
        generate_cohort(db, "pilot")
    for stage in ("draft", "essay", "evaluation"):
        assert sorted(one for into in files for one in ids(into, stage=stage)) == sorted(ids(plot, stage=stage))


def test_parents_that_the_project_has_done_are_there_as_texts(tmp_path: Path, plot: Path) -> None:
    """Drafts are done in the project; the shard makes the essays from them without sending a draft."""
    with open_project(plot, write=True) as db:
        generate_cohort(db, "pilot", "draft")
    into = tmp_path / "s.db"
    summary = generate_shard(plot, into, Share(1, 2), Asked(cohort="pilot"))
    drafts = {one for one in ids(plot) if Share(1, 2).holds(one)}
    assert summary.status == "done" and ids(into) == drafts and summary.skipped == len(drafts)
    sent = facts(
        into, "select count(*) from calls k join generations g on g.id = k.generation_id where stage = 'draft'"
    )
    assert sent == (0,)


def test_failed_ones_keep_their_place_unless_wanted(tmp_path: Path, plot: Path) -> None:
    """A task that failed in the project is failed in the shard; --retry-failed sends it, as another revision."""
    with open_project(plot, write=True) as db:
        generate(db, order(12))
        db.execute("update contents set outcome = 'empty' where id = 1")
        db.execute("update generations set status = 'failed', outcome = 'empty' where content_id = 1")
    (root,) = ids(plot, status="failed")
    share = Share(shard_of(root, 2), 2)
    left = generate_shard(plot, tmp_path / "a.db", share, Asked(order(12)))
    assert (left.calls, left.status) == (0, "failed")
    again = generate_shard(plot, tmp_path / "a.db", share, Asked(order(12)), Terms(retry_failed=True))
    assert (again.calls, again.status) == (1, "done")
    assert facts(tmp_path / "a.db", "select count(*), max(revision) from contents") == (2, 2)


def test_force_makes_done_ones_again(tmp_path: Path, plot: Path) -> None:
    """With --force the shard takes what is done with its text, and adds a revision to each."""
    with open_project(plot, write=True) as db:
        generate(db, order(12))
    into = tmp_path / "s.db"
    summary = generate_shard(plot, into, Share(2, 2), Asked(order(12)), Terms(force=True))
    many = sum(Share(2, 2).holds(one) for one in ids(plot))
    assert (summary.calls, summary.done, summary.skipped) == (many, many, 0)
    assert facts(into, "select count(*), max(revision) from contents") == (2 * many, 2)


def test_a_file_that_is_not_this_shard_is_refused(tmp_path: Path, plot: Path) -> None:
    """Another I/N, a plain project, a shard of another project: one line each, and nothing changes."""
    into, other = tmp_path / "s.db", garden(tmp_path / "other.db", provider="offline")
    generate_shard(plot, into, Share(1, 2), Asked(order(6)))
    before = into.read_bytes()
    with pytest.raises(Conflict, match="it is shard 1/2, not 2/2"):
        generate_shard(plot, into, Share(2, 2), Asked(order(6)))
    with pytest.raises(Conflict, match="a shard of another project"):
        generate_shard(other, into, Share(1, 2), Asked(order(6)))
    with pytest.raises(Conflict, match="no shard"):
        generate_shard(plot, other, Share(1, 2), Asked(order(6)))
    assert into.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".db") == ["other.db", "p.db", "s.db"]


def test_tasks_that_share_an_id_are_left_to_one_process(tmp_path: Path) -> None:
    """With a digest of one byte 400 tasks must collide: nothing is made, and the line says what to do."""
    from workbench.ids import scheme_named
    from workbench.store import create_project

    path = tmp_path / "tiny.db"
    create_project(path, scheme=scheme_named("v1/1"))
    with open_project(path, write=True) as db:
        install_starters(db)
    from workbench.plan.orders import Order

    with pytest.raises(Conflict, match="stands for two tasks"):
        generate_shard(path, tmp_path / "s.db", Share(1, 1), Asked(Order("short-essay", "offline", 400)))
    assert [p.name for p in tmp_path.iterdir() if "s.db" in p.name] == []


def test_the_command(plot: Path, run, tmp_path: Path) -> None:
    """The command says what one process would, and what does not go together is refused before anything is made."""
    words = ("generate", "--topics", "garden", "-n", 12, "--template", "plain", "--model", "m", "-p", plot)
    into = tmp_path / "s.db"
    done = run(*words, "--shard", "1/2", "--into", into, "--json")
    again = run(*words, "--shard", "1/2", "--into", into)
    assert done.code == 0 and done.json["done"] == len(ids(into)) > 0
    assert again.code == 0 and f"{done.json['done']} skipped, 0 calls" in again.out
    for wrong in (
        ("--shard", "1/2"),
        ("--into", into),
        ("--shard", "3/2", "--into", into),
        ("--shard", "1/2", "--into", into, "--workers", 2),
        ("--shard", "1/2", "--into", into, "--reparse"),
        ("--shard", "1/2", "--into", into, "--dry-run"),
        ("--engine", "dask"),
        ("--workers", 2, "--scheduler", "local"),
        ("--workers", 2, "--engine", "local", "--scheduler", "local"),
        ("--workers", 0),
    ):
        refused = run(*words, *wrong)
        assert refused.code == 2 and refused.err.startswith("Error: ") and refused.err.count("\n") == 1, wrong
    assert run(*words, "--shard", "2/2", "--into", into).code == 3
    with open_project(plot) as db:
        assert digest(db)
