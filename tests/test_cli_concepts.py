"""`concepts`, `combos` and `replication` on the command line, with the real `1_raw` folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import DATA

from workbench.store import open_project, transaction
from workbench.verify import digest

RAW = DATA / "daydreaming" / "1_raw"
KINDS = {"concepts": 18, "templates": 51, "models": 24, "replication": 3}


@pytest.fixture
def raw(project: Path, run) -> Path:
    """Give a project that holds the whole folder."""
    assert run("concepts", "import", RAW, "-p", project).code == 0
    return project


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Give a copy of the folder that a test may change."""
    return Path(shutil.copytree(RAW, tmp_path / "raw"))


def facts(path: Path) -> str:
    with open_project(path, write=True) as db:
        return digest(db)


def test_one_command_brings_everything_and_again_changes_nothing(run, project):
    """18 concepts, 51 templates of three stages, 24 models, 3 limits; the second time all are unchanged."""
    first = run("concepts", "import", RAW, "-p", project, "--json").json
    assert {kind: first[kind]["added"] for kind in KINDS} == KINDS
    assert (first["added"], first["changed"], first["unchanged"]) == (96, 0, 0)
    before = facts(project)
    again = run("concepts", "import", RAW, "-p", project, "--json").json
    assert (again["added"], again["changed"], again["unchanged"], again["strays"]) == (0, 0, 96, [])
    assert facts(project) == before
    with open_project(project) as db:
        stages = db.execute("select stage, count(*) from templates group by 1 order by 1").fetchall()
        parser = "select v.parser from templates t join template_versions v on v.id = t.version_id where t.name = ?"
        assert dict(stages) == {"draft": 22, "essay": 8, "evaluation": 21}
        assert db.execute(parser, ("creative-synthesis-v6",)).fetchone() == ("essay_block_lenient",)
        assert db.execute("select distinct level from combos").fetchall() == []


IDEAS = {
    "ideas.csv": 'name,sentence,id\nDeep Work,No bell rings.,\nWürmer,"They plough, too.",\nC,c.,third\n',
    "ideas.jsonl": '{"name": "Deep Work", "sentence": "No bell rings."}\n{"name": "Würmer", "sentence": "They plough,'
    ' too."}\n{"concept_id": "third", "name": "C", "sentence": "c.", "article": null}\n',
}


@pytest.mark.parametrize("name", IDEAS)
def test_a_list_of_ideas_is_enough_for_essays_about_pairs_of_them(run, project, tmp_path, name):
    """From one file to drafts: concepts, their pairs, and a spec that takes these as `combos list` writes them."""
    (tmp_path / name).write_text(IDEAS[name], encoding="utf-8")
    assert run("concepts", "import", tmp_path / name, "-p", project, "--json").json["added"] == 3
    listed = run("concepts", "list", "-p", project, "--json").json
    assert [row["concept_id"] for row in listed] == ["deep-work", "wurmer", "third"]
    assert run("concepts", "show", "wurmer", "-p", project, "--json").json["sentence"] == "They plough, too."
    assert "combos list --sets --csv" in run("combos", "create", "--k", 2, "-p", project).err
    (tmp_path / "combos.csv").write_text(run("combos", "list", "--sets", "--csv", "-p", project).out)
    axes = "axes:\n  combo_id: '@file:combos.csv'\n  draft_template: [short-essay]\n  draft_llm: [offline]\n"
    (tmp_path / "pairs.yaml").write_text(axes)
    made = run("cohort", "compile", "pairs", tmp_path / "pairs.yaml", "-p", project, "--json").json
    assert made["members"]["draft"] == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "name,description\nA,b\nC,d\n",
            "ideas.csv:1: A row is not what the format says: nobody knows what description",
        ),
        ("title\nA\n", "no column name"),
        ("name\nA\na\n", "ideas.csv:3:"),
        ("name,sentence\n,b\n", "ideas.csv:2:"),
        ("name\n?!\n", "ideas.csv:2:"),
        ("name\n", "no concepts"),
    ],
)
def test_a_list_of_ideas_that_is_none_is_refused(run, project, tmp_path, text, why):
    """The line, what is wrong there, and how to mend it; nothing is kept."""
    (tmp_path / "ideas.csv").write_text(text)
    told = run("concepts", "import", tmp_path / "ideas.csv", "-p", project)
    assert told.code == 2 and why in told.err and ";" in told.err
    assert run("concepts", "list", "-p", project, "--json").json == []


