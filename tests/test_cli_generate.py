"""`generate`, `validate` and `run` on the command line, with the embedded offline model."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Ran

WORDS = ("--topics", "garden", "--template", "qa-sample", "--model", "offline")
KEYS = {"run", "done", "failed", "skipped", "calls", "tokens_in", "tokens_out", "cost", "seconds"}
PLAN = {"unique_topics", "cycles_needed", "final_cycle_size", "total_samples", "pending", "done", "problems"}
CONFIG = """llm: {provider: offline, model: offline-1}
topics: {prompt: Bees, mode: tree, depth: 2, degree: 2, save_as: topics.jsonl}
generation: {conversation: {type: basic}}
output: {num_samples: 6, save_as: SAVE}
"""


@pytest.fixture
def bees(tmp_path: Path, run) -> Path:
    """Give a project with a topic model `garden` of 4 unique topics."""
    path = tmp_path / "bees.db"
    assert run("init", "-p", path).code == 0
    words = ("topics", "build", "garden", "--prompt", "Bees", "--depth", 2, "--degree", 2, "--model", "offline")
    assert run(*words, "-p", path).code == 0
    return path


def test_a_run_and_its_second_time(bees: Path, run) -> None:
    """The second time sends nothing; a larger N goes on; a part of it says that some is left."""
    first = run("generate", *WORDS, "-n", 6, "-p", bees, "--json")
    again = run("generate", *WORDS, "-n", 6, "-p", bees, "--json")
    part = run("generate", *WORDS, "-n", 9, "--limit", 1, "-p", bees)
    assert set(first.json) >= KEYS and set(again.json) >= KEYS
    assert (first.code, first.json["done"], again.code, again.json["calls"], again.json["skipped"]) == (0, 6, 0, 0, 6)
    assert part.code == 1 and part.out.startswith("not all done: 1 done, 0 failed, 6 skipped")


def test_a_cost_that_nobody_knows_is_no_cost_of_nothing(bees: Path, run) -> None:
    """`cost` stays a number; `cost_known` says whether a price was there for every answered call."""
    words = ("generate", "--topics", "garden", "--template", "qa-sample", "--model", "cheap", "-p", bees, "--json")
    model = ("models", "add", "cheap", "--provider", "offline", "--name", "offline-1", "-p", bees)
    assert run(*model).code == 0
    found = run(*words, "-n", 2).json
    assert (found["cost"], found["cost_known"]) == (0, False)
    assert run(*words, "-n", 2).json["cost_known"] is True  # nothing was called
    assert run(*model, "--price-in", 1, "--price-out", 2).code == 0
    found = run(*words, "-n", 3).json
    assert found["cost_known"] is True and found["cost"] > 0


def test_dry_run_changes_nothing_and_counts_what_force_does_again(bees: Path, run) -> None:
    """The plan of --force is every task, as it is done then."""
    run("generate", *WORDS, "-n", 4, "-p", bees)
    before = bees.read_bytes()
    plain, forced = (
        run("generate", *WORDS, "-n", 5, "--dry-run", "-p", bees, "--json", *more) for more in ((), ("--force",))
    )
    assert (plain.json["pending"], forced.json["pending"], forced.json["calls"]) == (1, 5, 5)
    assert bees.read_bytes() == before
    done = run("generate", *WORDS, "-n", 4, "--force", "-p", bees)
    assert "(total 4/4)" in done.err and done.code == 0


def test_reparse_gives_the_keys_of_a_run(bees: Path, run) -> None:
    """Programs read the same keys whatever `generate` was told to do."""
    found = run("generate", *WORDS, "-n", 4, "--reparse", "-p", bees, "--json")
    assert set(found.json) >= KEYS and found.json["calls"] == 0


def test_validate_needs_no_template_and_no_model(bees: Path, run) -> None:
    """Topics and a number say how many cycles; the only template and model used so far say what is done."""
    fresh = run("validate", "--topics", "garden", "--num-samples", 10, "-p", bees, "--json")
    assert fresh.code == 0 and set(fresh.json) >= PLAN
    numbers = ("unique_topics", "cycles_needed", "final_cycle_size", "total_samples", "pending", "done")
    assert [fresh.json[name] for name in numbers] == [4, 3, 2, 10, 10, 0]
    run("generate", *WORDS, "-n", 6, "-p", bees)
    known = run("validate", "--topics", "garden", "--num-samples", 10, "-p", bees, "--json")
    assert [known.json[name] for name in numbers] == [4, 3, 2, 10, 4, 6]
    run("generate", "--topics", "garden", "--template", "short-essay", "--model", "offline", "-n", 1, "-p", bees)
    either = run("validate", "--topics", "garden", "--num-samples", 10, "-p", bees, "--json")
    named = run("validate", *WORDS, "--num-samples", 10, "-p", bees, "--json")
    assert (either.json["pending"], named.json["pending"]) == (10, 4)


@pytest.mark.parametrize("cost", ["nan", "inf", "-1", "x"])
def test_a_cap_that_caps_nothing_is_refused(cost: str, bees: Path, run) -> None:
    """No number is above NaN, so it would stop nothing."""
    before = bees.read_bytes()
    assert run("generate", *WORDS, "-n", 4, "--max-cost", cost, "-p", bees).code == 2
    assert bees.read_bytes() == before


@pytest.mark.parametrize(
    "words", [("providers",), ("providers", "list"), ("report", "list"), ("alerts",), ("models",), ("templates",)]
)
def test_every_command_takes_a_project(words: tuple[str, ...], bees: Path, run) -> None:
    """Programs may pass -p to all of them, needed or not."""
    found: Ran = run(*words, "-p", bees, "--json")
    assert found.code == 0 and isinstance(found.json, list)


def test_a_provider_is_a_name_and_no_address(bees: Path, run) -> None:
    """A project stores no URL that a key would follow."""
    found = run("models", "add", "x", "--provider", "http://example.com/v1", "--name", "n", "-p", bees)
    assert found.code == 2 and "providers add" in found.err


def test_a_configuration_is_carried_out_and_goes_on(tmp_path: Path, run) -> None:
    """Topics, samples and dataset; the same again sends nothing; `validate` tells both before and after."""
    config, path = tmp_path / "config.yaml", tmp_path / "made.db"
    config.write_text(CONFIG.replace("SAVE", "data.jsonl"), encoding="utf-8")
    assert run("validate", config, "-p", path, "--json").json["pending"] == 6
    assert not path.exists()
    first = run("run", config, "-p", path, "--json")
    assert (first.code, first.json["done"]) == (0, 6) and set(first.json) >= KEYS
    assert len((tmp_path / "data.jsonl").read_text(encoding="utf-8").splitlines()) == 6
    assert run("run", config, "-p", path, "--json").json["calls"] == 0
    after = run("validate", config, "-p", path, "--json")
    assert (after.code, after.json["done"], after.json["pending"]) == (0, 6, 0)


@pytest.mark.parametrize("cap", [2, 5])
def test_caps_hold_over_all_that_a_configuration_asks_for(cap: int, tmp_path: Path, run) -> None:
    """Three calls grow the topics, the rest of the cap is for samples; nor does the same again go beyond it."""
    config, path = tmp_path / "config.yaml", tmp_path / "made.db"
    config.write_text(CONFIG.replace("SAVE", "data.jsonl"), encoding="utf-8")
    for _ in range(2):
        assert run("run", config, "--max-calls", cap, "-p", path).code == 1
        counted = run("query", "select sum(calls) as calls from runs", "-p", path, "--json")
        assert counted.json == [{"calls": cap}]
    assert run("run", config, "-p", path, "--json").code == 0


def test_words_of_a_configuration_are_no_template(tmp_path: Path, run) -> None:
    """They stand in the prompt as they stand in the file, though they speak of templates."""
    words = "Explain {% raw %}x{%- endraw %}, {{ braces }}, {# notes #} and {%endraw%}."
    config, path = tmp_path / "config.yaml", tmp_path / "made.db"
    generation = f"generation: {{system_prompt: '{words}', instructions: '{words}'}}"
    llm = CONFIG.splitlines()[0]
    config.write_text(f"{llm}\n{generation}\noutput: {{num_samples: 1}}\n", encoding="utf-8")
    assert run("run", config, "-p", path).code == 0
    (prompt,) = run("query", "select system, text from prompts", "-p", path, "--json").json
    assert prompt["system"] == words and words in prompt["text"]


@pytest.mark.parametrize("name", ["../data.jsonl", "/tmp/data.jsonl"])
def test_a_configuration_stays_in_its_folder(name: str, tmp_path: Path, run) -> None:
    """Both doors refuse it before anything is made."""
    config, path = tmp_path / "config.yaml", tmp_path / "made.db"
    config.write_text(CONFIG.replace("SAVE", name), encoding="utf-8")
    for words in (("validate", config), ("run", config)):
        found = run(*words, "-p", path)
        assert found.code == 2 and "outside" in found.err
    assert not path.exists()


KEYLESS = ("models", "add", "far", "--provider", "openai", "--name", "far-1")


@pytest.mark.parametrize("more", [(), ("--workers", 2)])
def test_a_run_without_its_key_is_refused_before_anything_is_written(more, bees: Path, run) -> None:
    """Exit 3 and the variable's name; no task, no run, no byte is left behind. What is done needs no key."""
    assert run(*KEYLESS, "-p", bees).code == 0
    before = bees.read_bytes()
    words = ("generate", "--topics", "garden", "--template", "qa-sample", "-n", 4, "-p", bees)
    ran = run(*words, "--model", "far", *more)
    assert ran.code == 3 and "OPENAI_API_KEY" in ran.err and bees.read_bytes() == before
    assert run(*words, "--model", "offline").code == 0
    assert run("models", "add", "offline", *KEYLESS[3:], "-p", bees).code == 0  # the same model, somewhere else now
    assert run(*words, "--model", "offline").code == 0


