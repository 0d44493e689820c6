"""Legacy rows: the real store of several eras under both schemes, and each rule of replicates and drafts by itself."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import projects
import pytest
from conftest import DATA, Ran
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import lineage
from workbench.errors import Conflict
from workbench.ids import V1, gen_id_from
from workbench.imports.store import import_store
from workbench.migrate import books
from workbench.migrate.apply import Request, apply, plan
from workbench.migrate.rollback import rollback
from workbench.migrate.sheets import Sheets
from workbench.store import Database, create_project, open_project, transaction
from workbench.verify import digest

STORE = DATA / "daydreaming" / "legacy_store"
EXPECTED = DATA / "daydreaming" / "legacy_expected"
SCHEMES = {"daydreaming": "new_id", "v1": "new_id_seed_canonical"}


def expected(name: str) -> list[dict[str, str]]:
    """Read one of the tables that say what must come out."""
    with (EXPECTED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """Give a project that holds the real legacy store and nothing else."""
    create_project(tmp_path / "legacy.db")
    with open_project(tmp_path / "legacy.db", write=True) as opened:
        import_store(opened, STORE)
        yield opened


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_real_store_gets_the_expected_ids(db: Database, scheme: str) -> None:
    """Old → new of every row, what stays, what is made, what is blocked and why, under both schemes."""
    done = apply(db, Request(legacy=True, to_scheme=scheme, lenient=True))
    assert done.migration is not None
    found = {row["old_id"] or row["new_id"]: row for row in books.mapping(db, done.migration)}
    rows = expected("expected_mapping.csv")
    assert len(found) == len(rows) == 24
    for row in rows:
        new_id = row[SCHEMES[scheme]]
        if row["status"] == "blocked":
            wanted = (row["old_id"], "blocked", row["block_reason"])
        elif row["status"] == "create_synthetic":
            wanted = (new_id, "synthetic", "")
        else:
            wanted = (new_id, "unchanged" if new_id == row["old_id"] else "migrate", "")
        key = new_id if row["status"] == "create_synthetic" else row["old_id"]
        assert (found[key]["new_id"], found[key]["status"], found[key]["reason"]) == wanted
        check_row(db, row, wanted[0])
    assert projects.broken(db) == []


def check_row(db: Database, row: dict[str, str], new_id: str) -> None:
    """Compare a generation's replicate, parent and old ID with what is expected."""
    if row["status"] == "blocked":
        return
    shown = lineage.show(db, new_id)
    assert str(shown["replicate"]) == row["new_replicate"]
    if not row["old_id"].startswith("synthetic:"):
        assert lineage.show(db, row["old_id"])["gen_id"] == new_id
    parent = shown["parents"][0]["gen_id"] if shown["parents"] else ""
    assert bool(parent) == bool(row["new_parent"])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_real_cohorts_keep_their_members(db: Database, scheme: str) -> None:
    """Every member of every cohort leads to its new ID, in the order that it had."""
    new_ids = {row["old_id"]: row[SCHEMES[scheme]] or row["old_id"] for row in expected("expected_mapping.csv")}
    folded = {old_id.lower(): new_id for old_id, new_id in new_ids.items()}
    members = "select g.gen_id from cohort_members m join cohorts c on c.id = m.cohort_id"
    members += " join generations g on g.id = m.generation_id where c.name = ? order by m.place"
    apply(db, Request(legacy=True, to_scheme=scheme, lenient=True))
    wanted: dict[str, list[str]] = defaultdict(list)
    for row in expected("expected_membership.csv"):
        if row["status"] != "not_in_store":
            wanted[row["cohort_id"]].append(folded[row["old_gen_id"].lower()])
    for cohort, gen_ids in wanted.items():
        assert [gen_id for (gen_id,) in db.execute(members, (cohort,))] == gen_ids


def test_every_expected_problem_is_reported(db: Database) -> None:
    """What the import found and what the migration found are together what must be reported."""
    apply(db, Request(legacy=True, to_scheme="daydreaming", lenient=True))
    found = set(db.execute("select severity, stage, place, code, detail from migration_problems"))
    assert {tuple(row.values()) for row in expected("expected_problems.csv")} <= found


def test_strict_refuses_and_changes_nothing(run: Callable[..., Ran], tmp_path: Path) -> None:
    """Blocked rows: exit 3, the same digest, no record, no snapshot; --lenient goes on and says which."""
    path = tmp_path / "p.db"
    create_project(path)
    run("import", "store", STORE, "-p", path)
    before = run("digest", "-p", path).out
    refused = run("migrate", "apply", "--legacy", "-p", path, "--json")
    assert (refused.code, refused.out) == (3, "")
    assert all(gen_id in refused.err for gen_id in ("6i2z8cp233bqqujm", "t4nyki0qwfitrc96", "xeiv05thqz5gkewi"))
    assert run("digest", "-p", path).out == before
    assert [row["kind"] for row in run("migrate", "log", "-p", path, "--json").json] == ["import"]
    assert [p.name for p in tmp_path.glob("*.db")] == ["p.db"]
    sheet, drafts = tmp_path / "m.csv", tmp_path / "s.csv"
    words = ("--legacy", "--lenient", "--mapping", sheet, "--synthetic", drafts, "-p", path, "--json")
    done = run("migrate", "apply", *words).json
    assert done["changes"]["evaluation"] == {"migrate": 7, "unchanged": 0, "synthetic": 0, "blocked": 3}
    assert sheet.read_text(encoding="utf-8").count(",blocked,") == 3
    assert drafts.read_text(encoding="utf-8").count("\n") == 3
    assert run("verify", "--full", "-p", path).code == 0


