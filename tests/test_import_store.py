"""A real legacy store into the record: every row, every problem, every byte of metadata, once and whole."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA

from workbench.cohorts.concepts import LEVELS
from workbench.errors import BadFile
from workbench.ids import STAGES, prompt_hash, scheme_named
from workbench.imports import import_store, list_imports
from workbench.imports.legacy import PARENT, Recorded
from workbench.prompts import read_folder, read_models
from workbench.store import Database, create_project, open_project, transaction
from workbench.verify.digest import digest
from workbench.verify.verify import verify

STORE = DATA / "daydreaming" / "legacy_store"
EXPECTED = DATA / "daydreaming" / "legacy_expected"
RAW = DATA / "daydreaming" / "1_raw"
# What only the plan of a migration can know.
PLANNED = {"replicate_conflict"}


def table(name: str) -> list[dict[str, str]]:
    with (EXPECTED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(db: Database, sql: str, *values: object) -> list[Any]:
    return db.execute(sql, values).fetchall()


def found(report: Any) -> set[tuple[str, str, str, str, str]]:
    return {(p.severity, p.stage, p.where, p.code, p.detail) for p in report.problems}


def codes(report: Any, where: str | None = None) -> set[str]:
    return {p.code for p in report.problems if where in (None, p.where)}


def holds(db: Database) -> bool:
    return all(check.ok for check in verify(db, full=True))


def dump(db: Database) -> list[str]:
    return [line for line in db.conn.iterdump() if "sqlite_sequence" not in line]


def generation(root: Path, stage: str, gen_id: str, files: dict[str, object] | None = None, **metadata: object) -> Path:
    """Write one generation's folder: metadata, and texts or JSON by the stem of their file."""
    folder = root / "gens" / stage / gen_id
    folder.mkdir(parents=True)
    facts = {"stage": stage, "gen_id": gen_id} | metadata
    (folder / "metadata.json").write_text(json.dumps(facts), encoding="utf-8")
    for stem, content in (files or {}).items():
        name, text = (f"{stem}.txt", content) if isinstance(content, str) else (f"{stem}.json", json.dumps(content))
        (folder / name).write_bytes(str(text).encode())
    return folder


def draft(root: Path, gen_id: str = "one", files: dict[str, object] | None = None, **metadata: object) -> Path:
    """Write a draft that lacks nothing."""
    facts = {"combo_id": "c1", "template_id": "t", "llm_model_id": "m", "replicate": 1} | metadata
    return generation(
        root, "draft", gen_id, {"raw": "A text.", "parsed": "A text."} if files is None else files, **facts
    )


