"""`workbench templates` in this process: read, versioned, shown, compared with files and with earlier texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import DATA, Ran
from gardens import garden, order

from workbench.generate import generate
from workbench.store import open_project
from workbench.verify import digest

Run = Callable[..., Ran]
RAW = DATA / "daydreaming" / "1_raw"
FRONT = "---\nstage: draft\nparser: qa\ndescription: a test\n---\n"


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    """Give a template file."""
    path = tmp_path / "ask.j2"
    path.write_text(FRONT + "Ask about {{ topic }}.\n", encoding="utf-8")
    return path


def take(run: Run, project: Path, *words: object) -> Ran:
    """Import templates."""
    return run("templates", "import", *words, "-p", project, "--json")


def test_a_file_is_read_once_and_a_changed_one_is_a_new_version(run: Run, project: Path, prompt: Path) -> None:
    """Added, unchanged, changed; both texts stay, and the first can be shown and compared."""
    first = take(run, project, prompt).json
    assert (first["added"], first["templates"]["added"], first["notes"]) == (1, ["draft/ask"], [])
    assert take(run, project, prompt).json["unchanged"] == 1
    prompt.write_text(FRONT + "Ask something about {{ topic }}.\n", encoding="utf-8")
    assert take(run, project, prompt).json["changed"] == 1
    shown = run("templates", "show", "ask", "-p", project, "--json").json
    assert shown["text"] == "Ask something about {{ topic }}.\n" and shown["parser"] == "qa" and shown["current"]
    old = shown["versions"][1]
    assert [v["current"] for v in shown["versions"]] == [True, False]
    earlier = run("templates", "show", "ask", "--version", old["hash"][:6], "-p", project, "--json").json
    assert earlier["text"] == "Ask about {{ topic }}.\n" and not earlier["current"]
    compared = run("templates", "diff", "ask", "--version", old["hash"][:6], "-p", project, "--json").json
    assert "+Ask something about {{ topic }}." in compared["diff"] and not compared["same"]
    text = run("templates", "show", "ask", "-p", project).out
    assert "Ask something" in text and "versions" in text


def test_a_whole_raw_folder_is_read_in_one_go(run: Run, project: Path) -> None:
    """Fifty files and a copy, each with what its catalogue says; again: unchanged, whichever way it is named."""
    first = take(run, project, RAW).json
    assert (first["added"], first["changed"]) == (51, 0)
    copies = [row for row in run("templates", "-p", project, "--json").json if row["mode"] == "copy"]
    assert len(copies) == 1
    assert take(run, project, RAW).json["unchanged"] == 51
    for stage, count in (("draft", 22), ("essay", 8), ("evaluation", 21)):
        some = take(run, project, RAW, "--stage", stage).json
        assert (some["added"], some["changed"]) == (0, 0) and some["unchanged"] == count, stage
    assert take(run, project, RAW / "evaluation_templates.csv").json["unchanged"] == 17
    assert run("templates", "drift", "-p", project, "--json").json == []
    assert {row["file"] for row in run("templates", "drift", "--all", "-p", project, "--json").json} == {"same"}


def test_starters_are_listed_by_stage(run: Run, tmp_path: Path) -> None:
    """A new project has templates for every stage, all as they were shipped."""
    path = tmp_path / "new.db"
    run("init", "-p", path)
    rows = run("templates", "-p", path, "--json").json
    assert {row["stage"] for row in rows} == {"topics", "draft", "essay", "evaluation"}
    assert all(row["source"].startswith("starter:") for row in rows)
    assert {row["name"] for row in rows if row["stage"] == "topics"} == {"topics-tree", "topics-graph"}
    assert run("templates", "diff", "qa-sample", "-p", path, "--json").json["same"]
    only = run("templates", "list", "--stage", "essay", "-p", path, "--json").json
    assert {row["stage"] for row in only} == {"essay"}
    assert run("models", "-p", path, "--json").json[0]["name"] == "offline-1"


def test_stage_is_for_files_that_do_not_say_theirs(run: Run, project: Path, tmp_path: Path, prompt: Path) -> None:
    """A bare file needs --stage; front matter comes before it; so it is for a flat folder of files."""
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "bare.txt").write_text("About {{ topic }}.", encoding="utf-8")
    assert take(run, project, folder / "bare.txt").code == 2
    shutil.copy(prompt, folder)
    found = take(run, project, folder, "--stage", "essay", "--dry-run").json
    assert found["templates"]["added"] == ["draft/ask", "essay/bare"]
    assert take(run, project, folder / "bare.txt", "--stage", "draft").json["added"] == 1


def test_a_dry_run_changes_nothing(run: Run, project: Path, prompt: Path) -> None:
    """It counts, and the digest stays."""
    with open_project(project) as db:
        before = digest(db)
    assert take(run, project, prompt, "--dry-run").json["added"] == 1
    with open_project(project) as db:
        assert digest(db) == before


def test_all_problems_of_all_paths_are_listed_and_nothing_is_kept(
    run: Run, project: Path, tmp_path: Path, prompt: Path
) -> None:
    """Bad syntax, an unknown parser, an unknown key, a missing file: one line each with file and line, exit 2."""
    bad = tmp_path / "bad"
    (bad / "draft").mkdir(parents=True)
    (bad / "draft" / "syntax.j2").write_text("{% if topic %}", encoding="utf-8")
    (bad / "draft" / "key.j2").write_text("---\nparsr: qa\n---\nx", encoding="utf-8")
    other = tmp_path / "other.j2"
    other.write_text("---\nstage: draft\nparser: qx\n---\nx", encoding="utf-8")
    ran = take(run, project, prompt, bad, other, tmp_path / "nowhere.j2")
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert len(lines) == 4
    for place in ("syntax.j2:1", "key.j2:2", "other.j2", "nowhere.j2"):
        assert any(place in line for line in lines), place
    assert run("templates", "-p", project, "--json").json == []


def test_one_name_with_two_texts_is_refused(run: Run, project: Path, tmp_path: Path, prompt: Path) -> None:
    """Two files for one template in one import: which of them counts would depend on their order."""
    twin = tmp_path / "twin" / "ask.j2"
    twin.parent.mkdir()
    twin.write_text(FRONT + "Other.", encoding="utf-8")
    ran = take(run, project, prompt, twin)
    assert ran.code == 2 and "with another text" in ran.err
    assert take(run, project, prompt, prompt).code == 0


def test_names_that_the_stage_does_not_offer_are_noted(run: Run, project: Path, prompt: Path) -> None:
    """The template is kept, and it is said that its prompts cannot be made."""
    prompt.write_text(FRONT + "Ask about {{ subject }}.\n", encoding="utf-8")
    assert "it uses subject" in take(run, project, prompt).json["notes"][0]
    assert "it uses subject" in run("templates", "import", prompt, "-p", project).err


def test_drift_names_files_that_changed_and_work_with_older_texts(run: Run, tmp_path: Path) -> None:
    """Changed, missing and unreadable files; generations of a replaced text are counted and keep their version."""
    path, prompt = garden(tmp_path / "p.db", provider="offline"), tmp_path / "plain.j2"
    prompt.write_text("---\nstage: draft\n---\nAbout {{ topic }}.\n", encoding="utf-8")
    assert take(run, path, prompt).json["changed"] == 1
    with open_project(path, write=True) as db:
        generate(db, order(12))
    assert run("templates", "drift", "-p", path, "--json").json == []
    assert "no template has drifted" in run("templates", "drift", "-p", path).err

    prompt.write_text("---\nstage: draft\n---\nAll about {{ topic }}.\n", encoding="utf-8")
    (row,) = run("templates", "drift", "-p", path, "--json").json
    assert (row["name"], row["file"], row["current"], row["older"]) == ("plain", "changed", 12, 0)
    assert "+All about {{ topic }}." in run("templates", "diff", "plain", "-p", path).out
    assert "templates diff" in run("templates", "drift", "-p", path).err

    take(run, path, prompt)
    (row,) = run("templates", "drift", "-p", path, "--json").json
    assert (row["file"], row["current"], row["older"]) == ("same", 0, 12)
    with open_project(path) as db:
        (key,) = db.execute("select gen_id from generations limit 1").fetchone()
    assert "stale" in run("explain", key, "-p", path).out
    assert run("verify", "--full", "-p", path).code == 0

    prompt.write_text("{% nonsense %}", encoding="utf-8")
    (row,) = run("templates", "drift", "-p", path, "--json").json
    assert row["file"] == "unreadable" and "plain.j2:1" in row["why"]
    prompt.unlink()
    (row,) = run("templates", "drift", "--all", "-p", path, "--json").json
    assert row["file"] == "missing"
    ran = run("templates", "diff", "plain", "-p", path)
    assert ran.code == 2 and "not there any more" in ran.err and "--version" in ran.err


def test_project_and_prompts_can_move_together(run: Run, tmp_path: Path) -> None:
    """The file is kept as seen from the project's folder: no path of this machine, and it is found after a move."""
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "prompts" / "draft").mkdir(parents=True)
    (here / "prompts" / "draft" / "a.j2").write_text("About {{ topic }}.", encoding="utf-8")
    run("init", "-p", here / "p.db")
    take(run, here / "p.db", here / "prompts")
    here.rename(there)
    rows = run("templates", "drift", "--all", "-p", there / "p.db", "--json").json
    assert next(row for row in rows if row["name"] == "a")["source"] == "prompts/draft/a.j2"
    assert {row["file"] for row in rows} == {"same"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "nothing"), 2, "no template 'nothing'"),
        (("show", "qa-sampel"), 2, "there are qa-sample"),
        (("show", "qa-sample", "--stage", "essay"), 2, "no essay template"),
        (("show", "qa-sample", "--version", "zz"), 2, "no version 'zz'"),
        (("show", "creative-synthesis-v10"), 2, "--stage"),
        (("diff", "nothing"), 2, "no template"),
        (("import",), 2, "PATH"),
        (("import", "x.csv"), 2, "x.csv"),
        (("list", "--stage", "song"), 2, "song"),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(
    words: tuple[str, ...], code: int, says: str, run: Run, tmp_path: Path
) -> None:
    """Unknown names, stages, versions and files: one line on stderr, nothing on stdout."""
    path = tmp_path / "new.db"
    run("init", "-p", path)
    take(run, path, RAW)
    ran = run("templates", *words, "-p", path)
    assert (ran.code, ran.out) == (code, "") and says in ran.err and len(ran.err.splitlines()) == 1
