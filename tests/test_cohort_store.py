"""Cohorts in the record: compiled, compiled again, reused, tangled in collisions, curated, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import answer, index

from workbench.catalogue.cohorts import delete_cohort, set_replication
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import store_topics
from workbench.cohorts import spec_from_texts
from workbench.errors import BadInput, BadQuery, BadSpec, Conflict, Problems, UnknownName
from workbench.ids import gen_id_from, scheme_named
from workbench.plan.cohorts import cohort_number
from workbench.plan.compiling import Compiled, compile_cohort
from workbench.plan.curating import Choice, curate_cohort, rebuild_cohort
from workbench.plan.orders import Order, Planting, shape
from workbench.prompts import Template
from workbench.store import Database, create_project, insert, open_project, scheme_of, transaction
from workbench.store.steps import shape_of
from workbench.topics import read_topics
from workbench.verify import digest, verify

DRAFTS = "axes:\n  combo_id: [c1, c2]\n  draft_template: [notes]\n  draft_llm: [m]\n"
ESSAYS = DRAFTS + "  essay_template: [polish, copy]\n"
SPEC = ESSAYS + "  evaluation_template: [rubric]\n  evaluation_llm: [m, j]\n"
JUDGED = "axes:\n  evaluation_template: [strict]\n  evaluation_llm: [m]\n"
DEEPFABRIC = Path(__file__).parent / "data" / "deepfabric"


def made(path: Path, scheme: str = "v1") -> Path:
    """Make a project with concepts, combos, templates and models."""
    create_project(path, scheme=scheme_named(scheme))
    with open_project(path, write=True) as db, transaction(db):
        concept = insert(db, "concepts", {"concept_id": "tides", "name": "Tides"})
        for name in ("c1", "c2", "c3"):
            combo = insert(db, "combos", {"combo_id": name, "level": "paragraph", "k": 1})
            insert(db, "combo_members", {"combo_id": combo, "concept_id": concept, "place": 0})
        for name, stage in {
            "notes": "draft",
            "polish": "essay",
            "rubric": "evaluation",
            "strict": "evaluation",
        }.items():
            store_template(db, Template(name, stage, "Write."))
        store_template(db, Template("copy", "essay", "", mode="copy"))
        for name in ("m", "j"):
            number = insert(db, "models", {"llm_model_id": name})
            values = {"hash": name, "provider": "offline", "name": name, "parameters": "{}", "created": ""}
            version = insert(db, "model_versions", {"model_id": number, **values})
            db.execute("update models set version_id = ? where id = ?", (version, number))
    return path


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_project(made(tmp_path / "p.db"), write=True) as opened:
        yield opened


def compiled(db: Database, name: str, text: str, **how: Any) -> dict[str, Any]:
    return compile_cohort(db, name, spec_from_texts(text), **how).as_dict()


def listed(db: Database, name: str) -> list[tuple[Any, ...]]:
    sql = (
        "select g.stage, g.gen_id, p.gen_id, g.replicate, g.status, k.allocated from cohort_members k"
        " join cohorts c on c.id = k.cohort_id join generations g on g.id = k.generation_id"
        " left join generations p on p.id = g.parent_id where c.name = ? order by k.place"
    )
    return db.execute(sql, (name,)).fetchall()


def count(db: Database, table: str = "generations") -> int:
    return int(db.execute(f"select count(*) from {table}").fetchone()[0])


def ids(db: Database, stage: str) -> list[str]:
    return [g for (g,) in db.execute("select gen_id from generations where stage = ? order by id", (stage,))]


def finish(db: Database, text: str = "Score: 5") -> None:
    """Give every planned generation an answer, parents first."""
    for stage in ("draft", "essay", "evaluation"):
        rows = db.execute("select id from generations where stage = ? and content_id is null order by id", (stage,))
        for (number,) in rows.fetchall():
            answer(db, number, text if stage == "evaluation" else f"text {number}", text.rsplit(" ", 1)[-1])
    index(db)


def broken(db: Database) -> list[str]:
    return [check.name for check in verify(db) if not check.ok]


def test_members_are_planned_parents_first_and_linked(db: Database) -> None:
    """2 drafts, 4 essays, 8 evaluations: each draft with all below it before the next, only drafts ready."""
    found = compiled(db, "pilot", SPEC)
    assert found["members"] == {"draft": 2, "essay": 4, "evaluation": 8}
    assert (found["new"], found["reused"], found["problems"]) == (14, 0, [])
    rows = listed(db, "pilot")
    assert [row[0] for row in rows] == ["draft", *["essay", "evaluation", "evaluation"] * 2] * 2
    seen: set[str] = set()
    for stage, gen_id, parent, *_ in rows:
        assert stage == "draft" or parent in seen
        seen.add(gen_id)
    assert db.execute("select distinct stage from generations where ready = 1").fetchall() == [("draft",)]
    assert broken(db) == []


def test_compiling_again_changes_nothing(db: Database) -> None:
    """Same IDs, same digest, no new row, nothing dropped; with the spec and without it."""
    compiled(db, "pilot", SPEC)
    before, size = digest(db), count(db)
    again = compiled(db, "pilot", SPEC)
    assert (again["new"], again["reused"], again["origins"], again["dropped"]) == (0, 14, {}, 0)
    assert rebuild_cohort(db, "PILOT").as_dict()["reused_by_stage"] == {"draft": 2, "essay": 4, "evaluation": 8}
    assert (digest(db), count(db), count(db, "cohort_members")) == (before, size, 14)


def test_members_of_others_are_reused_and_counted_by_origin(db: Database) -> None:
    """A cohort that overlaps another plans only what is its own; names in another case are the same tasks."""
    compiled(db, "pilot", SPEC)
    found = compiled(db, "second", SPEC.replace("[c1, c2]", "[C2, c3]").replace("[m, j]", "[M]"))
    assert found["members"] == {"draft": 2, "essay": 4, "evaluation": 4}
    assert (found["new_by_stage"], found["reused"]) == ({"draft": 1, "essay": 2, "evaluation": 2}, 5)
    assert found["origins"] == {"pilot": 5}
    assert count(db) == 14 + 5 and count(db, "templates") == 5 and broken(db) == []


def test_a_dry_run_says_the_same_and_keeps_nothing(db: Database) -> None:
    before = digest(db)
    dry = compiled(db, "pilot", SPEC, dry_run=True)
    assert (digest(db), count(db), count(db, "cohorts")) == (before, 0, 0)
    assert dry == compiled(db, "pilot", SPEC)


@pytest.mark.parametrize(("text", "stages"), [(DRAFTS, ["draft"]), (ESSAYS, ["draft", "essay"])])
def test_a_spec_may_stop_after_the_draft_or_the_essay(db: Database, text: str, stages: list[str]) -> None:
    found = compiled(db, "pilot", text)
    assert list(found["members"]) == stages
    assert compiled(db, "more", SPEC)["reused"] == found["new"]


def test_another_spec_under_a_name_is_refused(db: Database) -> None:
    compiled(db, "pilot", SPEC)
    before = digest(db)
    with pytest.raises(Conflict, match="another spec"):
        compiled(db, "pilot", ESSAYS)
    assert digest(db) == before


def test_names_that_the_catalogue_lacks_are_told(db: Database) -> None:
    found = compiled(db, "pilot", SPEC.replace("[rubric]", "[unheard]").replace("[m, j]", "[nobody]"))
    assert sorted(found["problems"]) == [
        "model nobody is not in the catalogue yet",
        "template evaluation unheard is not in the catalogue yet",
    ]
    assert compiled(db, "pilot", SPEC.replace("[rubric]", "[unheard]").replace("[m, j]", "[nobody]"))["new"] == 0


def test_an_essay_that_another_model_writes_is_told(db: Database) -> None:
    """An essay's signature has no model: the known one is reused, and that is said. Copies have no writer."""
    compiled(db, "pilot", ESSAYS)
    found = compiled(db, "other", ESSAYS + "  essay_llm: [j]\n")
    assert (found["new"], found["reused"]) == (0, 6)
    assert [problem.partition(" ")[0] for problem in found["problems"]] == ["2"] and "another model" in str(found)


