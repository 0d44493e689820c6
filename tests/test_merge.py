"""What one file holds and the other does not is taken over, whole or not at all, and can be taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import projects
import pytest

from workbench.errors import Conflict, WorkbenchError
from workbench.ids import path_uuid, scheme_named
from workbench.merge import MergeReport, catalogue, cohorts, history, merge, numbers, topics, work
from workbench.migrate import books
from workbench.migrate.apply import Request, apply
from workbench.migrate.journal import journaled_tables
from workbench.migrate.rename import rename
from workbench.migrate.rollback import rollback
from workbench.pack import pack
from workbench.record.answers import fail
from workbench.record.seed import Seed, seed_tasks
from workbench.store import Database, create_project, open_project, transaction
from workbench.verify import digest, verify
from workbench.verify.digest import lines


def digest_of(path: Path) -> str:
    """Give a project's digest."""
    with open_project(path) as db:
        return digest(db)


def merged(ours: Path, *others: Path, **asked: Any) -> MergeReport:
    """Merge into a project, and see that every rule holds after it and that the others are as they were."""
    before = [other.read_bytes() for other in others]
    with open_project(ours, write=True) as db:
        report = merge(db, others, **({"snapshot": False} | asked))
        assert [check for check in verify(db, full=True) if not check.ok] == []
    assert [other.read_bytes() for other in others] == before
    return report


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two projects that share some work; the second has twice as many drafts."""
    return projects.made(tmp_path / "a.db"), projects.made(tmp_path / "b.db", replicates=4, rng=Random(3))


def test_merging_both_ways_gives_one_digest(two: tuple[Path, Path], tmp_path: Path) -> None:
    """Who is merged into whom does not matter."""
    ours, theirs = two
    shutil.copy(ours, tmp_path / "ab.db")
    shutil.copy(theirs, tmp_path / "ba.db")
    done = merged(tmp_path / "ab.db", theirs, prefer="both")
    assert (done.added, done.same["draft"]) == ({"draft": 8, "essay": 0, "evaluation": 0}, 9)
    merged(tmp_path / "ba.db", ours, prefer="both")
    assert digest_of(tmp_path / "ab.db") == digest_of(tmp_path / "ba.db")


def test_a_second_merge_adds_nothing_and_leaves_no_record(two: tuple[Path, Path]) -> None:
    """Neither the same file again, nor the file itself, nor a part of it."""
    ours, theirs = two
    assert merged(ours, theirs, prefer="both").migration == 1
    held = ours.read_bytes()
    assert merged(ours, theirs, prefer="both").rows == {}
    assert merged(ours, ours, prefer="both").migration is None
    assert ours.read_bytes() == held


def test_rollback_brings_the_digest_of_before(two: tuple[Path, Path]) -> None:
    """The way back from a merge is exact."""
    ours, theirs = two
    before = digest_of(ours)
    merged(ours, theirs, prefer="both")
    with open_project(ours, write=True) as db:
        assert rollback(db).exact
        assert [check for check in verify(db, full=True) if not check.ok] == []
    assert digest_of(ours) == before


def copied(path: Path, name: str) -> Path:
    """Copy a project."""
    return Path(shutil.copy(path, path.with_name(name)))


@contextmanager
def changing(path: Path) -> Iterator[Database]:
    """Work on a project."""
    with open_project(path, write=True) as db, transaction(db):
        yield db


def value(path: Path, sql: str, *values: object) -> Any:
    """Give the one value of a question."""
    with open_project(path) as db:
        return db.execute(sql, values).fetchone()[0]


def refused(ours: Path, *others: Path, **asked: Any) -> str:
    """Give the words with which a merge is refused; the project is byte for byte what it was."""
    held = ours.read_bytes()
    with pytest.raises(WorkbenchError) as caught, open_project(ours, write=True) as db:
        merge(db, others, **({"snapshot": False} | asked))
    assert ours.read_bytes() == held
    return str(caught.value)


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of one project."""
    ours = projects.made(tmp_path / "ours.db")
    return ours, copied(ours, "theirs.db")


