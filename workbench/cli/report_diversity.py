"""`workbench report duplicates|diversity`: texts compared with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from workbench.cli.complete import names
from workbench.cli.counting import counting
from workbench.cli.options import STAGES, project_option, rows_options
from workbench.cli.output import Form, note, table
from workbench.cli.reporting import choice_options

if TYPE_CHECKING:
    from workbench.report.narrow import Choice

Row = dict[str, Any]
NO_TEXTS: Final = "no finished texts yet"
NEAR: Final = click.FloatRange(0.5, 1.0)


def _text_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--stage`, drafts by default, `--topics` and `--synthetic`."""
    synthetic = click.option(
        "--synthetic",
        type=click.Choice(["with", "without", "only"]),
        default="with",
        show_default=True,
        help="Texts that the offline model or a migration wrote.",
    )
    stage = click.option("--stage", type=click.Choice(STAGES), default="draft", show_default=True, help="Of texts.")
    topics = click.option("--topics", shell_complete=names("topic_models"), help="Only what is about this topic model.")
    return topics(stage(synthetic(choice_options()(function))))


@click.command()
@click.option("--near", type=NEAR, metavar="0.5..1", help="Also texts at least so similar; needs extra [duplicates].")
@click.option("--limit", type=click.IntRange(1), help="Only so many groups, the largest first.")
@_text_options
@project_option
@rows_options
def duplicates(
    near: float | None,
    limit: int | None,
    topics: str | None,
    synthetic: Any,
    choice: Callable[[], Choice],
    project: Path,
    form: Form,
) -> None:
    """List finished texts that repeat an earlier one, group by group.

    In a group the first text of the earliest cycle comes first, the others say how they match one before them: the
    same `text`, the same `words` (case, blanks and punctuation aside), or `near`: with --near 0.8, runs of three
    words of which the two have 0.8 of all in common (Jaccard index, measured, not estimated). Chinese, Japanese,
    Thai count by letters. Of JSON only what it says counts. See docs/diversity.md.

    \b
    Example:
      workbench report duplicates
      workbench report duplicates --near 0.8 --topics garden --csv > again.csv
    """
    from workbench.report.duplicates import counted
    from workbench.report.duplicates import duplicates as alike
    from workbench.store import open_project

    counts: dict[str, int] = {}
    with open_project(project) as db, counting() as told:
        found = alike(db, choice(), topics, near, limit, synthetic=synthetic, told=told)
        rows = counted(found, counts)
        table(map(_on_screen, rows) if form.kind == "text" else rows, form, empty="no text repeats another")
    if form.kind == "text" and counts:
        note(_counted(counts))


def _on_screen(row: Row) -> Row:
    cycle = None if row["cycle"] is None else row["cycle"] + 1
    shown = row | {"cycle": cycle, "topic": _title(row)}
    return {key: value for key, value in shown.items() if key != "combo_id"}


def _title(row: Row) -> str | None:
    """Give the end of a path, which is cut less often than its beginning; of what is about no topic, its combo."""
    return str(row["topic"]).rpartition(" › ")[2] if row["topic"] else row["combo_id"]


def _counted(counts: dict[str, int]) -> str:
    kinds = {"text": "the same text", "words": "the same words", "near": "nearly the same"}
    said = ", ".join(f"{counts[kind]:,} {words}" for kind, words in kinds.items() if kind in counts)
    again = sum(counts.get(kind, 0) for kind in kinds)
    texts = "1 text repeats" if again == 1 else f"{again:,} texts repeat"
    groups = "1 group" if counts["groups"] == 1 else f"{counts['groups']:,} groups"
    return f"{texts} an earlier one, in {groups}: {said}"


@click.command()
@click.option("--by", type=click.Choice(["cycle", "topic", "both"]), default="cycle", show_default=True, help="Rows.")
@click.option("--near", type=NEAR, metavar="0.5..1", help="Repeats: texts so similar too; needs extra [duplicates].")
@click.option("--step", type=click.IntRange(1), help="Cycles in one row; else at most 50 rows are made.")
@_text_options
@project_option
@rows_options
def diversity(
    by: Any,
    near: float | None,
    step: int | None,
    topics: str | None,
    synthetic: Any,
    choice: Callable[[], Choice],
    project: Path,
    form: Form,
) -> None:
    """Say how different texts are, and what each cycle brought that earlier ones had not.

    distinct_1 to 3: different words, pairs and runs of three as a share of all, which falls as texts get more; in_1000:
    the mean of pieces of 1,000 words, to compare rows of any size; new_trigrams: of a cycle's different runs of three,
    those that no earlier cycle has; similarity: of the texts of one topic, mean and highest Jaccard index of their runs
    of three; repeated: texts of earlier cycles come again. JSON has standard errors too. See docs/diversity.md.

    \b
    Example:
      workbench report diversity --near 0.8
      workbench report diversity --topics garden --by topic --csv > topics.csv
    """
    from workbench.report.caveats import caveats
    from workbench.report.diversity import diversity as measured
    from workbench.report.outlook import outlook
    from workbench.store import open_project

    with open_project(project) as db, counting() as told:
        rows = measured(db, choice(), topics, by=by, near=near, step=step, synthetic=synthetic, told=told)
    if form.kind != "text":
        table(rows, form)
        return
    table(_for_people(rows), form, empty=NO_TEXTS)
    for known in caveats(rows):
        note(known)
    if by == "cycle" and rows:
        note(outlook(rows[:-1]))


def _for_people(rows: Iterable[Row]) -> Iterator[Row]:
    """Put first and last cycle in one column, leave out what only programs need, say `all` in the last row."""
    from workbench.report.outlook import numbered

    for row in rows:
        shown: Row = {"cycle": numbered(row)} if "cycle" in row else {}
        if "topic" in row:
            shown["topic"] = _title(row) or "all"
        for key in _FOR_PEOPLE:
            value = row[key]
            shown[key.removesuffix("_0_to_1")] = round(value, 3) if isinstance(value, float) else value
        if "cycle" not in row:
            del shown["new_trigrams"]
        yield shown


_FOR_PEOPLE: Final = (
    *("samples", "words", "distinct_1", "distinct_2", "distinct_3", "distinct_2_in_1000", "new_trigrams_0_to_1"),
    *("similarity", "highest_similarity", "repeated_0_to_1"),
)
