"""`workbench models` in this process: entries with typed parameters, versions, prices, and one test call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA, Ran
from faults.faultllm import FaultServer

from workbench.catalogue.models import load_model
from workbench.cli.typed import typed
from workbench.store import open_project
from workbench.verify import digest

Run = Callable[..., Ran]


def add(run: Run, project: Path, name: str, *words: object) -> Ran:
    """Add an offline model."""
    return run("models", "add", name, "--provider", "offline", "--name", "offline-1", *words, "-p", project, "--json")


def rows(run: Run, project: Path) -> dict[str, Any]:
    """Give the listed models by ID."""
    return {row["llm_model_id"]: row for row in run("models", "-p", project, "--json").json}


def test_parameters_have_types(run: Run, project: Path) -> None:
    """Numbers, booleans and JSON are what they look like; the rest is text."""
    words = ["temperature=0.7", "n=3", "stream=false", 'stop=["a", "b"]', "user=me", "note=1.5 cups", "x="]
    assert add(run, project, "m", *[w for word in words for w in ("--param", word)]).code == 0
    with open_project(project) as db:
        assert load_model(db, "m").parameters == {
            "temperature": 0.7,
            "n": 3,
            "stream": False,
            "stop": ["a", "b"],
            "user": "me",
            "note": "1.5 cups",
            "x": "",
        }
    assert 'stop=["a", "b"]' in run("models", "-p", project).out
    assert typed(["a=-1", "b=null", 'c="7"', "d=07"]) == {"a": -1, "b": None, "c": "7", "d": "07"}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("m", "--param", "temperature"), 2, "KEY=VALUE"),
        (("m", "--param", "=1"), 2, "KEY=VALUE"),
        (("m", "--param", "a=1", "--param", "a=2"), 2, "twice"),
        (("m", "--param", "stop=[1,"), 2, "--param stop"),
        (("m", "--param", "x=NaN"), 2, "NaN"),
        (("m", "--param", "api_key=sk-1"), 2, "providers add"),
        (("m", "--price-in", "-1"), 2, "--price-in"),
        (("a|b",), 2, "a|b"),
        ((" ",), 2, "empty"),
    ],
)
def test_what_cannot_be_kept_is_said_in_one_line(
    words: tuple[str, ...], code: int, says: str, run: Run, project: Path
) -> None:
    """Bad IDs, parameters and prices, and keys that do not belong in a project: exit 2, nothing is stored."""
    ran = add(run, project, *words)
    assert (ran.code, ran.out) == (code, "") and says in ran.err and len(ran.err.splitlines()) == 1
    assert rows(run, project) == {}


def test_other_settings_are_a_new_version(run: Run, project: Path) -> None:
    """The same again is unchanged; prices and display names are no settings; a parameter is."""
    assert add(run, project, "m").json["added"] == 1
    assert add(run, project, "m", "--price-in", "1", "--price-out", "2", "--display", "M").json["unchanged"] == 1
    assert add(run, project, "m", "--param", "seed=1").json["changed"] == 1
    (row,) = rows(run, project).values()
    assert (row["versions"], row["price_in"], row["price_out"], row["display_name"]) == (2, 1.0, 2.0, "M")
    assert row["parameters"] == {"seed": 1}


def test_a_price_alone_is_enough_for_a_known_model(run: Run, project: Path) -> None:
    """What is not said stays; a model that nobody knows needs provider and name."""
    assert add(run, project, "m", "--param", "seed=1").code == 0
    priced = run("models", "add", "m", "--price-in", "1", "--price-out", "2", "-p", project)
    assert priced.code == 0 and "these prices" in priced.err
    moved = run("models", "add", "m", "--name", "other", "-p", project, "--json").json
    assert moved["changed"] == 1
    (row,) = rows(run, project).values()
    assert (row["name"], row["parameters"], row["price_out"]) == ("other", {"seed": 1}, 2.0)
    new = run("models", "add", "n", "--price-in", "1", "-p", project)
    assert new.code == 2 and "--provider and --name" in new.err


def test_a_dry_run_changes_nothing(run: Run, project: Path) -> None:
    """It counts, and the digest stays."""
    with open_project(project) as db:
        before = digest(db)
    assert add(run, project, "m", "--dry-run").json["added"] == 1
    with open_project(project) as db:
        assert digest(db) == before


def test_an_alias_that_is_not_bound_here_is_noted(run: Run, project: Path) -> None:
    """The entry is stored all the same: another machine may have the binding."""
    ran = run("models", "add", "w", "--provider", "router", "--name", "x/y", "-p", project)
    assert ran.code == 0 and "provider 'router' cannot be used here yet" in ran.err and "providers add" in ran.err


def test_the_offline_model_answers_without_a_network_or_a_record(run: Run, project: Path) -> None:
    """One call, printed with its time and marked as synthetic; the project stays as it was."""
    add(run, project, "m")
    before = project.read_bytes()
    found = run("models", "test", "m", "-p", project, "--json").json
    assert (found["outcome"], found["synthetic"], found["answered_by"]) == ("ok", True, "offline-1")
    assert found["text"] and found["seconds"] >= 0 and found["tokens_out"] > 0
    assert "outcome" in run("models", "test", "m", "-p", project).out
    assert project.read_bytes() == before
    assert run("models", "test", "nobody", "-p", project).code == 2


def over_http(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch, fault: str, *words: str) -> tuple[Ran, int]:
    """Test a model behind a server with a fault; gives what ran and how many requests came."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    with FaultServer(fault=fault) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        run("models", "add", "h", "--provider", "openai", "--name", "mock", "-p", project)
        ran = run("models", "test", "h", *words, "-p", project)
    return ran, len(server.records)


