"""The two kinds of command group: the root, which imports commands when they are used, and nouns, which list."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from workbench import __version__
from workbench.cli.failures import code_after
from workbench.cli.registry import COMMANDS, SECTIONS

SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "auto_envvar_prefix": "WORKBENCH",
    "max_content_width": 110,
}


class Root(click.Group):
    """`workbench` itself: loads a command's file only when that command is asked for."""

    def __init__(self, name: str, help: str) -> None:
        """Set up with no commands of its own; `registry` knows them."""
        version = click.version_option(__version__, prog_name="workbench")
        super().__init__(name, help=help, context_settings=SETTINGS)
        version(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give all command names, in the order of the registry."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, or give None when there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, from the registry alone."""
        width = max(map(len, COMMANDS))
        for section, entries in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete command names without importing the commands."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        named = [(name, entry) for name, entry in COMMANDS.items() if name.startswith(incomplete)]
        return [CompletionItem(name, help=entry.help) for name, entry in named]

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run one command line and leave with its exit code; errors become one line on stderr."""
        extra["standalone_mode"] = False
        run = super().main
        sys.exit(code_after(lambda: run(args, prog_name or "workbench", **extra)))


class Noun(click.Group):
    """A noun with verbs below it; without a verb it lists, with the options of `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a missing verb as `list`."""
        first = args[0] if args else "--"
        if first.startswith("-") and first not in ctx.help_option_names and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)
