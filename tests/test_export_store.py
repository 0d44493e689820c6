"""A project as a data root and back: the same digest, whatever it holds that the layout has a word for or not."""

from __future__ import annotations

import csv
import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from projects import fill
from test_import_store import STORE, draft, dump, rows

from workbench.catalogue.cohorts import set_replication, store_cohort
from workbench.catalogue.combos import ensure_topic_combos
from workbench.catalogue.models import Model, store_model
from workbench.catalogue.templates import store_template
from workbench.catalogue.topics import load_topics, store_topics
from workbench.errors import OutputExists, Refused, UnknownName
from workbench.exports import export_store
from workbench.exports.store_names import LONGEST, file_name, name_of
from workbench.ids import prompt_hash, scheme_named
from workbench.imports import import_store
from workbench.prompts import Template, read_folder
from workbench.record.answers import Origin, Result, fail, store_answer, store_prompt
from workbench.record.seed import Seed, seed_tasks
from workbench.store import Database, create_project, insert, open_project, scheme_of, transaction
from workbench.verify.digest import lines

TEXTS = [
    "",
    " ",
    "A text.",
    "\ufeffmark",
    "a\r\nb\rc\n",
    "---\nname: x\n---\n",
    "7",
    "7.5",
    "ü 🎈 \u2028",
    "x" * 5000,
    "=1+1",
]
SCHEMES = ["v1", "daydreaming", "v1/1", "daydreaming/1"]


