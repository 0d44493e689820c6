"""The ledger of calls: a row before a call is sent, its answer before it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.clock import now
from workbench.store import Database


@dataclass(frozen=True, slots=True)
class Target:
    """What a call serves: a generation, or the topic whose growth it is for."""

    generation_id: int | None = None
    topic_id: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a call: outcome, measures, and the body as bytes."""

    outcome: str
    answered: bool
    latency_ms: float | None  # None: of a batch
    http_status: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    error: str | None = None
    body: bytes = b""


def open_call(db: Database, run_id: int, target: Target, attempt: int, provider: str, model: str) -> int:
    """Write a call down before it is sent and give its number."""
    cursor = db.execute(
        "insert into calls (run_id, generation_id, topic_id, attempt, provider, model, started, status)"
        " values (?, ?, ?, ?, ?, ?, ?, 'sent')",
        (run_id, target.generation_id, target.topic_id, attempt, provider, model, now()),
    )
    return int(cursor.lastrowid or 0)


def close_call(db: Database, call_id: int, receipt: Receipt) -> None:
    """Write down what came of a call."""
    db.execute(
        "update calls set status = ?, outcome = ?, latency_ms = ?, http_status = ?, tokens_in = ?, tokens_out = ?,"
        " cost = ?, error = ?, body = ? where id = ?",
        (
            "answered" if receipt.answered else "failed",
            receipt.outcome,
            None if receipt.latency_ms is None else round(receipt.latency_ms, 1),
            receipt.http_status,
            receipt.tokens_in,
            receipt.tokens_out,
            receipt.cost,
            receipt.error,
            receipt.body or None,
            call_id,
        ),
    )


def withdraw_call(db: Database, call_id: int) -> None:
    """Take back a call that was written down and then not sent."""
    db.execute("delete from calls where id = ? and status = 'sent'", (call_id,))


def count_calls(db: Database, run_id: int, calls: int, tokens_in: int, tokens_out: int, cost: float) -> None:
    """Add up what some calls of a run took."""
    db.execute(
        "update runs set calls = calls + ?, tokens_in = tokens_in + ?, tokens_out = tokens_out + ?, cost = cost + ?"
        " where id = ?",
        (calls, tokens_in, tokens_out, cost, run_id),
    )


def claim(db: Database, slot: int, target: Target) -> None:
    """Say that this process works on something; the caller chose it in the same transaction."""
    db.execute(
        "insert into claims (slot, generation_id, topic_id) values (?, ?, ?)",
        (slot, target.generation_id, target.topic_id),
    )


def claim_generation(db: Database, slot: int, generation_id: int) -> bool:
    """Claim a task that may still be sent; False when another process or a batch has it, or it is settled."""
    claimed = db.execute(
        "insert or ignore into claims (slot, generation_id) select ?, id from generations g where id = ? and ready = 1"
        " and not exists (select 1 from batch_lines l where l.generation_id = g.id and l.open = 1)",
        (slot, generation_id),
    )
    return claimed.rowcount == 1


def release(db: Database, target: Target) -> None:
    """Say that nobody works on it any more."""
    if target.generation_id is not None:
        db.execute("delete from claims where generation_id = ?", (target.generation_id,))
    else:
        db.execute("delete from claims where topic_id = ?", (target.topic_id,))


def spent(db: Database, job: str) -> tuple[float, int]:
    """Give money and calls spent on a job over all its runs."""
    cost, calls = db.execute("select total(cost), total(calls) from runs where job = ?", (job,)).fetchone()
    return float(cost), int(calls)