def test_deleting_a_cohort_deletes_no_generation(db: Database) -> None:
    compiled(db, "pilot", SPEC)
    with transaction(db):
        delete_cohort(db, cohort_number(db, "pilot"))
    assert count(db) == 14 and count(db, "cohorts") == count(db, "cohort_members") == 0
    again = compiled(db, "pilot", SPEC)
    assert (again["new"], again["origins"]) == (0, {"": 14})


def test_children_of_what_is_done_are_ready_and_of_what_failed_are_blocked(db: Database) -> None:
    """New essays of a done draft may be sent at once; of a failed one they wait, and so does all below."""
    compiled(db, "drafts", DRAFTS)
    done, failed = (n for (n,) in db.execute("select id from generations order by id"))
    answer(db, done, "good")
    answer(db, failed, "no", outcome="refused")
    compiled(db, "pilot", SPEC)
    rows = db.execute(
        "select g.stage, d.id, g.status, g.ready, g.outcome, count(*) from generations g"
        " join generations p on p.id = g.parent_id join generations d on d.id = coalesce(p.parent_id, p.id)"
        " group by 1, 2, 3, 4, 5 order by 2, 1"
    ).fetchall()
    assert rows == [
        ("essay", done, "planned", 1, None, 2),
        ("evaluation", done, "planned", 0, None, 4),
        ("essay", failed, "blocked", 0, "parent_failed", 2),
        ("evaluation", failed, "blocked", 0, "parent_failed", 4),
    ]
    compiled(db, "strict", SPEC.replace("[rubric]", "[strict]"))
    blocked = "select count(*) from generations where stage = 'evaluation' and outcome = 'parent_failed'"
    assert db.execute(blocked).fetchone() == (8,)


