"""The whole main job on bundled content with the embedded offline model: no key, no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from workbench.catalogue.starters import install_starters
from workbench.cohorts import spec_from_texts
from workbench.errors import OutputExists
from workbench.exports import export_dataset
from workbench.generate import Terms, generate, generate_cohort
from workbench.generate.run import Listener
from workbench.grow import Growth, build_topics
from workbench.merge import merge
from workbench.migrate.frame import alone
from workbench.migrate.rename import rename
from workbench.migrate.rollback import rollback
from workbench.pack import pack
from workbench.plan.compiling import compile_cohort
from workbench.plan.orders import Order
from workbench.report.diversity import diversity
from workbench.report.narrow import Choice
from workbench.store import Database, create_project, open_project, transaction
from workbench.verify import digest, verify

SUBJECT = "Keeping a small vegetable garden"
TOPICS, TEMPLATE, MODEL, CYCLES = "garden", "qa-sample", "offline", 2


def samples_beside(path: Path) -> Path:
    """Give the file beside a project that the demo writes its samples to."""
    return path.with_name(f"{path.stem}-samples.jsonl")


def demo(path: Path, listener: Listener) -> Iterator[str]:
    """Make a project and fill it, saying each step as it is done, and write its samples to a file beside it.

    Raises OutputExists when one of the two is there.
    """
    if (out := samples_beside(path)).exists():
        raise OutputExists("the demo writes its samples there", where=str(out), mend="move it, or name another FILE")
    create_project(path)
    with open_project(path, write=True) as db:
        with transaction(db):
            count = install_starters(db)
        yield f"made {path} with {count} starter templates and the offline model"
        yield from _topics(db, listener)
        yield from _samples(db, listener)
        yield from _cohort(db, listener)
        yield from _migrations(db)
        yield from _together(db, listener)
        rows = export_dataset(db, out, topics=TOPICS, template=TEMPLATE)["rows"]
        yield f"exported {rows} samples as chats to {out}"
        checks = verify(db)
        yield f"verified: {sum(c.ok for c in checks)} of {len(checks)} checks hold"


def _topics(db: Database, listener: Listener) -> Iterator[str]:
    growth = Growth(SUBJECT, "tree", depth=2, degree=4, model=MODEL, template="topics-tree")
    built = build_topics(db, TOPICS, growth, Terms(concurrency=4), listener)
    leaves = db.execute("select count(*) from unique_topics where topic_model = ?", (TOPICS,)).fetchone()[0]
    yield f"grew the topic tree {TOPICS!r} about {SUBJECT.lower()}: {leaves} topics from {built.calls} calls"


def _samples(db: Database, listener: Listener) -> Iterator[str]:
    unique = db.execute("select count(*) from unique_topics where topic_model = ?", (TOPICS,)).fetchone()[0]
    order = Order(TEMPLATE, MODEL, unique * CYCLES, TOPICS)
    first = generate(db, Order(TEMPLATE, MODEL, unique + unique // 2, TOPICS), Terms(concurrency=8), listener)
    yield f"wrote {first.done} samples, then stopped in the middle of cycle 2"
    second = generate(db, order, Terms(concurrency=8), listener)
    yield f"went on where it stopped: {second.skipped} skipped, {second.done} written, {CYCLES} cycles complete"
    again = generate(db, order, Terms(concurrency=8), listener)
    yield f"ran the same once more: {again.calls} calls, nothing is paid twice"


SPEC = """
topics: garden
cycles: 1
axes:
  draft_template: [short-essay]
  draft_llm: [offline]
  essay_template: [essay-polish, essay-copy]
  essay_llm: [offline]
  evaluation_template: [rubric-clarity, rubric-novelty]
  evaluation_llm: [offline]
  evaluation_replicate: ['1', '2']
"""


def _cohort(db: Database, listener: Listener) -> Iterator[str]:
    """Take every topic through draft, essay and evaluation: two essays each, two rubrics, two replicates."""
    made = compile_cohort(db, "pilot", spec_from_texts(SPEC, source="pilot.yaml")).enrolled
    counts = ", ".join(f"{count} {stage}s" for stage, count in made.members.items())
    yield f"compiled the cohort 'pilot': {counts}"
    run = generate_cohort(db, "pilot", terms=Terms(concurrency=8), listener=listener)
    scores = db.execute("select count(*) from scores").fetchone()[0]
    yield f"took it through three stages: {run.calls} calls, {run.done - run.calls} copies without one, {scores} scores"


def _migrations(db: Database) -> Iterator[str]:
    """Rename a template through every ID below it, and take that back."""
    before = digest(db)
    with alone(db):
        renamed = rename(db, "template", "short-essay", "essay-notes", stage="draft")
    moved = sum(counts.get("migrate", 0) for counts in renamed.changes.values())
    yield f"renamed the template short-essay to essay-notes: {moved} IDs follow, the old ones still lead there"
    with alone(db):
        rollback(db)
    yield f"rolled that back: the digest is {'the one of before' if digest(db) == before else 'another'}"


def _together(db: Database, listener: Listener) -> Iterator[str]:
    """Let a friend go on with a copy, merge it, and see that merging the other way comes to the same."""
    unique = db.execute("select count(*) from unique_topics where topic_model = ?", (TOPICS,)).fetchone()[0]
    with TemporaryDirectory() as folder:
        friend, mine = Path(folder) / "friend.db", Path(folder) / "mine.db"
        pack(db, friend)
        with open_project(friend, write=True) as theirs:
            third = Order(TEMPLATE, MODEL, unique * (CYCLES + 1), TOPICS)
            more = generate(theirs, third, Terms(concurrency=8), listener)
        pack(db, mine)
        merged = merge(db, [friend], snapshot=False)
        with open_project(friend, write=True) as theirs:
            merge(theirs, [mine], snapshot=False)
            same = digest(theirs) == digest(db)
    yield f"a friend wrote {more.done} samples of a third cycle in a copy; merged, {merged.added['draft']} came along"
    yield f"merged the other way, the digest is {'the same' if same else 'another'}"
    whole = diversity(db, Choice(stage="draft", templates=(TEMPLATE,)), TOPICS)[-1]
    told = f"{whole['distinct_2']:.0%} of the word pairs are distinct, {whole['repeated']} samples repeat another"
    yield f"looked for repetition: {told} (nonsense is repetitive)"
