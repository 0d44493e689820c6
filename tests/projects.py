"""Small projects for tests, filled straight by SQL, with every hash and ID as the workbench makes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from workbench.catalogue.templates import store_template
from workbench.ids import answer_hash, content_hash, gen_id_from, model_hash, path_uuid, prompt_hash
from workbench.prompts import Template
from workbench.store import Database, create_project, open_project, scheme_of, transaction
from workbench.verify import verify

AT = "2024-05-01T12:00:00.000Z"
TITLES = ("Tides", "Sleep", "Glass")
MODELS = ("writer", "judge")
TEMPLATES = {"plain": "draft", "long": "essay", "rubric": "evaluation"}


def broken(db: Database) -> list[str]:
    """Name the rules that do not hold."""
    return [check.name for check in verify(db, full=True) if not check.ok]


def add(db: Database, table: str, **values: object) -> int:
    """Insert one row and give its number."""
    names, marks = ", ".join(f'"{n}"' for n in values), ", ".join("?" * len(values))
    cursor = db.execute(f"insert into {table} ({names}) values ({marks})", tuple(values.values()))
    return int(cursor.lastrowid or 0)


def number(db: Database, table: str, **values: object) -> int:
    """Find the number of the one row that has these values."""
    where = " and ".join(f"{name} = ?" for name in values)
    (found,) = db.execute(f"select id from {table} where {where}", tuple(values.values())).fetchone()
    return int(found)


def add_template(db: Database, name: str, stage: str, text: str = "About {{ topic }}.") -> int:
    """Add a template, or a new current version of it."""
    judges = stage == "evaluation"
    template = Template(
        name=name,
        stage=stage,
        text=text,
        system="Be brief.",
        parser="score" if judges else "",
        scale=(0.0, 9.0) if judges else None,
    )
    store_template(db, template)
    return number(db, "templates", name=name, stage=stage)


def add_model(db: Database, name: str, **parameters: object) -> int:
    """Add a model, or a new current version of it."""
    known = db.execute("select id from models where llm_model_id = ?", (name,)).fetchone()
    model = known[0] if known else add(db, "models", llm_model_id=name, display_name=name.title())
    hashed = model_hash("offline", name, parameters)
    version = add(
        db,
        "model_versions",
        model_id=model,
        hash=hashed,
        provider="offline",
        name=name,
        parameters=json.dumps(parameters),
        created=AT,
    )
    db.execute("update models set version_id = ? where id = ?", (version, model))
    return int(model)


def add_topic(db: Database, model: int, title: str, place: int) -> int:
    """Add a leaf below the root, with its combo."""
    root = db.execute("select id from topics where topic_model_id = ? and depth = 0", (model,)).fetchone()
    key = path_uuid(["root", title])
    topic = add(db, "topics", topic_model_id=model, uuid=key, title=title, depth=1, leaf=1, place=place)
    add(db, "topic_edges", parent_id=root[0], child_id=topic, place=place, main=1)
    return add(db, "combos", combo_id=key, topic_id=topic)


def add_topics(db: Database, name: str, titles: Sequence[str]) -> None:
    """Add a tree of one root and a leaf for each title."""
    model = add(db, "topic_models", name=name, kind="tree", created=AT)
    add(db, "topics", topic_model_id=model, uuid=path_uuid(["root"]), title="root", depth=0, leaf=0, place=0)
    for title in titles:
        add_topic(db, model, title, place=TITLES.index(title) + 1 if title in TITLES else len(title))


def add_generation(db: Database, stage: str, names: Sequence[object], **links: object) -> int:
    """Add a planned generation by its signature values, replicate last, and the row numbers it links to."""
    key = gen_id_from(scheme_of(db), stage, *names)
    return add(db, "generations", gen_id=key, stage=stage, replicate=names[-1], status="planned", created=AT, **links)


def add_draft(db: Database, combo: str, replicate: int, template: str = "plain", model: str = "writer") -> int:
    """Add a planned draft of a combo."""
    return add_generation(
        db,
        "draft",
        (combo, template, model, replicate),
        combo_id=number(db, "combos", combo_id=combo),
        template_id=number(db, "templates", name=template, stage="draft"),
        model_id=number(db, "models", llm_model_id=model),
    )


def add_child(db: Database, stage: str, parent: int, replicate: int = 1) -> int:
    """Add a planned essay of a draft, or evaluation of an essay."""
    (key,) = db.execute("select gen_id from generations where id = ?", (parent,)).fetchone()
    template, model = ("long", "writer") if stage == "essay" else ("rubric", "judge")
    names = (key, template, replicate) if stage == "essay" else (key, template, model, replicate)
    return add_generation(
        db,
        stage,
        names,
        parent_id=parent,
        template_id=number(db, "templates", name=template, stage=stage),
        model_id=number(db, "models", llm_model_id=model),
    )


def add_prompt(db: Database, text: str, system: str = "") -> str:
    """Add a prompt unless it is there, and give its hash."""
    hashed = prompt_hash(system, text)
    db.execute("insert or ignore into prompts (hash, system, text) values (?, ?, ?)", (hashed, system, text))
    return hashed


def answer(
    db: Database, generation: int, raw: str, parsed: str | None = None, *, revision: int = 1, outcome: str = "ok"
) -> int:
    """Record an answer, with its call, prompt and score, and make the generation's choice anew."""
    row = db.execute(
        "select g.stage, g.parent_id, p.content_id, x.hash, g.template_id, g.model_id from generations g"
        " left join generations p on p.id = g.parent_id left join contents x on x.id = p.content_id where g.id = ?",
        (generation,),
    ).fetchone()
    stage, _, parent_content, parent_hash, template, model = row
    if parsed is None and outcome == "ok":
        parsed = raw.rsplit(" ", 1)[-1] if stage == "evaluation" else raw
    raw_hash, parsed_hash = content_hash(raw), None if parsed is None else content_hash(parsed)
    prompt = add_prompt(db, f"write the {stage}", "be brief" if stage == "draft" else "")
    call = add(
        db,
        "calls",
        generation_id=generation,
        attempt=1,
        provider="offline",
        model="writer",
        started=AT,
        status="answered",
        outcome=outcome,
        body=raw.encode(),
    )
    content = add(
        db,
        "contents",
        generation_id=generation,
        revision=revision,
        outcome=outcome,
        hash=answer_hash(outcome, prompt, raw_hash, parsed_hash, parent_hash),
        prompt_hash=prompt,
        raw_hash=raw_hash,
        parsed_hash=parsed_hash,
        raw=raw,
        parsed=None if parsed_hash == raw_hash else parsed,
        parent_content_id=parent_content,
        template_version_id=db.execute("select version_id from templates where id = ?", (template,)).fetchone()[0],
        model_version_id=db.execute("select version_id from models where id = ?", (model,)).fetchone()[0],
        call_id=call,
        created=AT,
    )
    if stage == "evaluation" and outcome == "ok":
        score = float(str(parsed))
        add(db, "scores", generation_id=generation, content_id=content, score=score, scale_min=0.0, scale_max=9.0)
    choose(db, generation)
    return content


