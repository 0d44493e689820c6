"""The digest: the same for the same facts, another for any other fact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import projects
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.store import Database, open_project, transaction
from workbench.verify import digest
from workbench.verify.digest import lines


class Undone(Exception):
    """Ends a transaction that only tries something."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.made(tmp_path_factory.mktemp("digest") / "p.db")


def digest_of(path: Path, *, without_ids: bool = False) -> str:
    with open_project(path) as db:
        return digest(db, without_ids=without_ids)


@contextmanager
def tried(path: Path, *statements: str) -> Iterator[Database]:
    with open_project(path, write=True) as db:
        db.execute("pragma foreign_keys=off")
        db.execute("pragma ignore_check_constraints=on")
        try:
            with transaction(db):
                for statement in statements:
                    assert db.execute(statement).rowcount > 0, statement
                yield db
                raise Undone
        except Undone:
            pass


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_order_of_rows_is_no_fact(project: Path, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """The same facts inserted in any order give the same digest."""
    other = projects.made(tmp_path_factory.mktemp("order") / "other.db", rng=Random(seed))
    assert digest_of(other) == digest_of(project)
    assert digest_of(other, without_ids=True) == digest_of(project, without_ids=True)


def test_its_lines_are_sorted_json(project: Path) -> None:
    """The lines under the hash come sorted, whole, and each begins with its kind."""
    with open_project(project) as db:
        found = list(lines(db))
    assert found == sorted(found)
    assert all(line.startswith('["') and line.endswith("]") for line in found)
    assert len([line for line in found if line.startswith('["draft"')]) == 9


def test_a_digest_is_64_hex_digits_and_stays(project: Path) -> None:
    """Reading changes nothing; with and without IDs are two different digests."""
    first, second = digest_of(project), digest_of(project)
    assert first == second
    assert len(first) == 64 and int(first, 16)
    assert first != digest_of(project, without_ids=True)


NO_FACTS = [
    "update generations set created = 'later', place = place + 5, ready = 1, synthetic = 1, outcome = 'x'",
    "update contents set created = 'later', tokens_in = 9, finish_reason = 'stop'",
    "update templates set source = 'elsewhere.txt', description = 'other'",
    "update template_versions set created = 'later'",
    "update models set price_in = 3, price_out = 4",
    "update topic_models set created = 'later'",
    "delete from calls",
    "update cohorts set created = 'later'",
    "update generations set origin_cohort_id = 1",
    "update project set value = 'renamed' where key = 'name'",
    "insert into runs (job, config, status, version, started) values ('j', '{}', 'done', '1', 't')",
    "insert into events (at, event, data) values ('t', 'e', '{}')",
    "insert into alerts (kind, facts, blocking, at) values ('k', '{}', 1, 't')",
    "insert into migrations (kind, plan, state, at, version) values ('ids', '{}', 'applied', 't', '1')",
    "insert into topic_aliases (topic_id, alias) values (1, 'a')",
    "insert into imports (kind, source, at) values ('k', 's', 't')",
    "insert into prompts (hash, text) values ('unused', 'unused')",
]


@pytest.mark.parametrize("statement", NO_FACTS)
def test_what_is_no_fact_does_not_count(project: Path, statement: str) -> None:
    """Times, prices, calls, runs, events, alerts, migrations, aliases, imports and places leave it alone."""
    with tried(project, statement) as db:
        assert (digest(db), digest(db, without_ids=True)) == (
            digest_of(project),
            digest_of(project, without_ids=True),
        )


FACTS = [
    ("project", "value", "key = 'scheme'", "'daydreaming'"),
    *[("topic_models", c, "1", v) for c, v in (("name", "'x'"), ("kind", "'graph'"), ("leaves_only", "1"))],
    *[("topics", c, "leaf = 1", f"{c} || 'x'") for c in ("uuid", "title")],
    *[("topics", c, "depth = 1", f"{c} + 7") for c in ("depth", "place")],
    ("topics", "leaf", "depth = 0", "1"),
    ("topic_edges", "place", "1", "place + 5"),
    ("topic_edges", "main", "1", "0"),
    *[("concepts", c, "1", f"coalesce({c}, '') || 'x'") for c in ("concept_id", "name", "sentence", "paragraph")],
    ("concepts", "article", "1", "'x'"),
    ("combos", "combo_id", "topic_id is null", "'x'"),
    ("combos", "level", "level is not null", "'article'"),
    ("combos", "k", "k = 2", "3"),
    ("combos", "topic_id", "topic_id is not null", "null"),
    ("combo_members", "place", "1", "place + 1"),
    ("templates", "name", "1", "name || 'x'"),
    ("templates", "version_id", "1", "null"),
    ("template_versions", "hash", "1", "hash || 'x'"),
    ("models", "llm_model_id", "1", "llm_model_id || 'x'"),
    ("models", "display_name", "1", "'x'"),
    ("models", "version_id", "1", "null"),
    ("model_versions", "hash", "1", "hash || 'x'"),
    ("generations", "gen_id", "1", "gen_id || '-9'"),
    ("generations", "replicate", "1", "replicate + 100"),
    ("generations", "status", "1", "'planned'"),
    ("generations", "legacy", "1", "1"),
    ("generations", "parent_id", "parent_id is not null", "null"),
    ("generations", "combo_id", "combo_id is not null", "null"),
    ("generations", "template_id", "1", "null"),
    ("generations", "model_id", "stage <> 'essay'", "null"),
    ("generations", "content_id", "1", "null"),
    ("contents", "hash", "1", "hash || 'x'"),
    ("contents", "revision", "1", "revision + 1"),
    ("contents", "parent_content_id", "parent_content_id is not null", "null"),
    ("scores", "score", "1", "score + 0.001"),
    ("scores", "scale_min", "1", "1.0"),
    ("scores", "scale_max", "1", "10.0"),
    ("scores", "score", "1", "null"),
    ("cohorts", "name", "1", "'x'"),
    ("cohorts", "mode", "1", "'x'"),
    ("cohorts", "spec", "1", "'x'"),
    ("cohorts", "settings", "1", "null"),
    ("cohort_files", "path", "1", "'x'"),
    ("cohort_files", "hash", "1", "'x'"),
    ("cohort_members", "place", "1", "place + 50"),
    ("cohort_members", "generation_id", "1", "(select min(id) from generations where stage = 'essay')"),
    ("replication", "replicates", "1", "replicates + 1"),
]


@pytest.mark.parametrize(("table", "column", "where", "value"), FACTS)
def test_any_other_fact_is_another_digest(project: Path, table: str, column: str, where: str, value: str) -> None:
    """One value of one row changes, and so does the digest; each row by itself."""
    with open_project(project) as db:
        rows = [n for (n,) in db.execute(f"select id from {table} where {where}")]
    assert rows
    for row in rows:
        with tried(project, f"update {table} set {column} = {value} where id = {row}") as db:
            assert digest(db) != digest_of(project), (table, column, row)


TABLES = ("topics", "concepts", "combos", "combo_members", "templates", "template_versions", "models", "contents")
MORE = ("model_versions", "generations", "scores", "cohorts", "cohort_files", "cohort_members", "replication")


@pytest.mark.parametrize("table", TABLES + MORE + ("topic_models", "topic_edges"))
def test_a_fact_that_is_gone_is_missed(project: Path, table: str) -> None:
    """Whichever row is taken out, the digest differs, and no two rows' absence gives the same one."""
    with open_project(project) as db:
        rows = [n for (n,) in db.execute(f"select id from {table}")]
    found = {digest_of(project)}
    for row in rows:
        with tried(project, f"delete from {table} where id = {row}") as db:
            found.add(digest(db))
    assert len(found) == len(rows) + 1


def test_public_ids_can_be_left_out(project: Path) -> None:
    """A rewrite of every ID under another scheme keeps the digest without IDs, and only that."""
    with tried(
        project,
        "update project set value = 'daydreaming' where key = 'scheme'",
        "update generations set gen_id = 'x' || gen_id, legacy = 1 where stage = 'draft'",
    ) as db:
        assert digest(db, without_ids=True) == digest_of(project, without_ids=True)
        assert digest(db) != digest_of(project)


def test_layout_and_spelling_are_no_facts(tmp_path: Path) -> None:
    """Vacuum, another page size, and names in capitals (the same task under another spelling) keep it."""
    path = projects.made(tmp_path / "p.db")
    before = digest_of(path)
    with open_project(path, write=True) as db:
        db.execute("pragma page_size=1024")
        db.execute("vacuum")
        db.execute("update templates set name = upper(name)")
        db.execute("update combos set combo_id = upper(combo_id)")
    assert digest_of(path) == before


def test_legacy_rows_count_by_what_they_have(project: Path) -> None:
    """Two imported rows of which nothing but the ID is known are two facts."""
    row = "insert into generations (gen_id, stage, status, legacy, created) values ('{0}', 'essay', 'blocked', 1, 't')"
    with tried(project, row.format("one")) as db:
        one, bare = digest(db), digest(db, without_ids=True)
    with tried(project, row.format("one"), row.format("two")) as db:
        assert digest(db) != one
        assert digest(db, without_ids=True) != bare
    with tried(project, row.format("two")) as db:
        assert digest(db) != one
        assert digest(db, without_ids=True) == bare
