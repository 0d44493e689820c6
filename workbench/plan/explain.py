"""Why a task is new, reused, blocked, failed or stale: field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from workbench.catalogue.models import model_at
from workbench.catalogue.templates import load_version
from workbench.errors import UnknownName
from workbench.plan.estimates import TYPICAL_PROMPT, answer_tokens, price_of
from workbench.store import Database
from workbench.store.json_columns import told_facts
from workbench.store.rows import Row, rows_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was when the text was made."""

    field: str
    was: object
    now: object


@dataclass(frozen=True, slots=True)
class Explanation:
    """A task's verdict: new, reused, stale, failed, blocked or waiting; why; and what making it anew would cost."""

    gen_id: str
    stage: str
    verdict: str
    why: str
    differences: tuple[Difference, ...]
    cost: float | None

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


_FACTS = (
    "select g.id, g.gen_id, g.stage, g.status, g.outcome, g.model_id, x.detail, x.tokens_in, x.tokens_out,"
    " t.version_id as template_now, x.template_version_id as template_was, x.model_version_id as model_was,"
    " p.content_id as parent_now, x.parent_content_id as parent_was, p.gen_id as parent, p.status as parent_status,"
    " o.name as origin from generations g left join templates t on t.id = g.template_id"
    " left join contents x on x.id = g.content_id left join generations p on p.id = g.parent_id"
    " left join cohorts o on o.id = g.origin_cohort_id"
)


def explain(db: Database, generation_id: int) -> Explanation:
    """Explain one generation, by its number inside the file."""
    (row,) = rows_of(db, f"{_FACTS} where g.id = ?", (generation_id,))
    return _explained(db, row)


def explain_cohort(db: Database, cohort_id: int) -> Iterator[Explanation]:
    """Explain each member of a cohort, in order."""
    members = "join cohort_members k on k.generation_id = g.id where k.cohort_id = ? order by k.place, k.id"
    for row in rows_of(db, f"{_FACTS} {members}", (cohort_id,)):
        yield _explained(db, row)


def _explained(db: Database, row: Row) -> Explanation:
    differences = tuple(_differences(db, row)) if row["template_was"] is not None else ()
    verdict, why = _in_batch(db, row["id"]) or _verdict(row, differences)
    return Explanation(row["gen_id"], row["stage"], verdict, why, differences, _cost(db, row))


_BATCHES = "select exists (select 1 from sqlite_master where name = 'batch_lines')"
_STANDS = (
    "select b.id, b.submitted from batch_lines l join batches b on b.id = l.batch_id"
    " where l.generation_id = ? and l.open = 1"
)


def _in_batch(db: Database, generation_id: int) -> tuple[str, str] | None:
    """Say that a task stands in an open batch, where nobody else may send it; None for all others."""
    (known,) = db.execute(_BATCHES).fetchone()  # a project of an older version, opened for looking, has none
    row = db.execute(_STANDS, (generation_id,)).fetchone() if known else None
    if row is None:
        return None
    sent = f", sent {row[1]}" if row[1] else ""
    return "waiting", f"it stands in batch {row[0]}{sent}; `workbench batches take` takes the answer when it is there"


def _verdict(row: Row, differences: tuple[Difference, ...]) -> tuple[str, str]:
    status, outcome, detail, origin = row["status"], row["outcome"], row["detail"], row["origin"]
    parent, parent_status = row["parent"], row["parent_status"]
    if status == "blocked":
        why = f"its parent {parent} is {parent_status}" if outcome == "parent_failed" else f"{outcome}"
        return "blocked", f"{why}; it goes on when that is mended"
    if status == "failed":
        return "failed", f"{outcome}{f': {detail}' if detail else ''}; `generate --retry-failed` sends it again"
    if status == "planned":
        waits = f"; it waits for {parent}, which is {parent_status}" if parent and parent_status != "done" else ""
        return "new", f"nothing was made for this signature yet{waits}"
    if differences:
        names = ", ".join(d.field for d in differences)
        return "stale", f"made with another {names}; `generate --force` makes it anew, the old text stays in history"
    return "reused", f"done{f', first by cohort {origin}' if origin else ''}; nothing has changed since"


def _differences(db: Database, row: Row) -> Iterator[Difference]:
    if row["template_now"] != row["template_was"]:
        was, now = (asdict(load_version(db, row[name])) for name in ("template_was", "template_now"))
        for key in ("text", "system", "mode", "parser", "minimum_lines", "scale", "schema"):
            if was[key] != now[key]:
                yield Difference(f"template {key}", *_shortened(was[key], now[key]))
    if row["model_was"] is not None and row["model_id"] is not None:
        yield from _model_differences(db, row["model_was"], model_at(db, row["model_id"])[1])
    if row["parent_was"] is not None and row["parent_now"] != row["parent_was"]:
        yield Difference("parent text", _hash(db, row["parent_was"]), _hash(db, row["parent_now"]))


def _shortened(was: object, now: object) -> tuple[object, object]:
    """Of two long texts give the first lines that differ."""
    if not (isinstance(was, str) and isinstance(now, str)):
        return was, now
    old, new = was.splitlines(), now.splitlines()
    at = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return f"line {at + 1}: {''.join(old[at : at + 1])[:200]}", f"line {at + 1}: {''.join(new[at : at + 1])[:200]}"


def _model_differences(db: Database, was_id: int, now_id: int) -> Iterator[Difference]:
    if was_id == now_id:
        return
    was, now = (_settings(db, number) for number in (was_id, now_id))
    for key in sorted({*was, *now}):
        if was.get(key) != now.get(key):
            yield Difference(f"model {key}", was.get(key), now.get(key))


def _settings(db: Database, version_id: int) -> dict[str, object]:
    provider, name, parameters = db.execute(
        "select provider, name, parameters from model_versions where id = ?", (version_id,)
    ).fetchone()
    return {"provider": provider, "name": name, **told_facts(parameters)}


def _hash(db: Database, content_id: int | None) -> str | None:
    row = db.execute("select coalesce(parsed_hash, raw_hash) from contents where id = ?", (content_id,)).fetchone()
    return None if row is None else row[0]


def _cost(db: Database, row: Row) -> float | None:
    if row["model_id"] is None:
        return None
    try:
        model, _ = model_at(db, row["model_id"])
    except UnknownName:  # it has no settings yet, and so no price
        return None
    return price_of(model, row["tokens_in"] or TYPICAL_PROMPT, row["tokens_out"] or answer_tokens(model))