@pytest.mark.parametrize(("fault", "code"), [("ok", 0), ("no_usage", 0), ("401", 1), ("500", 1), ("empty_content", 1)])
def test_one_call_over_http_says_what_came_back(
    fault: str, code: int, run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly one request, no retry; a bad outcome is exit 1 with the outcome named."""
    ran, requests = over_http(run, project, monkeypatch, fault, "--json")
    assert (ran.code, requests) == (code, 1)
    assert (ran.json["outcome"] == "ok") == (code == 0)


def test_what_came_back_cannot_steer_the_terminal(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Escapes in the answer are shown, not sent; a key that comes back is masked."""
    ran, _ = over_http(run, project, monkeypatch, "escapes")
    assert "\x1b" not in ran.out and "\\x1b" in ran.out
    ran, _ = over_http(run, project, monkeypatch, "echo_key")
    assert "sk-test" not in ran.out


def test_a_key_that_is_missing_is_refused(run: Run, project: Path) -> None:
    """Exit 3 and the command that mends it."""
    run("models", "add", "h", "--provider", "router", "--name", "mock", "-p", project)
    ran = run("models", "test", "h", "-p", project)
    assert ran.code == 3 and "providers add router" in ran.err


CATALOGUE = DATA / "daydreaming" / "1_raw" / "llm_models.csv"


def test_a_catalogue_is_read_whole(run: Run, project: Path) -> None:
    """24 models of the real CSV, through their own aliases or one that is said; again: unchanged."""
    dry = run("models", "import", CATALOGUE, "--dry-run", "-p", project, "--json").json
    assert (dry["added"], rows(run, project)) == (24, {})
    assert run("models", "import", CATALOGUE, "-p", project, "--json").json["added"] == 24
    assert run("models", "import", CATALOGUE, "-p", project, "--json").json["unchanged"] == 24
    assert rows(run, project)["deepseek_r1_f"]["provider"] == "deepseek"
    assert run("models", "import", CATALOGUE, "--provider", "router", "-p", project, "--json").json["changed"] == 24
    assert {row["provider"] for row in rows(run, project).values()} == {"router"}


def test_yaml_models(run: Run, project: Path, tmp_path: Path) -> None:
    """An entry each, with typed parameters and prices."""
    file = tmp_path / "models.yaml"
    file.write_text(
        "models:\n  w:\n    provider: router\n    name: x/y\n    parameters: {temperature: 0.5, stop: [a]}\n"
        "    price_in: 1\n  j: {provider: offline, model: offline-1}\n",
        encoding="utf-8",
    )
    assert run("models", "import", file, "-p", project, "--json").json["added"] == 2
    row = rows(run, project)["w"]
    assert (row["name"], row["parameters"], row["price_in"]) == ("x/y", {"temperature": 0.5, "stop": ["a"]}, 1.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "no models"),
        ("w: 3", "m.yaml:1"),
        ("w:\n  provider: p", "m.yaml:1"),
        ("w:\n  provider: p\n  name: n\n  temprature: 1", "m.yaml:4"),
        ("w:\n  provider: p\n  name: n\n  price_in: -1", "m.yaml:4"),
        ("w:\n  provider: p\n  name: n\n  parameters: {base_url: x}", "base_url"),
        ("a b:\n  provider: p\n  name: n", "a b"),
        ("w: [", "m.yaml:1"),
        ("ok: {provider: p, name: n}\na|b: {provider: p, name: n}", "m.yaml:2: A name must be"),
        ("ok: {provider: p, name: n}\nw: {provider: 'http://x', name: n}", "m.yaml:2: "),
        ("w:\n  provider: p\n  name: n\n  parameters: {api_key: x}", "m.yaml:1: "),
        ("w: {provider: p, name: n, parameters: {top_p: 1.0e+999}}", "m.yaml:1: "),
        ("w: {provider: p, name: n}\nW: {provider: p, name: m}", "m.yaml:2: "),
        ("w: {provider: p, name: n}\nv: 'x\x01'", "m.yaml:2: "),
    ],
)
def test_bad_model_files_are_named_by_line(text: str, says: str, run: Run, project: Path, tmp_path: Path) -> None:
    """Exit 2, file and line, nothing stored."""
    file = tmp_path / "m.yaml"
    file.write_text(text, encoding="utf-8")
    ran = run("models", "import", file, "-p", project)
    assert (ran.code, ran.out) == (2, "") and says in ran.err
    assert rows(run, project) == {}


