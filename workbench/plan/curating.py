"""Curated cohorts: which essays were chosen and how, remembered, so that a second build is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.catalogue.cohorts import cohort_files, replication, store_cohort
from workbench.cohorts import MODES, Spec, curate, spec_from_texts
from workbench.errors import BadFile, BadInput
from workbench.plan.cohorts import cohort_number
from workbench.plan.compiling import Compiled, attempt, compile_cohort, enrolled
from workbench.plan.essays import Place, essays_today, top_essays
from workbench.plan.families import Existing, allocated_before, evaluators, families
from workbench.reading import json_text
from workbench.store import Database, scheme_of
from workbench.store.json_columns import told_facts

Rubric = tuple[str, str]  # an evaluation template and the model that judges by it
ESSAYS_ONLY = "nothing has judged these essays yet, so no evaluations are planned: say by which rubric and model"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which essays a cohort is curated from, and how: listed ones, or the `top` by score.

    `rubrics` says by what new essays are judged; none: by every rubric and model that judged any of the chosen.
    """

    mode: str
    essays: Sequence[Place] = ()
    top: int | None = None
    rubrics: Sequence[Rubric] = ()
    fill_up: bool = False


def curate_cohort(db: Database, name: str, choice: Choice, *, dry_run: bool = False) -> Compiled:
    """Make a curated cohort, or build it again; a dry run changes nothing.

    A cohort remembers its essays, its rubrics and the replicates that it allocated: the same choice again gives the
    same members, whatever was scored or made meanwhile. Raises BadInput, UnknownName, Conflict.
    """
    if choice.mode not in MODES:
        raise BadInput(f"mode {choice.mode[:40]!r}", mend=f"use {', '.join(MODES)}")
    with attempt(db, dry_run):
        number = _same_choice(db, name, choice)
        return _build(db, _store(db, name, choice) if number is None else number)


def rebuild_cohort(db: Database, name: str, *, dry_run: bool = False) -> Compiled:
    """Compile a cohort again from what the project keeps of it. Raises UnknownName, BadInput, and as compiling does."""
    number = cohort_number(db, name)
    stored, mode, text = db.execute("select name, mode, spec from cohorts where id = ?", (number,)).fetchone()
    if mode in MODES:
        with attempt(db, dry_run):
            return _build(db, number)
    if text is None:
        raise BadInput(f"cohort {stored!r} came without a spec", mend="its members stand; there is nothing to compile")
    return compile_cohort(db, stored, stored_spec(db, number), dry_run=dry_run)


def stored_spec(db: Database, cohort_id: int) -> Spec:
    """Give a cohort's spec from the texts that the project keeps. Raises BadSpec, BadFile, Problems."""
    name, text = db.execute("select name, spec from cohorts where id = ?", (cohort_id,)).fetchone()
    return spec_from_texts(text, cohort_files(db, cohort_id), f"{name}.{'json' if _is_json(text) else 'yaml'}")


def _is_json(text: str) -> bool:
    try:
        json_text(text, "")
    except BadFile:
        return False
    return True


def _same_choice(db: Database, name: str, choice: Choice) -> int | None:
    """Give the number of the cohort when it was curated by this very choice."""
    row = db.execute("select id, mode, spec, settings from cohorts where name = ?", (name.strip(),)).fetchone()
    if row is None or row[1] != choice.mode:
        return None
    settings = _settings(row[3], name)
    rubrics = [list(rubric) for rubric in choice.rubrics] or settings["rubrics"]
    asked = {"top": choice.top, "fill_up": choice.fill_up, "rubrics": rubrics}
    if asked != settings or (choice.top is None and _today(db, choice.essays) != _today(db, _lines(row[2] or ""))):
        return None
    return int(row[0])


def _settings(stored: str | None, name: str) -> dict[str, Any]:
    """Give what a cohort remembers of its choice; raises BadInput for one from elsewhere that remembers nothing."""
    found = told_facts(stored)
    rubrics = found.get("rubrics")
    if not isinstance(rubrics, list) or not all(map(_is_rubric, rubrics)) or not {"top", "fill_up"} <= found.keys():
        raise BadInput(f"how cohort {name!r} was curated is not known", mend="curate it under another name")
    return found


def _is_rubric(value: object) -> bool:
    return isinstance(value, list) and list(map(type, value)) == [str, str]


def _lines(text: str) -> list[Place]:
    return [(line, "") for line in text.splitlines()]


def _today(db: Database, essays: Sequence[Place]) -> list[str]:
    return list(dict.fromkeys(essays_today(db, essays).values()))


def _store(db: Database, name: str, choice: Choice) -> int:
    """Keep a new choice under a name; raises Conflict when the name stands for something else."""
    essays = _today(db, choice.essays) if choice.top is None else list(top_essays(db, choice.top))
    if not essays:
        mend = "judge some first" if choice.top else "list essay IDs"
        raise BadInput("no essays to curate from", mend=mend)
    rubrics = choice.rubrics or evaluators(db, essays)
    if not rubrics and choice.mode == "reuse-essays":
        raise BadInput("nothing has judged these essays yet", mend="say by which rubric and model")
    settings = {"top": choice.top, "fill_up": choice.fill_up, "rubrics": [list(rubric) for rubric in rubrics]}
    return store_cohort(db, name, choice.mode, "".join(f"{essay}\n" for essay in essays), {}, settings)


def _build(db: Database, cohort_id: int) -> Compiled:
    """Allocate what a curated cohort's choice asks for, what it allocated before first, and enrol it."""
    name, mode, text, stored = db.execute(
        "select name, mode, spec, settings from cohorts where id = ?", (cohort_id,)
    ).fetchone()
    settings = _settings(stored, name)
    rubrics = [(template, model) for template, model in settings["rubrics"]]
    found = curate(
        families(db, _today(db, _lines(text or "")), rubrics),
        mode,
        Existing(db),
        replication(db),
        fill_up=settings["fill_up"],
        remembered=allocated_before(db, cohort_id),
        scheme=scheme_of(db),
    )
    done = enrolled(db, cohort_id, found)
    if not rubrics:
        done.problems.append(ESSAYS_ONLY)
    return done
