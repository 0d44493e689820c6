"""What the pages in docs/ name is there: commands with their options, scripts, modules, and other pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from conftest import ROOT

from workbench.cli import main

MADE = {"cli.md", "schema.md"}  # by scripts/docs, from the commands and the schema themselves
PAGES = [*(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in MADE), ROOT / "README.md"]


def commands(text: str) -> Iterator[list[str]]:
    """Give the command lines of a page as words, without `workbench`, comments and what they are piped into."""
    shown = re.findall(r"(?m)^(?:\$ )?workbench ([^`\n]*)", text)
    for line in shown + re.findall(r"`workbench ([^`]*)`", text.replace("\n", " ")):
        yield shlex.split(re.split(r" #|[|;>]", line)[0].rstrip("\\ "))


def unknown(words: list[str]) -> list[str]:
    """Give the words of a command line that name no command, and the options that its command has not."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return words[:1]
        command, words = found, words[1:]
    if isinstance(command, click.Group):
        command = command.get_command(click.Context(command), "list") or command
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"-h", "--help"}
    said = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [word for word in said if word not in options]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    """A reader can type what a page shows."""
    found = list(commands(page.read_text(encoding="utf-8")))
    assert {" ".join(words): unknown(words) for words in found if unknown(words)} == {}


def test_a_command_that_is_none_would_be_found() -> None:
    """The rule itself: nouns without a verb list, so that their options are those of `list`."""
    assert [unknown(words.split()) for words in ("status --jsn", "topics grow x", "models --csv", "merge a.db")] == [
        *(["--jsn"], ["grow"], [], [])
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_scripts_and_modules_exist(page: Path) -> None:
    """Every other page, script and name to import that a page points at is there."""
    text = page.read_text(encoding="utf-8")
    paths = [link.partition("#")[0] for link in re.findall(r"\]\(([^):]+)\)", text)]
    assert [path for path in paths if path and not (page.parent / path).exists()] == []
    assert [name for name in re.findall(r"scripts/([\w.]*\w)", text) if not (ROOT / "scripts" / name).exists()] == []
    for module, names in re.findall(r"from (workbench[\w.]*) import ([\w, ]+)", text):
        assert [name for name in names.split(", ") if not hasattr(import_module(module), name)] == []