def test_a_dry_run_keeps_nothing(run, project):
    before = facts(project)
    dry = run("concepts", "import", RAW, "-p", project, "--json", "--dry-run").json
    assert dry["added"] == 96 and dry["dry_run"] is True and facts(project) == before


def test_what_changed_in_the_files_is_changed_and_named(run, raw, copied):
    """A new text, a new name, another limit, another provider: counted by kind and named."""
    (copied / "concepts" / "descriptions-sentence" / "mind-wandering.txt").write_text("The mind strays.")
    (copied / "replication_config.csv").write_text("stage,replicates\ndraft,2\nessay,1\nevaluation,2\n")
    (copied / "concepts" / "descriptions-sentence" / "nobody.txt").write_text("Of no concept.")
    ran = run("concepts", "import", copied, "-p", raw, "--json").json
    assert (ran["concepts"]["changed"], ran["replication"]["changed"], ran["added"]) == (1, 1, 0)
    assert [Path(path).name for path in ran["strays"]] == ["nobody.txt"]
    again = run("concepts", "import", copied, "-p", raw, "--provider", "offline")
    assert "models: 0 added, 24 changed, 0 unchanged" in again.out and "nobody.txt belongs to no concept" in again.err
    assert "The mind strays." in run("concepts", "show", "MIND-wandering", "-p", raw).out


def test_everything_that_is_wrong_is_told_at_once_and_nothing_kept(run, project, copied):
    """A bad row, a bad template and a bad limit: three lines with their places, exit 2, an empty project."""
    with (copied / "concepts_metadata.csv").open("a") as file:
        file.write("mind-wandering,Twice\n")
    (copied / "templates" / "draft" / "gwern_original.txt").write_text("{{ oh")
    (copied / "replication_config.csv").write_text("stage,replicates\ndraft,0\n")
    before = facts(project)
    ran = run("concepts", "import", copied, "-p", project)
    assert ran.code == 2 and ran.err.count("Error: ") == 3 and facts(project) == before
    for words in ("concepts_metadata.csv:20", "gwern_original.txt:1", "replication_config.csv:2"):
        assert words in ran.err
    assert run("concepts", "import", copied / "none", "-p", project).code == 2


def test_concepts_alone_are_enough(run, project, copied):
    for name in ("templates", "llm_models.csv", "replication_config.csv"):
        path = copied / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in copied.glob("*_templates.csv"):
        path.unlink()
    assert run("concepts", "import", copied, "-p", project, "--json").json["added"] == 18


def test_concepts_are_listed_and_shown(run, raw):
    rows = run("concepts", "-p", raw, "--json").json
    assert len(rows) == 18 and rows[1]["concept_id"] == "default-mode-network" and rows[1]["article"] > 90
    shown = run("concepts", "show", "default-mode-network", "-p", raw, "--json").json
    assert shown["name"] == "Default Mode Network" and len(shown["article"].split()) == rows[1]["article"]
    missing = run("concepts", "show", "mind-wanderin", "-p", raw)
    assert missing.code == 2 and "mind-wandering" in missing.err


def test_combos_of_a_size_are_counted_before_they_are_made(run, raw):
    """The 969 pairs and triples of 18 concepts: said first, made once, IDs of DayDreaming's rule."""
    dry = run("combos", "create", "--k", "2..3", "-p", raw, "--dry-run", "--json")
    assert (dry.json["count"], "969 combos" in dry.err) == (969, True)
    assert (dry.json["added"], dry.json["unchanged"], dry.json["dry_run"]) == (969, 0, True)
    assert run("combos", "-p", raw, "--json").json == []
    made = run("combos", "create", "--k", "2..3", "-p", raw, "--json").json
    assert (made["count"], made["added"]) == (969, 969)
    again = run("combos", "create", "--k", "2", "-p", raw, "--json").json
    assert (again["added"], again["unchanged"]) == (0, 153)


