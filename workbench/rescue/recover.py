"""What a kill left behind is brought to rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from workbench.store import Database, open_project, transaction
from workbench.store.slots import release_dead

_SIDES = ("-journal", "-wal", "-shm", ".lock")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was found and settled: side files before and after, and how many claims, calls and runs were open.

    `leftovers` names unfinished files beside the project; they are only named, since another program may be
    writing them. `at_rest` is false while another process has the project open; `sound` is SQLite's quick check.
    """

    found: list[str]
    claims: int
    calls_unknown: int
    runs_lost: int
    at_rest: bool
    sound: bool
    remaining: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)


def recover(path: Path | str) -> Recovery:
    """Settle a project after a kill: its journal or log, dead processes' claims, calls and runs.

    Calls that were sent and never answered become `unknown`. Work of processes that are alive is left alone.
    Raises what `open_project` raises.
    """
    path = Path(path)
    found = _sides(path)
    with open_project(path, write=True) as db:
        before = _open_work(db)
        claims = release_dead(db)
        close_orphans(db)
        after = _open_work(db)
        sound = db.execute("pragma quick_check(1)").fetchone()[0] == "ok"
    remaining = _sides(path)
    return Recovery(
        found=found,
        claims=claims,
        calls_unknown=before[0] - after[0],
        runs_lost=before[1] - after[1],
        at_rest=not remaining,
        sound=sound,
        remaining=remaining,
        leftovers=_leftovers(path),
    )


def close_orphans(db: Database) -> None:
    """Close runs without a slot, and calls that no claim, batch or live run stands for; the dead were released."""
    with transaction(db):
        db.execute("update runs set status = 'lost' where status = 'running' and slot is null")
        db.execute(
            "update calls set status = 'unknown', outcome = 'unknown' where status = 'sent'"
            " and not exists (select 1 from claims k where k.generation_id = calls.generation_id"
            " or k.topic_id = calls.topic_id)"
            " and not exists (select 1 from batch_lines l where l.call_id = calls.id and l.open = 1)"
            " and not exists (select 1 from runs r where r.id = calls.run_id and r.status = 'running')"
        )


def _open_work(db: Database) -> tuple[int, int]:
    calls, runs = db.execute(
        "select (select count(*) from calls where status = 'sent'),"
        " (select count(*) from runs where status = 'running')"
    ).fetchone()
    return int(calls), int(runs)


def _sides(path: Path) -> list[str]:
    return [path.name + end for end in _SIDES if Path(f"{path}{end}").exists()]


def _leftovers(path: Path) -> list[str]:
    return sorted(p.name for p in path.absolute().parent.glob("*.part*") if p.is_file())
