"""The rules that always hold: each is found when it is broken, and names the rows that break it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import projects
import pytest

from workbench.ids import scheme_named
from workbench.store import Database, create_project, open_project, transaction
from workbench.verify import Check, verify


class Undone(Exception):
    """Ends a transaction that only tries something."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.made(tmp_path_factory.mktemp("verify") / "p.db")


@contextmanager
def tried(path: Path, *statements: str) -> Iterator[Database]:
    """Run statements with every guard down, look at the result, and take them back."""
    with open_project(path, write=True) as db:
        for pragma in ("foreign_keys=off", "ignore_check_constraints=on"):
            db.execute(f"pragma {pragma}")
        try:
            with transaction(db):
                for statement in statements:
                    assert db.execute(statement).rowcount > 0, statement
                db.execute("pragma ignore_check_constraints=off")
                yield db
                raise Undone
        except Undone:
            pass


def failing(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks if not check.ok}


def test_a_sound_project_passes_every_check(project: Path) -> None:
    """All rules hold, with `full` too, read only and in a transaction; nothing is broken or apart."""
    with open_project(project) as db:
        checks = verify(db, full=True)
    assert [c for c in checks if not c.ok or c.broken or c.examples or c.apart] == []
    assert len({c.name for c in checks}) == len(checks)
    assert all(c.about for c in checks)
    with tried(project) as db:
        assert failing(verify(db, full=True)) == {}


def test_verify_changes_nothing(project: Path) -> None:
    """The file is the same, byte for byte."""
    before = project.read_bytes()
    with open_project(project, write=True) as db:
        verify(db, full=True)
    assert project.read_bytes() == before


ESSAY = "(select min(id) from generations where stage = 'essay')"
JUDGED = "(select min(id) from generations where stage = 'evaluation')"
DRAFT = "(select min(id) from generations where stage = 'draft' and status = 'done')"
CURRENT = f"(select content_id from generations where id = {DRAFT})"

BREAKS = [
    ("ids", f"update generations set gen_id = 'd_0' where id = {DRAFT}"),
    ("ids", f"update generations set replicate = 77 where id = {DRAFT}"),
    ("ids", f"update generations set gen_id = gen_id || '-1' where id = {DRAFT}"),
    ("ids", "update templates set name = 'other' where name = 'plain'"),
    ("ids", "update models set llm_model_id = 'a|b' where llm_model_id = 'writer'"),
    ("ids", "update combos set combo_id = '' where combo_id = 'memory-play'"),
    (
        "parents",
        f"update generations set parent_id = {DRAFT} where id = {JUDGED}",
    ),
    ("parents", f"update generations set parent_id = null where id = {ESSAY}"),
    ("parents", f"update generations set parent_id = {ESSAY} where id = {DRAFT}"),
    (
        "lineage",
        f"update contents set parent_content_id = {CURRENT} where generation_id = {JUDGED}",
    ),
    ("members", "update cohort_members set generation_id = 9999 where place = 1"),
    ("members", "update cohort_members set cohort_id = 9999 where place = 1"),
    ("completions", f"update contents set raw = null, parsed = null where id = {CURRENT}"),
    ("completions", f"update generations set content_id = null where id = {DRAFT}"),
    ("completions", "update combos set topic_id = 9999 where topic_id is not null"),
    ("texts", f"update contents set raw = null where generation_id = {ESSAY}"),
    ("texts", f"update contents set raw_hash = null where generation_id = {ESSAY}"),
    ("texts", f"update contents set parsed_hash = null where generation_id = {ESSAY}"),
    ("texts", f"update contents set parsed_hash = 'x' where generation_id = {ESSAY}"),
    ("texts", f"update contents set prompt_hash = null where generation_id = {ESSAY}"),
    ("texts", f"update contents set model_version_id = null where generation_id = {ESSAY}"),
    ("status", f"update generations set content_id = {CURRENT} where id = {ESSAY}"),
    ("status", f"update contents set outcome = 'refused' where id = {CURRENT}"),
    ("status", f"update generations set status = 'failed' where id = {DRAFT}"),
    ("scores", "update scores set score = 99 where id = 1"),
    ("scores", f"update scores set generation_id = {DRAFT} where id = 1"),
    ("catalogue", f"update generations set model_id = null where id = {DRAFT}"),
    ("catalogue", f"update generations set template_id = 9999 where id = {DRAFT}"),
    ("catalogue", f"update generations set combo_id = null where id = {DRAFT}"),
    ("catalogue", "update templates set stage = 'essay' where name = 'plain'"),
    ("combos", "update combos set topic_id = 1 where topic_id is not null"),
    ("combos", "delete from combo_members"),
    ("combos", "delete from concepts where concept_id = 'play'"),
    ("texts used", "delete from prompts where id = 1"),
    ("texts used", "update template_versions set template_id = 9999 where id = 1"),
    ("texts used", "delete from model_versions where id = 1"),
    ("current versions", "update templates set version_id = 2 where name = 'plain' and version_id <> 2"),
    ("foreign keys", "delete from topics where leaf = 0"),
    ("header", "pragma application_id=7"),
    ("integrity", "update topics set depth = -1 where leaf = 1"),
]


