"""Checkpoints into the record: whole or not at all, each tuple once, nothing overwritten, nothing dropped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA

from workbench.catalogue.combos import ensure_topic_combos
from workbench.catalogue.models import Model, load_model, store_model
from workbench.catalogue.templates import load_template
from workbench.catalogue.topics import store_topics
from workbench.errors import BadFile, OldCheckpoint, UnknownName
from workbench.ids import V1, DraftTask, gen_id, scheme_named
from workbench.imports import import_checkpoint, list_imports
from workbench.imports.names import plain_name
from workbench.prompts import render_messages
from workbench.record.seed import seed_drafts
from workbench.store import Database, create_project, open_project, transaction
from workbench.topics import Node, TopicModel, read_topics
from workbench.verify.digest import digest
from workbench.verify.verify import verify

V4 = DATA / "deepfabric" / "tree_v4"
CKPT = V4 / "ckpt" / "dataset.checkpoint.json"
KELP = "fdcc16ae-df1d-4f2b-88d2-26a0a836e2d8"
TOPICS = ["a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000002"]


def tree(*, name: str = "two", uuids: list[str] = TOPICS, alias: str = "0123456789abcdef") -> TopicModel:
    """Make a tree of two leaves; the first has an ID of another program's."""
    root = Node("b0000000-0000-4000-8000-000000000000", "root", 0)
    nodes = [root, Node(uuids[0], "first", 1, (alias,)), Node(uuids[1], "second", 1)]
    return TopicModel(name, "tree", nodes, [(0, 1), (0, 2)])


