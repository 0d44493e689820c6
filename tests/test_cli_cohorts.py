"""`cohort` on the command line: designs, builds, curated choices, members, copies, deletion."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from conftest import DATA
from projects import answer, made

from workbench.store import create_project, open_project, transaction
from workbench.verify import digest

BUNDLES = DATA / "daydreaming" / "spec_bundles"
SPEC = """
axes:
  combo_id: [memory-play]
  draft_template: [plain]
  draft_llm: [writer]
  essay_template: [long]
  evaluation_template: [rubric]
  evaluation_llm: [judge]
  evaluation_rep: [1, 2]
"""


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Give the record of tests/projects.py, without limits of replicates."""
    path = made(tmp_path / "sample.db")
    with open_project(path, write=True) as db:
        db.execute("delete from replication")
    return path


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def facts(path: Path) -> str:
    with open_project(path, write=True) as db:
        return digest(db)


@pytest.mark.parametrize("bundle", ["cohort_cartesian", "dual_llm_cartesian"])
def test_a_design_has_the_rows_that_its_own_compiler_gave(run, tmp_path, bundle):
    """On stdout, in a file, as JSON and as JSON Lines; no project is needed."""
    expected = rows_of((BUNDLES / bundle / "expected_rows.csv").read_text())
    config = BUNDLES / bundle / "config.yaml"
    assert rows_of(run("cohort", "design", config).out) == expected
    out = tmp_path / "design.csv"
    told = run("cohort", "design", config, "--out", out, "--json").json
    assert told == {"rows": len(expected) - 1, "of": len(expected) - 1, "path": str(out)}
    assert rows_of(out.read_text()) == expected
    rows = [dict(zip(expected[0], row, strict=True)) for row in expected[1:]]
    assert run("cohort", "design", config, "--json").json == rows
    assert run("cohort", "design", config, "--format", "jsonl").jsonl == rows


def test_a_design_is_previewed_and_shuffled_by_a_seed(run, tmp_path):
    config = BUNDLES / "cohort_cartesian" / "config.yaml"
    plain = rows_of(run("cohort", "design", config).out)
    some = run("cohort", "design", config, "--limit", 3)
    assert rows_of(some.out) == plain[:4] and "3 of 8 rows" in some.err
    shuffled = [rows_of(run("cohort", "design", config, "--seed", 7).out) for _ in range(2)]
    assert shuffled[0] == shuffled[1] != plain and sorted(shuffled[0]) == sorted(plain)
    (tmp_path / "there.csv").write_text("mine")
    refused = run("cohort", "design", config, "--out", tmp_path / "there.csv")
    assert refused.code == 3 and (tmp_path / "there.csv").read_text() == "mine"
    assert run("cohort", "design", config, "--out", tmp_path / "there.csv", "--force").code == 0


def test_a_design_of_topics_needs_the_project(run, sample, tmp_path):
    path = tmp_path / "topics.yaml"
    path.write_text("topics: garden\ncycles: 2\naxes: {draft_template: [plain], draft_llm: [writer]}\n")
    rows = run("cohort", "design", path, "-p", sample, "--json").json
    assert len(rows) == 6 and {row["draft_replicate"] for row in rows} == {"1", "2"}
    assert run("cohort", "design", path, "-p", tmp_path / "none.db").code == 2


def test_members_are_those_that_the_spec_bundle_expects(run, tmp_path):
    """Under scheme daydreaming, through the command line alone, all IDs and parents as their compiler gave them."""
    project = tmp_path / "d.db"
    assert run("init", "-p", project, "--scheme", "daydreaming").code == 0
    told = run("cohort", "compile", "b", BUNDLES / "cohort_cartesian" / "config.yaml", "-p", project, "--json").json
    assert (told["cohort"], told["members"]) == ("b", {"draft": 2, "essay": 8, "evaluation": 8})
    assert (told["new"], told["reused"]) == (18, 0)
    expected = rows_of((BUNDLES / "cohort_cartesian" / "expected_membership.csv").read_text())
    listed = rows_of(run("cohort", "members", "b", "-p", project, "--csv").out)
    assert [row[:7] for row in listed] == expected
    again = run("cohort", "compile", "b", "-p", project, "--json").json
    assert (again["new"], again["reused"]) == (0, 18)
    drafts = run("cohort", "members", "b", "-p", project, "--stage", "draft", "--json").json
    assert len(drafts) == 2 and drafts[0]["status"] == "planned" and drafts[0]["parent_gen_id"] is None