def test_no_text_is_lost_when_both_answered_the_same_task(twins: tuple[Path, Path]) -> None:
    """Two second answers stay, and the one with the greater hash is current in both directions."""
    ours, theirs = twins
    for path, text in ((ours, "our second"), (theirs, "their second")):
        with changing(path) as db:
            projects.answer(db, 1, text, revision=2)
            projects.index(db)
    back = copied(theirs, "back.db")
    held = copied(ours, "held.db")
    done = merged(ours, theirs)
    merged(back, held)
    assert (done.added["draft"], done.rows["contents"]) == (0, 1)
    texts = "select group_concat(raw, '|') from (select raw from contents where revision = 2 order by raw)"
    assert "our second|" in value(ours, texts) and "their second" in value(ours, texts)
    assert digest_of(ours) == digest_of(back)
    assert value(ours, "select raw from generation_texts where id = 1") in ("our second", "their second")
    assert value(ours, "select count(*) from search where search match 'second'") == 2


def test_a_child_remembers_the_text_that_it_was_made_from(twins: tuple[Path, Path]) -> None:
    """The parent has another current text after the merge; what hangs below is not hung elsewhere."""
    ours, theirs = twins
    (essay,) = (value(ours, "select min(id) from generations where stage = 'essay'"),)
    parent = value(ours, "select parent_id from generations where id = ?", essay)
    made_from = "select parent_content_id from contents where generation_id = ?"
    first = value(ours, made_from, essay)
    with changing(theirs) as db:
        projects.answer(db, parent, "another draft", revision=2)
        projects.index(db)
    merged(ours, theirs)
    assert value(ours, made_from, essay) == first
    assert value(ours, "select content_id from generations where id = ?", parent) != first


def test_history_comes_along_once(twins: tuple[Path, Path]) -> None:
    """Runs, calls, events and alerts: what both had stays as often as it was; what was under way there is nobody's."""
    ours, theirs = twins
    with changing(theirs) as db:
        facts = {"job": "j", "config": "{}", "version": "1", "started": projects.AT}
        run = projects.add(db, "runs", status="running", slot=7, **facts)
        call = {"run_id": run, "attempt": 1, "provider": "p", "model": "m", "started": projects.AT}
        for _ in range(2):
            projects.add(db, "calls", generation_id=1, status="sent", **call)
            projects.add(db, "events", run_id=run, at=projects.AT, event="retry", data="{}")
        projects.add(db, "alerts", kind="k", facts="{}", blocking=0, generation_id=2, at=projects.AT)
    before = value(ours, "select count(*) from calls")
    done = merged(ours, theirs)
    assert done.rows == {"runs": 1, "calls": 2, "events": 2, "alerts": 1}
    assert value(ours, "select count(*) from calls") == before + 2
    assert value(ours, "select count(*) from calls where status = 'unknown' and outcome = 'unknown'") == 2
    assert value(ours, "select status || coalesce(slot, '') from runs") == "lost"
    with changing(theirs) as db:
        db.execute("update alerts set acknowledged = ?", (projects.AT,))
    assert merged(ours, theirs).rows == {"alerts": 1}
    assert merged(ours, theirs).rows == {}


@pytest.mark.parametrize("into", ["the one that saw it end", "the copy"])
def test_a_run_that_one_file_did_not_see_end_is_one_run(twins: tuple[Path, Path], into: str) -> None:
    """A copy made while a run was on knows it as lost, and its open calls as unknown: nothing is counted twice."""
    copy, whole = twins
    opened = {"job": "j", "config": "{}", "version": "1", "started": "2024-05-01T12:34:56.000Z"}
    call = {"attempt": 1, "provider": "p", "model": "m", "started": "2024-05-01T12:34:57.000Z"}
    ended = {"status": "done", "ended": "2024-05-01T12:35:00.000Z", "done": 1, "calls": 1, "cost": 0.5}
    answered = {"status": "answered", "outcome": "ok", "latency_ms": 7.5, "cost": 0.5, "body": b"It rained."}
    for path, run, last in ((copy, {"status": "lost", "slot": 3}, {"status": "unknown"}), (whole, ended, answered)):
        with changing(path) as db:
            number = projects.add(db, "runs", **opened, **run)
            for task, came in ((1, answered), (2, last)):
                projects.add(db, "calls", run_id=number, generation_id=task, **call, **came)
    ours, theirs = (copy, whole) if into == "the copy" else (whole, copy)
    before = value(ours, "select json_group_array(json_array(status, slot)) from runs")
    assert merged(ours, theirs).rows == ({"runs": 1, "calls": 1} if into == "the copy" else {})
    for sql in (
        "select json_array(count(*), status, done, calls, cost, ended) from runs",
        "select json_array(count(*), sum(cost), count(body), group_concat(distinct status)) from calls where run_id",
    ):
        assert value(ours, sql) == value(whole, sql)
    if into == "the copy":
        with open_project(ours, write=True) as db:
            rollback(db)
        assert value(ours, "select json_group_array(json_array(status, slot)) from runs") == before
    assert merged(ours, ours).rows == {}


