"""What legacy rows need before their IDs can be made: typed columns, replicates, drafts of copies without one."""

from __future__ import annotations

from workbench.clock import now
from workbench.ids import SCHEMES
from workbench.imports.legacy import Recorded, is_id_of, is_orphan_copy
from workbench.imports.store_lookup import Lookup
from workbench.migrate.books import Problem, Report
from workbench.migrate.statements import statements
from workbench.record.answers import Origin, Result, store_answer
from workbench.store import Database, insert, scheme_of


def look(db: Database) -> None:
    """See what will be mended, into `temp.filled` and `temp.orphans`, so that it is known which rows are blocked."""
    sql = statements("legacy")
    db.execute(sql["fill"])
    for number, gen_id, mode, combo, template, model in db.execute(sql["lone copies"]).fetchall():
        told = Recorded("essay", gen_id, mode=mode, combo=combo, draft_template=template, model=model)
        if is_orphan_copy(told):
            db.execute("insert into temp.orphans values (?, ?, ?, ?)", (number, combo, template, model))


def fill_fields(db: Database, report: Report) -> None:
    """Move names that only the metadata have into the columns, where the catalogue knows them."""
    report.step("fields", db.execute(statements("legacy")["fields"]).rowcount)


def number_replicates(db: Database, report: Report, *, synthetic: bool = False) -> None:
    """Give every placed legacy row a replicate that is its alone in its signature group, in three passes.

    `synthetic`: only the drafts that `add_drafts` made; everything else keeps its number.
    Source: rule 4 of the ids migration in docs/architecture.md.
    """
    sql = statements("legacy")
    _register(db)
    db.execute("drop table if exists temp.numbered")
    for name in ("numbered table", "gather", "group", "gather beside", "keep right", "keep recorded"):
        db.execute(sql[name], {"synthetic": synthetic})
    db.execute(sql["number the rest"])
    rows = db.execute(sql["number"]).rowcount
    if not synthetic:
        report.step("replicates", rows)
        for stage, old_id, recorded, given in db.execute(sql["renumbered"]).fetchall():
            detail = f"recorded {recorded} -> {given}"
            report.problems.append(Problem("warning", old_id, "replicate_conflict", detail, stage))
    db.execute("drop table temp.numbered")


def _register(db: Database) -> None:
    schemes = {scheme.name: scheme for scheme in (*SCHEMES.values(), scheme_of(db))}

    def fits_any(gen_id: object, stage: object, *values: object) -> int:
        fields = [str(value) for value in values[:-1] if value is not None]
        number = int(str(values[-1]))
        return int(any(is_id_of(scheme, str(gen_id), str(stage), fields, number) for scheme in schemes.values()))

    db.conn.create_function("fits_any", -1, fits_any, deterministic=True)


def add_drafts(db: Database, report: Report) -> None:
    """Give each copy that came without a draft one of its own text, marked as synthetic.

    Its ID is `synthetic:` and the essay's until the IDs are made. Source: rule 3 of the ids migration.
    """
    names = Lookup(db)
    orphans = db.execute(statements("legacy")["orphans"]).fetchall()
    for essay, gen_id, combo, template, model, cohort, replicate, text in orphans:
        told = Recorded("draft", gen_id, combo=combo, template=template, model=model, replicate=replicate)
        draft = insert(db, "generations", _draft(names, told, cohort))
        store_answer(db, Origin(draft, None, None, None), Result("ok", text, text, synthetic=True))
        db.execute("update generations set parent_id = ? where id = ?", (draft, essay))
        db.execute("insert into temp.synthetic (generation_id, essay_id) values (?, ?)", (draft, essay))
        detail = f"a draft of its own text: {combo} {template} {model}"
        report.problems.append(Problem("info", gen_id, "synthetic_draft", detail, "essay"))
    report.step("backfill", len(orphans))


def _draft(names: Lookup, told: Recorded, cohort: int | None) -> dict[str, object]:
    return {
        "gen_id": f"synthetic:{told.gen_id}",
        "stage": "draft",
        "combo_id": names.combo(told.combo),
        "template_id": names.template("draft", told.template),
        "model_id": names.model(told.model),
        "replicate": told.replicate,
        "status": "planned",
        "origin_cohort_id": cohort,
        "legacy": 1,
        "synthetic": 1,
        "created": now(),
    }
