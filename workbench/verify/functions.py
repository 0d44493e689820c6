"""The SQL functions that checks need beside the workbench's own: none of them ever raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from workbench.errors import InvalidSignature
from workbench.ids import Scheme, answer_hash, bytes_hash, canonical, model_hash, prompt_hash
from workbench.store import Database, scheme_of


def _text(value: bytes | None) -> str:
    # A byte that is no UTF-8 must change the hash, not end the check.
    return (value or b"").decode("utf-8", "surrogateescape")


def _bytes_hash(value: bytes | None) -> str | None:
    return None if value is None else bytes_hash(value)


def _prompt_hash(system: bytes | None, text: bytes | None) -> str:
    return prompt_hash(_text(system), _text(text))


def _model_hash(provider: object, name: object, parameters: object) -> str | None:
    try:
        return model_hash(str(provider), str(name), json.loads(str(parameters)))
    except (ValueError, TypeError, RecursionError):
        return None


def _number_in(text: bytes | None) -> float | None:
    """Read a text that is nothing but a number, as the parsed text of an evaluation."""
    try:
        return None if text is None or len(text) > 40 else float(text)
    except ValueError:
        return None


def id_fits(scheme: Scheme, gen_id: object, stage: object, *values: object) -> bool:
    """Say whether an ID is the function of a signature; a suffix -n stands for the n-th task of a collision."""
    suffix = str(gen_id).partition("-")[2]
    try:
        hashed = canonical(str(stage), values, scheme)
    except InvalidSignature:
        return False
    return scheme.id_of(str(stage), hashed, int(suffix) if suffix.isdecimal() and len(suffix) < 10 else 0) == gen_id


def register(db: Database) -> None:
    """Make the functions of the checks known to a connection, under the project's scheme."""
    known: dict[str, tuple[int, Callable[..., Any]]] = {
        "id_fits": (-1, partial(id_fits, scheme_of(db))),
        "bytes_hash": (1, _bytes_hash),
        "prompt_hash": (2, _prompt_hash),
        "answer_hash": (5, answer_hash),
        "model_hash": (3, _model_hash),
        "number_in": (1, _number_in),
    }
    for name, (arity, function) in known.items():
        db.conn.create_function(name, arity, function, deterministic=True)