def choose(db: Database, generation: int) -> None:
    """Point a generation at its current answer, as the model says."""
    current, outcome = db.execute(
        "select id, outcome from contents where generation_id = ?"
        " order by outcome = 'ok' desc, revision desc, hash desc limit 1",
        (generation,),
    ).fetchone()
    db.execute(
        "update generations set content_id = ?, outcome = ?, status = ? where id = ?",
        (current, outcome, "done" if outcome == "ok" else "failed", generation),
    )


def add_cohort(db: Database, name: str, members: Sequence[int]) -> int:
    """Add a cohort of generations, with a spec and the file that it includes."""
    cohort = add(db, "cohorts", name=name, mode="spec", spec="axes: {}", settings="{}", created=AT)
    text = "combo_id\na\n"
    add(db, "cohort_files", cohort_id=cohort, path="combos.csv", text=text, hash=content_hash(text))
    for place, generation in enumerate(members):
        add(db, "cohort_members", cohort_id=cohort, generation_id=generation, place=place)
    return cohort


def add_catalogues(db: Database, mix: Callable[[Sequence[str]], list[str]]) -> None:
    """Add topics, concepts, templates and models."""
    add_topics(db, "garden", mix(TITLES))
    for name in mix(("memory", "play")):
        add(db, "concepts", concept_id=name, name=name.title(), sentence=f"On {name}.")
    combo = add(db, "combos", combo_id="memory-play", level="sentence", k=2)
    for name in mix(("memory", "play")):
        concept = number(db, "concepts", concept_id=name)
        add(db, "combo_members", combo_id=combo, concept_id=concept, place=("memory", "play").index(name))
    for name in mix(tuple(TEMPLATES)):
        add_template(db, name, TEMPLATES[name])
    for name in mix(MODELS):
        add_model(db, name, temperature=0.5)
    for stage in mix(("draft", "essay")):
        add(db, "replication", stage=stage, replicates=2)


