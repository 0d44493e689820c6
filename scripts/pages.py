"""The reference pages in docs/, made from the live command tree and from the schema's own prose."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from workbench.cli.registry import SECTIONS  # noqa: E402

MADE = "<!-- Made by scripts/docs; do not edit. -->\n"


def cli_page() -> str:
    """Give the command line's reference: every command by section, as its --help says it."""
    parts = ["# Commands\n", MADE, "Every command has `--help`. A noun without a verb lists.\n"]
    for section, entries in SECTIONS.items():
        parts.append(f"## {section}\n")
        for name, entry in entries.items():
            parts.extend(_command(entry.load(), f"workbench {name}", 3))
    return "\n".join(parts)


def _command(command: click.Command, path: str, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    prose, _, example = cleandoc(command.help or "").partition("\b\nExample:\n")
    yield f"{'#' * level} {path}\n"
    yield f"`{path} {' '.join(command.collect_usage_pieces(context))}`\n"
    yield f"{prose.strip()}\n"
    yield f"```sh\n{_dedented(example)}\n```\n"
    if options := [_option(p) for p in command.params if isinstance(p, click.Option) and not p.hidden]:
        yield "\n".join(options) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            if verb:
                yield from _command(verb, f"{path} {name}", level + 1)


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("  ") for line in text.rstrip().splitlines())


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    choices = f" ({', '.join(map(str, option.type.choices))})" if isinstance(option.type, click.Choice) else ""
    default = f" Default: {option.default}." if option.show_default else ""
    return f"- {names}{choices}: {option.help}{default}"


def statements(sql: str) -> Iterator[tuple[str, str]]:
    """Part a schema page into (prose above, statement); the first prose is the page's own."""
    prose: list[str] = []
    body: list[str] = []
    for line in sql.splitlines():
        if not body and line.startswith("--"):
            prose.append(line[2:].removeprefix(" "))
        elif not body and not line.strip():
            if prose:
                yield "\n".join(prose), ""
            prose = []
        else:
            body.append(line)
            if re.search(r";\s*(--.*)?$", line):
                yield "\n".join(prose), "\n".join(body)
                prose, body = [], []


def schema_page() -> str:
    """Give the file's reference: tables and views with the prose that stands above them."""
    parts = ["# The file\n", MADE]
    for name, title in (("schema.sql", "Tables"), ("views.sql", "Views")):
        parts.append(f"## {title}\n")
        for prose, body in statements((ROOT / "schema" / name).read_text(encoding="utf-8")):
            made = re.match(r"create (?:virtual )?(?:table|view) (\w+)", body)
            parts.append(f"### {made[1]}\n" if made else "")
            parts.append(f"{prose}\n" if prose else "")
            parts.append(f"```sql\n{body}\n```\n" if body else "")
    return "\n".join(part for part in parts if part)


def pages() -> dict[str, str]:
    """Give every page by its path in the repository."""
    return {"docs/cli.md": cli_page(), "docs/schema.md": schema_page()}


def stale() -> list[str]:
    """Name the pages that are not what they should be."""
    return [name for name, text in pages().items() if not _same(ROOT / name, text)]


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write() -> None:
    """Write every page."""
    for name, text in pages().items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        old = stale()
        sys.exit(f"out of date: {', '.join(old)}; run scripts/docs" if old else 0)
    write()