def test_topics_are_combos_and_their_drafts_stand_where_cycles_want_them(db: Database) -> None:
    """`cycles: 2` selects the very tasks that two cycles of `generate` plan; a second compile changes nothing."""
    model = read_topics(DEEPFABRIC / "graph" / "topic_graph.json", name="garden")
    with transaction(db):
        store_topics(db, model)
    text = "topics: Garden\ncycles: 2\naxes: {draft_template: [notes], draft_llm: [m]}\n"
    found = compiled(db, "pilot", text)
    topics = model.counts().unique_topics
    assert (found["members"], found["problems"]) == ({"draft": 2 * topics}, [])
    before = digest(db)
    order = shape(db, Order("notes", "m", 2 * topics, "garden"))
    with transaction(db):
        while Planting(order).more(db):
            pass
    assert (compiled(db, "pilot", text)["reused"], count(db), digest(db)) == (2 * topics, 2 * topics, before)
    partial = shape(db, Order("notes", "m", topics + 3, "garden")).selection
    condition, values = partial.where("draft")
    chosen = db.execute(f"select count(*) from generations g where {condition}", values)
    assert chosen.fetchone() == (topics + 3,)


def test_topics_that_come_later_join_and_topics_that_go_leave_the_cohort(db: Database) -> None:
    """A cohort's members are what its spec selects now; what is dropped stays in the record."""
    model = read_topics(DEEPFABRIC / "graph" / "topic_graph.json", name="garden")
    with transaction(db):
        store_topics(db, model)
    text = "topics: garden\naxes: {draft_template: [notes], draft_llm: [m]}\n"
    first = compiled(db, "pilot", text)["members"]["draft"]
    db.execute("update topic_models set leaves_only = 1")
    found = compiled(db, "pilot", text)
    assert found["dropped"] == first - found["members"]["draft"] > 0
    assert count(db) == first and count(db, "cohort_members") == found["members"]["draft"]


def test_existing_essays_are_scored_again(db: Database) -> None:
    """Listed by ID (of today, of before, in any case) or by a query: only their evaluations are members."""
    compiled(db, "pilot", ESSAYS)
    finish(db)
    essays = ids(db, "essay")
    text = f"essays: [{essays[0]}, {essays[1].upper()}]\n" + JUDGED
    found = compiled(db, "again", text)
    assert (found["members"], found["new"]) == ({"evaluation": 2}, 2)
    assert [row[2] for row in listed(db, "again")] == essays[:2]
    assert db.execute("select sum(ready) from generations where stage = 'evaluation'").fetchone() == (2,)
    queried = "essays: {query: \"select gen_id from generations where stage = 'essay'\"}\n" + JUDGED
    assert compiled(db, "all", queried)["members"] == {"evaluation": 4}
    assert compiled(db, "all", queried)["new"] == 0 and broken(db) == []


def test_old_ids_of_essays_resolve(db: Database) -> None:
    compiled(db, "pilot", ESSAYS)
    number, gen_id = db.execute("select id, gen_id from generations where stage = 'essay'").fetchone()
    at = {"kind": "ids", "plan": "{}", "state": "applied", "at": "", "version": "1"}
    migration = insert(db, "migrations", at)
    values = {"generation_id": number, "stage": "essay", "old_id": "9fq2abc", "new_id": gen_id, "status": "migrate"}
    insert(db, "migration_map", {"migration_id": migration, **values})
    compiled(db, "again", "essays: [9fq2abc]\n" + JUDGED)
    assert listed(db, "again")[0][2] == gen_id