def test_a_plan_lists_blocked_rows_and_ends_well(run: Callable[..., Ran], tmp_path: Path) -> None:
    """`plan` in strict mode says what stands against it, with exit 0 and an unchanged file."""
    path = tmp_path / "p.db"
    create_project(path)
    run("import", "store", STORE, "-p", path)
    before = run("digest", "-p", path).out
    planned = run("migrate", "plan", "--legacy", "-p", path, "--json")
    assert planned.code == 0 and run("digest", "-p", path).out == before
    assert {p["code"] for p in planned.json["problems"] if p["severity"] == "error"} == {
        "metadata_invalid_json",
        "parent_missing",
        "parent_id_absent",
    }


def test_blocked_rows_stay_byte_for_byte(db: Database) -> None:
    """Not one column of a blocked row, of its answers or of its metadata is another afterwards."""

    def looked_at() -> list[Any]:
        blocked = "select id from generations where status = 'blocked'"
        found = [db.execute(f"select * from generations where id in ({blocked}) order by id").fetchall()]
        for table in ("contents", "import_rows"):
            sql = f"select * from {table} where generation_id in ({blocked}) order by id"
            found.append(db.execute(sql).fetchall())
        return found

    before = looked_at()
    apply(db, Request(legacy=True, lenient=True))
    assert looked_at() == before and len(before[0]) == 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_back_and_forward_again(db: Database, scheme: str) -> None:
    """Rollback gives the digest of before, exactly; going forward again gives the same IDs; import goes back too."""
    request = Request(legacy=True, to_scheme=scheme, lenient=True)
    before = digest(db)
    done = apply(db, request)
    taken = rollback(db)
    assert taken.exact and taken.digest == digest(db) == before and projects.broken(db) == []
    again = apply(db, request)
    assert again.digest_after == done.digest_after and projects.broken(db) == []
    maps = [
        {row["old_id"]: row["new_id"] for row in books.mapping(db, one.migration) if row["old_id"]}
        for one in (done, again)
    ]
    assert maps[0] == maps[1]
    empty = rollback(db, 1)
    assert empty.migrations == [again.migration, 1] and projects.broken(db) == []
    assert db.execute("select count(*) from generations").fetchone() == (0,)
    import_store(db, STORE)
    assert digest(db) == before


def test_an_essay_on_a_synthetic_draft_keeps_it(db: Database) -> None:
    """What was made since on a row that the migration made stands against the rollback: nothing changes."""
    apply(db, Request(legacy=True, lenient=True))
    with transaction(db):
        draft, template = db.execute("select id, template_id from generations where synthetic = 1").fetchone()
        essay = projects.number(db, "templates", stage="essay", name="creative-synthesis-v9")
        gen_id = db.execute("select gen_id from generations where id = ?", (draft,)).fetchone()[0]
        links = {"parent_id": draft, "template_id": essay}
        projects.add_generation(db, "essay", (gen_id, "creative-synthesis-v9", 5), **links)
    before = digest(db)
    with pytest.raises(Conflict, match="hangs on generations"):
        rollback(db)
    assert digest(db) == before
    del template


def test_migrating_a_migrated_store_is_nothing(db: Database) -> None:
    """A second run finds nothing to do, in lenient mode too."""
    apply(db, Request(legacy=True, lenient=True))
    assert apply(db, Request(legacy=True, lenient=True)).is_idle


# One group of drafts with nothing but what the rule of replicates looks at.
Row = tuple[str, int | None, bool]


def group_of(db: Database, rows: list[Row]) -> None:
    """Make legacy drafts of one signature: (old ID, recorded replicate, whether its ID is right already)."""
    combo = projects.number(db, "combos", combo_id="memory-play")
    template = projects.number(db, "templates", name="plain", stage="draft")
    model = projects.number(db, "models", llm_model_id="writer")
    for name, recorded, right in rows:
        key = gen_id_from(V1, "draft", "memory-play", "plain", "writer", recorded or 1) if right else name
        content = {"combo_id": combo, "template_id": template, "model_id": model, "replicate": recorded}
        projects.add(
            db, "generations", gen_id=key, stage="draft", status="planned", legacy=1, created=projects.AT, **content
        )