def test_compiling_says_what_is_new_and_where_the_rest_comes_from(run, sample, spec):
    """The family of the record is reused, without a cohort of origin; a second cohort reuses what the first made."""
    dry = run("cohort", "compile", "pilot", spec, "-p", sample, "--dry-run")
    assert dry.code == 0 and "dry run" in dry.out and run("cohort", "-p", sample, "--json").json[0]["cohort"] == "first"
    told = run("cohort", "compile", "pilot", spec, "-p", sample, "--json").json
    assert (told["new"], told["reused"], told["origins"], told["problems"]) == (0, 4, {"": 4}, [])
    spec.write_text(SPEC.replace("[1, 2]", "[3, 4]"))
    assert run("cohort", "compile", "pilot", spec, "-p", sample).code == 3
    more = run("cohort", "compile", "more", spec, "-p", sample)
    assert "more: 2 new, 2 reused" in more.out and "2 of them first without a cohort" in more.out


def test_limits_of_replicates_are_enforced(run, sample, spec):
    run("replication", "set", "evaluation", 1, "-p", sample)
    before = facts(sample)
    ran = run("cohort", "compile", "pilot", spec, "-p", sample)
    assert ran.code == 2 and "spec.yaml:9" in ran.err and "replication set evaluation 2" in ran.err
    assert facts(sample) == before


def test_names_that_the_catalogue_lacks_are_notes(run, sample, spec):
    spec.write_text(SPEC.replace("[rubric]", "[unheard]"))
    ran = run("cohort", "compile", "pilot", spec, "-p", sample)
    assert ran.code == 0 and "template evaluation unheard is not in the catalogue yet" in ran.err


def test_a_bad_spec_is_told_with_every_line(run, sample, spec):
    spec.write_text("axes:\n  combo_id: []\n  colour: [red]\nrule: {}\n")
    ran = run("cohort", "design", spec)
    assert ran.code == 2 and "spec.yaml:4" in ran.err and "spec.yaml:2" in ran.err
    assert "Traceback" not in ran.err


def test_cohorts_are_listed_shown_copied_and_forgotten(run, sample, spec):
    """Nothing of the record goes with a cohort; a copy selects the same."""
    run("cohort", "compile", "pilot", spec, "-p", sample)
    rows = {row["cohort"]: row for row in run("cohort", "-p", sample, "--json").json}
    assert (rows["pilot"]["members"], rows["pilot"]["done"], rows["pilot"]["evaluation"]) == (4, 4, 2)
    shown = run("cohort", "show", "PILOT", "-p", sample, "--json").json
    assert shown["members"]["evaluation"] == {"done": 2} and shown["spec"] == SPEC
    assert "draft_template: [plain]" in run("cohort", "show", "pilot", "-p", sample).out
    copied = run("cohort", "copy", "pilot", "pilot-2", "-p", sample, "--json").json
    assert copied == {
        "cohort": "pilot-2",
        "members": {"draft": 1, "essay": 1, "evaluation": 2},
        "new": 0,
        "reused": 4,
        "dry_run": False,
    }
    listed = [run("cohort", "members", name, "-p", sample, "--json").json for name in ("pilot", "pilot-2")]
    assert listed[0] == listed[1]
    assert run("cohort", "compile", "pilot-2", spec, "-p", sample, "--json").json["new"] == 0
    assert run("cohort", "copy", "pilot", "pilot-2", "-p", sample).code == 3
    assert run("cohort", "delete", "pilot", "-p", sample).code == 3
    with open_project(sample) as db:
        (before,) = db.execute("select count(*) from generations").fetchone()
    gone = run("cohort", "delete", "pilot", "-p", sample, "--yes", "--json").json
    assert gone["members"] == {"draft": 1, "essay": 1, "evaluation": 2}
    with open_project(sample) as db:
        assert db.execute("select count(*) from generations").fetchone() == (before,)
    missing = run("cohort", "show", "pilot", "-p", sample)
    assert missing.code == 2 and "there are first, pilot-2" in missing.err


