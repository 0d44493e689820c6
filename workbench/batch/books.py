"""The books of batches: a row for each file of calls, a line for each call in it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

from workbench.clock import now
from workbench.record.selection import Selection
from workbench.store import Database, insert

OPEN: Final = "state not in ('ended', 'given up')"
PAGE: Final = 500  # lines read at a time while they are sent


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as the record has it."""

    id: int
    uuid: str
    run_id: int
    provider: str
    model: str
    state: str
    requests: int
    bytes: int
    file_id: str | None
    remote_id: str | None
    status: str | None

    @property
    def file_name(self) -> str:
        """The name of its file over there, by which it is found again."""
        return f"workbench-{self.uuid}.jsonl"


@dataclass(frozen=True, slots=True)
class Line:
    """One call of a batch: whose it is, and what it was made from."""

    batch_id: int
    generation_id: int
    custom_id: str
    prompt_hash: str
    template_version_id: int
    model_version_id: int | None
    parent_content_id: int | None
    call_id: int | None = None
    open: int = 1


_BATCH: Final = (
    "select id, uuid, run_id, provider, model, state, requests, bytes, file_id, remote_id, status from batches"
)
_LINE: Final = tuple(field.name for field in fields(Line))


def begin_batch(db: Database, run_id: int, slot: int, provider: str, model: str) -> int:
    """Begin a batch that this process fills, and give its number."""
    values: dict[str, object] = {"uuid": str(uuid.uuid4()), "run_id": run_id, "slot": slot, "provider": provider}
    return insert(db, "batches", values | {"model": model, "state": "filling", "created": now()})


def add_line(db: Database, line: Line, request: bytes, reserved: float | None) -> None:
    """Put a call into a batch that is being filled: from here on its task is in flight."""
    values: dict[str, object] = {name: getattr(line, name) for name in _LINE}
    insert(db, "batch_lines", values | {"request": request.decode("utf-8"), "reserved": reserved})
    db.execute(
        "update batches set requests = requests + 1, bytes = bytes + ? where id = ?",
        (len(request) + 1, line.batch_id),
    )


def load_batch(db: Database, number: int) -> Batch | None:
    """Give a batch, if there is one of this number."""
    row = db.execute(f"{_BATCH} where id = ?", (number,)).fetchone()
    return None if row is None else Batch(*row)


def hold_batch(db: Database, number: int, slot: int) -> Batch | None:
    """Take an open batch for this process, so that no other one works on it; None when it is over or another's."""
    taken = db.execute(
        f"update batches set slot = ?1 where id = ?2 and {OPEN} and (slot is null or slot = ?1)", (slot, number)
    )
    return load_batch(db, number) if taken.rowcount else None


def let_go(db: Database, number: int, slot: int) -> None:
    """Leave a batch that this process holds to whoever comes next; one that is still being filled stays its own."""
    db.execute("update batches set slot = null where id = ? and slot = ? and state <> 'filling'", (number, slot))


def note_batch(db: Database, number: int, **facts: str | None) -> Batch:
    """Write down how a batch stands (columns by name) and give it anew."""
    columns = ", ".join(f"{name} = :{name}" for name in facts)
    db.execute(f"update batches set {columns} where id = :number", {**facts, "number": number})
    batch = load_batch(db, number)
    assert batch is not None
    return batch


def seal(db: Database, batch: Batch) -> Batch:
    """Write every call of a full batch down, before anything of it is sent."""
    db.execute(
        "insert into calls (run_id, generation_id, attempt, provider, model, started, status)"
        " select ?1, l.generation_id, 1 + (select count(*) from batch_lines o where o.generation_id = l.generation_id"
        " and o.id < l.id), ?2, ?3, ?4, 'sent' from batch_lines l where l.batch_id = ?5 order by l.id",
        (batch.run_id, batch.provider, batch.model, now(), batch.id),
    )
    db.execute(
        "update batch_lines set call_id = (select max(c.id) from calls c where c.generation_id ="
        " batch_lines.generation_id) where batch_id = ?",
        (batch.id,),
    )
    return note_batch(db, batch.id, state="uploading")