def by_rule(rows: list[Row]) -> dict[str, int]:
    """Give the replicates as the rule says, one row after the other."""
    given: dict[str, int] = {}
    for name, recorded, right in sorted(rows):
        if right and (recorded or 1) not in given.values():
            given[name] = recorded or 1
    order = sorted(rows, key=lambda row: (row[1] is None, row[1] or 0, row[0]))
    for name, recorded, _ in order:
        if name not in given and recorded is not None and recorded not in given.values():
            given[name] = recorded
    for name, _, _ in order:
        if name not in given:
            given[name] = next(n for n in range(1, len(rows) + 2) if n not in given.values())
    return given


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(1, 6)), st.booleans()), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_replicates_are_given_in_three_passes(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int | None, bool]], dice: Any
) -> None:
    """Right IDs keep their number, then recorded numbers that are free, then the lowest free ones."""
    names = [f"old{n:02}" for n in range(len(told))]
    dice.shuffle(names)
    kept: set[int] = set()
    rows: list[Row] = []
    for name, (recorded, right) in zip(names, told, strict=True):
        right = right and (recorded or 1) not in kept  # two rows cannot have one ID
        kept |= {recorded or 1} if right else set()
        rows.append((name, recorded, right))
    keys = {name: gen_id_from(V1, "draft", "memory-play", "plain", "writer", n or 1) for name, n, r in rows if r}
    named: list[Row] = [(keys.get(name, name), recorded, right) for name, recorded, right in rows]
    path = tmp_path_factory.mktemp("rule") / "p.db"
    create_project(path)
    with open_project(path, write=True) as db:
        with transaction(db):
            projects.add_catalogues(db, list)
            group_of(db, rows)
        apply(db, Request(legacy=True))
        found = dict(
            db.execute("select k.old_id, g.replicate from migration_map k join generations g on g.id = k.generation_id")
        )
        assert found == by_rule(named)


def test_rows_beside_legacy_ones_keep_their_numbers(tmp_path: Path) -> None:
    """A task of the project in the same signature group keeps its replicate and its ID."""
    path = projects.made(tmp_path / "p.db")
    with open_project(path, write=True) as db:
        with transaction(db):
            group_of(db, [("old1", 1, False), ("old2", None, False), ("old3", 3, False)])
        apply(db, Request(legacy=True))
        found = dict(
            db.execute("select old_id, g.replicate from migration_map k join generations g on g.id = generation_id")
        )
        assert {name: found[name] for name in ("old1", "old2", "old3")} == {"old1": 4, "old3": 5, "old2": 6}
        assert projects.broken(db) == []


def test_a_task_that_waited_may_go(tmp_path: Path) -> None:
    """A legacy draft without answer is ready once it has its ID; its essay when the draft is done."""
    path = projects.made(tmp_path / "p.db")
    with open_project(path, write=True) as db:
        with transaction(db):
            group_of(db, [("old1", 7, False)])
        apply(db, Request(legacy=True))
        row = db.execute("select status, ready, legacy, replicate from generations where replicate = 7").fetchone()
        assert row == ("planned", 1, 0, 7)


def test_a_lone_copy_without_text_is_blocked(tmp_path: Path) -> None:
    """Only a copy whose text is known can have a draft made for it."""
    path = projects.made(tmp_path / "p.db")
    with open_project(path, write=True) as db:
        with transaction(db):
            template = projects.number(db, "templates", name="long", stage="essay")
            essay = projects.add(
                db,
                "generations",
                gen_id="lone",
                stage="essay",
                status="planned",
                legacy=1,
                replicate=1,
                template_id=template,
                created=projects.AT,
            )
            told = {"mode": "copy", "combo": "memory-play", "draft_template": "plain", "model": "writer"}
            source = projects.add(db, "imports", kind="store", source="s", at=projects.AT)
            row = {"import_id": source, "generation_id": essay, "place": "p", "name": "normalised"}
            projects.add(db, "import_rows", metadata=json.dumps(told), **row)
        planned = plan(db, Request(legacy=True), Sheets())
        assert [(p.where, p.code) for p in planned.problems] == [("lone", "parent_missing")]
        with pytest.raises(Conflict):
            apply(db, Request(legacy=True))


def test_a_combo_that_nothing_describes_blocks_its_drafts(tmp_path: Path) -> None:
    """What a draft is about must be in the file before it counts as a task: unknown combos stay blocked."""
    path = projects.made(tmp_path / "p.db")
    with open_project(path, write=True) as db:
        with transaction(db):
            group_of(db, [("old1", 1, False)])
            combo = projects.add(db, "combos", combo_id="forgotten")
            db.execute("update generations set combo_id = ? where gen_id = 'old1'", (combo,))
        done = apply(db, Request(legacy=True, lenient=True))
        assert [(p.where, p.code) for p in done.problems] == [("old1", "combo_unknown")] and done.is_idle
        with transaction(db):
            concept = projects.number(db, "concepts", concept_id="memory")
            projects.add(db, "combo_members", combo_id=combo, concept_id=concept, place=0)
        assert apply(db, Request(legacy=True)).migration == 1 and projects.broken(db) == []
