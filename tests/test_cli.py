"""The frame of the command line: registry, help, options, exit codes, errors."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from conftest import ROOT

from workbench.cli import failures, main
from workbench.cli.frame import Noun
from workbench.cli.options import concurrency_option, confirmed
from workbench.cli.registry import COMMANDS
from workbench.errors import BadRow, Conflict, Problems, Refused, UnknownName


def walk(command: click.Command, path: tuple[str, ...] = ()):
    """Give every command below one, with its path."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*path, name))


ALL = dict(walk(main))


def examples_of(command: click.Command) -> list[list[str]]:
    """Give the command lines of a command's worked example, as words."""
    _, _, text = (command.help or "").partition("Example:\n")
    lines = [line.strip() for line in text.split("\n\n")[0].splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("workbench ")]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_a_worked_example_and_help_for_every_option(path, run):
    """`--help` works everywhere, shows an example that begins with the command, and explains each option."""
    command = ALL[path]
    shown = run(*path, "--help")
    assert shown.code == 0 and "Example:" in shown.out
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [p.name for p in options if not p.help] == []
    assert (
        any(words[1 : 1 + len(path)] == list(path) or path[:1] == tuple(words[1:2]) for words in examples_of(command))
        or not path
    )


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_of_an_example_exists(path):
    """Examples name only commands and options that there are."""
    for words in examples_of(ALL[path]):
        place, rest = main, words[1:]
        while isinstance(place, click.Group) and rest and not rest[0].startswith("-"):
            place = place.get_command(click.Context(place), rest[0])
            assert place is not None, words
            rest = rest[1:]
        if isinstance(place, Noun):
            place = place.get_command(click.Context(place), "list")
        known = {name for p in place.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
        assert [w for w in rest if re.match(r"--?[a-zA-Z]", w) and w.split("=")[0] not in known] == [], words


def test_the_registry_says_what_each_command_says_of_itself():
    """The short help that needs no import is the first line of the command's own help, or its beginning."""
    for name, entry in COMMANDS.items():
        assert entry.load().help.strip().startswith(entry.help.rstrip(".")), name


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], ("sqlite_utils", "rich", "jinja2", "httpx", "aiohttp", "datasette", "pydantic", "yaml")),
        (["status"], ("rich", "jinja2", "httpx", "aiohttp", "datasette", "pydantic", "jsonschema")),
    ],
)
def test_help_and_status_import_little(words, heavy, project):
    """What makes a start slow is not imported; scripts/bench_start measures the seconds."""
    code = "import sys; from workbench.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    code += "print('IMPORTED', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *words, *(["-p", str(project)] if words != ["--help"] else [])],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = done.stdout.rpartition("IMPORTED")[2].split()
    assert not set(heavy) & set(imported)