@pytest.fixture
def db(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        with transaction(opened):
            store_topics(opened, read_topics(V4 / "topics_tree.jsonl", name="garden"))
            store_topics(opened, tree())
        yield opened


def sample(topic: str, text: str = "yes", **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": "why?"}, {"role": "assistant", "content": text}]
    return {"messages": said, "metadata": {"topic_id": topic}, **more}


def written(
    folder: Path,
    completed: list[tuple[str, int]],
    samples: list[Any],
    failures: list[Any] | None = None,
    **facts: Any,
) -> Path:
    """Write a checkpoint; samples and failures may be text, which is written as it stands."""
    folder.mkdir(exist_ok=True)
    failures = failures or []
    for suffix, values in {".jsonl": samples, ".failures.jsonl": failures}.items():
        texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
        (folder / f"d.checkpoint{suffix}").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    told = {"version": 4, "completed": completed, "total_samples": len(samples), "total_failures": len(failures)}
    path = folder / "d.checkpoint.json"
    path.write_text(json.dumps(told | {"model_name": "m"} | facts), encoding="utf-8")
    return path


def rows(db: Database, sql: str) -> list[Any]:
    return db.execute(sql).fetchall()


def codes(report: Any) -> list[str]:
    return [problem.code for problem in report.problems]


def holds(db: Database) -> bool:
    return all(check.ok for check in verify(db, full=True))


def test_a_real_checkpoint_becomes_drafts_of_its_topics(db):
    """16 samples are done and 1 failed, with the right IDs, cycles and places; every rule holds."""
    report = import_checkpoint(db, CKPT, topics="garden")
    assert (report.added, report.completions, report.failures, report.problems) == ({"draft": 17}, 16, 1, [])
    assert rows(db, "select status, count(*) from generations group by 1") == [("done", 16), ("failed", 1)]
    done = set(rows(db, "select leaf_uuid, cycle from completions"))
    told = {tuple(pair) for pair in json.loads(CKPT.read_text())["completed"]}
    assert done == told - {(KELP, 0)}
    for uuid, cycle, found in rows(db, "select leaf_uuid, cycle, gen_id from completions"):
        assert found == gen_id(DraftTask(uuid, "deepfabric-basic", "mock-model", cycle + 1), V1)
    off = "select count(*) from generations g join combos c on c.id = g.combo_id join topics t on t.id = c.topic_id"
    assert rows(db, off + " where g.place <> t.place or g.legacy or g.ready") == [(0,)]
    assert holds(db)


def test_samples_are_kept_as_they_stand_in_the_file(db):
    """The raw text of a draft is its line, byte for byte; the parsed text is the same conversation."""
    import_checkpoint(db, CKPT)
    lines = (V4 / "ckpt" / "dataset.checkpoint.jsonl").read_text().splitlines()
    assert sorted(raw for (raw,) in rows(db, "select raw from contents where raw is not null")) == sorted(lines)
    for raw, parsed in rows(db, "select raw, parsed from generation_texts where status = 'done'"):
        assert json.loads(parsed) == json.loads(raw)


def test_a_failure_keeps_its_reason_and_its_place(db):
    """The failed tuple is a failed draft that says why, and may be retried."""
    import_checkpoint(db, CKPT)
    found = rows(
        db,
        "select c.combo_id, g.replicate, g.outcome, x.detail from generations g join combos c on c.id = g.combo_id"
        " join contents x on x.id = g.content_id where g.status = 'failed'",
    )
    assert found == [(KELP, 1, "imported_failure", "Generation failed: Error code: 400 - mock error 400")]


def test_an_import_is_recorded_with_the_origin_of_every_row(db):
    """A migration of kind import, the file's name without its folder, and each row's metadata verbatim."""
    report = import_checkpoint(db, CKPT, topics="garden")
    assert report.migration == 1
    ((kind, plan, changes, state),) = rows(db, "select kind, plan, changes, state from migrations")
    assert (kind, state, json.loads(changes)) == ("import", "applied", {"draft": {"added": 17, "unchanged": 0}})
    assert json.loads(plan)["source"] == CKPT.name and str(CKPT.parent) not in plan
    places = dict(rows(db, "select place, metadata from import_rows"))
    assert json.loads(places["dataset.checkpoint.json"])["conversation_type"] == "basic"
    assert json.loads(places["dataset.checkpoint.jsonl:16"]).keys() == {"topic_id"}
    assert json.loads(places["dataset.checkpoint.failures.jsonl:1"])["cycle"] == 0
    (listed,) = list_imports(db)
    assert (listed["kind"], listed["source"], listed["generations"]) == ("checkpoint", CKPT.name, 17)


def test_importing_twice_changes_nothing(db):
    """The second time nothing is added, and no second migration is recorded."""
    import_checkpoint(db, CKPT)
    before = digest(db)
    again = import_checkpoint(db, CKPT)
    assert (again.added, again.unchanged, again.completions) == ({"draft": 0}, {"draft": 17}, 16)
    assert (digest(db), again.migration) == (before, None)
    assert rows(db, "select count(*) from migrations") == [(1,)]


def test_a_dry_run_says_all_and_changes_nothing(db):
    """The report is that of the import; the file is as before."""
    before = list(db.conn.iterdump())
    report = import_checkpoint(db, CKPT, dry_run=True)
    assert (report.added, report.migration) == ({"draft": 17}, None)
    assert list(db.conn.iterdump()) == before


@pytest.mark.parametrize("damage", ["old", "cut", "torn", "counts", "tuple"])
def test_what_is_refused_changes_nothing(project, db, tmp_path, damage):
    """An old, cut or contradictory checkpoint is refused before anything is written."""
    path = DATA / "deepfabric" / "tree_v3" / "ckpt" / CKPT.name
    if damage != "old":
        path = written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])])
    if damage == "cut":
        path.write_text(path.read_text()[:-5])
    if damage == "torn":
        samples = path.with_name("d.checkpoint.jsonl")
        samples.write_text(samples.read_text()[:-9])
    if damage == "counts":
        path = written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])], total_samples=2)
    if damage == "tuple":
        path = written(tmp_path / "c", [(TOPICS[0], -1)], [sample(TOPICS[0])])
    before = project.read_bytes()
    with pytest.raises(OldCheckpoint, match="version 4"):
        import_checkpoint(db, path)
    assert project.read_bytes() == before


def test_the_default_template_and_model_can_go_on(db):
    """What the import makes is usable: a prompt over the topic, the parser of conversations, the file's model."""
    import_checkpoint(db, CKPT)
    template = load_template(db, "draft", "deepfabric-basic")
    about = {"topic": "Kelp", "path": ["Garden", "Kelp"], "path_text": "Garden > Kelp", "replicate": 2}
    system, user = render_messages(template, about)
    assert template.parser == "chat" and "JSON" in system["content"]
    assert "Garden > Kelp" in user["content"] and "number 2" in user["content"]
    model = load_model(db, "mock-model")
    assert (model.provider, model.name, dict(model.parameters)) == ("openai", "mock-model", {})