def parts(db: Database, number: int) -> Iterator[bytes]:
    """Give the file of a batch piece by piece, some lines at a time."""
    last = 0
    while rows := db.execute(
        "select id, request from batch_lines where batch_id = ? and id > ? order by id limit ?", (number, last, PAGE)
    ).fetchall():
        last = rows[-1][0]
        yield "".join(f"{request}\n" for _, request in rows).encode()


def drop_requests(db: Database, number: int) -> None:
    """Let go of the lines as they were sent; what they were made from is kept."""
    db.execute("update batch_lines set request = null where batch_id = ?", (number,))


def find_line(db: Database, number: int, custom_id: str) -> Line | None:
    """Give a batch's line by the ID that the provider answers it under, open or closed."""
    columns = ", ".join(_LINE)
    row = db.execute(
        f"select {columns} from batch_lines where batch_id = ? and custom_id = ?", (number, custom_id)
    ).fetchone()
    return None if row is None else Line(*row)


def close_line(db: Database, line: Line) -> None:
    """Say that a call of a batch is in flight no more."""
    db.execute("update batch_lines set open = 0 where batch_id = ? and custom_id = ?", (line.batch_id, line.custom_id))


def close_rest(db: Database, number: int, status: str, outcome: str) -> int:
    """Close the lines that got no answer, their calls with them; gives how many. Their tasks may be sent again."""
    db.execute(
        "update calls set status = ?, outcome = ? where id in"
        " (select call_id from batch_lines where batch_id = ? and open = 1)",
        (status, outcome, number),
    )
    return db.execute("update batch_lines set open = 0 where batch_id = ? and open = 1", (number,)).rowcount


def end_batch(db: Database, number: int, state: str, error: str = "") -> None:
    """Close the book on a batch: ended, or given up."""
    drop_requests(db, number)
    note_batch(db, number, state=state, error=error or None, ended=now())


def withdraw(db: Database, number: int, error: str) -> None:
    """Give up a batch that never came to be over there: its calls were not made, its tasks may be sent again."""
    db.execute("pragma defer_foreign_keys=on")
    db.execute(
        "delete from calls where status = 'sent' and id in (select call_id from batch_lines where batch_id = ?)",
        (number,),
    )
    db.execute("update batch_lines set call_id = null, open = 0 where batch_id = ?", (number,))
    end_batch(db, number, "given up", error)


def forget(db: Database, number: int, error: str) -> None:
    """Give up a batch that may be answered over there: its open calls are unknown, its tasks may be sent again."""
    close_rest(db, number, "unknown", "unknown")
    end_batch(db, number, "given up", error)


def outcomes(db: Database, number: int) -> dict[str, int]:
    """Count the calls of a batch by outcome; those in flight have none."""
    rows = db.execute(
        "select c.outcome, count(*) from batch_lines l join calls c on c.id = l.call_id"
        " where l.batch_id = ? and l.open = 0 group by 1 order by 1",
        (number,),
    )
    return dict(rows.fetchall())


def open_batches(db: Database, selection: Selection) -> list[int]:
    """Number the open batches that hold tasks of a selection."""
    found: set[int] = set()
    for stage in selection.stages:
        condition, parameters = selection.where(stage)
        rows = db.execute(
            f"select b.id from batches b where {OPEN} and exists (select 1 from batch_lines l"
            f" join generations g on g.id = l.generation_id where l.batch_id = b.id and {condition})",
            parameters,
        )
        found.update(number for (number,) in rows)
    return sorted(found)


def forget_all(db: Database) -> None:
    """Give up every open batch of a copy, where nothing is in flight."""
    for (number,) in db.execute(f"select id from batches where {OPEN}").fetchall():
        forget(db, number, "left in another file")
    db.execute("update batches set slot = null where slot is not null")
