"""Migrations of IDs: from scheme to scheme, planned, applied, refused, found nothing to do."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import projects
import pytest
from conftest import ROOT, Ran

from workbench import lineage
from workbench.errors import Conflict, DamagedFile, OutputExists, RunIsOn, UnknownName
from workbench.ids import gen_id_from, scheme_named
from workbench.migrate import books, rewrite, staging
from workbench.migrate.apply import Request, apply, plan
from workbench.migrate.sheets import Sheets
from workbench.migrate.statements import statements
from workbench.store import Database, open_project, scheme_of, transaction
from workbench.verify import digest

TO_DAYDREAMING = Request(to_scheme="daydreaming")


def ids(db: Database) -> dict[int, str]:
    """Give every generation's ID."""
    return dict(db.execute("select id, gen_id from generations order by id").fetchall())


def grown(db: Database, drafts: int) -> None:
    """Add many drafts, every tenth with an essay and an evaluation, so that a small digest collides."""
    with transaction(db):
        for replicate in range(10, 10 + drafts):
            draft = projects.add_draft(db, "memory-play", replicate)
            projects.answer(db, draft, f"draft {replicate}")
            if replicate % 10 == 0:
                essay = projects.add_child(db, "essay", draft)
                projects.answer(db, essay, f"essay {replicate}")
                projects.answer(db, projects.add_child(db, "evaluation", essay), "Score: 4")
        projects.index(db)


def test_every_id_becomes_the_function_of_its_signature_under_the_new_scheme(db: Database) -> None:
    """v1 to daydreaming and back: verify holds each time, and what is no ID stays what it is."""
    before, content, first = ids(db), digest(db, without_ids=True), digest(db)
    done = apply(db, TO_DAYDREAMING)
    assert (done.migration, done.digest_before, done.digest_after) == (1, first, digest(db))
    assert scheme_of(db).name == "daydreaming" and not set(before.values()) & set(ids(db).values())
    assert digest(db, without_ids=True) == content and projects.broken(db) == []
    draft = projects.gen_of(db, "memory-play", 1)
    assert db.execute("select 1 from generations where gen_id = ?", (draft,)).fetchone()
    assert apply(db, Request(to_scheme="v1")).migration == 2
    assert (ids(db), digest(db), projects.broken(db)) == (before, first, [])


def test_counts_are_by_stage_and_status(db: Database) -> None:
    """The report counts every row once, and every row is in the books."""
    done = apply(db, TO_DAYDREAMING)
    assert {stage: counts["migrate"] for stage, counts in done.changes.items()} == {
        "draft": 9,
        "essay": 4,
        "evaluation": 8,
    }
    assert sum(sum(counts.values()) for counts in done.changes.values()) == 21
    rows = list(books.mapping(db, 1))
    assert len(rows) == 21 and {row["status"] for row in rows} == {"migrate"}
    assert books.log(db)[0]["mapped"] == 21


def test_the_functions_follow_the_scheme(db: Database) -> None:
    """`gen_id` in SQL is that of the file's scheme after a plan, an apply and a failure."""
    sql = "select gen_id('draft', 'none', 'plain', 'writer', 1)"
    old, new = (gen_id_from(scheme_named(s), "draft", "none", "plain", "writer", 1) for s in ("v1", "daydreaming"))
    plan(db, TO_DAYDREAMING)
    assert db.execute(sql).fetchone() == (old,)
    apply(db, TO_DAYDREAMING)
    assert db.execute(sql).fetchone() == (new,)
    with pytest.raises(UnknownName):
        apply(db, Request(to_scheme="v9"))
    assert db.execute(sql).fetchone() == (new,)


def test_a_plan_says_the_same_and_changes_nothing(db: Database) -> None:
    """What `plan` reports is what `apply` then does, and the file is as it was."""
    first = digest(db)
    planned = plan(db, TO_DAYDREAMING)
    assert digest(db) == first and books.log(db) == []
    done = apply(db, TO_DAYDREAMING)
    assert (planned.changes, planned.steps, planned.digest_after) == (done.changes, done.steps, done.digest_after)
    assert planned.migration is None