@pytest.mark.parametrize(("name", "statement"), BREAKS)
def test_each_rule_is_found_when_it_is_broken(project: Path, name: str, statement: str) -> None:
    """The check of the rule fails, counts the rows and names them."""
    if statement.startswith("pragma"):
        with tried(project) as db:
            db.execute(statement)
            found = failing(verify(db))
    else:
        if name == "current versions":
            statement = (
                "update templates set version_id = (select min(v.id) from template_versions v"
                " where v.template_id <> templates.id) where name = 'plain'"
            )
        with tried(project, statement) as db:
            found = failing(verify(db))
    assert name in found
    assert found[name].broken >= len(found[name].examples) > 0
    assert all(found[name].examples)


def test_ten_examples_in_order_stand_for_all(tmp_path: Path) -> None:
    """Of many broken rows all are counted and the first ten by ID are named."""
    path = projects.made(tmp_path / "p.db", replicates=12)
    with tried(path, "update generations set replicate = replicate + 100 where stage = 'draft'") as db:
        found = failing(verify(db))["ids"]
        names = [n for (n,) in db.execute("select gen_id from generations where stage = 'draft' order by gen_id")]
    assert found.broken == len(names) > 10
    assert found.examples == names[:10]


def test_legacy_rows_stand_apart(project: Path) -> None:
    """A legacy row may lack what rules 1, 2, 4 and 5 ask; it is counted apart, and only there."""
    old = (
        "insert into generations (gen_id, stage, status, legacy, created, parent_id, outcome)"
        " values ('abc', 'essay', 'blocked', 1, 't', null, 'orphan')"
    )
    with tried(project, old) as db:
        checks = {c.name: c for c in verify(db, full=True)}
    assert all(c.ok for c in checks.values()), failing(list(checks.values()))
    assert {c.name for c in checks.values() if c.apart} == {"ids", "parents", "catalogue"}
    assert checks["ids"].apart == 1


def test_a_suffixed_collision_needs_its_alert(tmp_path: Path) -> None:
    """Under a scheme of one byte two tasks share an ID: the suffixed one is right with its alert, wrong without."""
    path = tmp_path / "small.db"
    create_project(path, scheme=scheme_named("v1/1"))
    with open_project(path, write=True) as db, transaction(db):
        projects.add_catalogues(db, list)
        scheme, seen = scheme_named("v1/1"), {}
        for replicate in range(1, 400):
            key = scheme.id_of("draft", f"draft|memory-play|plain|writer|{replicate}")
            if key in seen:
                break
            seen[key] = replicate
        first = projects.add_draft(db, "memory-play", seen[key])
        db.execute("update generations set gen_id = 'd_zzz' where id = ?", (first,))
        later = projects.add_draft(db, "memory-play", replicate)
        db.execute("update generations set gen_id = ? where id = ?", (key + "-1", later))
        db.execute("update generations set gen_id = ? where id = ?", (key, first))
    with open_project(path, write=True) as db:
        assert failing(verify(db))["ids"].examples == [f"{key}-1"]
        projects.add(db, "alerts", kind="id_collision", facts="{}", blocking=1, generation_id=later, at=projects.AT)
        assert failing(verify(db)) == {}


def test_drift_is_reported_and_breaks_nothing(project: Path) -> None:
    """A template that was edited after texts were made with it counts under drift."""
    with tried(project) as db:
        projects.add_template(db, "plain", "draft", "Another text about {{ topic }}.")
        checks = {c.name: c for c in verify(db)}
    assert checks["drift"].ok and checks["drift"].apart == 9
    assert failing(list(checks.values())) == {}


def mapped(db: Database, *rows: tuple[str, str, str], state: str = "applied") -> None:
    migration = projects.add(db, "migrations", kind="ids", plan="{}", state=state, at=projects.AT, version="1")
    for old, new, status in rows:
        found = db.execute("select id from generations where gen_id = ?", (new,)).fetchone()
        projects.add(
            db,
            "migration_map",
            migration_id=migration,
            generation_id=found and found[0],
            stage="draft",
            old_id=old,
            new_id=new,
            status=status,
        )