def test_names_that_ids_cannot_hold_are_changed_and_told(db, tmp_path):
    """A model called `Vendor/Größe 3` is filed under a plain name; its own name stays in the catalogue."""
    path = written(
        tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])], model_name="Vendor/Größe 3", conversation_type="a b"
    )
    report = import_checkpoint(db, path)
    assert (report.model, report.template) == ("vendor/gr-e-3", "deepfabric-a-b")
    assert codes(report) == ["name-changed", "name-changed"]
    assert load_model(db, "vendor/gr-e-3").name == "Vendor/Größe 3"
    assert holds(db)


@pytest.mark.parametrize(("text", "name"), [("GPT-4o", "gpt-4o"), ("  a|b\n", "a-b"), ("-/x", "x"), ("…", "imported")])
def test_plain_names(text, name):
    """Any text becomes a name that a signature can hold."""
    assert plain_name(text) == name


def test_a_checkpoint_of_five_keys_names_no_model_and_says_so(db, tmp_path):
    """Without a model in the file or on the command line, the drafts are filed under `imported`, with a warning."""
    path = written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])], model_name=None, checkpoint_interval=1)
    report = import_checkpoint(db, path)
    assert (report.model, codes(report)) == ("imported", ["model-unknown"])


def test_named_templates_and_models_must_exist(db, tmp_path):
    """A name on the command line is one of the catalogue, else nothing is done."""
    for names in ({"template": "no"}, {"model": "no"}, {"topics": "no"}):
        with pytest.raises(UnknownName):
            import_checkpoint(db, CKPT, **names)
    assert rows(db, "select count(*) from generations") == [(0,)]


def test_an_existing_catalogue_entry_is_used_as_it_is(db):
    """A model that the project knows under the file's name keeps its settings."""
    with transaction(db):
        store_model(db, Model("mock-model", "local", "mock", {"temperature": 0.1}))
    import_checkpoint(db, CKPT)
    assert load_model(db, "mock-model").provider == "local"


def test_tuples_of_unknown_topics_are_problems_and_no_topic_is_invented(db, tmp_path):
    """What belongs to no topic is listed and kept verbatim; the rest is placed."""
    stranger = sample("c0000000-0000-4000-8000-000000000000")
    path = written(
        tmp_path / "c", [(TOPICS[0], 0), (stranger["metadata"]["topic_id"], 0)], [sample(TOPICS[0]), stranger]
    )
    topics = rows(db, "select count(*) from topics")
    report = import_checkpoint(db, path)
    assert (report.added, report.completions) == ({"draft": 1}, 1)
    assert codes(report) == ["unknown-topic", "unknown-topic"]
    assert rows(db, "select count(*) from topics") == topics
    assert rows(db, "select metadata from import_rows where generation_id is null and name like 'unplaced%'") == [
        (json.dumps(stranger),)
    ]
    assert rows(db, "select severity, place, code from migration_problems")[1] == (
        "error",
        "d.checkpoint.jsonl:2",
        "unknown-topic",
    )


def test_topics_are_found_by_other_programs_ids(db, tmp_path):
    """A path hash is an alias of its topic."""
    path = written(tmp_path / "c", [("0123456789abcdef", 0)], [sample("0123456789abcdef")])
    import_checkpoint(db, path)
    assert rows(db, "select leaf_uuid, cycle from completions") == [(TOPICS[0], 0)]


def test_an_id_of_several_topics_is_never_guessed(db, tmp_path):
    """One path hash in two topic models is a problem until --topics says which."""
    uuids = ["d0000000-0000-4000-8000-000000000001", "d0000000-0000-4000-8000-000000000002"]
    with transaction(db):
        other = tree(name="other", uuids=uuids)
        nodes = [Node("e0000000-0000-4000-8000-000000000000", "root", 0), *other.nodes[1:]]
        store_topics(db, TopicModel("other", "tree", nodes, other.edges))
    path = written(tmp_path / "c", [("0123456789abcdef", 0)], [sample("0123456789abcdef")])
    report = import_checkpoint(db, path)
    assert (report.added, "ambiguous-topic" in codes(report)) == ({"draft": 0}, True)
    assert import_checkpoint(db, path, topics="other").completions == 1
    assert rows(db, "select leaf_uuid from completions") == [(uuids[0],)]


