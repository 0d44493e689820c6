"""The commands that look: status, show, lineage, diff, search, scores, query, events, runs, alerts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from projects import add_draft, made

from workbench.ids import path_uuid
from workbench.plan.forecast import problems
from workbench.record.selection import CohortSelection
from workbench.store import open_project, transaction


def ids(project: Path) -> list[str]:
    """Give the IDs of the family by row: draft, failed draft, two essays, evaluation."""
    with open_project(project) as db:
        return [row[0] for row in db.execute("select gen_id from generations order by id")]


def test_status_of_an_empty_project(run, project):
    """Every key of the contract is there, with zeros."""
    state = run("status", "-p", project, "--json").json
    assert state["project"] == str(project) and state["scheme"] == "v1" and state["bytes"] == project.stat().st_size
    assert state["topics"] == {"models": 0, "unique": 0}
    assert state["generations"] == {"draft": {}, "essay": {}, "evaluation": {}}
    counts = ("completions", "cohorts", "runs", "migrations", "alerts")
    assert [state[key] for key in counts] == [0, 0, 0, 0, 0]


def test_status_counts(run, family):
    """Counts by stage and status, coverage, progress of cohorts, failures by reason, runs, alerts."""
    state = run("status", "-p", family, "--json").json
    assert state["topics"] == {"models": 1, "unique": 2}
    assert state["generations"] == {"draft": {"done": 1, "failed": 1}, "essay": {"done": 2}, "evaluation": {"done": 1}}
    counts = ("completions", "cohorts", "runs", "migrations", "alerts")
    assert [state[key] for key in counts] == [1, 1, 1, 1, 1]
    assert state["cohort_progress"] == [{"cohort": "spring", "members": 4, "done": 3, "failed": 1, "pending": 0}]
    assert [(row["outcome"], row["n"]) for row in state["failures"]] == [("truncated", 1)]


def test_status_and_the_views_agree(run, family):
    """`status` groups by numbers for speed; the views `coverage` and `completions` say the same."""
    state = run("status", "-p", family, "--json").json
    view = run("query", "select * from coverage order by 1, 2, 3, 4", "-p", family, "--json").json
    assert [{key: row[key] for key in state["coverage"][0]} for row in view] == state["coverage"]
    assert (
        state["completions"] == run("query", "select count(*) n from completions", "-p", family, "--json").json[0]["n"]
    )


def test_status_for_people(run, family):
    """Text has the same facts; cycles count from 1."""
    text = run("status", "-p", family).out
    assert "drafts       1 done, 1 failed" in text and "Coverage by cycle" in text and "truncated" in text


def test_only_neighbouring_cycles_share_a_row(run, tmp_path):
    """A cycle that nobody asked for is not told among those around it."""
    with open_project(made(tmp_path / "p.db"), write=True) as db, transaction(db):
        for replicate in (7, 8, 10):
            add_draft(db, path_uuid(["root", "Sleep"]), replicate)
    shown = run("status", "-p", tmp_path / "p.db").out.splitlines()
    assert [row.split()[3] for row in shown if row.startswith("garden ")][-2:] == ["7-8", "10"]


def test_show_gives_the_whole_generation(run, family):
    """Every key of the contract, and the texts."""
    draft, _, essay, other, evaluation = ids(family)
    found = run("show", essay, "-p", family, "--json").json
    assert found["signature"] == {"draft_gen_id": draft, "essay_template_id": "polish", "replicate": 1}
    assert [p["gen_id"] for p in found["parents"]] == [draft]
    assert [c["gen_id"] for c in found["children"]] == [evaluation]
    assert (found["raw"], found["parsed"]) == ("Here it is: The lamp turned slowly.", "The lamp turned slowly.")
    assert [(s["gen_id"], s["score"]) for s in found["scores"]] == [(evaluation, 7.5)]
    assert found["about"]["topic_path"] == ["The sea", "Lighthouses"] and found["changed"] == []
    assert run("show", other, "-p", family, "--json").json["scores"] == []


def test_show_of_a_draft(run, family):
    """Prompt, calls, aliases; a parsed text that is the raw one is given too."""
    draft = ids(family)[0]
    found = run("show", draft, "-p", family, "--json").json
    assert found["prompt"] == "Write about Lighthouses." and found["parsed"] == found["raw"] == "The lamp turned."
    assert found["aliases"] == ["Old-Draft-1"] and [c["outcome"] for c in found["calls"]] == ["ok"]
    assert list(found["signature"]) == ["combo_id", "draft_template_id", "generation_model_id", "replicate"]
    text = run("show", draft, "-p", family).out
    assert "The sea › Lighthouses" in text and "Old-Draft-1" in text and text.count("The lamp turned.") == 1


@pytest.mark.parametrize("name", ["Old-Draft-1", "old-draft-1", "OLD-DRAFT-1", "  Old-Draft-1 "])
def test_old_ids_resolve_in_any_case(name, run, family):
    """An ID from before a migration names the generation of today."""
    assert run("show", name, "-p", family, "--json").json["gen_id"] == ids(family)[0]
    assert run("lineage", name, "-p", family, "--json").json["gen_id"] == ids(family)[0]


def test_ids_resolve_in_any_case(run, family):
    """IDs are case-insensitive."""
    assert run("show", ids(family)[4].upper(), "-p", family, "--json").json["gen_id"] == ids(family)[4]


def test_an_unknown_id_suggests_its_neighbours(run, family):
    """Nothing of that name: exit 2, one line, with what begins alike."""
    draft = ids(family)[0]
    ran = run("show", draft[:5] + "zzz", "-p", family)
    assert ran.code == 2 and draft in ran.err
    assert run("show", "x", "-p", family).code == 2
    assert run("show", "", "-p", family).code == 2


def test_an_old_id_of_two_generations_is_refused(run, family):
    """An alias that means several generations names them all."""
    with open_project(family, write=True) as db, transaction(db):
        db.execute(
            "insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status)"
            " select 1, id, stage, 'twin', gen_id, 'migrate' from generations where id in (3, 4)"
        )
    ran = run("show", "twin", "-p", family)
    assert ran.code == 2 and all(gen_id in ran.err for gen_id in ids(family)[2:4])


def test_lineage_is_the_family(run, family):
    """Ancestors and descendants with their distance; siblings are not family."""
    draft, _, essay, other, evaluation = ids(family)
    members = run("lineage", essay, "-p", family, "--json").json["members"]
    assert [(m["gen_id"], m["distance"]) for m in members] == [(draft, -1), (essay, 0), (evaluation, 1)]
    tree = run("lineage", draft, "-p", family).out.splitlines()
    assert tree[0] == "The sea › Lighthouses" and [line.split(",")[0].strip(" →") for line in tree[1:]] == [
        draft,
        essay,
        evaluation,
        other,
    ]


def test_hostile_text_is_shown_safely(run, family):
    """Escape sequences in an answer never reach the terminal, and JSON keeps them exactly."""
    with open_project(family, write=True) as db, transaction(db):
        db.execute("update contents set raw = ? where id = 3", ("\x1b[2J\u202egone\ndone",))
    other = ids(family)[3]
    text = run("show", other, "-p", family).out
    assert "\\x1b[2J\\u202egone\ndone" in text and "\x1b" not in text
    ran = run("show", other, "-p", family, "--json")
    assert ran.json["raw"] == "\x1b[2J\u202egone\ndone" and "\u202e" not in ran.out


def test_diff_by_line_and_word(run, family):
    """Unified by line; words marked on demand; counts as JSON."""
    _, _, essay, other, _ = ids(family)
    lines = run("diff", essay, other, "-p", family).out.splitlines()
    assert lines[:2] == [f"--- {essay}", f"+++ {other}"] and "-The lamp turned slowly." in lines
    assert run("diff", essay, other, "--words", "-p", family).out == "The lamp [-turned-]{+went+} [-slowly-]{+dark+}.\n"
    found = run("diff", essay, other, "-p", family, "--json").json
    assert (found["equal"], found["common"], found["removed"], found["added"]) == (False, 3, 2, 2)
    assert run("diff", essay, essay, "-p", family, "--json").json["ratio"] == 1


def test_diff_of_a_text_that_is_not_there(run, family):
    """No prompt was kept for the essays: exit 2, not an empty diff."""
    assert run("diff", ids(family)[2], ids(family)[3], "--text", "prompt", "-p", family).code == 2


def test_search_finds_and_keeps_up(run, family):
    """The index is caught up before it is asked; raw and parsed texts and prompts are found."""
    draft, failed, essay, _, _ = ids(family)
    found = run("search", "slowly", "-p", family, "--json").json
    assert [(row["gen_id"], row["current"]) for row in found] == [(essay, 1)] and "[slowly]" in found[0]["snippet"]
    assert [row["gen_id"] for row in run("search", "prompt:write", "-p", family, "--json").json] == [draft]
    assert [row["gen_id"] for row in run("search", "ti", "-p", family, "--json").json] == [failed]
    assert run("search", "nowhere", "-p", family, "--json").json == []


@pytest.mark.parametrize("text", ['"open', "AND", "e-mail", "nocolumn:x", "(", "*", "a NEAR("])
def test_a_search_that_is_none_is_explained(text, run, family):
    """Syntax errors of the query language are one line with what to do."""
    ran = run("search", "-p", family, "--", text)
    assert ran.code == 2 and "double quotes" in ran.err


def test_scores(run, family):
    """Each score with its essay, evaluator and scale; by cohort, by essay, as CSV."""
    draft, _, essay, other, evaluation = ids(family)
    rows = run("scores", "-p", family, "--json").json
    assert [(r["gen_id"], r["essay_gen_id"], r["score"], r["evaluation_template"]) for r in rows] == [
        (evaluation, essay, 7.5, "rubric")
    ]
    assert run("scores", draft, "--cohort", "SPRING", "-p", family, "--json").json == rows
    assert run("scores", other, "-p", family, "--json").json == []
    assert (
        run("scores", "--csv", "-p", family)
        .out.splitlines()[1]
        .startswith(f"{evaluation},{essay},rubric,offline-a,1,7.5")
    )
    assert run("scores", "--cohort", "none", "-p", family).code == 2


def test_query_knows_the_functions(run, family):
    """gen_id, gen_id_in, content_hash and word_count."""
    parent = "(select gen_id from generations where id = 1)"
    sql = f"select gen_id = gen_id('essay', {parent}, 'polish', 1) as same from generations where id = 3"
    assert run("query", sql, "-p", family, "--json").json == [{"same": 1}]
    assert run(
        "query", "select word_count('a b') as n, content_hash('x') is not null as h", "-p", family, "--json"
    ).json == [{"n": 2, "h": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from events",
        "update sqlite_master set sql = null",
        "insert into events (at, event, data) values ('', '', '')",
        "update project set value = 'x'",
        "drop table events",
        "create table x (a)",
        "create temp table x (a)",
        "attach 'other.db' as o",
        "attach ':memory:' as o",
        "vacuum",
        "vacuum into 'copy.db'",
        "begin",
        "savepoint a",
        "pragma journal_mode = wal",
        "pragma query_only = off",
        "pragma user_version = 9",
        "pragma writable_schema = on",
        "pragma trusted_schema = on",
        "reindex",
        "analyze",
        "select load_extension('x')",
        "select 1; select 2",
        "selec 1",
        "select * from nothing",
        "insert into search (search) values ('rebuild')",
        "with a as (select 1) delete from events",
        "explain delete from events",
        "",
        "select :missing",
    ],
)
def test_query_can_only_look(sql, run, family):
    """Everything but reading is refused with exit 2, and the file keeps every byte."""
    before = family.read_bytes()
    folder = sorted(family.parent.iterdir())
    ran = run("query", sql, "-p", family)
    assert ran.code == 2 and ran.out == ""
    assert family.read_bytes() == before and sorted(family.parent.iterdir()) == folder


@pytest.mark.parametrize(
    "sql",
    [
        "select * from pragma_table_info('events')",
        "pragma table_info(events)",
        "pragma user_version",
        "select name from sqlite_master",
        "explain query plan select * from events",
        "select key from json_each('{\"a\": 1}')",
        "select gen_id from generation_texts",
        "select rowid from search where search match 'lamp'",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select sum(i) from n",
    ],
)
def test_query_can_look_at_everything(sql, run, family):
    """Schema, JSON functions, full text, recursion."""
    assert run("query", sql, "-p", family, "--json").code == 0


def test_query_is_bounded_in_time(run, family):
    """An endless question ends, with exit 1 and one line."""
    sql = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    start = time.monotonic()
    ran = run("query", sql, "-p", family, "--seconds", "0.2")
    assert ran.code == 1 and "--seconds" in ran.err and time.monotonic() - start < 5


def test_query_is_bounded_in_rows(run, family):
    """The first rows, and a note on stderr that there are more."""
    ran = run("query", "select event from events", "--limit", "2", "-p", family, "--json")
    assert len(ran.json) == 2 and "--limit 0" in ran.err
    assert len(run("query", "select event from events", "--limit", "0", "-p", family, "--json").json) == 3


def test_query_takes_values(run, family):
    """-P gives named values; numbers are numbers."""
    sql = "select typeof(:n) as n, typeof(:t) as t, typeof(:z) as z"
    found = run("query", sql, "-P", "n=5", "-P", "t=a=b", "-P", "z=007", "-p", family, "--json").json
    assert found == [{"n": "integer", "t": "text", "z": "text"}]
    assert run("query", "select 1", "-P", "x", "-p", family).code == 2


def test_query_keeps_columns_of_one_name_apart(run, family):
    """No column is lost."""
    assert run("query", "select 1 as a, 2 as a", "-p", family, "--json").json == [{"a": 1, "a_2": 2}]


def test_query_writes_csv_with_a_guard(run, family):
    """Cells that a spreadsheet would run get a `'`; --raw leaves it out."""
    sql = "select '=1+1' as a, -1 as b"
    assert run("query", sql, "-p", family, "--csv").out == "a,b\n'=1+1,-1\n"
    assert run("query", sql, "-p", family, "--csv", "--raw").out == "a,b\n=1+1,-1\n"
    assert run("query", sql, "-p", family, "--csv", "--json").code == 2


def test_every_named_question_runs(run, family):
    """The shipped questions run on a real record."""
    named = run("query", "--list", "-p", family, "--json").json
    assert [row["name"] for row in named if run("query", "--named", row["name"], "-p", family).code] == []
    assert run("query", "--named", "nonsense", "-p", family).code == 2


def test_events_are_json_lines(run, family):
    """`event`, `at`, `run` and the facts; of all, or of one run."""
    lines = run("events", "-p", family, "--json").jsonl
    assert [line["event"] for line in lines] == ["generation_start", "generation_complete", "alert"]
    assert lines[0]["unique_topics"] == 2 and lines[0]["run"] == 1
    assert len(run("events", "--run", "1", "-p", family, "--json").jsonl) == 2
    assert run("events", "--run", "9", "-p", family).code == 2
    assert "unique_topics 2" in run("events", "-p", family).out


def test_following_a_run_ends_with_the_run(family):
    """New events are printed as they come; the last one is not missed."""
    with open_project(family, write=True) as db, transaction(db):
        db.execute("update runs set status = 'running'")
    words = [sys.executable, "-m", "workbench", "events", "--run", "1", "--follow", "--json", "-p", str(family)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout and "generation_start" in follower.stdout.readline()
        with open_project(family, write=True) as db, transaction(db):
            db.execute("insert into events (run_id, at, event, data) values (1, '', 'late', '{}')")
            db.execute("update runs set status = 'done'")
        rest = follower.communicate(timeout=20)[0]
    assert follower.returncode == 0 and '"late"' in rest.splitlines()[-1]


def test_runs(run, family):
    """Newest first, with counts."""
    assert [(r["id"], r["job"], r["done"], r["calls"]) for r in run("runs", "-p", family, "--json").json] == [
        (1, "cohort spring", 4, 5)
    ]


def test_alerts_are_listed_and_acknowledged(run, family):
    """An acknowledged alert is no longer open, and stays in the record."""
    assert [(a["id"], a["blocking"], a["facts"]) for a in run("alerts", "-p", family, "--json").json] == [
        (1, True, {"other": "d_x"})
    ]
    assert run("alerts", "ack", 1, "--dry-run", "-p", family, "--json").json == {"acknowledged": 1}
    assert len(run("alerts", "-p", family, "--json").json) == 1
    assert run("alerts", "ack", 1, "-p", family, "--json").json == {"acknowledged": 1}
    assert run("alerts", "-p", family, "--json").json == []
    assert run("alerts", "--all", "-p", family, "--json").json[0]["acknowledged"]
    assert run("alerts", "ack", 1, "-p", family, "--json").json == {"acknowledged": 0}
    assert [run("alerts", "ack", 7, "-p", family, *dry).code for dry in ([], ["--dry-run"])] == [2, 2]


def test_looking_leaves_one_file_and_every_byte(run, family):
    """No command that looks changes the file or leaves anything beside it."""
    before = family.read_bytes()
    for words in (["status"], ["show", ids(family)[0]], ["lineage", ids(family)[0]], ["scores"], ["events"], ["runs"]):
        assert run(*words, "-p", family).code == 0
    assert family.read_bytes() == before and [p.name for p in family.parent.iterdir()] == [family.name]


def test_search_in_a_file_that_cannot_be_written(run, family, monkeypatch):
    """The index stays behind, and a note says so."""
    monkeypatch.setattr("os.access", lambda *_: False)
    ran = run("search", "slowly", "-p", family, "--json")
    assert ran.code == 0 and ran.json == [] and "5 answers" in ran.err


def test_status_reads_a_copy_that_is_read_only(run, family, tmp_path):
    """A project in a folder that cannot be written to can be looked at."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    shutil.copy(family, folder / "p.db")
    (folder / "p.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        assert run("status", "-p", folder / "p.db").code == 0
    finally:
        folder.chmod(0o755)


def test_verify_and_digest(run, project, family):
    """Exit 0 and every check by name; the digest is the same for the same facts."""
    found = run("verify", "--full", "-p", project, "--json")
    assert set(found.json) == {"ok", "checks"} and found.json["checks"][0].keys() >= {
        "name",
        "ok",
        "broken",
        "examples",
    }
    assert found.code == (0 if found.json["ok"] else 1)
    assert run("digest", "-p", family, "--json").json["digest"] == run("digest", "-p", family).out.strip()
    assert run("digest", "--without-ids", "-p", family).out != run("digest", "-p", family).out


def test_verify_says_what_is_broken(run, family):
    """A lost parent text: exit 1, the rule and the row."""
    with open_project(family, write=True) as db, transaction(db):
        db.execute("update generations set gen_id = 'd_wrong' where id = 1")
    ran = run("verify", "-p", family)
    assert ran.code == 1 and "BROKEN" in ran.out and "d_wrong" in ran.out


def test_pack_writes_a_copy(run, family, tmp_path):
    """A copy with the same facts, never over something that is there."""
    out = tmp_path / "share.db"
    assert run("pack", out, "--no-raw", "-p", family, "--json").json == {"path": str(out), "bytes": out.stat().st_size}
    assert run("digest", "-p", out).out == run("digest", "-p", family).out
    assert run("pack", out, "-p", family).code == 3


def test_recover_of_a_project_at_rest(run, family):
    """Nothing to settle: exit 0."""
    found = run("recover", "-p", family, "--json")
    assert found.code == 0 and found.json["at_rest"] and found.json["sound"]
    assert "at rest  yes" in run("recover", "-p", family).out


def test_import_data_takes_a_file_into_a_new_project(run, family, tmp_path):
    """The facts arrive; the target must be new."""
    target = tmp_path / "taken.db"
    found = run("import-data", family, "-p", target, "--json")
    assert found.json["added"]["generations"] == 5
    assert run("import-data", family, "-p", target).code == 3


def test_providers_are_bound_listed_and_removed(run):
    """The binding lives outside of any project; a key is named, never shown."""
    words = ("providers", "add", "router", "--url", "https://api.example.com/v1", "--key-env", "ROUTER_KEY")
    assert run(*words, "--json").json["alias"] == "router"
    assert [(row["alias"], row["key_env"]) for row in run("providers", "--json").json] == [("router", "ROUTER_KEY")]
    assert run("providers", "add", "router", "--url", "https://other.example.com/v1").code == 3
    assert run("providers", "add", "bad", "--url", "http://far.example.com").code == 2
    assert run("providers", "remove", "router", "--json").json["alias"] == "router"
    assert run("providers", "--json").json == [] and run("providers", "remove", "router").code == 2


@pytest.mark.parametrize("facts", ["no JSON", "[1, 2]", "{", "", "3", '{"a": ' * 2000])
def test_alerts_and_events_whose_facts_are_no_object(run, project, facts):
    """What an imported file holds there is shown as text; nothing breaks on it."""
    with open_project(project, write=True) as db, transaction(db):
        db.execute("insert into alerts (kind, facts, blocking, at) values ('odd', ?, 1, '')", (facts,))
        db.execute("insert into events (at, event, data) values ('', 'odd', ?)", (facts,))
    state = run("status", "-p", project, "--json").json
    assert [alert["facts"] for alert in state["open_alerts"]] == [{"text": facts}]
    assert run("alerts", "-p", project, "--json").json[0]["facts"] == {"text": facts}
    assert run("status", "-p", project).code == run("alerts", "-p", project).code == 0
    assert run("events", "-p", project, "--json").jsonl[-1]["text"] == facts
    with open_project(project) as db:
        assert [line for line in problems(db, CohortSelection(1)) if "odd" in line]
