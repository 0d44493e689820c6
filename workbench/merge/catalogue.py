"""What generations are made of: by its own name in both files, what only one says taken, what differs a conflict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workbench.merge.members import drop_ours, leave_theirs
from workbench.merge.numbers import bring, number, ours
from workbench.merge.report import Clashes, Prefer
from workbench.store import Database

_SAME: Final = {
    "concepts": "theirs.concepts r cross join main.concepts o on o.concept_id = r.concept_id",
    "combos": "theirs.combos r cross join main.combos o on o.combo_id = r.combo_id",
    "combo_members": "theirs.combo_members r cross join main.combo_members o"
    f" on o.combo_id = {ours('combos', 'r.combo_id')} and o.concept_id = {ours('concepts', 'r.concept_id')}",
    "templates": "theirs.templates r cross join main.templates o on o.stage = r.stage and o.name = r.name",
    "template_versions": "theirs.template_versions r cross join main.template_versions o"
    f" on o.template_id = {ours('templates', 'r.template_id')} and o.hash = r.hash",
    "models": "theirs.models r cross join main.models o on o.llm_model_id = r.llm_model_id",
    "model_versions": "theirs.model_versions r cross join main.model_versions o"
    f" on o.model_id = {ours('models', 'r.model_id')} and o.hash = r.hash",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column that both files may fill: `name` is SQL over `o` that tells people the row.

    `both` is SQL's function that decides under `both`; empty where ours always stands and only gaps are filled.
    """

    table: str
    column: str
    kind: str
    name: str
    both: str = "max"


FIELDS: Final = (
    Field("topic_models", "kind", "topic model", "o.name", "min"),  # a tree is a graph, not the other way round
    Field("topic_models", "leaves_only", "topic model", "o.name"),
    Field("topic_models", "growth", "topic model", "o.name", ""),
    Field("topics", "title", "topic", "o.uuid"),
    *(Field("concepts", column, "concept", "o.concept_id") for column in ("name", "sentence", "paragraph", "article")),
    Field("combos", "level", "combo", "o.combo_id"),
    Field("combos", "k", "combo", "o.combo_id"),
    Field("models", "display_name", "model", "o.llm_model_id"),
    Field("models", "price_in", "model", "o.llm_model_id", ""),
    Field("models", "price_out", "model", "o.llm_model_id", ""),
    Field("templates", "description", "template", "o.stage || ' ' || o.name", ""),
    Field("templates", "source", "template", "o.stage || ' ' || o.name", ""),
)
_BOTH_HAVE: Final = """
temp.number_{table} k cross join main.{table} o on o.id = k.ours cross join theirs.{table} r on r.id = k.theirs
where not k.made and o.{column} is not r.{column} and coalesce(r.{column}, '') <> ''
  and coalesce(o.{column}, '') {blank} ''
"""
_SET: Final = """
update main.{table} set {column} = (
  select {value} from temp.number_{table} k cross join theirs.{table} r on r.id = k.theirs where k.ours = {table}.id)
where id in (select o.id from {both_have})
"""


def number_catalogue(db: Database) -> None:
    """Number concepts, combos, templates and models with what hangs on them; topics have their numbers already."""
    for table, joined in _SAME.items():
        number(db, table, f"select r.id as theirs, o.id as ours from {joined}")


def settle_fields(db: Database, clashes: Clashes) -> int:
    """Fill what only they say, and settle what both say differently; gives how many values changed."""
    return sum(_fill(db, field) + _differing(db, field, clashes) for field in FIELDS)


def _fill(db: Database, field: Field) -> int:
    return _set(db, field, f"r.{field.column}", "=")


def _set(db: Database, field: Field, value: str, blank: str) -> int:
    both_have = _BOTH_HAVE.format(table=field.table, column=field.column, blank=blank)
    return db.execute(_SET.format(table=field.table, column=field.column, value=value, both_have=both_have)).rowcount


def _differing(db: Database, field: Field, clashes: Clashes) -> int:
    if not field.both:
        return 0
    both_have = _BOTH_HAVE.format(table=field.table, column=field.column, blank="<>")
    sql = f"select distinct {field.name}, o.{field.column}, r.{field.column} from {both_have} order by o.id"
    rows = db.execute(sql).fetchall()
    for name, here, there in rows:
        clashes.note(field.kind, name, field.column.replace("_", " "), here, there)
    if not rows or clashes.prefer in (None, "ours"):
        return 0
    column = f"r.{field.column}"
    value = column if clashes.prefer == "theirs" else f"{field.both}({field.table}.{field.column}, {column})"
    return _set(db, field, value, "<>")


@dataclass(frozen=True, slots=True)
class _Current:
    """The current versions of one template or model on both sides, and whether each side knows the other's."""

    row: int
    name: str
    ours: str | None
    theirs: str | None
    number: int | None
    they_know_ours: bool
    we_know_theirs: bool