def test_listed_combos_have_the_ids_that_the_store_has(run, raw):
    """Worked examples of the legacy store, in any case and order of the concepts; members stand in order."""
    words = ["--concepts", "positive-feedback-loop,Adversarial-Evaluation"]
    ran = run("combos", "create", *words, "--level", "paragraph", "-p", raw, "--json").json
    assert (ran["count"], ran["added"]) == (1, 1)
    shown = run("combos", "show", "combo_v1_f5f405307bce", "-p", raw, "--json").json
    assert [concept["name"] for concept in shown["concepts"]] == ["Adversarial Evaluation", "Positive Feedback Loop"]
    assert (shown["level"], shown["k"]) == ("paragraph", 2)
    three = ["--concepts", "data-flywheel,economic-moat,large-language-model", "--level", "sentence"]
    assert run("combos", "create", *three, "-p", raw).code == 0
    assert "combo_v1_45d8da220a8a" in run("combos", "list", "-p", raw).out


def test_a_level_that_a_concept_lacks_falls_back(run, raw):
    """Articles are there for three concepts only; the others show their paragraph."""
    run("combos", "create", "--concepts", "default-mode-network,mind-wandering", "--level", "article", "-p", raw)
    combo = run("combos", "-p", raw, "--json").json[0]["combo_id"]
    network, wandering = run("combos", "show", combo, "-p", raw, "--json").json["concepts"]
    found = {key: run("concepts", "show", key, "-p", raw, "--json").json for key in ("default-mode-network",)}
    assert network["content"] == found["default-mode-network"]["article"]
    assert wandering["content"] == run("concepts", "show", "mind-wandering", "-p", raw, "--json").json["paragraph"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "say which combos"),
        (["--k", "2", "--concepts", "mind-wandering"], 2, "say which combos"),
        (["--k", "4..2"], 2, "write 2, 2..4 or 2,3"),
        (["--k", "40"], 2, "18 concepts, no set of 40"),
        (["--concepts", "mind-wanderin,nothing-like-it"], 2, "mind-wandering"),
        (["--concepts", "mind-wandering,Mind-Wandering"], 2, "name each concept once"),
        (["--concepts", ","], 2, "name each concept once"),
    ],
)
def test_combos_that_cannot_be_made(run, raw, words, code, said):
    ran = run("combos", "create", *words, "-p", raw)
    assert (ran.code, said in ran.err) == (code, True), ran.err
    assert run("combos", "-p", raw, "--json").json == []


def test_more_than_a_million_combos_are_refused_before_one_is_made(run, project):
    with open_project(project, write=True) as db, transaction(db):
        names = [(f"c{n}", f"C{n}") for n in range(200)]
        db.conn.executemany("insert into concepts (concept_id, name) values (?, ?)", names)
    ran = run("combos", "create", "--k", "3", "-p", project)
    assert (ran.code, "1,313,400 combos" in ran.err, "add --yes" in ran.err) == (3, True, True)
    assert run("combos", "create", "--k", "3", "-p", project, "--dry-run", "--json").json["count"] == 1_313_400


def test_a_combo_that_a_spec_only_named_gets_its_concepts(run, raw):
    with open_project(raw, write=True) as db, transaction(db):
        db.execute("insert into combos (combo_id) values ('combo_v1_f5f405307bce')")
    words = ["--concepts", "adversarial-evaluation,positive-feedback-loop"]
    assert run("combos", "create", *words, "-p", raw, "--json").json["changed"] == 1
    assert run("combos", "create", *words, "-p", raw, "--json").json["unchanged"] == 1


def test_an_id_that_stands_for_another_set_is_a_conflict(run, raw):
    words = ["--concepts", "adversarial-evaluation,positive-feedback-loop"]
    run("combos", "create", *words, "-p", raw)
    with open_project(raw, write=True) as db, transaction(db):
        db.execute("delete from combo_members where place = 1")
    ran = run("combos", "create", *words, "-p", raw)
    assert ran.code == 3 and "stands for another set" in ran.err


def test_replication_is_set_and_listed(run, project):
    empty = run("replication", "-p", project, "--json").json
    assert [row["replicates"] for row in empty] == [None, None, None]
    tried = run("replication", "set", "evaluation", 3, "--dry-run", "-p", project, "--json").json
    assert tried[2]["replicates"] == 3 and run("replication", "-p", project, "--json").json == empty
    rows = run("replication", "set", "evaluation", 3, "-p", project, "--json").json
    assert rows[2] == {"stage": "evaluation", "replicates": 3} == run("replication", "-p", project, "--json").json[2]
    assert run("replication", "set", "evaluation", 0, "-p", project).code == 2
    assert run("replication", "set", "topics", 1, "-p", project).code == 2