def test_a_planned_draft_gets_its_text(db, tmp_path):
    """A task that waits to be generated is filled instead of paid for."""
    import_checkpoint(db, written(tmp_path / "c", [(TOPICS[1], 0)], [sample(TOPICS[1])]))
    model, template = rows(db, "select m.id, t.id from models m, templates t")[0]
    (topics,) = rows(db, "select id from topic_models where name = 'two'")[0]
    with transaction(db):
        ensure_topic_combos(db, topics)
        seed_drafts(db, topic_model_id=topics, template_id=template, model_id=model, replicate=1, end=99, limit=9)
    assert rows(db, "select status from generations order by status") == [("done",), ("planned",)]
    report = import_checkpoint(db, written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])]))
    assert report.added == {"draft": 1}
    assert rows(db, "select status, ready from generations") == [("done", 0), ("done", 0)]


def test_a_failed_draft_gets_the_text_of_a_later_checkpoint(db, tmp_path):
    """What failed elsewhere and was retried there is done here too; the failure stays in its history."""
    failed = written(tmp_path / "c", [(TOPICS[0], 0)], [], [{"error": "no", "topic_id": TOPICS[0], "cycle": 0}])
    import_checkpoint(db, failed)
    import_checkpoint(db, written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])]))
    assert rows(db, "select status, outcome from generations") == [("done", "ok")]
    assert rows(db, "select outcome, revision from contents") == [("imported_failure", 1), ("ok", 2)]
    assert import_checkpoint(db, failed).added == {"draft": 0}
    assert holds(db)


def test_a_done_draft_is_never_overwritten(db, tmp_path):
    """Another text for a task that is done is a conflict: listed, and the text here stays."""
    import_checkpoint(db, written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])]))
    before = digest(db)
    report = import_checkpoint(db, written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0], "no")]))
    assert (codes(report), report.completions, digest(db)) == (["conflict"], 0, before)
    more = [(TOPICS[0], 0), (TOPICS[0], 1)]
    grown = written(tmp_path / "c", more, [sample(TOPICS[0], "no"), sample(TOPICS[0], "new")])
    report = import_checkpoint(db, grown)
    assert (codes(report), report.added) == (["conflict"], {"draft": 1})
    assert rows(db, "select severity, place, code from migration_problems") == [
        ("error", "d.checkpoint.jsonl:1", "conflict")
    ]


def test_the_same_text_under_other_labels_is_the_same(db, tmp_path):
    """Metadata and the order of keys do not make another text."""
    import_checkpoint(db, written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0])]))
    relabelled = sample(TOPICS[0]) | {"metadata": {"topic_id": TOPICS[0].upper(), "by": "x"}}
    report = import_checkpoint(
        db, written(tmp_path / "c", [(TOPICS[0].upper(), 0)], [dict(reversed(relabelled.items()))])
    )
    assert (report.added, report.problems, report.completions) == ({"draft": 0}, [], 1)


def test_inferred_cycles_are_marked(db, tmp_path):
    """Where failures tell no cycle, the samples' cycles are a guess that the record shows."""
    done = [(TOPICS[0], 0), (TOPICS[0], 1), (TOPICS[0], 2)]
    path = written(
        tmp_path / "c",
        done,
        [sample(TOPICS[0], "a"), sample(TOPICS[0], "b")],
        [{"error": "no", "topic_id": TOPICS[0]}],
    )
    report = import_checkpoint(db, path)
    assert "cycle-inferred" in codes(report)
    assert rows(db, "select count(*) from import_rows where name = 'sample, cycle inferred'") == [(2,)]
    assert rows(db, "select replicate, status from generations order by 1") == [(1, "done"), (2, "done"), (3, "failed")]


@pytest.mark.parametrize(
    "text", ["ends a thought </think> here", "lone \ud800 surrogate", "nul \0 inside", "ünïcödé \u202e"]
)
def test_awkward_texts_survive(db, tmp_path, text):
    """Whatever a JSON string can hold is kept: the line as raw text, the conversation as parsed text."""
    import_checkpoint(db, written(tmp_path / "c", [(TOPICS[0], 0)], [sample(TOPICS[0], text)]))
    raw, parsed = rows(db, "select raw, parsed from generation_texts")[0]
    assert json.loads(raw)["messages"][1]["content"] == text
    read = json.loads(parsed)["messages"][1]["content"]
    assert read.encode() and len(read) == len(text)
    assert all(a in (b, "?", "\ufffd") for a, b in zip(read, text, strict=True))
    assert holds(db)