def test_help_imports_nothing_heavy():
    """The root's help loads click and the registry, no command and no store."""
    code = "import sys\nfrom workbench.cli import main\ntry:\n  main(['--help'])\nexcept SystemExit: pass\n"
    code += (
        "print([m for m in sys.modules if m.split('.')[0] in ('sqlite3', 'sqlite_utils', 'httpx', 'pydantic', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_commands_do_not_import_heavy_things_at_the_top():
    """Loading every command's file loads neither the store nor any of the big libraries."""
    code = (
        "import sys\nfrom workbench.cli.registry import COMMANDS\nfor e in COMMANDS.values(): e.load()\n"
        "print([m for m in ('sqlite3', 'sqlite_utils', 'httpx', 'aiohttp', 'pydantic', 'rich', 'jinja2', 'yaml', "
        "'datasette', 'workbench.store') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version(run):
    """`--version` prints name and version."""
    from workbench import __version__

    assert run("--version").out == f"workbench, version {__version__}\n"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nonsense",), 2, "nonsense"),
        (("status", "--nonsense"), 2, "nonsense"),
        (("query",), 2, "give SQL"),
        (("query", "select 1", "--limit", "x"), 2, "--limit"),
        (("status", "-p", "nowhere.db"), 2, "no project at nowhere.db"),
        (("alerts", "ack", "x"), 2, "integer"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(words, code, says, run):
    """Bad usage never shows a traceback: one line with what is wrong, and exit 2."""
    ran = run(*words)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("Error: ") and says in ran.err and len(ran.err.splitlines()) == 1


def test_a_foreign_file_is_refused_with_exit_3(run, tmp_path):
    """A file that is no project is refused, in one line."""
    other = tmp_path / "other.db"
    other.write_bytes(b"SQLite format 3\0" + bytes(200))
    ran = run("status", "-p", other)
    assert ran.code == 3 and "not a workbench project" in ran.err and len(ran.err.splitlines()) == 1


def ended(call) -> tuple[int, str]:
    """Give the exit code of a call, and what stands on stderr."""
    return failures.code_after(call)


def _raiser(error: BaseException):
    def call() -> None:
        raise error

    return call


def test_problems_are_listed_one_line_each(capsys):
    """Several errors of one input: one line each, and the gravest exit code."""
    errors = [BadRow("two cells", where="a.csv:3"), Conflict("taken\nalready\x1b[2J")]
    assert failures.code_after(_raiser(Problems(errors))) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Error: a.csv:3: ") and lines[1].endswith("taken already\\x1b[2J")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (UnknownName("x"), 2),
        (Refused("x"), 3),
        (click.UsageError("x"), 2),
        (KeyError("x"), 1),
        (FileNotFoundError(2, "No such file", "a.txt"), 1),
        (RecursionError(), 1),
    ],
)
def test_exit_codes(error, code, capsys):
    """Each kind of error has its exit code and one line."""
    assert failures.code_after(_raiser(error)) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_unexpected_shows_its_traceback_only_when_asked(capsys, monkeypatch):
    """WORKBENCH_DEBUG=1 shows where it happened; else one line asks for a report."""
    failures.code_after(_raiser(KeyError("x")))
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("WORKBENCH_DEBUG", "1")
    failures.code_after(_raiser(KeyError("x")))
    assert "Traceback" in capsys.readouterr().err


def test_a_command_may_return_its_exit_code():
    """A whole number is the exit code; everything else is success."""
    assert [failures.code_after(lambda value=value: value) for value in (None, 1, True, "x")] == [0, 1, 0, 0]


MANY_ROWS = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) select i from n"


def read_a_line(*words: object, stderr: int = subprocess.PIPE) -> tuple[int, str, str]:
    """Run a command whose reader leaves after one line, as `head -1` does: its exit code, the line, and stderr."""
    command = [sys.executable, "-m", "workbench", *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        first = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read() if process.stderr else ""
    return process.returncode, first, said


@pytest.mark.parametrize(("form", "first"), [("--csv", "i\n"), ("--json", "[\n")])
def test_a_reader_that_leaves_is_no_error(project, form, first):
    """`workbench … | head -1` is quiet, and exits 0."""
    assert read_a_line("query", MANY_ROWS, "--limit", 0, form, "-p", project) == (0, first, "")


def test_work_goes_on_when_nobody_reads_about_it(project, run):
    """`workbench generate … 2>&1 | head -1`: the run ends as it would have."""
    code, first, _ = read_a_line("generate", *order_in(project, 40), stderr=subprocess.STDOUT)
    assert (code, first.partition(":")[0]) == (0, "40 of 40 to do")
    assert run("runs", "-p", project, "--json").json[0]["status"] == "done"


def order_in(project: Path, count: int) -> list[str]:
    """Put the offline model and a template into a project, and give the words of an order."""
    from workbench.catalogue.starters import install_starters
    from workbench.store import open_project

    with open_project(project, write=True) as db:
        install_starters(db)
    return ["-n", str(count), "--template", "short-essay", "--model", "offline", "-p", str(project)]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "2>&- >&-"])
def test_a_service_may_close_what_nobody_reads(project, closed):
    """Without stdout or stderr a command works all the same."""
    for words in (["generate", *order_in(project, 1)], ["status", "-p", str(project)]):
        line = f"{shlex.join([sys.executable, '-m', 'workbench', *words])} {closed}"
        done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "") or (done.returncode == 0 and closed == ">&-")


def test_stages_are_those_of_the_record():
    """The command line names them without importing what hashes."""
    from workbench import ids
    from workbench.cli import options

    assert options.STAGES == ids.STAGES


def test_a_bare_noun_lists(run, family):
    """`alerts --json` is `alerts list --json`."""
    assert run("alerts", "-p", family, "--json").json == run("alerts", "list", "-p", family, "--json").json


def test_the_project_may_come_from_the_environment_and_from_the_folder(shell, family):
    """-p, then $WORKBENCH_PROJECT, then the one project of the folder."""
    named = shell("status", "--json", cwd=ROOT, env={"WORKBENCH_PROJECT": str(family)})
    here = shell("status", "--json", cwd=family.parent)
    assert named.json["project"] == str(family) and here.json["project"] == family.name


def test_several_projects_in_a_folder_are_named(shell, family, tmp_path):
    """Without project.db among them none is guessed; at most a dozen are said."""
    family.rename(tmp_path / "one.db")
    for n in range(13):
        shutil.copy(tmp_path / "one.db", tmp_path / f"other{n:02}.db")
    ran = shell("status")
    assert (ran.code, ran.out) == (2, "") and "nothing of this name" not in ran.err
    assert "no project was named, and there are 14 here: one.db, other00.db" in ran.err
    assert "other10.db, …; say which with -p FILE" in ran.err and "other11" not in ran.err
    assert shell("status", "-p", "one.db").code == 0