class Garden:
    """Grows a small project of everything that a data root can hold, by a seed."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db, self.rng = db, Random(seed)

    def grow(self) -> None:
        """Fill catalogues, plan tasks in three stages, answer some, make cohorts."""
        with transaction(self.db):
            self.templates = {stage: self._templates(stage) for stage in ("draft", "essay", "evaluation")}
            store_template(self.db, Template("below", "topics", "{{ topic }}"))
            self.models = [self._model(name) for name in ("m", "org/Model:1", "bare")]
            self.combos = self._combos()
            self.cohorts = [self._cohort(name) for name in ("k1", "with/slash")]
            for stage in self.rng.sample(["draft", "essay", "evaluation"], self.rng.randint(0, 3)):
                set_replication(self.db, stage, self.rng.randint(1, 3))
            drafts = self._answered(self._drafts())
            essays = self._answered(self._children("essay", drafts))
            self._answered(self._children("evaluation", essays))
            self._enrol()

    def _text(self) -> str:
        return self.rng.choice(TEXTS)

    def _templates(self, stage: str) -> list[tuple[str, int]]:
        found = []
        for name in self.rng.sample(["t", "t/v2", "other.x", "T+3"], 2):
            for _ in range(self.rng.randint(0, 3)):
                store_template(self.db, self._template(stage, name), self.rng.choice([None, "a.txt"]))
            if not rows(self.db, "select 1 from templates where stage = ? and name = ?", stage, name):
                insert(self.db, "templates", {"stage": stage, "name": name, "description": self._text()})
            ((number,),) = rows(self.db, "select id from templates where stage = ? and name = ?", stage, name)
            found.append((name, number))
        return found

    def _template(self, stage: str, name: str) -> Template:
        rng = self.rng
        return Template(
            name,
            stage,
            rng.choice(["Write.", "---\nWrite {{ topic }}\n", "{{ broken", "", "Ab\r\n"]),
            rng.choice(["llm", "llm", "copy"]),
            rng.choice(["", "score", "identity", "unheard_of"]),
            rng.choice(["", "Be brief."]),
            rng.choice([0, 0, 3]),
            rng.choice([None, (0.0, 9.0), (1.0, 5.5)]),
            rng.choice([None, {"type": "object"}]),
            self._text(),
        )

    def _model(self, name: str) -> tuple[str, int]:
        for number in range(0 if name == "bare" else self.rng.randint(1, 3)):
            settings = self.rng.choice([{}, {"temperature": 0.5, "n": number}])
            title, price = self.rng.choice(["", "A title"]), self.rng.choice([None, 0.5])
            store_model(self.db, Model(name, f"p{number}", f"n{number}", settings, title, price, price))
        if name == "bare":
            insert(self.db, "models", {"llm_model_id": name})
        ((number,),) = rows(self.db, "select id from models where llm_model_id = ?", name)
        return name, number

    def _combos(self) -> list[tuple[str, int]]:
        concepts = []
        for name in ("c1", "c/2", "c.3"):
            levels = {level: self.rng.choice([None, "", "About it."]) for level in ("sentence", "paragraph", "article")}
            concepts.append(insert(self.db, "concepts", {"concept_id": name, "name": f"Name {name}", **levels}))
        found = []
        for name in ("none", "empty", "combo_v1_abc", "pair"):
            level, k = (None, None) if name in ("none", "empty") else (self.rng.choice(["sentence", "name"]), 2)
            number = insert(self.db, "combos", {"combo_id": name, "level": level, "k": k})
            found.append((name, number))
            for place, concept in enumerate(self.rng.sample(concepts, 2) if k else [], self.rng.randint(0, 1)):
                insert(self.db, "combo_members", {"combo_id": number, "concept_id": concept, "place": place})
        return found

    def _cohort(self, name: str) -> int:
        files = {"items/a b.csv": "x\n1\n", "..": "odd", "top.txt": self._text()}
        spec = self.rng.choice([None, "axes: {}\r\n"])
        chosen = {path: files[path] for path in self.rng.sample(sorted(files), self.rng.randint(0, 3))}
        mode = self.rng.choice(["spec", "imported", "regenerate"])
        return store_cohort(self.db, name, mode, spec, chosen, {"seed": self.rng.randint(0, 9)})

    def _drafts(self) -> list[int]:
        seeds = []
        for _ in range(self.rng.randint(0, 8)):
            (combo, c), (template, t) = self.rng.choice(self.combos), self.rng.choice(self.templates["draft"])
            model, m = self.rng.choice(self.models)
            fields = (combo.lower(), template.lower(), model.lower())
            seeds.append(Seed("draft", fields, self.rng.randint(1, 3), t, m, c, origin_cohort_id=self._origin()))
        return self._planned(seeds)

    def _origin(self) -> int | None:
        return self.rng.choice([None, *self.cohorts])

    def _children(self, stage: str, parents: list[int]) -> list[int]:
        seeds = []
        for parent in parents:
            for _ in range(self.rng.randint(0, 2)):
                ((gen_id,),) = rows(self.db, "select gen_id from generations where id = ?", parent)
                (template, t), (model, m) = self.rng.choice(self.templates[stage]), self.rng.choice(self.models)
                fields = (gen_id, template.lower()) if stage == "essay" else (gen_id, template.lower(), model.lower())
                done = rows(self.db, "select status = 'done' from generations where id = ?", parent)[0][0]
                seeds.append(Seed(stage, fields, self.rng.randint(1, 2), t, m, None, parent, self._origin(), 3, done))
        return self._planned(seeds)

    def _planned(self, seeds: list[Seed]) -> list[int]:
        unique = {(seed.stage, seed.fields, seed.replicate): seed for seed in seeds}
        return list(seed_tasks(self.db, unique.values(), scheme_of(self.db)).values())

    def _answered(self, numbers: list[int]) -> list[int]:
        for number in numbers:
            blocked = rows(self.db, "select 1 from generations where id = ? and status = 'blocked'", number)
            for _ in range(0 if blocked else self.rng.randint(0, 3)):
                self._answer(number)
            if not blocked and self.rng.random() < 0.1:
                fail(self.db, number, "http_400")
        return numbers

    def _answer(self, number: int) -> None:
        rng = self.rng
        ((stage, template, parent),) = rows(
            self.db,
            "select g.stage, t.version_id, p.content_id from generations g join templates t on t.id = g.template_id"
            " left join generations p on p.id = g.parent_id where g.id = ?",
            number,
        )
        digest = None
        if rng.random() < 0.8:
            system, text = rng.choice(["", "Be brief."]), self._text()
            digest = prompt_hash(system, text)
            store_prompt(self.db, digest, system, text)
        outcome = rng.choice(["ok", "ok", "ok", "truncated", "refused"])
        raw = self._text() if outcome == "ok" else rng.choice([None, "", "cut"])
        parsed = None if outcome != "ok" else rng.choice([raw, self._text()])
        judged = stage == "evaluation" and outcome == "ok" and rng.random() < 0.8
        if judged:
            parsed = rng.choice(["7.5", "3.0"])
        result = Result(
            outcome,
            raw,
            parsed,
            rng.choice([None, "why"]),
            lossy=rng.random() < 0.1,
            synthetic=rng.random() < 0.1,
            finish_reason=rng.choice([None, "stop"]),
            tokens_in=rng.choice([None, 3]),
            score=float(parsed or 0) if judged else None,
            scale=rng.choice([None, (0.0, 9.0)]) if judged else None,
        )
        store_answer(self.db, Origin(number, digest, template, None, parent), result)

    def _enrol(self) -> None:
        everyone = [number for (number,) in rows(self.db, "select id from generations order by id")]
        for cohort in self.cohorts:
            for place, number in enumerate(self.rng.sample(everyone, self.rng.randint(0, len(everyone)))):
                values = {"cohort_id": cohort, "generation_id": number, "place": place * 2, "allocated": place % 2}
                insert(self.db, "cohort_members", values)


@pytest.fixture
def db(project: Path) -> Iterator[Database]:
    with open_project(project, write=True) as opened:
        yield opened


def back(out: Path, path: Path, scheme: str = "v1") -> list[str]:
    """Import an export into a new project, twice; give the facts."""
    create_project(path, scheme=scheme_named(scheme))
    with open_project(path, write=True) as db:
        import_store(db, out)
        facts = list(lines(db))
        again = import_store(db, out)
        assert again.migration is None and list(lines(db)) == facts
        return facts


@settings(max_examples=15)
@example(seed=352, scheme="v1", legacy=False)  # made from the parent's first answer, which it gave twice
@given(seed=st.integers(0, 2**32), scheme=st.sampled_from(SCHEMES), legacy=st.booleans())
def test_importing_an_export_gives_the_same_facts(seed, scheme, legacy):
    """Planned, blocked, failed and done rows, earlier answers, versions, scores, cohorts, collisions, imported rows."""
    with TemporaryDirectory() as folder:
        path, out = Path(folder) / "a.db", Path(folder) / "out"
        create_project(path, scheme=scheme_named(scheme))
        with open_project(path, write=True) as db:
            if legacy:
                import_store(db, STORE)
            Garden(db, seed).grow()
            before = dump(db)
            told = export_store(db, out)
            assert dump(db) == before
            facts, count = list(lines(db)), rows(db, "select count(*) from generations")[0][0]
        assert told["rows"] == count and back(out, Path(folder) / "b.db", scheme) == facts


def test_an_export_of_the_real_store_gives_its_digest_and_its_layout(db, tmp_path):
    """The same folders with the same texts; metadata that cannot be read stay byte for byte."""
    import_store(db, STORE)
    out = tmp_path / "out"
    told = export_store(db, out)
    assert told == {"rows": 22, "path": str(out), "cohorts": 4, "left_out": {}}
    data = STORE / "data"
    texts = {path.relative_to(data): path.read_bytes() for path in data.glob("gens/*/*/*.txt")}
    assert {path.relative_to(out): path.read_bytes() for path in out.glob("gens/*/*/*.txt")} == texts
    broken = Path("gens", "evaluation", "6i2z8cp233bqqujm", "metadata.json")
    assert (out / broken).read_bytes() == (data / broken).read_bytes()
    assert back(out, tmp_path / "b.db") == list(lines(db))


def test_keys_of_older_eras_become_those_of_the_last(db, tmp_path):
    """What the store said beside the signature stays; its old names go."""
    import_store(db, STORE)
    export_store(db, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "gens" / "draft" / "458ana393dq7es43" / "metadata.json").read_text())
    assert told["llm_model_id"] == "deepseek_r1_f" and told["origin_cohort_id"] == "cohort-1c0ffee51234"
    assert "model_id" not in told and "cohort_id" not in told and "replicate" not in told
    assert told["task_id"] == "combo_v1_f5f405307bce__rolling-summary-v1__deepseek_r1_f"


def test_combos_and_membership_are_tables_that_others_read(db, tmp_path):
    """The columns of the last era come first, in order; places stand beside them."""
    import_store(db, STORE)
    export_store(db, tmp_path / "out")
    with (tmp_path / "out" / "combo_mappings.csv").open(newline="") as file:
        told = [
            [r[name] for name in ("combo_id", "concept_id", "description_level", "k_max")] for r in csv.DictReader(file)
        ]
    with (STORE / "data" / "combo_mappings.csv").open(newline="") as file:
        names = ("combo_id", "concept_id", "description_level", "k_max")
        assert sorted(told) == sorted([row[name] for name in names] for row in csv.DictReader(file))
    with (tmp_path / "out" / "cohorts" / "switch-2025-09-29" / "membership.csv").open(newline="") as file:
        listed = [(row["stage"], row["gen_id"], row["replicate"]) for row in csv.DictReader(file)]
    assert listed == [
        ("draft", "d_429kpbgxxl1h6qeu", "1"),
        ("essay", "e_2dj21kg3pwv4xqt", "1"),
        ("evaluation", "v_1s6xrcd3krd1zhlt", "1"),
    ]


def test_templates_are_read_alone_as_they_were(db, tmp_path):
    """What no catalogue row can say stands as front matter above the text."""
    with transaction(db):
        kinds = [
            Template("plain", "draft", "Write {{ topic }}."),
            Template(
                "full", "draft", "Write.", system="Be brief.", minimum_lines=2, schema={"type": "object"}, parser="json"
            ),
            Template("judge", "evaluation", "Judge {{ response }}.", parser="score", scale=(0.0, 9.0)),
            Template("strict", "evaluation", "Judge {{ response }}.", parser="score", scale=(1.0, 5.0)),
        ]
        for template in kinds:
            store_template(db, template)
    export_store(db, tmp_path / "out")
    found = {t.name: t.hash for t in read_folder(tmp_path / "out" / "1_raw") if t.stage != "topics"}
    assert found == {template.name: template.hash for template in kinds}
    assert (tmp_path / "out" / "1_raw" / "templates" / "draft" / "plain.txt").read_text() == "Write {{ topic }}."


def test_topics_have_their_own_export_and_are_told(db, tmp_path):
    """They are counted as left out; where they are before the store is imported, its facts are the same."""
    fill(db)
    told = export_store(db, tmp_path / "out")
    ((topics, combos),) = rows(db, "select (select count(*) from topic_models), count(topic_id) from combos")
    assert told["left_out"] == {"topic_models": topics, "combos_of_topics": combos}
    path = tmp_path / "b.db"
    create_project(path)
    with open_project(path, write=True) as other:
        for (name,) in rows(db, "select name from topic_models"):
            with transaction(other):
                store_topics(other, load_topics(db, name))
                ensure_topic_combos(other, rows(other, "select id from topic_models where name = ?", name)[0][0])
        import_store(other, tmp_path / "out")
        assert _but_places(other) == _but_places(db)


def _but_places(db: Database) -> list[str]:
    """Give the facts but for the order of topics, which these hand-made ones count from another number."""
    return [line for line in lines(db) if not line.startswith(('["edge"', '["topic"'))]


def test_nothing_is_written_over_anything(db, tmp_path):
    """Not over a file, a folder, a link; not into a folder that is missing; and nothing is left behind."""
    import_store(db, STORE)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("file", "folder", "link"):
        with pytest.raises(OutputExists):
            export_store(db, tmp_path / name)
    with pytest.raises(UnknownName):
        export_store(db, tmp_path / "no" / "out")
    assert (tmp_path / "file").read_text() == "mine" and not list((tmp_path / "folder").iterdir())
    assert not list(tmp_path.glob(".*.part"))


def test_an_export_that_fails_leaves_nothing(db, tmp_path):
    """A name that no file can have is refused, and what was written before goes."""
    with transaction(db):
        insert(db, "concepts", {"concept_id": "c" * (LONGEST + 1), "name": "long"})
    with pytest.raises(Refused, match="no file can be called"):
        export_store(db, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize("gen_id", ["../../out", "..", ".", "/etc/x", "a/b", "a\\b", "", "%2E", "a\nb", "CON"])
def test_names_of_a_strangers_project_never_become_paths(db, tmp_path, gen_id):
    """They are written as %XX below the folder, or refused."""
    with transaction(db):
        facts = {"gen_id": gen_id, "stage": "draft", "status": "planned", "legacy": 1, "created": ""}
        insert(db, "generations", facts)
    inside = tmp_path / "inside"
    inside.mkdir()
    try:
        export_store(db, inside / "out")
    except Refused:
        assert not gen_id
    else:
        (folder,) = (inside / "out" / "gens" / "draft").iterdir()
        assert (
            name_of(folder.name) == gen_id and folder.resolve().parent == (inside / "out" / "gens" / "draft").resolve()
        )
    assert {path.name for path in inside.iterdir()} <= {"out"}


@given(st.text())
def test_names_come_back_from_their_files(name):
    """Whatever the name; what other programs called a file is its name."""
    try:
        file = file_name(name, ".txt")
    except Refused:
        assert not name or len(name) > 20
        return
    assert os.sep not in file and not file.startswith(".") and file.isascii()
    assert name_of(file, ".txt") == (name if name.isascii() else name.encode("utf-8", "replace").decode())


def test_texts_stream_through(db, tmp_path):
    """Rows come one by one: two hundred texts of 100 kB never stand in memory together, neither way."""
    root = tmp_path / "data"
    for number in range(200):
        text = f"{number}" + "x" * 100_000
        draft(root, f"n{number}", {"raw": text, "parsed": text}, replicate=number + 1)
    tracemalloc.start()
    import_store(db, root)
    export_store(db, tmp_path / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_the_command_line_writes_a_data_root(shell, tmp_path):
    """It tells path and rows; a second time it refuses."""
    shell("import", "store", STORE, "--create", "-p", "x.db")
    done = shell("export", "store", "out", "-p", "x.db", "--json")
    assert done.code == 0 and done.json["rows"] == 22 and (tmp_path / "out" / "gens").is_dir()
    assert shell("export", "store", "out", "-p", "x.db").code == 3