@pytest.fixture(params=["v1", "daydreaming"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "either.db"
    create_project(path, scheme=scheme_named(request.param))
    with open_project(path, write=True) as opened:
        yield opened


@pytest.fixture
def one(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        yield opened


def test_every_generation_of_the_real_store_is_here(db):
    """5 drafts, 7 essays, 10 evaluations under the names of their folders; the rules hold for what they bind."""
    report = import_store(db, STORE)
    wanted = json.loads((EXPECTED / "expected_counts.json").read_text())["by_stage"]
    assert report.added == wanted and sum(report.unchanged.values()) == 0
    listed = {(path.parent.name, path.name) for path in (STORE / "data" / "gens").glob("*/*")}
    assert set(rows(db, "select stage, gen_id from generations")) == listed
    assert holds(db)


def test_every_problem_that_an_import_can_know_is_reported(db):
    """Severity, stage, ID, code and detail are the expected ones, none more and none less; they are on record too."""
    report = import_store(db, STORE)
    expected = {tuple(row.values()) for row in table("expected_problems.csv") if row["code"] not in PLANNED}
    assert found(report) == expected
    recorded = "select severity, stage, place, code, detail from migration_problems where migration_id = ?"
    assert set(rows(db, recorded, report.migration)) == expected


def test_parents_are_those_that_are_expected(db):
    """By ID, else by a unique ID in another case, else none; what cannot be placed is blocked and says why."""
    import_store(db, STORE)
    for row in table("expected_mapping.csv"):
        if row["status"] == "create_synthetic":
            continue
        sql = (
            "select p.gen_id, g.status, g.outcome, g.replicate from generations g"
            " left join generations p on p.id = g.parent_id where g.gen_id = ?"
        )
        ((parent, status, outcome, replicate),) = rows(db, sql, row["old_id"])
        wanted = row["resolved_parent"]
        assert parent == (None if wanted.startswith("synthetic:") or not wanted else wanted)
        assert (status == "blocked") == (row["status"] == "blocked")
        assert outcome == row["block_reason"] or status != "blocked"
        assert row["status"] == "blocked" or replicate == (int(row["recorded_replicate"] or 0) or None)


def test_only_ids_that_are_the_function_of_their_signature_are_not_legacy(db):
    """Under the store's own scheme these are the three that the mapping leaves unchanged; under another one none."""
    import_store(db, STORE)
    fine = {row["old_id"] for row in table("expected_mapping.csv") if row["status"] == "unchanged"}
    ((scheme,),) = rows(db, "select value from project where key = 'scheme'")
    kept = {name for (name,) in rows(db, "select gen_id from generations where legacy = 0")}
    assert kept == (fine if scheme == "daydreaming" else set())


def test_members_are_resolved_in_order(db):
    """Every member that the store has is one, dangling ones are not; places are those of the file."""
    import_store(db, STORE)
    sql = (
        "select c.name, g.stage, lower(g.gen_id), k.place from cohort_members k join cohorts c on c.id = k.cohort_id"
        " join generations g on g.id = k.generation_id order by 1, 4"
    )
    wanted, place, last = [], 0, ""
    for row in table("expected_membership.csv"):
        place, last = place + 1 if row["cohort_id"] == last else 1, row["cohort_id"]
        if row["status"] != "not_in_store":
            wanted.append((last, row["stage"], row["old_gen_id"], place))
    assert rows(db, sql) == wanted


def test_metadata_are_kept_to_the_byte(db):
    """Each file of metadata, manifest and membership stands in import_rows under its name, broken JSON too."""
    import_store(db, STORE)
    kept = dict(rows(db, "select place, metadata from import_rows where name <> 'normalised'"))
    data = STORE / "data"
    files = [
        *data.glob("gens/*/*/*.json"),
        *data.glob("cohorts/*/manifest.json"),
        *data.glob("cohorts/*/membership.csv"),
    ]
    assert kept == {path.relative_to(data).as_posix(): path.read_bytes().decode() for path in files}


def test_texts_are_those_of_the_files(db):
    """Prompt, raw and parsed text of every generation, whatever its state; a missing parsed text fails it."""
    import_store(db, STORE)
    for stage, gen_id, prompt, raw, parsed in rows(
        db, "select stage, gen_id, prompt, raw, parsed from generation_texts"
    ):
        folder = STORE / "data" / "gens" / stage / gen_id
        texts = [path.read_bytes().decode() if path.exists() else None for path in _texts(folder)]
        assert [prompt, raw, parsed] == texts
    failed = rows(db, "select gen_id, outcome from generations where status = 'failed'")
    assert failed == [("3m7wp7q040wjsqcn", "parse_missing")]
    usage = "select finish_reason, tokens_out from generation_texts where gen_id = '1cexinlp34slbjb2'"
    assert rows(db, usage) == [("stop", 366)]


def _texts(folder: Path) -> list[Path]:
    return [folder / f"{stem}.txt" for stem in ("prompt", "raw", "parsed")]


def test_scores_are_the_numbers_of_the_parsed_texts(db):
    """Nine evaluations have a score; the one that was not parsed has none."""
    import_store(db, STORE)
    sql = (
        "select g.gen_id, s.score, s.scale_min, s.scale_max from scores s join generations g on g.id = s.generation_id"
    )
    for gen_id, score, low, high in rows(db, sql):
        text = (STORE / "data" / "gens" / "evaluation" / gen_id / "parsed.txt").read_text()
        assert (score, low, high) == (float(text), 0, 9)
    assert rows(db, "select count(*) from scores") == [(9,)]


def test_a_migration_finds_what_was_recorded(db):
    """`normalised` tells replicate and parent as they were found, mode, draft template and cohort, whatever the era."""
    import_store(db, STORE)
    sql = (
        "select g.gen_id, r.metadata from import_rows r join generations g on g.id = r.generation_id"
        " where r.name = 'normalised'"
    )
    told = {gen_id: Recorded(**json.loads(text)) for gen_id, text in rows(db, sql)}
    mapped = {row["old_id"]: row for row in table("expected_mapping.csv") if row["status"] != "create_synthetic"}
    assert told.keys() == mapped.keys() - {"6i2z8cp233bqqujm"}
    for gen_id, recorded in told.items():
        assert recorded.parent == mapped[gen_id]["old_parent"]
        assert str(recorded.recorded_replicate or "") == mapped[gen_id]["recorded_replicate"]
    copy = told["2psa0x432cf1tksc"]
    assert (copy.mode, copy.draft_template, copy.model) == ("copy", "application-implementation-v2", "deepseek_r1_f")
    assert told["458ana393dq7es43"].model == "deepseek_r1_f"
    assert told["458ana393dq7es43"].cohort == "cohort-1c0ffee51234"


def test_importing_again_changes_nothing(db):
    """Neither a fact nor a row; the folder above says the same as the data root."""
    import_store(db, STORE)
    before, facts = dump(db), digest(db)
    again = import_store(db, STORE / "data")
    assert (sum(again.added.values()), sum(again.unchanged.values()), again.migration) == (0, 22, None)
    assert (dump(db), digest(db)) == (before, facts)


def test_a_dry_run_reports_all_and_changes_nothing(db):
    """The report is that of the import; the file is as before."""
    before = dump(db)
    report = import_store(db, STORE, dry_run=True)
    assert sum(report.added.values()) == 22 and len(report.problems) == 40
    assert dump(db) == before


def test_an_import_is_one_recorded_migration(db):
    """Of kind import, with what was added; the listing tells source, generations and problems."""
    report = import_store(db, STORE)
    ((kind, plan, changes, state),) = rows(db, "select kind, plan, changes, state from migrations")
    assert (kind, state) == ("import", "applied")
    asked = json.loads(plan)
    assert (asked["import"], asked["source"], asked["lenient"]) == ("store", "legacy_store", False)
    assert json.loads(changes)["essay"] == {"added": 7, "unchanged": 0}
    (listed,) = list_imports(db)
    assert (listed["kind"], listed["generations"], listed["problems"]) == ("store", 22, len(report.problems))
    ((hashed,),) = rows(db, "select hash from imports")
    assert len(hashed) == 64


def test_every_row_that_an_import_makes_is_journaled(db):
    """A rollback knows what to take away; the second import leaves no trace."""
    import_store(db, STORE)
    for table in ("generations", "contents", "import_rows", "imports", "cohorts", "cohort_members", "combos", "scores"):
        made = "select count(distinct row_id) from migration_images where table_name = ? and before is null"
        assert rows(db, made, table) == rows(db, f"select count(*) from {table}")


def test_rows_known_by_an_old_id_are_the_same_generation(db):
    """After a migration gave new IDs, the store adds nothing and its children still find their parents."""
    import_store(db, STORE)
    with transaction(db):
        db.execute(
            "insert into migrations (id, kind, plan, state, at, version) values (9, 'ids', '{}', 'applied', '', '')"
        )
        db.execute(
            "insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status)"
            " select 9, id, stage, gen_id, 'new' || id, 'migrate' from generations"
        )
        db.execute("update generations set gen_id = 'new' || id, legacy = 1")
    before = digest(db)
    again = import_store(db, STORE)
    assert (sum(again.added.values()), sum(again.unchanged.values())) == (0, 22)
    assert digest(db) == before
    assert "membership_dangling" in codes(again) and "conflict" not in codes(again)


def test_templates_and_models_without_a_text_are_made_and_told(one):
    """They are named by generations, so they are in the catalogue, without a version."""
    report = import_store(one, STORE)
    assert "draft template pair-explorer" in report.gaps and "model gemini_25_pro" in report.gaps
    assert rows(one, "select count(*) from templates where version_id is not null") == [(0,)]


def test_the_real_catalogues_are_taken_as_they_are_read_alone(one, tmp_path):
    """Concepts, templates, models and limits of `1_raw` are those that reading them alone gives."""
    root = tmp_path / "data"
    shutil.copytree(STORE / "data", root)
    shutil.copytree(RAW, root / "1_raw")
    report = import_store(one, root)
    hashes = set(
        rows(one, "select t.stage, t.name, v.hash from templates t join template_versions v on v.id = t.version_id")
    )
    assert hashes == {(t.stage, t.name, t.hash) for t in read_folder(RAW)}
    assert {name for (name,) in rows(one, "select llm_model_id from models where version_id is not null")} == {
        model.id for model in read_models(RAW / "llm_models.csv")
    }
    described = [len(list((RAW / "concepts" / f"descriptions-{level}").iterdir())) for level in LEVELS]
    assert rows(one, "select count(sentence), count(paragraph), count(article) from concepts") == [tuple(described)]
    assert dict(rows(one, "select stage, replicates from replication")) == {"draft": 1, "essay": 1, "evaluation": 2}
    assert [gap for gap in report.gaps if gap.startswith("model")] == []
    assert import_store(one, root).migration is None and holds(one)


def test_combos_have_their_concepts_in_order_with_level_and_size(one):
    """As combo_mappings.csv lists them."""
    import_store(one, STORE)
    sql = (
        "select c.combo_id, c.level, c.k, n.concept_id from combos c join combo_members m on m.combo_id = c.id"
        " join concepts n on n.id = m.concept_id order by c.id, m.place"
    )
    with (STORE / "data" / "combo_mappings.csv").open(newline="") as file:
        told = [(r["combo_id"], r["description_level"], int(r["k_max"]), r["concept_id"]) for r in csv.DictReader(file)]
    assert rows(one, sql) == told


@pytest.mark.parametrize("missing", ["nothing", "file", "elsewhere"])
def test_what_is_no_store_is_refused(one, tmp_path, missing):
    """One line that says what is wanted."""
    root = tmp_path / "root"
    if missing != "elsewhere":
        root.mkdir()
    if missing == "file":
        (root / "gens").write_text("")
    with pytest.raises(BadFile, match="no folder gens"):
        import_store(one, root)


def test_the_command_line_tells_what_was_done(shell):
    """Exit 0, blocked rows included; the JSON has the keys that are relied on; the worst problems come first."""
    done = shell("import", "store", STORE, "--create", "-p", "new.db", "--json")
    assert done.code == 0 and done.json["added"] == {"draft": 5, "essay": 7, "evaluation": 10}
    assert {"severity", "where", "code", "detail"} <= done.json["problems"][0].keys()
    told = shell("import", "store", STORE, "-p", "new.db").out
    assert told.index("error: 2psa0x432cf1tksc") < told.index("warning: ")
    assert shell("import", "store", STORE.parent, "-p", "new.db").code == 2
    assert shell("show", "16OW8Z9HGG76A5F3", "-p", "new.db", "--json").json["status"] == "done"
    assert shell("verify", "--full", "-p", "new.db").code == 0


def test_a_scale_that_no_float_holds_is_none(one: Database, tmp_path: Path) -> None:
    """JSON has whole numbers of any length; a template of such a scale has none."""
    draft(tmp_path)
    told = {"stage": "draft", "name": "far", "text": "hi", "mode": "llm", "minimum_lines": 0, "current": True}
    (tmp_path / "1_raw").mkdir()
    line = json.dumps(told | {"scale_min": 0, "scale_max": 10**390})
    (tmp_path / "1_raw" / "workbench_templates.jsonl").write_text(line + "\n")
    import_store(one, tmp_path)
    assert rows(
        one,
        "select scale_min, scale_max from template_versions v join templates t on t.version_id = v.id"
        " where t.name = 'far'",
    ) == [(None, None)]


def test_prompts_are_stored_once_with_their_hash(one):
    """Their hash is that of the text alone."""
    import_store(one, STORE)
    assert all(hashed == prompt_hash("", text) for hashed, text in rows(one, "select hash, text from prompts"))
    assert PARENT.keys() == set(STAGES[1:])
