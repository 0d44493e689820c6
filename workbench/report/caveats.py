"""What a reader must know of the figures of `diversity`: what was sampled, how sure it is, what says little. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from workbench.report.outlook import FEW
from workbench.report.sampling import SEED

Row = Mapping[str, Any]
_ESTIMATED: Final = ("distinct_1", "distinct_2", "distinct_3", "new_trigrams")


def caveats(rows: Sequence[Row]) -> Iterator[str]:
    """Give a sentence for each thing to know of rows of `diversity`, the row of everything last."""
    if not rows:
        return
    whole = rows[-1]
    if whole["pairs_measured"] < whole["pairs"]:
        drawn = f"{whole['pairs_measured']:,} of {whole['pairs']:,} pairs, drawn with seed {SEED}"
        yield f"similarity: {drawn}{_within(rows)}"
    errors = {name: max((row[f"{name}_error"] or 0.0 for row in rows), default=0.0) for name in _ESTIMATED}
    if estimated := [name for name, error in errors.items() if error]:
        yield f"estimated: {', '.join(estimated)}; standard error at most {max(errors.values()):.2g}"
    if synthetic := whole["synthetic"]:
        rest = "" if synthetic == whole["samples"] else "; --synthetic without leaves them out"
        yield f"{synthetic:,} of {whole['samples']:,} texts are synthetic{rest}"
    if few := sum(row["few"] for row in rows[:-1]):
        yield f"{few:,} of {len(rows) - 1:,} rows have fewer than {FEW} texts and say little"


def _within(rows: Sequence[Row]) -> str:
    known = [row["similarity_error"] for row in rows if row["similarity_error"] is not None]
    return f"; standard error at most {max(known):.2g}" if known else ""