def test_a_killed_run_is_not_doubled_by_merging_a_copy(twins: tuple[Path, Path]) -> None:
    """Whoever swept up after it left the number of its process beside it."""
    facts = {"job": "j", "config": "{}", "status": "lost", "slot": 3, "version": "1", "started": projects.AT}
    for path in twins:
        with changing(path) as db:
            projects.add(db, "runs", **facts)
    assert merged(*twins).rows == {}


def test_what_differs_is_listed_and_nothing_is_changed(twins: tuple[Path, Path]) -> None:
    """All conflicts at once; --prefer settles them."""
    ours, theirs = twins
    for path, word in ((ours, "ours"), (theirs, "theirs")):
        with changing(path) as db:
            projects.add_template(db, "plain", "draft", f"{word} {{{{ topic }}}}")
            projects.add_model(db, "writer", top_p=0.1 if word == "ours" else 0.2)
            db.execute("update concepts set paragraph = ? where concept_id = 'memory'", (word,))
            db.execute("update models set display_name = ? where llm_model_id = 'judge'", (word,))
            db.execute("update topics set title = ? where title = 'Sleep'", (word,))
            db.execute("update cohorts set spec = ?", (f"axes: {{a: [{word}]}}",))
            db.execute("update replication set replicates = ? where stage = 'essay'", (len(word),))
            if word == "theirs":
                db.execute("update topic_models set leaves_only = 1")
    told = refused(ours, theirs)
    for kind in ("template draft plain", "model writer", "model judge", "concept memory", "topic ", "cohort first"):
        assert f"conflicts with what the project holds: {kind}" in told, kind
    assert told.count("\n") == 7 and "--prefer" in told and "replication essay: its limit is 4 here and 6" in told
    with open_project(ours, write=True) as db:
        assert merge(db, [theirs], dry_run=True).is_undecided
    taken = copied(ours, "taken.db")
    assert all(clash.decided == "theirs" for clash in merged(taken, theirs, prefer="theirs").conflicts)
    with open_project(taken) as here, open_project(theirs) as there:
        assert [line for line in lines(there) if line not in lines(here)] == []
        more = [line for line in lines(here) if line not in lines(there)]
    assert len(more) == 2 and all('version"' in line and line.endswith(",0]") for line in more)
    kept = copied(ours, "kept.db")
    merged(kept, theirs, prefer="ours")
    assert value(kept, "select paragraph from concepts where concept_id = 'memory'") == "ours"
    versions = (
        "select count(*) from template_versions v join templates t on t.id = v.template_id where t.name = 'plain'"
    )
    assert value(kept, versions) == 3
    back = copied(theirs, "back.db")
    merged(back, ours, prefer="both")
    merged(ours, theirs, prefer="both")
    assert digest_of(ours) == digest_of(back)


def test_the_newer_text_of_a_template_stands(twins: tuple[Path, Path]) -> None:
    """Who has the other's text among its older ones is newer: no conflict."""
    ours, theirs = twins
    with changing(theirs) as db:
        projects.add_template(db, "plain", "draft", "newer {{ topic }}")
    back = copied(theirs, "back.db")
    merged(back, ours)
    assert merged(ours, theirs).conflicts == []
    current = "select v.text from templates t join template_versions v on v.id = t.version_id where t.name = 'plain'"
    assert value(ours, current) == value(back, current) == "newer {{ topic }}"


def test_topics_that_both_added_have_an_order_of_their_own(twins: tuple[Path, Path], tmp_path: Path) -> None:
    """Two topics of one place get two places, the same in both directions, and drafts follow."""
    ours, theirs = twins
    for path, title in ((ours, "Rivers"), (theirs, "Stones")):
        with changing(path) as db:
            projects.add_topic(db, 1, title, 4)
            projects.add_draft(db, path_uuid(["root", title]), 1)
    back = copied(theirs, "back.db")
    merged(back, ours)
    merged(ours, theirs)
    order = "select group_concat(title) from (select title from unique_topics order by place)"
    assert value(ours, order) == value(back, order)
    assert value(ours, "select count(*) = count(distinct place) from topics") == 1
    behind = (
        "select count(*) from generations g join combos c on c.id = g.combo_id join topics t on t.id = c.topic_id"
        " where g.place <> t.place and t.title = 'Stones'"
    )
    assert value(ours, behind) == 0
    assert digest_of(ours) == digest_of(back)
    third = projects.made(tmp_path / "third.db")
    merged(third, ours)
    assert digest_of(third) == digest_of(ours)