def add_families(db: Database, mix: Callable[[Sequence[str]], list[str]], replicates: int) -> None:
    """Add drafts of every combo; the first replicate with an essay that two evaluations judge."""
    combos = [path_uuid(["root", title]) for title in TITLES] + ["memory-play"]
    for combo in mix(combos):
        for replicate in range(1, replicates + 1):
            draft = add_draft(db, combo, replicate)
            answer(db, draft, f"draft {replicate} of {combo}", f"draft of {combo}" if replicate == 1 else None)
            if replicate == 1:
                essay = add_child(db, "essay", draft)
                answer(db, essay, f"essay of {combo}")
                for repeat in (1, 2):
                    answer(db, add_child(db, "evaluation", essay, repeat), f"Score: {5 + repeat / 3:.4f}")


def fill(db: Database, *, replicates: int = 2, rng: Random | None = None) -> None:
    """Fill a project: three topics and a pair of concepts through all stages, one failure, one cohort.

    With `rng` the same facts come in another order. The caller need not hold a transaction.
    """

    def mix(names: Sequence[str]) -> list[str]:
        return rng.sample(list(names), len(names)) if rng else list(names)

    with transaction(db):
        add_catalogues(db, mix)
        add_families(db, mix, replicates)
        again = number(db, "generations", gen_id=gen_of(db, "memory-play", 1))
        answer(db, again, "cut of", outcome="truncated", revision=2)
        failed = add_draft(db, "memory-play", replicates + 1)
        answer(db, failed, "no", outcome="refused")
        drafts = db.execute("select id from generations where stage = 'draft' order by gen_id").fetchall()
        add_cohort(db, "first", [n for (n,) in drafts])
        index(db)


def gen_of(db: Database, combo: str, replicate: int) -> str:
    """Give the ID of a draft that `fill` makes."""
    return gen_id_from(scheme_of(db), "draft", combo, "plain", "writer", replicate)


def index(db: Database) -> None:
    """Bring the full-text index up to date."""
    db.execute("insert into search (search) values ('rebuild')")
    (last,) = db.execute("select coalesce(max(id), 0) from contents").fetchone()
    db.execute(
        "insert into project (key, value) values ('searched', ?)"
        " on conflict (key) do update set value = excluded.value",
        (str(last),),
    )


def made(path: Path, *, replicates: int = 2, rng: Random | None = None) -> Path:
    """Make a filled project and give its path."""
    create_project(path, name="sample")
    with open_project(path, write=True) as db:
        fill(db, replicates=replicates, rng=rng)
    return path
