"""Stores of other eras, damaged and hostile ones: every key name and shape is read, nothing is guessed or followed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_import_store import codes, draft, dump, generation, holds, rows

from workbench.errors import BadFile, Problems, WorkbenchError
from workbench.ids import DAYDREAMING, V1, gen_id_from, scheme_named
from workbench.imports import import_store
from workbench.imports.legacy import (
    is_id_of,
    is_orphan_copy,
    missing_fields,
    normalise,
    read_metadata,
    recorded_replicate,
)
from workbench.record.answers import Origin, Result, store_answer
from workbench.record.seed import Seed, seed_tasks
from workbench.store import Database, create_project, open_project, scheme_of, transaction
from workbench.verify.digest import digest

TEXTS: dict[str, object] = {"raw": "7.5", "parsed": "7.5"}


@pytest.fixture
def db(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    (path / "gens").mkdir(parents=True)
    return path


def essay(root: Path, gen_id: str, parent: str, files: dict[str, object] | None = None, **more: object) -> Path:
    facts = {"template_id": "e", "llm_model_id": "m", "replicate": 1, "parent_gen_id": parent} | more
    return generation(root, "essay", gen_id, TEXTS if files is None else files, **facts)


def evaluation(root: Path, gen_id: str, parent: str, files: dict[str, object] | None = None, **more: object) -> Path:
    facts = {"template_id": "v", "llm_model_id": "j", "replicate": 1, "parent_gen_id": parent} | more
    return generation(root, "evaluation", gen_id, TEXTS if files is None else files, **facts)


def state(db: Database, gen_id: str) -> tuple[str, str | None, int]:
    ((status, outcome, legacy),) = rows(db, "select status, outcome, legacy from generations where gen_id = ?", gen_id)
    return status, outcome, legacy


ERAS = {
    "first": {"combo_id": "c1", "draft_template": "t", "model_id": "m", "cohort_id": "k"},
    "second": {"combo_id": "c1", "template_id": "t", "model_id": "m", "cohort_id": "k", "replicate": "2"},
    "third": {"combo_id": "c1", "template_id": "t", "llm_model_id": "m", "cohort_id": "k", "replicate": 2},
    "last": {"combo_id": "c1", "template_id": "t", "llm_model_id": "m", "origin_cohort_id": "k", "replicate": 2},
}


@pytest.mark.parametrize("era", ERAS)
def test_every_era_is_read(era):
    """The names differ, the signature is the same; what is old is told."""
    recorded, findings = normalise("draft", "x", ERAS[era])
    assert (recorded.combo, recorded.template, recorded.model, recorded.cohort) == ("c1", "t", "m", "k")
    assert recorded.replicate == (None if era == "first" else 2)
    told = {finding.code for finding in findings}
    assert ("model_id_legacy" in told) == (era in ("first", "second"))
    assert ("cohort_key_legacy" in told) == (era != "last")
    assert ("replicate_missing" in told) == (era == "first")


@pytest.mark.parametrize("stage", ["essay", "evaluation"])
def test_stages_have_template_keys_of_their_own(stage):
    """A key of another stage says where a copy came from, not what this one is."""
    facts = {f"{stage}_template": "mine", "draft_template": "theirs", "parent_gen_id": " P "}
    recorded, _ = normalise(stage, "x", facts)
    assert (recorded.template, recorded.draft_template, recorded.parent) == ("mine", "theirs", "P")


@pytest.mark.parametrize(
    ("told", "number"),
    [(1, 1), ("2", 2), (" 3 ", 3), (4.0, 4)]
    + [(value, None) for value in (None, 0, -1, "0", "-1", "x", "", "01", 1.5, True, [1], {}, 10**30, float("inf"))],
)
def test_replicates_are_numbers_or_not_recorded(told, number):
    """Missing, 0, negative or non-numeric means not recorded; nothing raises."""
    assert recorded_replicate(told) == number


def test_a_row_needs_the_fields_of_its_signature():
    """What is missing is named, and what no ID can hold; an essay needs no model."""
    assert missing_fields(normalise("essay", "x", {"template_id": "t"})[0]) is None
    lacking = missing_fields(normalise("evaluation", "x", {"template_id": "t"})[0])
    assert lacking and (lacking.code, lacking.detail) == ("field_missing", "llm_model_id")
    bad = missing_fields(normalise("draft", "x", {"combo_id": "a|b", "template_id": "t", "llm_model_id": ["m"]})[0])
    assert bad and bad.code == "field_unusable" and "combo_id" in bad.detail and "llm_model_id" in bad.detail


def test_only_copies_that_know_their_origin_can_get_a_draft():
    """Mode copy, an essay, with combo, draft template and model."""
    facts = {"mode": "copy", "combo_id": "c", "draft_template": "t", "llm_model_id": "m", "template_id": "e"}
    assert is_orphan_copy(normalise("essay", "x", facts)[0])
    assert not is_orphan_copy(normalise("evaluation", "x", facts)[0])
    for key in facts.keys() - {"template_id"}:
        assert not is_orphan_copy(normalise("essay", "x", facts | {key: ""})[0])


@pytest.mark.parametrize("scheme", [V1, DAYDREAMING])
def test_ids_are_judged_by_recomputing_them(scheme):
    """Any spelling of the same fields fits, another replicate does not; a suffix stands for a collision."""
    gen_id = gen_id_from(scheme, "draft", "c1", "t", "m", 2)
    assert is_id_of(scheme, gen_id, "draft", ("C1", " t ", "m"), 2)
    assert not is_id_of(scheme, gen_id, "draft", ("c1", "t", "m"), 1)
    assert not is_id_of(scheme, gen_id, "draft", ("c|1", "t", "m"), 2)
    assert not is_id_of(scheme, gen_id, "draft", ("c1", "t"), 2)
    assert is_id_of(
        scheme, scheme.id_of("draft", scheme.canonical("draft", ("c1", "t", "m"), 2), 3), "draft", ("c1", "t", "m"), 2
    )


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[1]", '"x"', '{"a": 1, "a": 2}', '{"a": NaN}', "{" * 5000, '{"a": ' + "9" * 500 + "}", "\ufeff{"],
)
def test_metadata_that_cannot_be_read_block_the_row(db, root, text):
    """With the reason; the texts are kept, and the metadata as they stand."""
    (draft(root) / "metadata.json").write_text(text, encoding="utf-8")
    report = import_store(db, root)
    status, outcome, legacy = state(db, "one")
    assert (status, legacy) == ("blocked", 1) and str(outcome) in codes(report, "one")
    assert rows(db, "select raw, parsed from generation_texts") == [("A text.", "A text.")]
    assert rows(db, "select metadata from import_rows where name = 'metadata'") == [(text,)]
    assert read_metadata(text)[1] and holds(db)


def test_no_metadata_at_all_block_the_row(db, root):
    """The texts are kept all the same."""
    (draft(root) / "metadata.json").unlink()
    import_store(db, root)
    assert state(db, "one") == ("blocked", "metadata_missing", 1) and holds(db)


def test_a_deterministic_id_is_no_legacy(db, root):
    """A missing replicate reads as 1 where that makes the ID right; names differ in case."""
    first = gen_id_from(V1, "draft", "c1", "t", "m", 1)
    draft(root, first, replicate=None, template_id="T")
    child = gen_id_from(V1, "essay", first, "e", 2)
    essay(root, child, first, replicate="2")
    import_store(db, root)
    assert state(db, first) == ("done", "ok", 0) and state(db, child) == ("done", "ok", 0)
    assert rows(db, "select replicate from generations order by id") == [(1,), (2,)]


def test_parents_in_another_case_must_be_unique(db, root):
    """One: linked with a warning. Two: blocked. None: blocked. Children of blocked rows: blocked, linked to them."""
    draft(root, "Only")
    draft(root, "Twin", replicate=2)
    draft(root, "TWIN", replicate=3)
    essay(root, "e1", "ONLY")
    essay(root, "e2", "twin")
    essay(root, "e3", "nobody")
    essay(root, "e4", "TWIN", replicate=4)
    evaluation(root, "v1", "e2")
    report = import_store(db, root)
    assert state(db, "e1") == ("done", "ok", 1) and "parent_case_mismatch" in codes(report, "e1")
    assert state(db, "e2") == ("blocked", "parent_ambiguous", 1)
    assert state(db, "e3") == ("blocked", "parent_missing", 1)
    assert state(db, "e4") == ("done", "ok", 1)
    assert state(db, "v1") == ("blocked", "parent_blocked", 1)
    linked = "select p.gen_id from generations g join generations p on p.id = g.parent_id where g.gen_id = 'v1'"
    assert rows(db, linked) == [("e2",)] and holds(db)


def test_a_parent_is_looked_for_in_its_stage_only(db, root):
    """An evaluation of a draft has no parent."""
    draft(root, "d")
    evaluation(root, "v", "d")
    import_store(db, root)
    assert state(db, "v") == ("blocked", "parent_missing", 1)


def test_an_absent_parent_may_be_suggested_but_is_not_taken(db, root):
    """The unique copy that says the same of its origin is named; with two of them none is."""
    facts = {"mode": "copy", "combo_id": "c1", "draft_template": "t"}
    essay(root, "e1", "a task", **facts)
    lost = {**facts, "essay_template_id": "e"}
    evaluation(root, "v1", "", **lost)
    report = import_store(db, root)
    assert ("v1", "suggested_parent=e1") in {(p.where, p.detail) for p in report.problems}
    assert state(db, "v1") == ("blocked", "parent_id_absent", 1) and state(db, "e1") == ("done", "ok", 1)


def test_a_mended_store_mends_its_rows(db, root):
    """The missing parent is there the second time: the row and those below are placed, with their texts."""
    essay(root, "e1", "d1")
    evaluation(root, "v1", "e1")
    import_store(db, root)
    assert state(db, "v1") == ("blocked", "parent_blocked", 1)
    draft(root, "d1")
    report = import_store(db, root)
    assert report.added == {"draft": 1, "essay": 1, "evaluation": 1}
    assert [state(db, name)[0] for name in ("d1", "e1", "v1")] == ["done"] * 3
    assert sum(import_store(db, root).added.values()) == 0 and holds(db)


def test_a_task_without_texts_is_planned(db, root):
    """Legacy ones wait for a migration; those of this scheme may be sent as soon as their parent is done."""
    draft(root, "old", {})
    done, open_ = (gen_id_from(V1, "draft", "c1", "t", "m", n) for n in (2, 3))
    draft(root, done, replicate=2)
    draft(root, open_, {"prompt": "Write."}, replicate=3)
    ready, waiting = (gen_id_from(V1, "essay", parent, "e", 1) for parent in (done, open_))
    essay(root, ready, done, {})
    essay(root, waiting, open_, {})
    import_store(db, root)
    told = dict(rows(db, "select gen_id, status || ' ' || ready from generations"))
    assert told == {
        "old": "planned 0", done: "done 0", open_: "planned 1", ready: "planned 1", waiting: "planned 0"
    }  # fmt: skip
    assert rows(db, "select metadata from import_rows where name = 'prompt'") == [("Write.",)]


TEXT_CASES: dict[str, tuple[dict[str, object], str, str | None]] = {
    "raw only": ({"raw": "a"}, "raw_without_parsed", "parse_missing"),
    "parsed only": ({"parsed": "a"}, "parsed_without_raw", "ok"),
    "no raw metadata": ({"raw": "a", "parsed": "b"}, "raw_without_raw_metadata", "ok"),
    "nul": ({"raw": "a\0b", "parsed": "b"}, "text_cleaned", "ok"),
}


@pytest.mark.parametrize("case", TEXT_CASES)
def test_texts_that_do_not_stand_together_are_reported(db, root, case):
    """And kept: raw text without a parsed one has failed, a parsed text stands for a raw one that is missing."""
    files, code, outcome = TEXT_CASES[case]
    draft(root, "one", files)
    report = import_store(db, root)
    assert code in codes(report, "one")
    assert state(db, "one")[1] == outcome and holds(db)


def test_texts_are_kept_to_the_byte(db, root):
    """Line ends, blanks, a byte order mark."""
    text = "\ufeff a\r\nb\rc \n\n"
    draft(root, "one", {"prompt": text, "raw": text, "parsed": text.strip()})
    import_store(db, root)
    assert rows(db, "select prompt, raw, parsed from generation_texts") == [(text, text, text.strip())]


def test_what_the_model_said_of_its_answer_is_kept(db, root):
    """Finish reason, tokens, truncation; impossible numbers are not."""
    facts = {"finish_reason": "length", "truncated": True, "usage": {"prompt_tokens": 5, "completion_tokens": 10**40}}
    draft(root, "one", {"raw": "a", "raw_metadata": facts, "parsed_metadata": {"success": False, "error": "cut"}})
    import_store(db, root)
    sql = "select finish_reason, truncated, tokens_in, tokens_out, detail from contents"
    assert rows(db, sql) == [("length", 1, 5, None, "cut")]


@pytest.mark.parametrize(
    ("parsed", "beside", "score"),
    [("8.5\n", None, 8.5), ("good", "7", 7.0), ("good", "high", None), ("12", None, 12.0), ("nan", None, None)],
)
def test_scores_come_from_the_parsed_text_or_beside_it(db, root, parsed, beside, score):
    """A number outside of 0 to 9 has no scale."""
    draft(root, "d")
    essay(root, "e", "d")
    evaluation(root, "v", "e", {"raw": "x", "parsed": parsed, "parsed_metadata": {"score": beside}})
    import_store(db, root)
    found = rows(db, "select score, scale_max from scores")
    assert found == ([] if score is None else [(score, 9.0 if score <= 9 else None)]) and holds(db)


def test_what_is_done_stays_and_another_text_is_reported(db, root):
    """A conflict names the row; nothing of it is changed."""
    first = gen_id_from(V1, "draft", "c1", "t", "m", 1)
    draft(root, first)
    import_store(db, root)
    before = digest(db)
    (root / "gens" / "draft" / first / "raw.txt").write_text("Another.")
    report = import_store(db, root)
    assert "conflict" in codes(report, first) and digest(db) == before and report.migration is None


def test_a_planned_task_gets_the_text_of_the_store(db, root):
    """The same ID is the same task: its template and model stay those of the project."""
    with transaction(db):
        numbers = [
            db.execute(sql).lastrowid
            for sql in (
                "insert into combos (combo_id) values ('none')",
                "insert into templates (stage, name) values ('draft', 't')",
                "insert into models (llm_model_id) values ('m')",
            )
        ]
        seed = Seed("draft", ("none", "t", "m"), 1, numbers[1] or 0, numbers[2], numbers[0])
        (first,) = seed_tasks(db, [seed], scheme_of(db))
    draft(root, first, combo_id="none")
    report = import_store(db, root)
    assert report.added["draft"] == 1 and state(db, first) == ("done", "ok", 0)


def test_a_longer_store_adds_to_a_failed_answer(db, root):
    """A parsed text that came later makes a new answer; the failed one stays on record."""
    folder = draft(root, "one", {"raw": "a"})
    import_store(db, root)
    (folder / "parsed.txt").write_text("a")
    import_store(db, root)
    assert state(db, "one")[0] == "done"
    assert rows(db, "select revision, outcome from contents order by id") == [(1, "parse_missing"), (2, "ok")]


def test_one_id_in_two_stages_is_placed_once(db, root):
    """The second one is listed, and kept verbatim with its texts."""
    draft(root, "same")
    essay(root, "same", "same")
    report = import_store(db, root)
    assert "id_taken" in codes(report, "same")
    kept = rows(db, "select name from import_rows where generation_id is null order by id")
    assert kept == [("metadata",), ("raw",), ("parsed",)]


def test_two_ids_of_one_signature_are_both_kept(tmp_path, root):
    """A suffixed ID fits its hash, but its signature is that of another row: it is legacy, and reported."""
    path = tmp_path / "small.db"
    create_project(path, scheme=scheme_named("v1/1"))
    first = gen_id_from(scheme_named("v1/1"), "draft", "none", "t", "m", 1)
    draft(root, first, combo_id="none")
    draft(root, f"{first}-1", combo_id="none")
    with open_project(path, write=True) as db:
        report = import_store(db, root)
        assert "signature_taken" in codes(report, f"{first}-1")
        assert state(db, f"{first}-1") == ("done", "ok", 1) and holds(db)


def test_a_collision_has_its_alert(tmp_path, root):
    """A suffixed ID that fits its signature comes with the alert that the rules want."""
    path = tmp_path / "small.db"
    scheme = scheme_named("daydreaming/1")
    create_project(path, scheme=scheme)
    hashed = scheme.canonical("draft", ("c1", "t", "m"), 1)
    draft(root, scheme.id_of("draft", hashed, 1))
    with open_project(path, write=True) as db:
        import_store(db, root)
        assert rows(db, "select kind, blocking from alerts") == [("id_collision", 1)]
        ids = [check for check in _checks(db) if check.name == "ids"]
        assert ids[0].ok and ids[0].apart == 0


def _checks(db: Database) -> list[object]:
    from workbench.verify.verify import verify

    return list(verify(db))


SHAPES = {
    16: "stage,gen_id,cohort_id,draft_task_id,combo_id,draft_template,generation_model,generation_model_name,"
    "essay_task_id,parent_gen_id,essay_template,evaluation_task_id,evaluation_template,evaluation_model,"
    "evaluation_model_name,parser",
    8: "stage,gen_id,cohort_id,parent_gen_id,combo_id,template_id,llm_model_id,replicate",
    7: "stage,gen_id,cohort_id,parent_gen_id,combo_id,template_id,llm_model_id",
    2: "stage,gen_id",
}


@pytest.mark.parametrize("columns", SHAPES)
def test_membership_of_every_shape(db, root, columns):
    """Stage and ID are what counts; order and places are those of the file, duplicates count once."""
    draft(root, "a")
    draft(root, "B", replicate=2)
    folder = root / "cohorts" / "k1"
    folder.mkdir(parents=True)
    listed = [("draft", "b"), ("draft", "a"), ("draft", "a"), ("essay", "a"), ("link", "a"), ("draft", "")]
    rest = "," * (columns - 2)
    text = "\n".join([SHAPES[columns], *(f"{stage},{name}{rest}" for stage, name in listed)]) + "\n"
    (folder / "membership.csv").write_text(text, encoding="utf-8")
    report = import_store(db, root)
    sql = "select g.gen_id, k.place from cohort_members k join generations g on g.id = k.generation_id order by 2"
    assert rows(db, sql) == [("B", 1), ("a", 2)]
    assert {(p.code, p.detail) for p in report.problems if p.stage == "cohort"} == {
        ("membership_case_mismatch", "draft b -> B"),
        ("membership_dangling", "essay a"),
        ("membership_dangling", "link a"),
        ("membership_dangling", "draft"),
    }


def test_a_spec_comes_with_its_files(db, root):
    """config.yaml is the spec, the others stand by their path; generations know the cohort that made them."""
    draft(root, "a", cohort_id="k1")
    spec = root / "cohorts" / "k1" / "spec"
    (spec / "items").mkdir(parents=True)
    (spec / "config.yaml").write_text("axes: {}\r\n", newline="")
    (spec / "items" / "combos.csv").write_text("combo_id\nc1\n")
    import_store(db, root)
    assert rows(db, "select name, mode, spec, settings from cohorts") == [("k1", "imported", "axes: {}\r\n", None)]
    assert rows(db, "select path, text from cohort_files") == [("items/combos.csv", "combo_id\nc1\n")]
    assert rows(db, "select origin_cohort_id from generation_texts") == [("k1",)]
    (spec / "config.yaml").write_text("axes: {a: [1]}\n")
    report = import_store(db, root)
    assert "cohort_conflict" in codes(report, "k1") and report.migration is None


def test_what_the_project_has_stays(db, root):
    """Texts, settings and limits of the project are those of new work; what differs is told, versions are kept."""
    raw = root / "1_raw"
    (raw / "templates" / "draft").mkdir(parents=True)
    (raw / "draft_templates.csv").write_text("template_id,parser,generator\nt,,llm\ncopied,,copy\n")
    (raw / "llm_models.csv").write_text("id,model,provider\nm,one,here\n")
    (raw / "replication_config.csv").write_text("stage,replicates\ndraft,2\n")
    text = raw / "templates" / "draft" / "t.txt"
    text.write_text("First {{ topic }}")
    import_store(db, root)
    text.write_text("Second {{ topic }}")
    (raw / "llm_models.csv").write_text("id,model,provider\nm,two,here\n")
    (raw / "replication_config.csv").write_text("stage,replicates\ndraft,3\n")
    report = import_store(db, root)
    assert {"template_differs", "replication_differs"} <= codes(report)
    sql = "select v.text from templates t join template_versions v on v.id = t.version_id where t.name = 't'"
    assert rows(db, sql) == [("First {{ topic }}",)]
    assert rows(db, "select v.name from models m join model_versions v on v.id = m.version_id") == [("one",)]
    assert rows(db, "select replicates from replication") == [(2,)]
    assert rows(db, "select count(*) from template_versions") == [(3,)]
    assert import_store(db, root).migration is None and holds(db)


def test_a_template_that_cannot_be_rendered_is_kept(db, root):
    """As it stands; the import tells."""
    folder = root / "1_raw" / "essay_templates"
    folder.mkdir(parents=True)
    (folder / "bad.txt").write_text("{{ open")
    report = import_store(db, root)
    assert "template_unusable" in codes(report)
    assert rows(db, "select text from template_versions") == [("{{ open",)]


def _damage(kind: str, folder: Path) -> None:
    target = folder / "raw.txt"
    target.unlink()
    if kind == "bytes":
        target.write_bytes(b"caf\xe9 and more")
    elif kind == "link":
        target.symlink_to("/etc/hostname")
    elif kind == "fifo":
        os.mkfifo(target)
    elif kind == "folder":
        target.mkdir()
    elif kind == "large":
        with target.open("wb") as file:
            file.truncate(17 * 2**20)


@pytest.mark.parametrize("kind", ["bytes", "link", "fifo", "folder", "large"])
def test_damaged_files_are_refused_or_taken_as_far_as_they_go(db, root, kind):
    """Strict: one error for each with its path, nothing changed. Lenient: listed, the rest taken, nothing followed."""
    draft(root, "fine", replicate=2)
    for name in ("one", "two"):
        _damage(kind, draft(root, name))
    before = dump(db)
    with pytest.raises(Problems) as caught:
        import_store(db, root)
    assert len(caught.value.errors) == 2 and caught.value.exit_code == 2
    assert all("raw.txt" in str(error) and "--lenient" in str(error) for error in caught.value.errors)
    assert dump(db) == before
    report = import_store(db, root, lenient=True)
    assert codes(report, "one") & {"text_not_utf8", "file_unreadable"}
    raws = dict(rows(db, "select gen_id, raw from generation_texts"))
    assert raws["fine"] == "A text." and raws["one"] == ("caf\ufffd and more" if kind == "bytes" else "A text.")
    assert rows(db, "select lossy from generation_texts where gen_id = 'one'") == [(int(kind == "bytes"),)]
    assert holds(db) and import_store(db, root, lenient=True).migration is None


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("cohorts/k/membership.csv", "stage,gen_id\ndraft,one\ndraft\n"),
        ("cohorts/k/membership.csv", "id\none\n"),
        ("combo_mappings.csv", "combo_id,concept_id\nc1\n"),
        ("1_raw/llm_models.csv", "id,model\nm,x\n"),
        ("1_raw/draft_templates.csv", "template_id,generator\nt,magic\n"),
        ("1_raw/concepts_metadata.csv", "concept_id,name\na,A\na,B\n"),
        ("1_raw/replication_config.csv", "stage,replicates\ndraft,0\n"),
    ],
)
def test_ragged_tables_are_refused_with_their_line_or_listed(db, root, place, text):
    """The generations are taken all the same with --lenient."""
    draft(root)
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text(text)
    before = dump(db)
    with pytest.raises(WorkbenchError, match=rf"{Path(place).name}:\d") as caught:
        import_store(db, root)
    assert caught.value.exit_code == 2 and dump(db) == before
    report = import_store(db, root, lenient=True)
    assert "file_damaged" in codes(report) and report.added["draft"] == 1 and holds(db)


def test_many_damaged_files_are_counted(db, root):
    """The first twenty are told, the others counted."""
    for number in range(25):
        (draft(root, f"n{number}") / "raw.txt").write_bytes(b"\xff")
    with pytest.raises(Problems) as caught:
        import_store(db, root)
    assert len(caught.value.errors) == 21 and "5 more" in str(caught.value)


def test_folders_whose_names_are_no_ids_are_listed_and_kept(db, root):
    """Odd names, files, links: nothing is followed, nothing is dropped."""
    draft(root)
    for name in ("a b", "ü", "-x", "a|b", "x" * 200):
        draft(root, name)
    (root / "gens" / "draft" / os.fsdecode(b"\xff\xfe")).mkdir()
    (root / "gens" / "draft" / "file.txt").write_text("x")
    (root / "gens" / "draft" / "link").symlink_to(root / "gens" / "draft" / "one")
    (root / "gens" / "drafts").mkdir()
    (root / "gens" / "essay").symlink_to(root / "gens" / "draft")
    report = import_store(db, root)
    assert rows(db, "select gen_id from generations") == [("one",)]
    assert {p.where for p in report.problems if p.code == "not_an_id"} >= {"a b", "ü", "-x", "a|b", "x" * 200}
    assert {"not_a_folder", "stage_unknown"} <= codes(report)
    assert rows(db, "select count(*) from import_rows where generation_id is null and name = 'raw'") == [(5,)]
    json.dumps([problem._asdict() for problem in report.problems]).encode()


def test_links_are_followed_nowhere(db, root, tmp_path):
    """Not as 1_raw, as cohort, as spec, as a spec's file."""
    draft(root)
    secret = tmp_path / "secret"
    (secret / "templates" / "draft").mkdir(parents=True)
    (secret / "templates" / "draft" / "t.txt").write_text("secret")
    (root / "1_raw").symlink_to(secret)
    (root / "cohorts" / "k").mkdir(parents=True)
    (root / "cohorts" / "l").symlink_to(secret)
    (root / "cohorts" / "k" / "spec").symlink_to(secret)
    import_store(db, root)
    assert "secret" not in "\n".join(dump(db))
    (root / "cohorts" / "k" / "spec").unlink()
    (root / "cohorts" / "k" / "spec").mkdir()
    (root / "cohorts" / "k" / "spec" / "config.yaml").symlink_to(secret / "templates" / "draft" / "t.txt")
    with pytest.raises(BadFile, match="symbolic link"):
        import_store(db, root)


