"""Real concepts and templates through three stages: imported, combined, specified, generated, scored, curated."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import DATA

RAW = DATA / "daydreaming" / "1_raw"
SPEC = """
axes:
  combo_id: '@file:combos.txt'
  draft_template: [gwern_original, creative-synthesis-v10]
  draft_llm: [gemini_25_pro]
  essay_template: [creative-synthesis-v10, synthesis-theme-narrative-v19]
  essay_llm: [sonnet-4]
  evaluation_template: [novelty-v2, scientific-rigor-v2, style-coherence-v3]
  evaluation_llm: [sonnet-4]
  evaluation_replicate: ['1', '2']
"""
MEMBERS = {"draft": 6, "essay": 12, "evaluation": 72}


@pytest.fixture
def pilot(run, tmp_path: Path) -> Path:
    """A project with the whole `1_raw`, three pairs of concepts and the cohort `pilot`, made by commands alone."""
    project = tmp_path / "dreams.db"
    pairs = [
        "mind-wandering,default-mode-network",
        "economic-moat,data-flywheel",
        "combinatorial-search,mind-wandering",
    ]
    assert run("init", "-p", project).code == 0
    assert run("concepts", "import", RAW, "--provider", "offline", "-p", project).code == 0
    words = [word for pair in pairs for word in ("--concepts", pair)]
    assert run("combos", "create", *words, "-p", project).code == 0
    combos = [row["combo_id"] for row in run("combos", "-p", project, "--json").json]
    (tmp_path / "combos.txt").write_text("\n".join(combos))
    (tmp_path / "spec.yaml").write_text(SPEC)
    told = run("cohort", "compile", "pilot", tmp_path / "spec.yaml", "-p", project, "--json").json
    assert (told["members"], told["new"], told["problems"]) == (MEMBERS, 90, [])
    return project


def test_a_cohort_from_concepts_to_scores(run, pilot, tmp_path):
    """90 tasks run to their end with 90 calls; again: none, the same digest; the file alone compiles again."""
    done = run("generate", "--cohort", "pilot", "-p", pilot, "--json")
    assert done.code == 0, done.err
    assert (done.json["done"], done.json["failed"], done.json["calls"]) == (90, 0, 90)
    before = run("digest", "-p", pilot, "--json").json["digest"]
    again = run("generate", "--cohort", "pilot", "-p", pilot, "--json").json
    assert (again["calls"], again["skipped"]) == (0, 90)
    for name in ("spec.yaml", "combos.txt"):
        (tmp_path / name).unlink()
    assert run("cohort", "compile", "pilot", "-p", pilot, "--json").json["reused"] == 90
    assert run("digest", "-p", pilot, "--json").json["digest"] == before
    assert len(run("scores", "--cohort", "pilot", "-p", pilot, "--json").json) == 72
    assert run("verify", "--full", "-p", pilot).code == 0
    assert [path.name for path in tmp_path.glob("dreams.db*")] == ["dreams.db"]


def test_the_best_go_on_in_cohorts_of_their_own(run, pilot, tmp_path):
    """Two essays written anew, rejudged by fresh replicates, and read by one more rubric; nothing is paid twice."""
    assert run("generate", "--cohort", "pilot", "-p", pilot).code == 0
    # evaluation replicates are limited to 2 a build, drafts and essays to 1, as replication_config.csv says
    words = ["--top", 2, "--mode", "reuse-drafts", "-p", pilot, "--json"]
    again = run("cohort", "curate", "rewritten", *words).json
    assert (again["members"], again["origins"]["pilot"]) == ({"draft": 2, "essay": 2, "evaluation": 12}, 2)
    made = run("generate", "--cohort", "rewritten", "-p", pilot, "--json").json
    assert (made["calls"], made["skipped"]) == (14, 2)
    assert run("cohort", "curate", "rewritten", *words).json["new"] == 0
    essays = [
        row["gen_id"] for row in run("cohort", "members", "rewritten", "--stage", "essay", "-p", pilot, "--json").json
    ]
    (tmp_path / "more.yaml").write_text(
        f"essays: [{', '.join(essays)}]\n"
        "axes:\n  evaluation_template: [iterative-loops]\n  evaluation_llm: [sonnet-4]\n"
    )
    more = run("cohort", "compile", "more", tmp_path / "more.yaml", "-p", pilot, "--json").json
    assert (more["members"], more["new"]) == ({"evaluation": 2}, 2)
    assert run("generate", "--cohort", "more", "-p", pilot, "--json").json["calls"] == 2
    rows = {row["cohort"]: row for row in run("cohort", "list", "-p", pilot, "--json").json}
    assert {name: row["done"] for name, row in rows.items()} == {"more": 2, "pilot": 90, "rewritten": 16}
    assert run("verify", "-p", pilot).code == 0


def test_limits_of_the_catalogue_hold(run, pilot, tmp_path):
    """`replication_config.csv` allows one draft replicate a build: two are refused with the command that mends it."""
    (tmp_path / "two.yaml").write_text(SPEC.replace("axes:", "axes:\n  draft_replicate: [1, 2]"))
    refused = run("cohort", "compile", "two", tmp_path / "two.yaml", "-p", pilot)
    assert refused.code == 2 and "replication set draft 2" in refused.err
    run("replication", "set", "draft", 2, "-p", pilot)
    told = run("cohort", "compile", "two", tmp_path / "two.yaml", "-p", pilot, "--json").json
    assert (told["new"], told["reused"]) == (90, 90)
