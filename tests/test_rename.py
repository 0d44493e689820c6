"""Renames: another name for one thing, and every ID below it follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import projects
import pytest
from conftest import Ran

from workbench import lineage
from workbench.errors import Conflict, InvalidSignature, UnknownName
from workbench.ids import path_uuid
from workbench.migrate import books
from workbench.migrate.rename import rename
from workbench.migrate.rollback import rollback
from workbench.store import Database, transaction
from workbench.verify import digest

TIDES = path_uuid(["root", "Tides"])
# kind, old, new → how many drafts, essays, evaluations follow
NAMED = {
    ("template", "plain", "plain-v2"): (9, 4, 8),
    ("template", "long", "long-v2"): (0, 4, 8),
    ("template", "rubric", "rubric-v2"): (0, 0, 8),
    ("model", "writer", "author"): (9, 4, 8),
    ("model", "judge", "jury"): (0, 0, 8),
    ("combo", "memory-play", "memory-and-play"): (3, 1, 2),
    ("combo", TIDES, "tides"): (2, 1, 2),
    ("cohort", "first", "second"): (0, 0, 0),
}


@pytest.mark.parametrize(("what", "moved"), NAMED.items(), ids=[" ".join(what[:2]) for what in NAMED])
def test_every_id_below_follows(db: Database, what: tuple[str, str, str], moved: tuple[int, ...]) -> None:
    """Counts by stage, every rule holds, old IDs lead to the rows, and the way back gives the digest of before."""
    kind, old, new = what
    before, known = digest(db), dict(db.execute("select id, gen_id from generations"))
    done = rename(db, kind, old, new)  # type: ignore[arg-type]
    assert tuple(counts["migrate"] for counts in done.changes.values()) == moved
    assert done.digest_after == digest(db) != before and projects.broken(db) == []
    assert len(list(books.mapping(db, done.migration))) == sum(moved)
    assert all(lineage.resolve(db, gen_id) == number for number, gen_id in known.items())
    after = digest(db)
    assert rollback(db).exact and digest(db) == before and projects.broken(db) == []
    assert rename(db, kind, old, new).digest_after == after  # type: ignore[arg-type]


def test_a_topic_takes_the_name_of_its_combo(db: Database) -> None:
    """A topic's combo is named by the topic's uuid: both change, and the old uuid still leads to the topic."""
    rename(db, "combo", TIDES, "tides")
    assert db.execute("select uuid from topics where title = 'Tides'").fetchone() == ("tides",)
    assert db.execute("select a.alias from topic_aliases a").fetchall() == [(TIDES,)]
    assert db.execute("select count(*) from completions where leaf_uuid = 'tides'").fetchone() == (2,)


def test_another_spelling_moves_no_id(db: Database) -> None:
    """Capitals are the same task; the name is written as asked, and that is a migration too."""
    before = digest(db)
    done = rename(db, "model", "writer", "Writer")
    assert done.migration == 1 and done.changes["draft"]["migrate"] == 0 and digest(db) == before
    assert rename(db, "model", "writer", "Writer").is_idle


def test_what_cannot_be_renamed_is_refused(db: Database) -> None:
    """Unknown, taken, reserved and impossible names: nothing changes, nothing is recorded."""
    before = digest(db)
    with transaction(db):
        projects.add_template(db, "plain", "essay")
    added = digest(db)
    with pytest.raises(UnknownName, match="no template"):
        rename(db, "template", "none-such", "x")
    with pytest.raises(UnknownName, match="say which with --stage"):
        rename(db, "template", "plain", "x")
    with pytest.raises(Conflict, match="already"):
        rename(db, "model", "writer", "JUDGE")
    with pytest.raises(Conflict, match="already"):
        rename(db, "combo", "memory-play", TIDES)
    with pytest.raises(Conflict, match="already"):
        rename(db, "combo", "memory-play", "none")
    with pytest.raises(InvalidSignature):
        rename(db, "model", "writer", "a|b")
    assert digest(db) == added != before and books.log(db) == []
    assert rename(db, "template", "plain", "x", stage="draft").changes["draft"]["migrate"] == 9


def test_on_the_command_line(run: Callable[..., Ran], path: Path) -> None:
    """The keys of `migrate apply`; --dry-run changes nothing; the old name is gone, the new one is known."""
    first = run("digest", "-p", path).out
    dry = run("rename", "model", "writer", "author", "--dry-run", "-p", path, "--json").json
    assert dry["migration"] is None and dry["changes"]["draft"]["migrate"] == 9
    assert run("digest", "-p", path).out == first
    done = run("rename", "model", "writer", "author", "-p", path, "--json").json
    assert {"migration", "changes", "digest_before", "digest_after"} <= set(done)
    assert run("rename", "model", "writer", "other", "-p", path).code == 2
    assert run("rename", "model", "author", "judge", "-p", path).code == 3
    assert run("verify", "--full", "-p", path).code == 0