def test_graphs_that_close_a_circle_are_refused(twins: tuple[Path, Path]) -> None:
    """Tides below Sleep here and Sleep below Tides there: no path would end."""
    ours, theirs = twins
    for path, (above, below) in ((ours, ("Sleep", "Tides")), (theirs, ("Tides", "Sleep"))):
        with changing(path) as db:
            db.execute("update topic_models set kind = 'graph'")
            ends = {t: projects.number(db, "topics", title=t) for t in (above, below)}
            projects.add(db, "topic_edges", parent_id=ends[above], child_id=ends[below], place=9, main=0)
            db.execute("update topics set leaf = 0 where title = ?", (above,))
    assert "close a circle" in refused(ours, theirs, prefer="both")


def test_blocked_children_go_on_when_the_parent_was_done_elsewhere(twins: tuple[Path, Path]) -> None:
    """And what failed here and is planned there stays failed."""
    ours, theirs = twins
    ids = {}
    for path in (ours, theirs):
        with changing(path) as db:
            draft = projects.add_draft(db, "memory-play", 7)
            essay = projects.add_child(db, "essay", draft)
            other = projects.add_draft(db, "memory-play", 8)
            ids[path] = (draft, essay, other)
    with changing(ours) as db:
        fail(db, ids[ours][0], "timeout")
        fail(db, ids[ours][2], "timeout")
    with changing(theirs) as db:
        projects.answer(db, ids[theirs][0], "done there")
        db.execute("update generations set ready = 1 where id = ?", (ids[theirs][1],))
        projects.index(db)
    back = copied(theirs, "back.db")
    merged(back, ours)
    merged(ours, theirs)
    assert digest_of(ours) == digest_of(back)
    status = "select group_concat(status || ready) from generations where id in (?, ?, ?)"
    assert value(ours, status, *ids[ours]) == "done0,planned1,failed0"


def test_another_scheme_is_refused_with_the_command(twins: tuple[Path, Path]) -> None:
    """IDs of two kinds do not mix."""
    ours, theirs = twins
    with open_project(theirs, write=True) as db:
        apply(db, Request(to_scheme="daydreaming"))
    told = refused(ours, theirs)
    assert "migrate apply --to-scheme v1" in told and "daydreaming" in told


def test_a_migration_that_came_along_is_history(twins: tuple[Path, Path]) -> None:
    """Old IDs resolve; only its own file takes it back; it goes when the merge does."""
    ours, theirs = twins
    before = digest_of(ours)
    with open_project(theirs, write=True) as db:
        rename(db, "cohort", "first", "second")
        rename(db, "template", "rubric", "rubrics")
    old = value(theirs, "select min(old_id) from migration_map where status = 'migrate'")
    done = merged(ours, theirs)
    assert (done.added["evaluation"], done.rows["migrations"]) == (8, 2)
    assert value(ours, "select count(*) from gen_id_aliases where alias = ?", old) == 1
    with open_project(ours, write=True) as db:
        with pytest.raises(Conflict, match="came along with merge 1"):
            rollback(db, 2)
        assert rollback(db).migrations == [1]
        assert [check for check in verify(db, full=True) if not check.ok] == []
    assert digest_of(ours) == before
    assert value(ours, "select count(*) from migrations") == 2  # the merge and its rollback
    merged(ours, theirs)
    merged(theirs, ours)
    assert digest_of(ours) == digest_of(theirs)
    assert merged(ours, theirs).rows == {}


def test_a_name_that_was_renamed_here_comes_back_and_is_told(twins: tuple[Path, Path]) -> None:
    """Nothing is guessed: the old name's tasks are tasks of the old name."""
    ours, theirs = twins
    with open_project(ours, write=True) as db:
        rename(db, "template", "long", "longer")
    renamed = copied(ours, "renamed.db")
    done = merged(ours, theirs)
    assert done.added["essay"] == 4
    assert {problem.code for problem in done.problems} == {"renamed_here"}
    assert {problem.code for problem in merged(theirs, renamed).problems} == {"renamed_there"}
    with open_project(ours) as db:
        assert [p["code"] for p in books.show(db, 2)["problems"]] == ["renamed_here"]