def test_migrating_twice_is_once(db: Database) -> None:
    """A second run finds nothing to do and records nothing."""
    apply(db, TO_DAYDREAMING)
    after = digest(db)
    again = apply(db, TO_DAYDREAMING)
    assert again.is_idle and again.migration is None
    assert len(books.log(db)) == 1 and digest(db) == after


def test_old_ids_are_known_for_ever(db: Database) -> None:
    """After several migrations every ID that a row ever had leads to it, in any case."""
    history: dict[int, list[str]] = {number: [gen_id] for number, gen_id in ids(db).items()}
    for scheme in ("daydreaming", "v1/4", "v1/5"):
        apply(db, Request(to_scheme=scheme))
        for number, gen_id in ids(db).items():
            history[number].append(gen_id)
    for number, known in history.items():
        assert {lineage.resolve(db, gen_id) for gen_id in known} == {number}
        assert lineage.resolve(db, known[0].upper()) == number
        assert set(lineage.show(db, known[0])["aliases"]) == set(known[:-1])
    aliases = db.execute("select count(*) from gen_id_aliases").fetchone()[0]
    assert aliases == 3 * len(history)


@pytest.mark.parametrize("schemes", [("v1/1", "daydreaming/1", "v1"), ("daydreaming/1", "v1/1", "daydreaming")])
def test_collisions_are_told_apart_in_canonical_order(db: Database, schemes: tuple[str, ...]) -> None:
    """With a digest of one byte many signatures share an ID: suffixes in order, an alert each, children follow."""
    grown(db, 300)
    content = digest(db, without_ids=True)
    for scheme in schemes[:2]:
        done = apply(db, Request(to_scheme=scheme))
        suffixed = {gen_id for gen_id in ids(db).values() if "-" in gen_id}
        assert len(suffixed) > 50 and suffixed == {one["new_id"] for one in done.collisions}
        assert {p.code for p in done.problems} == {"id_collision"}
        first: dict[str, str] = {}
        for one in sorted(done.collisions, key=lambda one: one["signature"]):
            first.setdefault(one["shares"], one["new_id"].partition("-")[2])
        if scheme == "v1/1":  # the other scheme hashes collisions again, and they may collide once more
            assert set(first.values()) == {"1"}  # the lowest suffix is that of the first in canonical order
        assert digest(db, without_ids=True) == content and projects.broken(db) == []
        assert apply(db, Request(to_scheme=scheme)).is_idle
    assert not apply(db, Request(to_scheme=schemes[2])).collisions
    assert digest(db, without_ids=True) == content and projects.broken(db) == []


def test_who_shares_an_id_is_alerted_once(db: Database) -> None:
    """Each suffixed row has one blocking alert that names its ID."""
    grown(db, 300)
    done = apply(db, Request(to_scheme="v1/1"))
    rows = db.execute(
        "select json_extract(a.facts, '$.gen_id'), g.gen_id, a.blocking from alerts a"
        " join generations g on g.id = a.generation_id"
    ).fetchall()
    assert len(rows) == len(done.collisions) and all(told == gen_id and blocks for told, gen_id, blocks in rows)