_CURRENT: Final = """
select k.ours, {name}, v.hash, w.hash, n.ours,
  exists (select 1 from theirs.{versions} x where x.{owner} = r.id and x.hash = v.hash), not n.made
from temp.number_{table} k
cross join main.{table} o on o.id = k.ours
cross join theirs.{table} r on r.id = k.theirs
left join main.{versions} v on v.id = o.version_id
left join theirs.{versions} w on w.id = r.version_id
left join temp.number_{versions} n on n.theirs = w.id
where not k.made and v.hash is not w.hash order by o.id
"""


def settle_versions(db: Database, clashes: Clashes) -> int:
    """Choose the current text of each template and the current settings of each model; gives how many changed."""
    taken = 0
    for table, versions, owner, kind, name in (
        ("templates", "template_versions", "template_id", "template", "o.stage || ' ' || o.name"),
        ("models", "model_versions", "model_id", "model", "o.llm_model_id"),
    ):
        sql = _CURRENT.format(table=table, versions=versions, owner=owner, name=name)
        for row in db.execute(sql).fetchall():
            one = _Current(*row)
            if _takes_theirs(one, kind, clashes):
                db.execute(f"update main.{table} set version_id = ? where id = ?", (one.number, one.row))
                taken += 1
    return taken


def _takes_theirs(one: _Current, kind: str, clashes: Clashes) -> bool:
    """Whether their current version is to be ours.

    Who knows the other's and is not known is newer. `both` does not ask: only the greatest hash gives the same
    whatever the order in which several files are merged.
    """
    if one.ours is None or one.theirs is None:
        return one.ours is None
    if clashes.prefer != "both" and one.they_know_ours != one.we_know_theirs:
        return one.they_know_ours
    prefer = clashes.note(kind, one.name, "current version", one.ours[:12], one.theirs[:12])
    return prefer == "theirs" or (prefer == "both" and one.theirs > one.ours)


_COMBOS: Final = """
select ours, theirs, name, is_topic, was_topic, members, others from (
  select o.id as ours, r.id as theirs, o.combo_id as name, o.topic_id is not null as is_topic,
    r.topic_id is not null as was_topic,
    (select count(*) from main.combo_members m where m.combo_id = o.id) as members,
    (select count(*) from theirs.combo_members m where m.combo_id = r.id) as others,
    (select count(*) from theirs.combo_members m cross join temp.number_combo_members n on n.theirs = m.id
      cross join main.combo_members q on q.id = n.ours where m.combo_id = r.id and q.place = m.place) as shared
  from temp.number_combos k
  cross join main.combos o on o.id = k.ours cross join theirs.combos r on r.id = k.theirs
  where not k.made)
where is_topic <> was_topic or members <> others or shared <> members order by ours
"""


def settle_combos(db: Database, clashes: Clashes) -> int:
    """Let combos that both have be about the same: a topic, or a set of concepts; gives how many differed."""
    rows = db.execute(_COMBOS).fetchall()
    for here, there, name, is_topic, was_topic, members, others in rows:
        prefer: Prefer | None = None
        if (is_topic or members) and (was_topic or others):
            prefer = clashes.note("combo", name, "contents", _about(is_topic, members), _about(was_topic, others))
        elif not (is_topic or members):
            prefer = "theirs"
        _combine(db, here, there, prefer or "ours")
    return len(rows)


def _about(is_topic: int, members: int) -> str:
    parts = ["a topic"] * bool(is_topic) + [f"a set of {members} concepts"] * bool(members)
    return " and ".join(parts) or "nothing"


_PLACE: Final = """
update main.combo_members set place = (
  select {value} from temp.number_combo_members n cross join theirs.combo_members m on m.id = n.theirs
  where n.ours = combo_members.id)
where combo_id = :here and id in (select ours from temp.number_combo_members)
"""


def _combine(db: Database, here: int, there: int, prefer: Prefer) -> None:
    """Bring a combo of ours to what was decided; members of theirs that are not wanted lose their number."""
    rows = {"here": here, "there": there}
    if prefer == "ours":
        leave_theirs(db, "combo", there)
        return
    topic = ours("topics", "(select topic_id from theirs.combos where id = :there)")
    if prefer == "theirs":
        drop_ours(db, "combo", here)
    else:
        topic = f"coalesce(topic_id, {topic})"
    db.execute(_PLACE.format(value="m.place" if prefer == "theirs" else "min(m.place, combo_members.place)"), rows)
    db.execute(f"update main.combos set topic_id = {topic} where id = :here", rows)


def bring_catalogue(db: Database) -> dict[str, int]:
    """Copy what only they have; gives how many rows of each table."""
    return {table: bring(db, table) for table in _SAME}