def test_options_may_come_from_the_environment(run, family):
    """WORKBENCH_<COMMAND>_<OPTION> stands for an option."""
    assert (
        len(run("query", "select 1 union select 2", "-p", family, "--json", env={"WORKBENCH_QUERY_LIMIT": "1"}).json)
        == 1
    )


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ([], None),
        (["--concurrency", "4"], 4),
        (["--batch-size", "4"], 4),
        (["--batch-size", "4", "--concurrency", "4"], 4),
        (["--concurrency", "8", "--batch-size", "4"], click.UsageError),
    ],
)
def test_batch_size_is_another_name_of_concurrency(words, outcome):
    """Both with different values is an error."""
    seen = []
    command = click.command()(concurrency_option(lambda concurrency: seen.append(concurrency)))
    if outcome is click.UsageError:
        with pytest.raises(click.UsageError):
            command.main(words, standalone_mode=False)
    else:
        command.main(words, standalone_mode=False)
        assert seen == [outcome]


def test_nothing_destructive_happens_without_somebody_to_ask():
    """Without --yes and without a terminal: refused."""
    confirmed("sure?", yes=True)
    with pytest.raises(Refused, match="--yes"):
        confirmed("sure?", yes=False)


@pytest.mark.parametrize(
    ("words", "number", "expected"),
    [
        ("workbench sta", 1, "status"),
        ("workbench scores --cohort s", 3, "spring"),
        ("workbench generate --cohort s", 3, "spring"),
        ("workbench generate --template st", 3, "story"),
        ("workbench generate --model off", 3, "offline-a"),
        ("workbench show v_", 2, "v_"),
        ("workbench query --named ov", 3, None),
        ("workbench query --named orp", 3, "orphans"),
        ("workbench alerts a", 2, "ack"),
    ],
)
def test_the_shell_completes_commands_names_and_ids(words, number, expected, shell, family):
    """Names and IDs come from the project."""
    env = {"_WORKBENCH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    done = subprocess.run(
        [sys.executable, "-c", "from workbench.cli import main; main(prog_name='workbench')"],
        env={**__import__("os").environ, "PYTHONPATH": str(ROOT), "WORKBENCH_PROJECT": str(family), **env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line.partition(",")[2] for line in done.stdout.split()]
    assert any(name.startswith(expected) for name in found) if expected else found == []


def test_completion_of_a_project_that_is_none_is_quiet(tmp_path: Path):
    """Completion never prints an error."""
    from workbench.cli.complete import names

    command = click.Command("x", params=[click.Option(["--project"])])
    context = click.Context(command)
    context.params["project"] = tmp_path / "none.db"
    assert names("cohorts")(context, command.params[0], "") == []


def test_no_word_at_all_shows_the_whole_help_and_is_bad_usage(run):
    """Whoever types `workbench` alone reads what there is; a script that lost its words does not go on."""
    ran = run()
    assert ran.code == 2 and ran.out == run("--help").out and ran.err == ""


@pytest.mark.parametrize("group", [path for path in ALL if isinstance(ALL[path], click.Group) and path])
def test_a_noun_alone_lists_or_says_what_there_is(group, run, project):
    """A list where the noun has one, else one line with every verb; never a page of help as an error."""
    ran = run(*group, *(("-p", project) if isinstance(ALL[group], Noun) else ()))
    if isinstance(ALL[group], Noun):
        assert ran.code == 0
    else:
        assert ran.code == 2 and ran.err.startswith("Error: name one of ") and ran.err.count("\n") == 1
        assert f"; see `{' '.join(('workbench', *group))} --help`" in ran.err


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("topic",), "(did you mean topics?)"),
        (("migrate", "rolback"), "(did you mean rollback?)"),
        (("rename", "tmplate"), "(did you mean template?)"),
        (("export", "huggingfase"), "(did you mean huggingface?)"),
        (("qqqqq",), "'qqqqq'; see"),
    ],
)
def test_a_mistyped_command_is_told_the_nearest(words, near, run):
    """One line, exit 2."""
    ran = run(*words)
    assert ran.code == 2 and near in ran.err and ran.err.count("\n") == 1


@pytest.mark.parametrize("width", [60, 80])
def test_verbs_are_told_once_and_in_whole_sentences(width, run):
    """Nothing is cut in a group's help, and `list` under its other name is not told again."""
    for path, group in ALL.items():
        if isinstance(group, click.Group) and path:
            out = run(*path, "--help", env={"COLUMNS": str(width)}).out
            assert "..." not in out.partition("Commands:")[2], path
    verbs = [line.split()[0] for line in out_of(run, "migrate")]
    assert verbs == ["apply", "log", "map", "plan", "rollback", "show"]


def out_of(run, noun):
    """Give the lines that begin a verb in a noun's help."""
    return [line for line in run(noun, "--help").out.partition("Commands:\n")[2].splitlines() if line[2:3] != " "]
