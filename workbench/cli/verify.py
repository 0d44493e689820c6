"""`workbench verify` and `workbench digest`: is everything there, and is it the same?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, document, many


@click.command()
@click.option("--full", is_flag=True, help="Recompute every ID and hash too, and check the file itself.")
@project_option
@json_option
def verify(full: bool, project: Path, form: Form) -> int:
    """Check every rule that a project must keep.

    Exits 1 when one does not hold, and says which rows break it.

    \b
    Example:
      workbench verify --full --json
    """
    from dataclasses import asdict

    from workbench.store import open_project
    from workbench.verify import verify as check_all

    with open_project(project) as db:
        checks = [asdict(check) for check in check_all(db, full=full)]
    ok = all(check["ok"] for check in checks)
    document({"ok": ok, "checks": checks}, form, lambda: _lines(checks, ok))
    return 0 if ok else 1


def _lines(checks: Sequence[Mapping[str, Any]], ok: bool) -> Iterator[str]:
    for check in checks:
        yield f"{'ok    ' if check['ok'] else 'BROKEN'}  {check['name']}{_apart(check)}"
        if not check["ok"]:
            yield f"        {many(check['broken'], 'row')}: {_some(check['examples'])}"
    yield "every rule holds" if ok else "some rules do not hold"


def _apart(check: Mapping[str, Any]) -> str:
    return f" ({many(check['apart'], 'legacy or blocked row')} apart)" if check["apart"] else ""


def _some(examples: Iterable[object]) -> str:
    return ", ".join(str(one) for one in examples)


@click.command()
@click.option("--without-ids", is_flag=True, help="Leave public IDs out: a migration of IDs keeps this one.")
@project_option
@json_option
def digest(without_ids: bool, project: Path, form: Form) -> None:
    """Print one hash over all facts of the project.

    Equal digests mean equal content, whatever the order of work, timestamps and page layout.

    \b
    Example:
      workbench digest
    """
    from workbench.store import open_project
    from workbench.verify import digest as digest_of

    with open_project(project) as db:
        found = digest_of(db, without_ids=without_ids)
    document({"digest": found}, form, lambda: [found])