def test_a_dry_run_copies_and_forgets_no_cohort(run, sample, spec):
    """--dry-run says what would be done, refuses what would be refused, asks nobody, and changes nothing."""
    run("cohort", "compile", "pilot", spec, "-p", sample)
    before = run("digest", "-p", sample).out
    assert run("cohort", "copy", "pilot", "pilot-2", "--dry-run", "-p", sample, "--json").json["reused"] == 4
    assert run("cohort", "copy", "pilot", "pilot", "--dry-run", "-p", sample).code == 3
    told = run("cohort", "delete", "pilot", "--dry-run", "-p", sample)
    assert told.code == 0 and "nothing is kept, this was a dry run" in told.out
    assert run("digest", "-p", sample).out == before


def essays(project: Path) -> list[str]:
    with open_project(project) as db:
        return [row[0] for row in db.execute("select gen_id from generations where stage = 'essay' order by gen_id")]


@pytest.mark.parametrize("form", ["{id}\n", "{id}\n\n", "gen_id\n{id}\n", "stage,gen_id\ndraft,d_x\nessay,{id}\n"])
def test_essays_are_listed_in_a_file(run, sample, tmp_path, form):
    """One ID a line, or CSV with gen_id, of which only the essays count; the second build is the first."""
    listing = tmp_path / "essays.csv"
    listing.write_text(form.format(id=essays(sample)[0].upper()))
    words = ["cohort", "curate", "again", "--essays", listing, "--mode", "regenerate", "-p", sample]
    dry = run(*words, "--dry-run", "--json").json
    told = run(*words, "--json").json
    assert told == {**dry, "dry_run": False}
    assert told["members"] == {"draft": 1, "essay": 1, "evaluation": 1} and told["new"] == 3
    before = facts(sample)
    assert run(*words, "--json").json["new"] == 0 and facts(sample) == before
    assert run("cohort", "compile", "again", "-p", sample, "--json").json["reused"] == 3


def test_the_best_are_curated_by_score(run, sample):
    """The highest mean of the evaluators' best; filling up to three replicates adds one where there are two."""
    with open_project(sample, write=True) as db, transaction(db):
        best = essays(sample)[2]
        judged = "select v.id from generations v join generations e on e.id = v.parent_id where e.gen_id = ?"
        for (number,) in db.execute(judged, (best,)).fetchall():
            answer(db, number, "Score: 8.5", revision=2)
    run("replication", "set", "evaluation", 3, "-p", sample)
    words = ["cohort", "curate", "top", "--top", 1, "--mode", "reuse-essays", "--fill-up", "-p", sample]
    told = run(*words, "--json").json
    assert (told["members"], told["new"], told["reused"]) == ({"draft": 1, "essay": 1, "evaluation": 1}, 1, 2)
    rows = run("cohort", "members", "top", "-p", sample, "--json").json
    assert rows[1]["gen_id"] == best and [row["allocated"] for row in rows] == [0, 0, 1]
    assert rows[2]["replicate"] == 3
    assert run(*words, "--json").json["new"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "regenerate"], "--essays FILE or --top N"),
        (["--mode", "regenerate", "--top", 1, "--essays", "f"], "--essays FILE or --top N"),
        (["--mode", "again", "--top", 1], "regenerate"),
        (["--mode", "regenerate", "--top", 1, "--fill-up"], "--mode reuse-essays"),
        (["--mode", "regenerate", "--top", 1, "--evaluation-model", "m"], "go together"),
        (["--mode", "regenerate", "--essays", "missing.txt"], "missing.txt"),
    ],
)
def test_choices_that_make_no_sense(run, sample, words, said):
    before = facts(sample)
    ran = run("cohort", "curate", "again", *words, "-p", sample)
    assert (ran.code, said in ran.err) == (2, True), ran.err
    assert facts(sample) == before


def test_unknown_essays_are_named_with_their_lines(run, sample, tmp_path):
    (tmp_path / "f.txt").write_text(f"{essays(sample)[0]}\nnobody\nnothing\n")
    ran = run("cohort", "curate", "a", "--essays", tmp_path / "f.txt", "--mode", "regenerate", "-p", sample)
    assert ran.code == 2 and "f.txt:2" in ran.err and "f.txt:3" in ran.err


def test_a_cohort_of_nothing_there_yet(run, tmp_path):
    create_project(tmp_path / "empty.db")
    ran = run("cohort", "-p", tmp_path / "empty.db")
    assert ran.code == 0 and "cohort compile --help" in ran.err and ran.out == ""
    assert run("cohort", "compile", "none", "-p", tmp_path / "empty.db").code == 2