def test_several_are_merged_at_once(tmp_path: Path, twins: tuple[Path, Path]) -> None:
    """As one migration; the order does not matter."""
    ours, theirs = twins
    third = projects.made(tmp_path / "third.db", replicates=5)
    with changing(theirs) as db:
        projects.answer(db, 1, "their second", revision=2)
        projects.index(db)
    other = copied(ours, "other.db")
    assert merged(ours, theirs, third, prefer="both").migration == 1
    merged(other, third, theirs, prefer="both")
    assert digest_of(ours) == digest_of(other)
    assert value(ours, "select count(*) from migrations") == 1


def test_texts_of_prompts_come_back_from_who_has_them(twins: tuple[Path, Path], tmp_path: Path) -> None:
    """A copy that was packed without prompts and bodies says nothing new, and is made whole."""
    ours, theirs = twins
    with open_project(ours) as db:
        pack(db, tmp_path / "lean.db", raw=False, prompts=False)
    assert merged(ours, tmp_path / "lean.db").rows == {}
    assert merged(tmp_path / "lean.db", theirs).rows == {"prompts filled": 3}
    empty = tmp_path / "empty.db"
    create_project(empty)
    with open_project(theirs) as db:
        pack(db, tmp_path / "lean2.db", prompts=False)
    merged(empty, tmp_path / "lean2.db")
    assert digest_of(empty) == digest_of(ours)


def test_two_tasks_of_one_id_are_told_apart(tmp_path: Path) -> None:
    """Under a digest of one byte: matched by signature, the newcomer gets the suffix and a blocking alert."""
    paths = [tmp_path / "a.db", tmp_path / "b.db"]
    for number, path in enumerate(paths):
        create_project(path, scheme=scheme_named("v1/1"))
        with changing(path) as db:
            projects.add_catalogues(db, list)
            template, model = projects.number(db, "templates", name="plain"), projects.number(db, "models", id=1)
            (name,) = db.execute("select llm_model_id from models where id = 1").fetchone()
            fields = ("memory-play", "plain", name)
            combo = projects.number(db, "combos", combo_id="memory-play")
            replicates = range(1 + 25 * number, 45 + 25 * number)
            seeds = [Seed("draft", fields, replicate, template, model, combo_id=combo) for replicate in replicates]
            seed_tasks(db, seeds, scheme_named("v1/1"))
    ab, ba = copied(paths[0], "ab.db"), copied(paths[1], "ba.db")
    done = merged(ab, paths[1])
    merged(ba, paths[0])
    assert done.added["draft"] == 25 and done.same["draft"] == 19
    assert value(ab, "select count(distinct replicate) from generations") == 69
    told = "select group_concat(replicate) from (select replicate from generations order by replicate)"
    assert value(ab, told) == value(ba, told)
    suffixed = "select count(*), sum(status = 'blocked') from generations where instr(gen_id, '-')"
    with open_project(ab) as one, open_project(ba) as two:
        assert one.execute(suffixed).fetchone() == two.execute(suffixed).fetchone()
    assert merged(ab, paths[1]).rows == {}
    with open_project(ab, write=True) as db:
        rollback(db)
    assert digest_of(ab) == digest_of(paths[0])


def test_every_table_of_a_project_is_merged(twins: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that a step of the schema adds must not be forgotten; marks of live processes alone stay behind."""
    seen: set[str] = set()
    bring = numbers.bring

    def spied(db: Database, table: str, values: Any = None) -> int:
        seen.add(table)
        return bring(db, table, values)

    for module in (catalogue, cohorts, history, topics, work):
        monkeypatch.setattr(module, "bring", spied)
    merged(*twins)
    with open_project(twins[0]) as db:
        held = {*journaled_tables(db), "migrations", "migration_map", "migration_problems"}
    assert held - seen == {"cohort_files", "replication"}  # these two go by their own statements


def test_what_is_waited_for_there_is_told(twins: tuple[Path, Path]) -> None:
    """A batch that is open in the other file comes as given up: its answers are collected there."""
    ours, theirs = twins
    with changing(theirs) as db:
        run = projects.add(db, "runs", job="j", config="{}", status="done", version="1", started=projects.AT)
        facts = {"provider": "p", "model": "m", "state": "submitted", "created": projects.AT}
        batch = projects.add(db, "batches", uuid="u-1", run_id=run, **facts)
        line = {"custom_id": "c", "prompt_hash": "h", "template_version_id": 1}
        projects.add(db, "batch_lines", batch_id=batch, generation_id=1, open=1, **line)
    done = merged(ours, theirs)
    assert [(problem.code, problem.where) for problem in done.problems] == [("in_flight", "u-1")]
    assert value(ours, "select state || open from batches join batch_lines on batch_id = batches.id") == "given up0"
    assert merged(ours, theirs).rows == {}