def test_a_plan_says_that_a_key_is_missing(bees: Path, run) -> None:
    """`validate` names the providers that would be called, and what stands against it; exit 1."""
    run(*KEYLESS, "-p", bees)
    words = ("validate", "--topics", "garden", "--template", "qa-sample", "-n", 4, "-p", bees, "--json")
    ran = run(*words, "--model", "far")
    assert ran.code == 1 and ran.json["providers"] == ["openai"] and "OPENAI_API_KEY" in ran.json["problems"][0]
    ran = run(*words, "--model", "offline")
    assert ran.code == 0 and (ran.json["providers"], ran.json["problems"]) == (["offline"], [])


def test_a_configuration_without_its_key_makes_nothing(tmp_path: Path, run) -> None:
    """No project, no template, no model; `validate` says the same."""
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG.replace("provider: offline", "provider: openai").replace("SAVE", "d.jsonl"))
    ran = run("run", config, "-p", tmp_path / "new.db")
    assert ran.code == 3 and "OPENAI_API_KEY" in ran.err and not (tmp_path / "new.db").exists()
    assert "OPENAI_API_KEY" in " ".join(run("validate", config, "-p", tmp_path / "new.db", "--json").json["problems"])


def test_what_is_blocked_is_told_and_not_promised(bees: Path, run) -> None:
    """The same command does not go on with a blocked task, so it does not say so."""
    from workbench.store import open_project, transaction

    run("generate", *WORDS, "-n", 3, "-p", bees)
    with open_project(bees, write=True) as db, transaction(db):
        db.execute("update generations set status = 'blocked', ready = 0, outcome = 'parent_missing' where id = 1")
    ran = run("generate", *WORDS, "-n", 3, "-p", bees)
    assert ran.code == 1 and "1 of stage draft blocked: parent_missing" in ran.err
    assert "`workbench explain`" in ran.out and "the same command goes on" not in ran.out
    assert run("generate", *WORDS, "-n", 5, "--limit", 1, "-p", bees).out.count("1 call in") == 1