def test_values_that_no_table_holds_do_no_harm(db, root):
    """Lone surrogates, huge numbers, wrong types in metadata and in the keys of our own exports."""
    own = {"status": ["x"], "place": 10**40, "synthetic": "yes", "outcome": "\ud800"}
    judged = {"revision": 10**40, "outcome": 7, "parent": {}, "score": [], "system": "\ud800", "template": 1}
    files: dict[str, object] = {
        "raw": "a",
        "parsed": "a",
        "prompt": "p",
        "raw_metadata": {"workbench": judged, "usage": []},
    }
    draft(root, "one", files, workbench=own, task_id="\ud800", origin_cohort_id=["\ud800"])
    draft(root, "two", files, template_id="\ud800", replicate=10**400)
    lines = ["{}", "[]", '{"raw_metadata": {"workbench": {}}}', '{"raw": 1, "raw_metadata": {"a": 1}}', "x"]
    (root / "gens" / "draft" / "one" / "answers.jsonl").write_text("\n".join(lines))
    report = import_store(db, root)
    assert state(db, "one")[0] == "done" and state(db, "two")[0] == "blocked"
    assert "answer_not_read" in codes(report, "one") and holds(db)


def test_a_text_of_the_project_that_failed_is_not_lost(db, root):
    """An answer of ours stays on record when the store brings a good one."""
    first = gen_id_from(V1, "draft", "c1", "t", "m", 1)
    draft(root, first, {})
    import_store(db, root)
    with transaction(db):
        store_answer(db, Origin(1, None, None, None), Result("refused", "no", None))
    (root / "gens" / "draft" / first / "raw.txt").write_text("yes")
    (root / "gens" / "draft" / first / "parsed.txt").write_text("yes")
    import_store(db, root)
    assert rows(db, "select raw from contents order by revision") == [("no",), ("yes",)]
    assert state(db, first) == ("done", "ok", 0)


def test_the_command_line_refuses_damage_in_lines_and_takes_it_when_told(shell, root):
    """Exit 2 with one line for each file, no traceback; --lenient exits 0."""
    (draft(root) / "raw.txt").write_bytes(b"\xff")
    refused = shell("import", "store", root, "--create", "-p", "x.db")
    assert refused.code == 2 and "raw.txt" in refused.err and "Traceback" not in refused.err
    done = shell("import", "store", root, "--create", "-p", "x.db", "--lenient", "--json")
    assert done.code == 0 and [p["code"] for p in done.json["problems"] if p["severity"] == "warning"] == [
        "text_not_utf8"
    ]