def test_an_unusual_sample_stays_a_sample(db, tmp_path):
    """A conversation that our parser would not accept was good elsewhere: it is done, with a warning."""
    silent = sample(TOPICS[0], "") | {"tools": []}
    report = import_checkpoint(db, written(tmp_path / "c", [(TOPICS[0], 0)], [silent]))
    assert (codes(report), report.completions) == (["unusual-sample"], 1)
    assert json.loads(rows(db, "select parsed from generation_texts")[0][0]) == silent


def test_ids_that_collide_are_told_apart(tmp_path):
    """Under a scheme with one byte, every text is kept; later IDs get a suffix and a blocking alert."""
    path = tmp_path / "small.db"
    create_project(path, scheme=scheme_named("v1/1"))
    with open_project(path, write=True) as db:
        with transaction(db):
            store_topics(db, tree())
        done = [(topic, cycle) for cycle in range(150) for topic in TOPICS]
        samples = [sample(topic, f"{topic} {cycle}") for topic, cycle in done]
        assert import_checkpoint(db, written(tmp_path / "c", done, samples)).completions == 300
        before = digest(db)
        assert import_checkpoint(db, written(tmp_path / "c", done, samples)).added == {"draft": 0}
        assert digest(db) == before and holds(db)
        suffixed = rows(db, "select count(*) from generations where gen_id like '%-%'")
        assert suffixed == rows(db, "select count(*) from alerts where blocking = 1") != [(0,)]


def test_an_import_inside_a_transaction_leaves_the_rest_of_it_alone(db):
    """A dry run within a larger piece of work takes back its own part only."""
    with transaction(db):
        store_model(db, Model("kept", "local", "kept"))
        import_checkpoint(db, CKPT, dry_run=True)
    assert rows(db, "select llm_model_id from models") == [("kept",)]


def test_a_file_that_breaks_while_it_is_read_leaves_nothing(db, tmp_path, monkeypatch):
    """An error in the middle of the samples takes everything back."""
    before = digest(db)
    path = written(tmp_path / "c", [(TOPICS[0], 0), (TOPICS[1], 0)], [sample(TOPICS[0]), sample(TOPICS[1])])
    monkeypatch.setattr("workbench.imports.checkpoint.place", _then_break(path))
    with pytest.raises(BadFile):
        import_checkpoint(db, path)
    assert digest(db) == before
    assert rows(db, "select (select count(*) from migrations) + (select count(*) from templates)") == [(0,)]


def _then_break(path: Path):
    """Place as always, then cut the samples' file as another process might."""
    from workbench.checkpoint import place

    def placed(checkpoint, resolve):
        found = place(checkpoint, resolve)
        samples = path.with_name("d.checkpoint.jsonl")
        samples.write_text(samples.read_text()[:-9])
        return found

    return placed


def test_the_file_is_known_by_its_hash(db, tmp_path):
    """The same content under another name has the same hash."""
    import_checkpoint(db, CKPT, topics="garden")
    for file in CKPT.parent.iterdir():
        shutil.copyfile(file, tmp_path / file.name.replace("dataset", "other"))
    with transaction(db):
        store_model(db, Model("second", "local", "second"))
    import_checkpoint(db, tmp_path / "other.checkpoint.json", topics="garden", model="second")
    assert rows(db, "select count(*), count(distinct hash), min(length(hash)) from imports") == [(2, 1, 32)]


def test_every_import_says_what_comes_next(project: Path, run) -> None:
    """A checkpoint before its topics, with them, and a store: each on stderr, none under --json."""
    early = run("import", "checkpoint", CKPT, "-p", project)
    assert early.code == 0 and "`workbench topics import FILE`" in early.err
    assert run("topics", "import", V4 / "topics_tree.jsonl", "--name", "garden", "-p", project).code == 0
    ran = run("import", "checkpoint", CKPT, "--topics", "garden", "-p", project)
    assert "workbench generate --topics garden --template deepfabric-basic --model mock-model -n N" in ran.err
    assert run("import", "checkpoint", CKPT, "-p", project, "--json").err == ""
    store = run("import", "store", DATA / "daydreaming" / "legacy_store", "-p", project)
    assert "`workbench migrate plan --legacy`" in store.err
