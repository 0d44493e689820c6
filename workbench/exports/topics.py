"""A topic model as a file in DeepFabric's form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workbench.catalogue.topics import load_topics
from workbench.errors import UnknownName
from workbench.exports.files import new_file, refuse_output
from workbench.store import Database
from workbench.topics import TopicModel, failure_lines, topic_lines


def export_topics(
    db: Database, name: str | None, out: Path | str, *, with_failures: bool = True, force: bool = False
) -> dict[str, object]:
    """Write a tree as JSON Lines, a graph as JSON; reading that gives the same topics.

    Failed generations stand in a tree's file, or in `<stem>_failed.jsonl` beside a graph's. Gives {"rows", "path"}:
    rows of a tree, nodes of a graph. None names the only model. Raises UnknownName, OutputExists without `force`.
    """
    model = load_topics(db, _only(db) if name is None else name)
    if not with_failures:
        model = replace(model, failures=[])
    return {"rows": _write(model, Path(out), force), "path": str(out)}


def _only(db: Database) -> str:
    names = [str(name) for (name,) in db.execute("select name from topic_models order by 1 limit 13")]
    if len(names) != 1:
        mend = f"name one: {', '.join(names[:12])}" if names else "read one with `workbench topics import`"
        raise UnknownName("several topic models" if names else "no topic models", mend=mend)
    return names[0]


def _write(model: TopicModel, out: Path, force: bool) -> int:
    sidecar = out.with_name(f"{out.stem}_failed.jsonl") if model.kind == "graph" and model.failures else None
    if sidecar:
        refuse_output(sidecar, force=force)
    count = 0
    with new_file(out, force=force) as file:
        for line in topic_lines(model):
            file.write(line)
            count += 1
    if sidecar:
        with new_file(sidecar, force=force) as file:
            file.writelines(failure_lines(model))
    return len(model.nodes) if model.kind == "graph" else count