@pytest.mark.parametrize(
    ("essays", "error", "words"),
    [
        ("[nobody, e_none]", Problems, "spec.yaml:1: There is nothing of this name: no essay 'nobody'"),
        ("{query: select 'e_none'}", UnknownName, "no essay 'e_none'"),
        ("{query: delete from generations}", BadQuery, "not authorized"),
        ("{query: select gen from generations}", BadQuery, "no such column"),
        ("{query: select gen_id from generations}", BadSpec, "the source holds nothing"),
    ],
)
def test_essays_that_are_not_there_are_refused(db: Database, essays: str, error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        compiled(db, "again", f"essays: {essays}\n" + JUDGED)
    assert words in str(caught.value) and count(db, "cohorts") == 0


ENDLESS = "with recursive c (n) as (select 1 union all select n + 1 from c) select {} from c"


@pytest.mark.parametrize("wanted", ["max(n)", "n"])
def test_a_query_without_end_is_refused(db: Database, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's spec takes neither time nor memory without bounds."""
    monkeypatch.setattr("workbench.plan.compiling.SECONDS", 0.2)
    monkeypatch.setattr("workbench.plan.compiling.MAX_LEVELS", 10_000)
    with pytest.raises(BadQuery, match=r"spec\.yaml:1: .*in the spec's query"):
        compiled(db, "again", f'essays: {{query: "{ENDLESS.format(wanted)}"}}\n' + JUDGED)


def test_replication_limits_a_build(db: Database) -> None:
    """No limit, any number; a limit is enforced with the axis and the command that mends it; cycles are free."""
    text = DRAFTS + "  draft_replicate: [1, 2]\n"
    set_replication(db, "draft", 1)
    with pytest.raises(BadSpec, match="replication set draft 2"):
        compiled(db, "pilot", text)
    set_replication(db, "draft", 2)
    assert compiled(db, "pilot", text)["new"] == 4


def test_two_signatures_with_one_id_are_told_apart(tmp_path: Path) -> None:
    """A one-byte digest makes IDs meet: suffixes by canonical order, an alert for each, children under their own."""
    names = ", ".join(f"c{n}" for n in range(40))
    text = SPEC.replace("[c1, c2]", f"[{names}]")
    with open_project(made(tmp_path / "p.db"), write=True) as db:
        db.execute("update project set value = 'v1/1' where key = 'scheme'")
        found = compiled(db, "pilot", text)
        assert found["members"] == {"draft": 40, "essay": 80, "evaluation": 160} == found["new_by_stage"]
        suffixed = db.execute("select gen_id from generations where instr(gen_id, '-')").fetchall()
        assert suffixed and count(db, "alerts") == len(suffixed)
        check_ids(db)
        before, alerts = digest(db), count(db, "alerts")
        again = compiled(db, "pilot", text)
        assert (again["new"], again["reused"], digest(db), count(db, "alerts")) == (0, 280, before, alerts)


@pytest.mark.parametrize("scheme", ["v1", "v1/1"])
def test_a_large_build_leaves_the_schema_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """The index of IDs that a large build makes anew is the same one, whatever happens on the way."""
    monkeypatch.setattr("workbench.record.members.MANY", 1)
    names = ", ".join(f"c{n}" for n in range(40))
    with open_project(made(tmp_path / "p.db"), write=True) as db:
        db.execute("update project set value = ? where key = 'scheme'", (scheme,))
        before = shape_of(db.conn)
        compiled(db, "pilot", SPEC.replace("[c1, c2]", f"[{names}]"), dry_run=True)
        assert shape_of(db.conn) == before and count(db) == 0
        assert compiled(db, "pilot", SPEC.replace("[c1, c2]", f"[{names}]"))["new"] == 280
        assert shape_of(db.conn) == before
        check_ids(db)


def check_ids(db: Database) -> None:
    """Every ID is its signature's own, or its own with a suffix; links lead to the parent that was hashed."""
    rows = db.execute(
        "select g.gen_id, g.stage, coalesce(c.combo_id, p.gen_id), t.name, m.llm_model_id, g.replicate"
        " from generations g left join combos c on c.id = g.combo_id left join generations p on p.id = g.parent_id"
        " join templates t on t.id = g.template_id join models m on m.id = g.model_id"
    ).fetchall()
    for gen_id, stage, first, template, model, replicate in rows:
        fields = (first, template, replicate) if stage == "essay" else (first, template, model, replicate)
        assert gen_id.partition("-")[0] == gen_id_from(scheme_of(db), stage, *fields)


LEVELS = st.lists(st.sampled_from([f"c{n}" for n in range(12)]), min_size=1, max_size=6, unique=True)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LEVELS, min_size=1, max_size=3), st.sampled_from(["v1/1", "daydreaming/1", "v1"]))
def test_any_builds_in_any_order_plan_each_signature_once(
    tmp_path_factory: pytest.TempPathFactory, builds: list[list[str]], scheme: str
) -> None:
    """Whatever overlaps and collides: one row a signature, IDs its own, and a second round is without effect."""
    with open_project(made(tmp_path_factory.mktemp("p") / "p.db"), write=True) as db:
        db.execute("update project set value = ? where key = 'scheme'", (scheme,))
        for _ in range(2):
            for number, combos in enumerate(builds):
                found = compiled(db, f"b{number}", SPEC.replace("[c1, c2]", f"[{', '.join(combos)}]"))
                assert sum(found["members"].values()) == 7 * len(combos)
            first = count(db)
        assert count(db) == first == 7 * len({combo for combos in builds for combo in combos})
        if not scheme.startswith("daydreaming/"):  # there a suffixed ID is hashed anew
            check_ids(db)


