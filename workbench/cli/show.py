"""`workbench show` and `workbench lineage`: one generation and its family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from workbench.cli.complete import names
from workbench.cli.options import json_option, project_option
from workbench.cli.output import Form, Row, document, facts, heading, line, table

TEXTS = ("system", "prompt", "raw", "parsed")
TABLES = ("children", "scores", "calls")


@click.command()
@click.argument("gen_id", metavar="ID", shell_complete=names("generations"))
@project_option
@json_option
def show(gen_id: str, project: Path, form: Form) -> None:
    """Show one generation with its texts, scores and calls.

    The ID may be in any case, and one from before a migration.

    \b
    Example:
      workbench show d_2j5v0q3k8x1mzr4t
    """
    from workbench import lineage
    from workbench.store import open_project

    with open_project(project) as db:
        found = lineage.show(db, gen_id)
    if form.kind == "json":
        document(found, form)
    else:
        _print(found)


def _print(found: Row) -> None:
    for text in facts(dict(_head(found))):
        line(text)
    for name in TEXTS:
        same = name == "parsed" and found["parsed"] == found["raw"]
        if found[name] and not same:
            line("")
            heading(name)
            line(found[name])
    for name in TABLES:
        if found[name]:
            line("")
            heading(name)
            table(found[name], Form())


def _head(found: Row) -> Iterator[tuple[str, object]]:
    for key in ("gen_id", "stage", "status", "outcome", "detail"):
        yield key, found[key]
    yield from found["signature"].items()
    about = found["about"]
    yield "topic", " › ".join(about.get("topic_path", ()))
    yield "concepts", ", ".join(concept["name"] for concept in about.get("concepts", ()))
    yield "parents", ", ".join(parent["gen_id"] for parent in found["parents"])
    for key in ("aliases", "cohorts", "changed"):
        yield key, ", ".join(found[key])
    if len(found["answers"]) > 1:
        yield "answers", f"{len(found['answers'])}, this is revision {found['revision']}"
    for key in ("finish_reason", "tokens_in", "tokens_out", "created"):
        yield key, found[key]
    yield from ((flag, "yes" if found[flag] else None) for flag in ("synthetic", "legacy", "truncated", "lossy"))


@click.command()
@click.argument("gen_id", metavar="ID", shell_complete=names("generations"))
@project_option
@json_option
def lineage(gen_id: str, project: Path, form: Form) -> None:
    """Show the family of one generation, from its combo down.

    \b
    Example:
      workbench lineage e_5k0w9d2m7c1qax3p
    """
    from workbench import lineage as families
    from workbench.store import open_project

    with open_project(project) as db:
        found = families.family(db, gen_id)
    document(found, form, lambda: _tree(found))


def _tree(found: Row) -> Iterator[str]:
    about = found["about"]
    yield (
        " › ".join(about.get("topic_path", ()))
        or ", ".join(concept["name"] for concept in about.get("concepts", ()))
        or about.get("combo_id")
        or "(no combo)"
    )
    members: Sequence[Row] = found["members"]
    known = {row["gen_id"] for row in members}
    roots = [row for row in members if row["parent_gen_id"] not in known]
    for root in roots:
        yield from _branch(root, members, found["gen_id"], 1)


def _branch(row: Row, members: Sequence[Row], itself: str, depth: int) -> Iterator[str]:
    parts = [row["gen_id"], row["template_id"], row["llm_model_id"], f"replicate {row['replicate']}", row["status"]]
    score = "" if row["score"] is None else f", score {row['score']:g}"
    mark = "→" if row["gen_id"] == itself else " "
    yield f"{mark}{'  ' * depth}{', '.join(str(part) for part in parts if part)}{score}"
    for child in members:
        if child["parent_gen_id"] == row["gen_id"]:
            yield from _branch(child, members, itself, depth + 1)
