"""`workbench pack`, `recover` and `import-data`: the project file as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--no-raw", is_flag=True, help="Leave out the bodies of calls as they came.")
@click.option("--no-prompts", is_flag=True, help="Leave out prompt texts; their hashes stay.")
@project_option
@json_option
def pack(out: Path, no_raw: bool, no_prompts: bool, project: Path, form: Form) -> None:
    """Write a clean copy of the project to share.

    \b
    Example:
      workbench pack share.db --no-raw
    """
    from workbench.pack import pack as write_copy
    from workbench.store import open_project

    with open_project(project) as db:
        write_copy(db, out, raw=not no_raw, prompts=not no_prompts)
    document({"path": str(out), "bytes": out.stat().st_size}, form)


@click.command()
@project_option
@json_option
def recover(project: Path, form: Form) -> int:
    """Deal with what a killed process left behind.

    Brings the file to rest; calls without an answer become unknown. Exits 1 when the file is not sound, or not at
    rest because another process has it open.

    \b
    Example:
      workbench recover -p stories.db
    """
    from dataclasses import asdict

    from workbench.rescue import recover as settle

    found = asdict(settle(project))
    document(found, form, lambda: _settled(found))
    return 0 if found["sound"] and found["at_rest"] else 1


def _settled(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"settled  {found['claims']} claims, {found['calls_unknown']} calls, {found['runs_lost']} runs"
    yield "at rest  " + ("yes" if found["at_rest"] else f"no: {', '.join(found['remaining'])}; another process has it")
    yield "sound    " + ("yes" if found["sound"] else "no: restore a snapshot, or try `workbench import-data`")
    if found["leftovers"]:
        yield f"beside   unfinished files that nobody may need: {', '.join(found['leftovers'])}"