def curated(db: Database, name: str, mode: str, **how: Any) -> dict[str, Any]:
    return curate_cohort(db, name, Choice(mode, **how)).as_dict()


@pytest.fixture
def judged(db: Database) -> Database:
    """Two drafts with two essays each, each judged by two models."""
    compiled(db, "pilot", SPEC)
    finish(db)
    return db


def chosen(db: Database, *numbers: int) -> list[tuple[str, str]]:
    return [(ids(db, "essay")[number], "") for number in numbers]


@pytest.mark.parametrize(
    ("mode", "members", "new", "replicates"),
    [
        ("regenerate", {"draft": 1, "essay": 1, "evaluation": 2}, 4, [2, 1, 1, 1]),
        ("reuse-drafts", {"draft": 1, "essay": 1, "evaluation": 2}, 3, [1, 2, 1, 1]),
        ("reuse-essays", {"draft": 1, "essay": 1, "evaluation": 2}, 2, [1, 1, 2, 2]),
    ],
)
def test_curated_cohorts_allocate_what_is_fresh_and_remember_it(
    judged: Database, mode: str, members: dict[str, int], new: int, replicates: list[int]
) -> None:
    """A second build gives the same IDs and changes nothing, though what it made exists by now."""
    found = curated(judged, "again", mode, essays=chosen(judged, 0))
    assert (found["members"], found["new"], found["origins"]) == (members, new, {"pilot": 4 - new} if new < 4 else {})
    rows = listed(judged, "again")
    assert [row[3] for row in rows] == replicates
    assert [row[5] for row in rows] == [0] * (4 - new) + [1] * new
    finish(judged)
    before = digest(judged)
    assert curated(judged, "again", mode, essays=chosen(judged, 0))["new"] == 0
    assert rebuild_cohort(judged, "again").as_dict()["reused"] == 4
    assert (digest(judged), [row[:4] for row in listed(judged, "again")]) == (before, [row[:4] for row in rows])
    assert broken(judged) == []


def test_another_cohort_of_the_same_essays_gets_replicates_of_its_own(judged: Database) -> None:
    curated(judged, "one", "regenerate", essays=chosen(judged, 0))
    curated(judged, "two", "regenerate", essays=chosen(judged, 0))
    assert listed(judged, "two")[0][3] == 3
    assert not {row[1] for row in listed(judged, "one")} & {row[1] for row in listed(judged, "two")}


def test_fill_up_plans_only_what_is_missing(judged: Database) -> None:
    set_replication(judged, "evaluation", 3)
    found = curated(judged, "fill", "reuse-essays", essays=chosen(judged, 0, 2), fill_up=True)
    assert found["new"] == 2 * 2 * 2
    assert curated(judged, "full", "reuse-essays", essays=chosen(judged, 0, 2), fill_up=True)["new"] == 0


