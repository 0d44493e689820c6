"""Taking migrations back at any later time: exactly, with newer work kept, and with every conflict listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import projects
import pytest
from conftest import DATA, Ran

from workbench import lineage
from workbench.clock import now
from workbench.errors import Conflict, Problems, UnknownName
from workbench.ids import answer_hash, gen_id_from
from workbench.imports.store import import_store
from workbench.migrate import books
from workbench.migrate.apply import Request, apply
from workbench.migrate.frame import recorded
from workbench.migrate.journal import image, journaled, journaled_tables
from workbench.migrate.rename import rename
from workbench.migrate.rollback import rollback
from workbench.migrate.undo import images, replay
from workbench.record.search import catch_up
from workbench.store import Database, scheme_of, transaction
from workbench.verify import digest

STORE = DATA / "daydreaming" / "legacy_store"


def add_family(db: Database, replicate: int, **names: str) -> list[int]:
    """Add a draft with its essay and an evaluation, as work done since."""
    with transaction(db):
        draft = projects.add_draft(db, "memory-play", replicate, **names)
        projects.answer(db, draft, f"newer draft {replicate}")
        essay = projects.add_child(db, "essay", draft)
        projects.answer(db, essay, f"newer essay {replicate}")
        evaluation = projects.add_child(db, "evaluation", essay)
        projects.answer(db, evaluation, "Score: 3")
        projects.index(db)
    return [draft, essay, evaluation]


def test_work_done_since_is_kept_under_the_restored_scheme(db: Database) -> None:
    """Newer generations keep texts and lineage, get the IDs of the scheme of before, and are mapped."""
    before = dict(db.execute("select id, gen_id from generations"))
    apply(db, Request(to_scheme="daydreaming"))
    newer = add_family(db, 30)
    with transaction(db):
        child = projects.add_child(db, "essay", 5)  # a newer essay of an older draft
    was = {n: db.execute("select gen_id from generations where id = ?", (n,)).fetchone()[0] for n in (*newer, child)}
    content = digest(db, without_ids=True)
    taken = rollback(db)
    assert (taken.kept_since, taken.rekeyed, taken.exact) == (4, 4, False)
    assert digest(db, without_ids=True) == content and projects.broken(db) == [] and scheme_of(db).name == "v1"
    assert {n: g for n, g in db.execute("select id, gen_id from generations") if n in before} == before
    draft = gen_id_from(scheme_of(db), "draft", "memory-play", "plain", "writer", 30)
    assert lineage.resolve(db, draft) == newer[0]
    assert all(lineage.resolve(db, gen_id) == number for number, gen_id in was.items())


def test_work_done_since_a_rename_follows_it_back(db: Database) -> None:
    """What was made under the new name is re-keyed under the old one; other edits stay."""
    rename(db, "template", "plain", "plainer")
    newer = add_family(db, 30, template="plainer")
    with transaction(db):
        projects.add_topics(db, "other", ["Rain"])
    taken = rollback(db)
    assert (taken.kept_since, taken.rekeyed) == (3, 3) and projects.broken(db) == []
    draft = gen_id_from(scheme_of(db), "draft", "memory-play", "plain", "writer", 30)
    assert lineage.resolve(db, draft) == newer[0]
    assert db.execute("select count(*) from topic_models").fetchone() == (2,)


def test_with_nothing_added_it_is_exact_and_forward_is_the_same(db: Database) -> None:
    """Several migrations back in order, one by one or all at once, and forward again: the same digests."""
    steps: list[Callable[[], books.Report]] = [
        lambda: apply(db, Request(to_scheme="daydreaming")),
        lambda: rename(db, "model", "writer", "author"),
        lambda: rename(db, "template", "long", "longer"),
        lambda: apply(db, Request(to_scheme="v1/3")),
    ]
    digests = [digest(db)]
    for step in steps:
        step()
        digests.append(digest(db))
    for wanted in digests[-2::-1]:
        assert rollback(db).exact and digest(db) == wanted and projects.broken(db) == []
    forward = [step().digest_after for step in steps]
    assert forward == digests[1:]
    first = min(row["migration"] for row in books.log(db) if row["state"] == "applied" and row["kind"] != "rollback")
    taken = rollback(db, first)
    assert taken.exact and len(taken.migrations) == 4 and digest(db) == digests[0] and projects.broken(db) == []


def test_the_log_keeps_what_was_taken_back(db: Database) -> None:
    """Applied and rolled back migrations are listed, shown and mapped for ever."""
    apply(db, Request(to_scheme="daydreaming"))
    rollback(db)
    log = books.log(db)
    assert [(row["kind"], row["state"]) for row in log] == [("ids", "rolled back"), ("rollback", "applied")]
    assert log[0]["rolled_back_at"] and log[1]["digest_after"] == log[0]["digest_before"]
    assert len(list(books.mapping(db, 1))) == 21
    old = next(iter(books.mapping(db, 1)))["new_id"]
    assert lineage.show(db, old)["aliases"] == [old]
    with pytest.raises(Conflict, match="rolled back"):
        rollback(db, 1)
    with pytest.raises(UnknownName):
        rollback(db)
    with pytest.raises(UnknownName):
        rollback(db, 77)


def refused(db: Database, *words: str, number: int | None = None) -> None:
    """Check that a rollback is refused for the given reasons, all of them, and changes nothing."""
    before, log = digest(db), books.log(db)
    with pytest.raises((Conflict, Problems)) as error:
        rollback(db, number)
    assert error.value.exit_code == 3
    assert all(word in str(error.value) for word in words), str(error.value)
    assert digest(db) == before and books.log(db) == log


def test_an_edited_row_is_a_conflict(db: Database) -> None:
    """A journaled row that is another now: refused; the edit undone, it goes."""
    before = digest(db)
    rename(db, "model", "writer", "author")
    with transaction(db):
        db.execute("update models set display_name = 'edited' where llm_model_id = 'author'")
    refused(db, "models author", "edited since")
    with transaction(db):
        db.execute("update models set display_name = 'Writer' where llm_model_id = 'author'")
    assert rollback(db).digest == before


def test_a_deleted_row_is_a_conflict(db: Database) -> None:
    """A journaled row that is gone: refused."""
    rename(db, "cohort", "first", "second")
    with transaction(db):
        db.execute("delete from cohort_members")
        db.execute("delete from cohort_files")
        db.execute("delete from cohorts")
    refused(db, "deleted since")


def test_a_taken_name_is_a_conflict(db: Database) -> None:
    """Something else has the old name now: refused; no two rows become one."""
    rename(db, "template", "plain", "plainer")
    with transaction(db):
        projects.add_template(db, "plain", "draft")
    refused(db, "taken")


def test_a_taken_id_is_a_conflict(db: Database) -> None:
    """A row that is not to move has an ID that would be restored: refused, with the ID."""
    old = projects.gen_of(db, "memory-play", 1)
    apply(db, Request(to_scheme="daydreaming"))
    with transaction(db):
        projects.add(db, "generations", gen_id=old, stage="draft", status="planned", legacy=1, created=now())
    refused(db, old, "taken")


def test_an_id_that_was_edited_is_a_conflict(db: Database) -> None:
    """A row that has another ID than the migration gave it: refused."""
    apply(db, Request(to_scheme="daydreaming"))
    with transaction(db):
        db.execute("update generations set gen_id = 'd_edited' where id = 1")
    refused(db, "d_edited", "edited since")


def test_what_hangs_on_an_imported_row_is_a_conflict(db: Database) -> None:
    """A child of a row that goes, a cohort member, a new answer: each is listed."""
    import_store(db, STORE)
    number = projects.number(db, "generations", gen_id="1cexinlp34slbjb2")
    with transaction(db):
        projects.add_cohort(db, "later", [number])
        projects.add_draft(db, "combo_v1_45d8da220a8a", 9)
    refused(db, "hangs on combos combo_v1_45d8da220a8a", "hangs on generations 1cexinlp34slbjb2")


def test_imports_can_be_taken_back(db: Database) -> None:
    """All that an import brought goes, from the full-text index too; the rest is as it was."""
    before = digest(db)
    import_store(db, STORE)
    catch_up(db)
    imported = digest(db)
    taken = rollback(db)
    assert taken.digest == digest(db) == before and projects.broken(db) == []
    assert db.execute("select count(*) from imports").fetchone() == (0,)
    import_store(db, STORE)
    catch_up(db)
    assert digest(db) == imported and projects.broken(db) == []


def test_a_prompt_that_others_use_stays(db: Database) -> None:
    """A prompt that came with an import and serves newer work is kept."""
    import_store(db, STORE)
    shared = db.execute("select hash from prompts order by id desc limit 1").fetchone()[0]
    with transaction(db):
        draft = projects.add_draft(db, "memory-play", 30)
        projects.answer(db, draft, "newer")
        projects.index(db)
        texts = db.execute("select raw_hash, parsed_hash from contents where generation_id = ?", (draft,)).fetchone()
        values = (shared, answer_hash("ok", shared, *texts, None), draft)
        db.execute("update contents set prompt_hash = ?, hash = ? where generation_id = ?", values)
    rollback(db)
    assert projects.broken(db) == []


def test_a_step_of_the_schema_has_no_way_back(db: Database) -> None:
    """Refused, with the snapshot as the way: also when an older migration is asked for."""
    apply(db, Request(to_scheme="daydreaming"))
    with transaction(db):
        projects.add(db, "migrations", kind="schema", plan="{}", state="applied", at=now(), version="9")
    refused(db, "snapshot")
    refused(db, "snapshot", number=1)


def test_trying_changes_nothing(run: Callable[..., Ran], path: Path) -> None:
    """`--dry-run` says what would come of it."""
    run("migrate", "apply", "--to-scheme", "daydreaming", "--no-snapshot", "-p", path)
    before = run("digest", "-p", path).out
    dry = run("migrate", "rollback", "--dry-run", "-p", path, "--json").json
    assert run("digest", "-p", path).out == before
    assert run("migrate", "rollback", "-p", path, "--json").json | {"dry_run": True} == dry


def test_the_journal_replays_any_change_of_any_table(db: Database) -> None:
    """Rows made, changed and removed at random in every table come back bit by bit, floats and blobs too."""
    dice = Random(7)
    with transaction(db):
        projects.add(db, "scores", generation_id=3, content_id=1, score=0.1 + 0.2, scale_min=-1e300, scale_max=1e-300)
    state = everything(db)
    with recorded(db, "rename", {}) as (number, report):
        report.step("all", 1)
        db.execute("pragma defer_foreign_keys=on")
        for table in journaled_tables(db):
            shake(db, table, dice)
        report.digest_after = "x"
    assert everything(db) != state
    with transaction(db), images(db, number) as tables:
        replay(db, tables)
    assert everything(db) == state


def everything(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Give every row of every journaled table; public IDs are in the mapping instead."""
    return {t: db.execute(f"select * from {t} order by id").fetchall() for t in journaled_tables(db)}


