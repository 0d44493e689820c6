"""Two generations compared, by word or by line."""

from __future__ import annotations

from typing import Any, Final

from workbench.browse.page import Asked, Facts, Found, Page
from workbench.browse.texts import LONG, laid_out
from workbench.lineage import text_of
from workbench.report.compare import is_long, line_diff, word_diff
from workbench.store import Database

LINES: Final = 4_000
_SQL = "select gen_id, raw, parsed, prompt from generation_texts where gen_id in (:a, :b)"


def gather(db: Database, asked: Asked) -> Found:
    """Give both IDs, which text (`kind`), how it was compared (`by`), and the pieces: `sign` (= - +) and `text`.

    Parsed JSON is compared as it is laid out for reading.
    """
    kind = asked.choice("kind", "parsed", "raw", "prompt")
    (a, left), (b, right) = (text_of(db, asked.names[name], kind) for name in ("a", "b"))
    equal = left == right
    if kind == "parsed":  # JSON is one long line; as it came it is there as `raw`
        left, right = laid_out(left, LONG), laid_out(right, LONG)
    long = is_long(left, right)
    by = "line" if long else asked.choice("by", "word", "line")
    facts: Facts = {"a": a, "b": b, "kind": kind, "by": by, "long": long, "equal": equal}
    pieces = _lines(left, right) if by == "line" else [_piece(*one) for one in word_diff(left, right)]
    return Found(f"{a} and {b}", facts | {"pieces": pieces}, _SQL, {"a": a, "b": b})


def _piece(sign: str, text: str) -> dict[str, Any]:
    return {"sign": sign, "text": text}


def _lines(left: str, right: str) -> list[dict[str, Any]]:
    """Give the lines of both as pieces, unchanged ones far from any change left out (sign @)."""
    left, right = ("\n".join(text.splitlines()[:LINES]) for text in (left, right))
    found = line_diff(left, right, ("a", "b"))[2:]
    signs = {" ": "=", "-": "-", "+": "+", "@": "@"}
    return [_piece(signs[line[0]], line if line[0] == "@" else line[1:]) for line in found if line]


DIFFERENCES: Final = Page("diff", gather, takes=("a", "b"), needs=2)