def test_essays_of_two_families_share_the_fresh_drafts_of_their_group(judged: Database) -> None:
    """Both essays come from one draft: two fresh replicates of it, each with both essays, linked rightly."""
    set_replication(judged, "draft", 2)
    found = curated(judged, "again", "regenerate", essays=chosen(judged, 0, 1))
    assert found["members"] == {"draft": 2, "essay": 4, "evaluation": 8} == found["new_by_stage"]
    parents = {row[2] for row in listed(judged, "again") if row[0] == "essay"}
    assert parents == {row[1] for row in listed(judged, "again") if row[0] == "draft"} and broken(judged) == []


def test_the_top_is_remembered(judged: Database) -> None:
    """By the mean of the evaluators' best scores, ties by ID; what is scored later does not change the cohort."""
    scores = "update scores set score = 9, scale_min = 0, scale_max = 9 where generation_id in"
    judged.execute("update scores set scale_min = 0, scale_max = 9")
    best = ids(judged, "essay")[2]
    judged.execute(
        f"{scores} (select v.id from generations v join generations e on e.id = v.parent_id where e.gen_id = ?)",
        (best,),
    )
    found = curated(judged, "top", "reuse-essays", top=2)
    essays = [row[1] for row in listed(judged, "top") if row[0] == "essay"]
    assert essays == [best, min(set(ids(judged, "essay")) - {best})] and found["new"] == 4
    judged.execute("update scores set score = 1 where generation_id in (select id from generations)")
    assert curated(judged, "top", "reuse-essays", top=2)["new"] == 0
    assert [row[1] for row in listed(judged, "top") if row[0] == "essay"] == essays


def test_rubrics_may_be_named(judged: Database) -> None:
    found = curated(judged, "strict", "reuse-essays", essays=chosen(judged, 0), rubrics=[("strict", "m")])
    assert (found["members"]["evaluation"], found["new"]) == (1, 1)
    with pytest.raises(Conflict):
        curated(judged, "strict", "reuse-essays", essays=chosen(judged, 1), rubrics=[("strict", "m")])


def test_what_cannot_be_curated_is_refused(db: Database) -> None:
    compiled(db, "pilot", ESSAYS)
    with pytest.raises(BadInput, match="no essays to curate from"):
        curated(db, "top", "reuse-essays", top=3)
    with pytest.raises(BadInput, match="nothing has judged"):
        curated(db, "again", "reuse-essays", essays=chosen(db, 0))
    with pytest.raises(BadInput, match="regenerate, reuse-drafts, reuse-essays"):
        curated(db, "again", "again", essays=chosen(db, 0))
    with pytest.raises(Problems, match="no essay 'nobody'"):
        curated(db, "again", "regenerate", essays=[("nobody", "f:1"), ("none", "f:2")])
    found = curated(db, "fresh", "regenerate", essays=chosen(db, 0))
    assert found["members"] == {"draft": 1, "essay": 1} and "by which rubric" in found["problems"][0]
    assert count(db, "cohorts") == 2


def test_a_legacy_essay_is_reused_under_its_own_id(judged: Database) -> None:
    """What an import left legacy is named as the project names it, and found by that ID."""
    number = judged.execute("select id from generations where stage = 'essay'").fetchone()[0]
    judged.execute("update generations set legacy = 1, gen_id = '14nm7pkq2x9ibdoi' where id = ?", (number,))
    found = curated(judged, "again", "reuse-essays", essays=[("14nm7pkq2x9ibdoi", "")])
    assert (found["new_by_stage"], found["reused"]) == ({"draft": 0, "essay": 0, "evaluation": 2}, 2)
    judged.execute("update generations set template_id = null where id = ?", (number,))
    with pytest.raises(BadInput, match="14nm7pkq2x9ibdoi was made from is not known"):
        curated(judged, "more", "reuse-essays", essays=[("14nm7pkq2x9ibdoi", "")])


def test_a_cohort_that_was_imported_cannot_be_compiled(db: Database) -> None:
    insert(db, "cohorts", {"name": "old", "mode": "imported", "created": ""})
    with pytest.raises(BadInput, match="came without a spec"):
        rebuild_cohort(db, "old")
    with pytest.raises(UnknownName, match="no cohort"):
        rebuild_cohort(db, "none")


def test_specs_in_json_with_tabs_compile_from_the_project_alone(db: Database) -> None:
    text = '{\t"axes": {"combo_id": "@file:combos.txt", "draft_template": ["notes"], "draft_llm": ["m"]}}'
    compile_cohort(db, "j", spec_from_texts(text, {"combos.txt": "c1\nc2\n"}, "s.json"))
    again: Compiled = rebuild_cohort(db, "j")
    assert again.as_dict()["reused"] == 2