def test_the_mapping_is_written_as_csv_and_nothing_is_overwritten(db: Database, tmp_path: Path) -> None:
    """stage, old_id, new_id, status, reason; a file that is there is refused before anything is done."""
    sheets = Sheets(tmp_path / "m.csv", tmp_path / "s.csv")
    before = ids(db)
    apply(db, TO_DAYDREAMING, sheets)
    with (tmp_path / "m.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["stage", "old_id", "new_id", "status", "reason"]
    after = ids(db)
    assert {row["old_id"]: row["new_id"] for row in rows} == {before[number]: after[number] for number in before}
    assert (tmp_path / "s.csv").read_text(encoding="utf-8").count("\n") == 1
    with pytest.raises(OutputExists):
        sheets.refuse()


HARMFUL = {
    "another replicate": "update generations set gen_id = k.new_id, replicate = replicate + 50 from temp.mapping k"
    " where k.generation_id = generations.id",
    "a row left out": "update generations set gen_id = k.new_id from temp.mapping k"
    " where k.generation_id = generations.id and k.generation_id <> 3",
    "two rows exchanged": "update generations set gen_id = k.new_id from temp.mapping k"
    " where k.generation_id = case generations.id when 1 then 5 when 5 then 1 else generations.id end",
    "another state": "update generations set gen_id = k.new_id, status = iif(generations.id = 1, 'failed', status)"
    " from temp.mapping k where k.generation_id = generations.id",
    "another text": "update generations set gen_id = k.new_id, content_id = (select max(id) from contents)"
    " from temp.mapping k where k.generation_id = generations.id",
    "a mark": "update generations set gen_id = k.new_id, legacy = generations.id = 1"
    " from temp.mapping k where k.generation_id = generations.id",
    "a text lost": "delete from cohort_members where id = 1",
}


@pytest.mark.parametrize("harm", HARMFUL.values(), ids=HARMFUL)
def test_what_does_not_hold_is_taken_back(db: Database, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    """A rewrite that does anything else than it should fails its own checks, and the file is as it was."""
    first = digest(db)
    broken_sql = statements("ids") | {"rewrite all": harm}
    monkeypatch.setattr(rewrite, "statements", lambda name: broken_sql)
    with pytest.raises(DamagedFile, match="did not keep what it must"):
        apply(db, TO_DAYDREAMING)
    assert (digest(db), scheme_of(db).name, books.log(db), projects.broken(db)) == (first, "v1", [], [])


def test_a_snapshot_comes_first(path: Path) -> None:
    """It lies beside the project, opens, and is the project of before; without need there is none."""
    with open_project(path) as db:
        first = digest(db)
    done = staging.apply_to(path, TO_DAYDREAMING, Sheets())
    assert done.snapshot == "p.before-migration-1.db"
    with open_project(path.with_name(done.snapshot)) as copy:
        assert digest(copy) == first
    with open_project(path) as db:
        assert books.show(db, 1)["snapshot"] == done.snapshot
    assert staging.apply_to(path, TO_DAYDREAMING, Sheets()).snapshot is not None
    assert staging.apply_to(path, Request(to_scheme="v1"), Sheets(), snapshot=False).snapshot is None
    assert sorted(p.name for p in path.parent.iterdir()) == ["p.before-migration-1.db", "p.db"]


def test_a_snapshot_is_not_the_project_of_its_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands without -p go on finding the one project."""
    from workbench.store import find_project

    staging.apply_to(path, TO_DAYDREAMING, Sheets())
    monkeypatch.chdir(path.parent)
    assert find_project() == Path("p.db")


def test_a_rehearsal_on_a_copy_comes_before_the_original(path: Path, tmp_path: Path) -> None:
    """`--stage-on`: the copy is migrated and verified, then the project; both end alike."""
    copy = tmp_path / "copy.db"
    done = staging.apply_to(path, TO_DAYDREAMING, Sheets(), stage_on=copy)
    with open_project(copy) as staged, open_project(path) as original:
        assert digest(staged) == digest(original) == done.digest_after


def test_a_copy_that_breaks_a_rule_saves_the_original(path: Path, tmp_path: Path) -> None:
    """When the rehearsal does not hold, the project is not touched."""
    with open_project(path, write=True) as db, transaction(db):
        db.execute("update contents set raw = 'forged' where id = 1")
        first = digest(db)
    with pytest.raises(DamagedFile, match="the project was not touched"):
        staging.apply_to(path, TO_DAYDREAMING, Sheets(), stage_on=tmp_path / "copy.db")
    with open_project(path) as db:
        assert digest(db) == first and books.log(db) == []


HOLD = """
import sys, time
from workbench.store import open_project
from workbench.store.slots import slot
with open_project(sys.argv[1], write=True) as db, slot(db):
    print("on", flush=True)
    time.sleep(60)
"""


def test_a_live_run_refuses_a_migration(path: Path) -> None:
    """While another process works on the project nothing is planned, applied or taken back."""
    words = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)})
    try:
        assert process.stdout and process.stdout.readline()
        for call in (staging.plan_for, staging.apply_to):
            with pytest.raises(RunIsOn):
                call(path, TO_DAYDREAMING, Sheets())
    finally:
        process.kill()
        process.wait()
        process.communicate()
    assert staging.apply_to(path, TO_DAYDREAMING, Sheets(), snapshot=False).migration == 1
    assert sorted(p.name for p in path.parent.iterdir()) == ["p.db"]


def test_on_the_command_line(run: Callable[..., Ran], path: Path, tmp_path: Path) -> None:
    """plan, apply, log, show, map, rollback give the keys of the contract and its exit codes."""
    planned = run("migrate", "plan", "--to-scheme", "daydreaming", "-p", path, "--json").json
    assert {"steps", "changes", "collisions", "problems"} <= set(planned)
    words = ("migrate", "apply", "--to-scheme", "daydreaming", "--mapping", tmp_path / "m.csv", "-p", path, "--json")
    done = run(*words)
    assert {"migration", "changes", "digest_before", "digest_after"} <= set(done.json) and done.json["migration"] == 1
    assert "before-migration-1.db" in done.err
    assert run(*words).code == 3  # the sheet is there
    log = run("migrate", "log", "-p", path, "--json").json
    assert [(row["migration"], row["kind"], row["state"]) for row in log] == [(1, "ids", "applied")]
    assert run("migrate", "-p", path).out == run("migrate", "log", "-p", path).out
    assert run("migrate", "show", 1, "-p", path, "--json").json["plan"]["to_scheme"] == "daydreaming"
    mapped = run("migrate", "map", 1, "-p", path, "--json").json
    assert len(mapped) == 21 and {"stage", "old_id", "new_id", "status", "reason"} <= set(mapped[0])
    back = run("migrate", "rollback", "-p", path, "--json").json
    assert (back["migration"], back["digest"], back["kept_since"]) == (1, done.json["digest_before"], 0)
    assert run("migrate", "rollback", "-p", path).code == 2
    assert run("migrate", "rollback", 1, "-p", path).code == 3
    assert run("migrate", "show", 99, "-p", path).code == 2
    assert run("migrate", "apply", "--to-scheme", "v9", "-p", path).code == 2
    assert run("migrate", "apply", "-p", path).out.startswith("nothing to do")


def test_an_alias_is_shown_and_queried(run: Callable[..., Ran], path: Path) -> None:
    """`show OLD`, `lineage OLD` and the view lead to the row of today."""
    with open_project(path) as db:
        old = projects.gen_of(db, "memory-play", 1)
    run("migrate", "apply", "--to-scheme", "daydreaming", "--no-snapshot", "-p", path)
    shown: dict[str, Any] = run("show", old, "-p", path, "--json").json
    assert old in shown["aliases"] and shown["gen_id"] != old
    assert run("lineage", old, "-p", path, "--json").json["gen_id"] == shown["gen_id"]
    sql = f"select gen_id from gen_id_aliases where alias = '{old}'"
    assert run("query", sql, "-p", path, "--json").json == [{"gen_id": shown["gen_id"]}]


def test_rows_without_a_whole_signature_refuse_it(db: Database) -> None:
    """A legacy row that lacks a field blocks a strict migration, with everything below it; nothing is recorded."""
    with transaction(db):
        draft = projects.number(db, "generations", gen_id=projects.gen_of(db, "memory-play", 1))
        db.execute("update generations set legacy = 1, replicate = null, gen_id = 'old' where id = ?", (draft,))
        db.execute("update generations set legacy = 1, gen_id = 'older' || id where parent_id = ?", (draft,))
    first = digest(db)
    with pytest.raises(Conflict, match="2 rows cannot be migrated"):
        apply(db, TO_DAYDREAMING)
    assert digest(db) == first and books.log(db) == []
    done = apply(db, Request(to_scheme="daydreaming", lenient=True))
    assert (done.blocked, {p.code for p in done.problems}) == (2, {"replicate_missing", "parent_blocked"})
    assert db.execute("select count(*) from generations where gen_id like 'old%'").fetchone() == (2,)
    assert projects.broken(db) == []
