"""What came is looked at before it may stay: another file may be damaged, or made to deceive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from workbench.errors import DamagedFile
from workbench.merge.legible import refuse_illegible
from workbench.merge.numbers import THEIRS
from workbench.store import Database
from workbench.verify import full, rules
from workbench.verify.check import Rule, examine
from workbench.verify.functions import register

# Rules that the rows of a merge could break, and the table whose new rows they are asked of.
_RULES: Final = (
    (rules.IDS, "generations g"),
    (rules.PARENTS, "generations g"),
    (rules.CATALOGUE, "generations g"),
    (rules.STATUS, "generations g"),
    (rules.LINEAGE, "contents x"),
    (rules.TEXTS, "contents x"),
    (rules.USED, "contents x"),
    (rules.SCORES, "scores s"),
    (rules.COMBOS, "combos c"),
    (full.TEXTS, "contents x"),
    (full.ANSWERS, "contents x"),
    (full.SCORES, "contents x"),
    (full.PROMPTS, "prompts p"),
    (full.MODELS, "model_versions v"),
    (full.SCALES, "template_versions v"),
    (rules.MAPPINGS, "migration_map k"),
)
_LOST: Final = """
select {columns} from temp.number_{table} k
cross join theirs.{table} r on r.id = k.theirs cross join main.{table} o on o.id = k.ours where k.made
"""


def refuse_what_deceives(db: Database, name: str) -> None:
    """Check IDs, links, hashes and scores of everything that came. Raises DamagedFile, so that all is taken back."""
    refuse_illegible(db, name)
    found = [*_lost_links(db), *_broken_rules(db), *_other_hashes(db)]
    if found:
        raise DamagedFile("; ".join(found), where=name, mend=f"see `workbench verify --full -p {name}`")


def _lost_links(db: Database) -> Iterator[str]:
    """Say which links lead nowhere there: they came as none."""
    for table, columns in _NULLABLE.items():
        lost = [f"coalesce(sum(r.{column} is not null and o.{column} is null), 0)" for column in columns]
        counts = db.execute(_LOST.format(table=table, columns=", ".join(lost))).fetchone()
        for column, count in zip(columns, counts, strict=True):
            if count:
                yield f"{count:,} rows of {table} name no row by {column}"


_NULLABLE: Final = {
    "generations": ("combo_id", "parent_id", "template_id", "model_id", "content_id", "origin_cohort_id"),
    "contents": ("parent_content_id", "template_version_id", "model_version_id", "call_id"),
    "calls": ("run_id", "generation_id", "topic_id"),
    "combos": ("topic_id",),
}


def _broken_rules(db: Database) -> Iterator[str]:
    register(db)
    for rule, source in _RULES:
        table, alias = source.split()
        first = _first(db, table)
        if first is None:
            continue
        new = f"(select * from {table} where id >= {first}) {alias}"
        check = examine(db, Rule(rule.name, rule.about, rule.sql.replace(f"from {source}", f"from {new}")))
        if not check.ok:
            yield f"{check.broken:,} rows break the rule of {check.name} ({', '.join(check.examples[:3])})"


def _first(db: Database, table: str) -> int | None:
    """Give the number of the first row of a table that came."""
    (first,) = db.execute(f"select min(ours) from temp.number_{table} where made").fetchone()
    return None if first is None else int(first)


def _other_hashes(db: Database) -> Iterator[str]:
    """Make the hashes of templates and of specs' files again, which rows of one table do not tell alone."""
    first = _first(db, "template_versions")
    told = [] if first is None else [str(name) for name, _ in full.odd_templates(db, first)]
    if told:
        yield f"{len(told):,} rows break the rule of template hashes ({', '.join(told[:3])})"
    sql = full.FILES.sql.replace("cohort_files f", f"{THEIRS}.cohort_files f").replace(
        "cohorts c", f"{THEIRS}.cohorts c"
    )
    files = examine(db, Rule(full.FILES.name, full.FILES.about, sql))
    if not files.ok:
        yield f"{files.broken:,} rows break the rule of {files.name} ({', '.join(files.examples[:3])})"