def test_mappings_lead_from_ids_that_were_to_ids_that_are(project: Path) -> None:
    """Chains over several migrations hold; a dead end, an empty name or a moved `unchanged` row does not."""
    key = projects.path_uuid(["root", "Tides"])
    with tried(project) as db:
        present = projects.gen_of(db, key, 1)
        mapped(db, ("old", "middle", "migrate"), state="applied")
        mapped(db, ("middle", present, "migrate"), ("", present, "synthetic"), (present, present, "unchanged"))
        mapped(db, ("gone", "nowhere", "migrate"), state="rolled back")
        assert failing(verify(db)) == {}
        mapped(db, ("gone", "nowhere", "migrate"), ("", present, "migrate"), ("other", present, "unchanged"))
        assert failing(verify(db))["mappings"].broken == 3


HASHED = [
    ("prompts", ("hash", "system", "text")),
    ("contents", ("hash", "outcome", "prompt_hash", "raw_hash", "parsed_hash", "raw", "parsed", "parent_content_id")),
    ("template_versions", ("hash", "text", "mode", "parser", "system", "minimum_lines", "scale_min", "schema")),
    ("model_versions", ("hash", "provider", "name", "parameters")),
    ("cohort_files", ("hash", "text")),
    ("scores", ("score",)),
    ("generations", ("gen_id", "stage", "combo_id", "parent_id", "template_id", "replicate", "content_id")),
]


def changed(column: str, value: object) -> str:
    """Give SQL that is another value of the same kind."""
    if column == "mode":
        return "'copy'"
    if column == "stage":
        return f"'{'essay' if value == 'draft' else 'draft'}'"
    if isinstance(value, (int, float)):
        return f"{column} + 100"
    if column == "parameters":
        return "'{\"temperature\":0.6}'"
    return f"coalesce({column}, '') || 'x'"


@pytest.mark.parametrize(("table", "column"), [(t, c) for t, columns in HASHED for c in columns])
def test_full_finds_every_change_of_a_hashed_fact(project: Path, table: str, column: str) -> None:
    """Row by row: whatever hashed value changes, `verify --full` sees it."""
    with open_project(project) as db:
        rows = db.execute(f"select id, {column} from {table}").fetchall()
    numeric = column.endswith("_id") or column in ("scale_min", "replicate")
    for row, value in rows:
        if value is None and (numeric or column == "schema"):
            continue
        with tried(project, f"update {table} set {column} = {changed(column, value)} where id = {row}") as db:
            assert failing(verify(db, full=True)), (table, column, row)


@pytest.mark.parametrize("statement", ["update contents set raw = cast(x'41ff' as text) where id = 1"])
def test_bytes_that_are_no_text_are_found_not_fatal(project: Path, statement: str) -> None:
    """A stored text that is not UTF-8 is one more broken row."""
    with tried(project, statement) as db:
        found = failing(verify(db, full=True))
    assert found["text hashes"].broken == 1


def test_full_finds_an_index_that_lags(project: Path) -> None:
    """A text that the search index should know and does not is named; one beyond the mark is not due."""
    with tried(project, "delete from search_docsize where id = 2") as db:
        assert failing(verify(db, full=True))["search"].examples == ["text 2"]
    with tried(project, "update project set value = '1' where key = 'searched'") as db:
        db.execute("delete from search_docsize where id > 1")
        assert failing(verify(db, full=True)) == {}


def test_full_finds_a_wrong_choice(project: Path) -> None:
    """The current text must be the good one; here it is the later bad one."""
    bad = "(select id from contents where revision = 2)"
    with tried(
        project,
        f"update generations set content_id = {bad} where id = (select generation_id from contents where revision = 2)",
    ) as db:
        assert {"status", "current texts"} <= set(failing(verify(db, full=True)))


def test_a_damaged_page_is_a_failed_check(tmp_path: Path) -> None:
    """Zeros over a page in the middle: checks fail with words, nothing is raised."""
    path = projects.made(tmp_path / "p.db", replicates=60)
    with open_project(path) as db:
        size = db.execute("pragma page_size").fetchone()[0]
        (page,) = db.execute("select rootpage from sqlite_master where name = 'contents'").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(data)
    with open_project(path) as db:
        found = failing(verify(db, full=True))
    assert "integrity" in found and "text hashes" in found
    assert "cannot be read" in found["text hashes"].examples[0]


def test_a_file_cut_short_is_found(tmp_path: Path) -> None:
    """Pages that the header counts and the file lacks break the header check."""
    path = projects.made(tmp_path / "p.db")
    with path.open("ab") as file:
        file.write(bytes(8192))
    with open_project(path) as db:
        assert "header" in failing(verify(db))
