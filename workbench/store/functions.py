"""The workbench's SQL functions: `gen_id`, `gen_id_in`, `content_hash`, `word_count`."""

from __future__ import annotations

from collections.abc import Callable

from workbench.ids import Scheme, canonical, content_hash, gen_id_from, scheme_named
from workbench.store.sqlite import sqlite3


def _word_count(text: object) -> int | None:
    return None if text is None else len(str(text).split())


def _content_hash(text: object) -> str | None:
    return None if text is None else content_hash(str(text))


def _gen_id_in(name: object, stage: object, *values: object) -> str:
    return gen_id_from(scheme_named(str(name)), str(stage), *values)


def functions(scheme: Scheme) -> dict[str, tuple[int, Callable[..., str | int | None]]]:
    """Give each SQL function by name with its number of arguments (-1: any).

    A signature that is none gives an SQL error; the last one is kept in its message.
    """

    def gen_id(stage: object, *values: object) -> str:
        name = str(stage)
        return scheme.id_of(name, canonical(name, values, scheme))

    return {
        "gen_id": (-1, gen_id),
        "gen_id_in": (-1, _gen_id_in),
        "content_hash": (1, _content_hash),
        "word_count": (1, _word_count),
    }


def register(conn: sqlite3.Connection, scheme: Scheme) -> None:
    """Make the functions known to one connection, under the project's scheme."""
    for name, (arity, function) in functions(scheme).items():
        conn.create_function(name, arity, function, deterministic=True)