HEADER = "id,model,provider,parameters,price_in\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("a,b\n1,2\n", 1),
        ("id,id,model,provider\n", 1),
        (HEADER + "ok,m,p,,\na,b\n", 3),
        (HEADER + ",m,p,,\n", 2),
        (HEADER + "a|b,m,p,,\n", 2),
        (HEADER + "a b,m,p,,\n", 2),
        (HEADER + "a" * 200 + ",m,p,,\n", 2),
        (HEADER + "a,m,p,,\na,m,p,,\n", 3),
        (HEADER + "a,m,p,,\nA,m,p,,\n", 3),
        (HEADER + "ok,m,p,,\na,m,p,{x,\n", 3),
        (HEADER + 'a,m,p,"[1]",\n', 2),
        (HEADER + "a,m,p,,x\n", 2),
        (HEADER + "a,m,p,,nan\n", 2),
        (HEADER + 'a,"m,p,,\n', 2),
        (HEADER + "a,m,http://x,,\n", 2),
        (HEADER + 'ok,m,p,,\na,m,p,"{""api_key"": ""x""}",\n', 3),
        (HEADER + 'a,m,p,"{""top_p"": 1e999}",\n', 2),
        (HEADER + "a,m\udcff,p,,\n", 2),
    ],
)
def test_bad_catalogues_are_named_by_line(text: str, line: int, run: Run, project: Path, tmp_path: Path) -> None:
    """Exit 2 with the line of each fault, and nothing stored."""
    file = tmp_path / "m.csv"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    ran = run("models", "import", file, "-p", project)
    assert (ran.code, ran.out) == (2, "") and f"m.csv:{line}: " in ran.err
    assert rows(run, project) == {}


def test_every_bad_model_of_a_file_is_said(run: Run, project: Path, tmp_path: Path) -> None:
    """Two bad names are two lines; --provider stands for an address that a catalogue names."""
    file = tmp_path / "m.csv"
    file.write_text(HEADER + "a|b,m,p,,\nfine,m,p,,\nc d,m,p,,\n", encoding="utf-8")
    ran = run("models", "import", file, "-p", project)
    assert ran.code == 2 and "m.csv:2: " in ran.err and "m.csv:4: " in ran.err
    file.write_text(HEADER + "a,m,http://x,,\n", encoding="utf-8")
    assert run("models", "import", file, "--provider", "router", "-p", project).code == 0
