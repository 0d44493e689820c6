"""The kinds of command group: with verbs, with nouns that list, and the root, which imports what is used."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from workbench import __version__
from workbench.cli.failures import code_after, noting_readers
from workbench.cli.registry import COMMANDS, SECTIONS

SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "auto_envvar_prefix": "WORKBENCH",
    "max_content_width": 110,
}


class Verbs(click.Group):
    """A group that says what there is: every verb in a whole sentence, the nearest one to a word that is none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a command line; without a verb, say in one line which there are."""
        if not args and not ctx.resilient_parsing:
            ctx.fail(f"name one of {', '.join(self._verbs(ctx))}")
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is told with those that look like it."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = nearest(args[0], self.list_commands(ctx))
            verbs = f" (there are {', '.join(self._verbs(ctx))})" if ctx.parent else ""
            ctx.fail(f"No such command {args[0]!r}{f' (did you mean {near}?)' if near else verbs}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each verb once, with the first sentence of its help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _sentence(command)) for name, command in self._verbs(ctx).items()])

    def _verbs(self, ctx: click.Context) -> dict[str, click.Command]:
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        kept = {name: one for name, one in found.items() if one is not None and not one.hidden}
        return {name: one for name, one in kept.items() if one.name == name or one.name not in kept}


def _sentence(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


def nearest(word: str, names: Iterable[str]) -> str:
    """Give the names that a mistyped word may have meant, as words; empty when none is like it."""
    from difflib import get_close_matches

    return " or ".join(get_close_matches(word, list(names), n=2))


class Root(Verbs):
    """`workbench` itself: loads a command's file only when that command is asked for."""

    def __init__(self, name: str, help: str) -> None:
        """Set up with no commands of its own; `registry` knows them."""
        version = click.version_option(__version__, prog_name="workbench")
        super().__init__(name, help=help, context_settings=SETTINGS)
        version(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a command line; without a word, show the whole help, and it is still bad usage."""
        with noting_readers():
            if not args and not ctx.resilient_parsing:
                click.echo(ctx.get_help())
                ctx.exit(2)
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with noting_readers():
            return super().invoke(ctx)

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


class Noun(Verbs):
    """A noun with verbs below it; without a verb it lists, with the options of `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a missing verb as `list`."""
        first = args[0] if args else "--"
        if first.startswith("-") and first not in ctx.help_option_names and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)