LEAVES = ("alerts", "cohort_files", "cohort_members", "combo_members", "events", "scores", "topic_edges")


def shake(db: Database, table: str, dice: Random) -> None:
    """Change a nullable or textual column of some rows, several times, and remove and bring back others."""
    columns = [r for r in db.execute(f"pragma table_info({table})").fetchall() if r[1] not in ("id", "gen_id")]
    free = {"real": "1.5 / 7", "blob": "x'00ff'"}
    for _, name, kind, required, _, _ in columns:
        if kind.lower() in free:
            db.execute(f"update {table} set {name} = {free[kind.lower()]} where id % 2 = {dice.randrange(2)}")
        elif not required and kind == "TEXT" and name not in ("growth", "level", "outcome"):
            db.execute(f"update {table} set {name} = 'é' || char(10) || id where id % 3 = {dice.randrange(3)}")
    if table in LEAVES:
        db.execute(f"delete from {table} where id % 2 = {dice.randrange(2)}")


def test_nothing_else_fires_and_nothing_stays_armed(db: Database) -> None:
    """The journal's triggers are gone afterwards, and the limit that keeps others from firing is back."""
    rename(db, "model", "writer", "author")
    assert db.execute("select count(*) from temp.sqlite_master").fetchone() == (0,)
    assert db.conn.getlimit(10) == 0


def test_an_image_leaves_out_what_stands_under_a_hash(db: Database) -> None:
    """Texts are not written a second time for rows that a migration makes."""
    with transaction(db):
        row = projects.add(db, "migrations", kind="import", plan="{}", state="applied", at=now(), version="1")
        with journaled(db, row):
            projects.add_prompt(db, "a very long prompt" * 100)
        (after,) = db.execute("select after from migration_images").fetchone()
        assert len(after) < 100 and "text" in image(db, "prompts", "p") and "text" not in after


def test_people_read_what_was_taken_back(run, project) -> None:
    """A rename and back, in words; JSON keeps its keys."""
    run("init", "-p", project.with_name("b.db"))
    path = project.with_name("b.db")
    assert run("rename", "template", "short-essay", "notes", "-p", path).code == 0
    tried = run("migrate", "rollback", "--dry-run", "-p", path).out
    ran = run("migrate", "rollback", "-p", path)
    assert "migration 1 would be taken back" in tried
    assert ran.out.startswith("migration 1 is taken back; every fact is as it was before\ndigest ")
