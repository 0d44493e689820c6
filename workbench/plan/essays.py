"""Essays by the names that people know them by: as typed, in any case, or under an ID from before a migration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from workbench.errors import BadRow, UnknownName, WorkbenchError, raise_all
from workbench.reading import csv_rows, lines
from workbench.store import Database

Place = tuple[str, str]  # an ID, and where it stands

# Today's IDs before older ones.
_FIND = (
    "select gen_id from generations where gen_id = :id and stage = 'essay'",
    "select gen_id from generations where gen_id = lower(:id) and stage = 'essay'",
    "select distinct g.gen_id from migration_map k join generations g on g.id = k.generation_id"
    " where k.old_id in (:id, lower(:id)) and g.stage = 'essay'",
)


def essay_id(db: Database, name: str, where: str = "") -> str:
    """Give the ID that an essay has today. Raises UnknownName when none is meant, or more than one."""
    for sql in _FIND:
        found = [gen_id for (gen_id,) in db.execute(sql, {"id": name.strip()})]
        if len(found) == 1:
            return str(found[0])
        if found:
            raise UnknownName(f"{name!r} is several essays", where=where, mend=f"name one of {', '.join(found)}")
    raise UnknownName(
        f"no essay {name[:60]!r}", where=where, mend="list essays of this project: `workbench query` finds them"
    )


def essays_today(db: Database, names: Iterable[Place]) -> dict[str, str]:
    """Give today's ID for each name, in order. Raises UnknownName, or Problems with all that are unknown."""
    found: dict[str, str] = {}
    errors: list[WorkbenchError] = []
    for name, where in names:
        try:
            found[name] = found.get(name) or essay_id(db, name, where)
        except UnknownName as error:
            errors.append(error)
    raise_all(errors)
    return found


def listed_essays(path: Path | str) -> Iterator[Place]:
    """Read IDs with their places: one a line, or the column `gen_id` of a CSV file, of its essays if it has stages."""
    numbered = lines(path)
    first = next(numbered, None)
    if first is None:
        raise BadRow("the file is empty", where=str(path), mend="list essay IDs, one a line")
    if "," in first[1] or first[1].strip() == "gen_id":
        for number, row in csv_rows(path, ("gen_id",)):
            if row.get("stage", "essay").strip() == "essay":
                yield row["gen_id"].strip(), f"{path}:{number}"
        return
    yield first[1].strip(), f"{path}:{first[0]}"
    for number, line in numbered:
        yield line.strip(), f"{path}:{number}"


def top_essays(db: Database, count: int) -> Sequence[str]:
    """Give the essays with the highest mean of their evaluators' best scores, ties by ID.

    Scores are compared as shares of their rubrics' scales; essays whose rubrics state none come last.
    """
    rows = db.execute(
        "select essay_gen_id from top_essays order by mean_of_maxima_0_to_1 is null, mean_of_maxima_0_to_1 desc,"
        " mean_of_maxima desc, essay_gen_id limit ?",
        (count,),
    )
    return [gen_id for (gen_id,) in rows]
