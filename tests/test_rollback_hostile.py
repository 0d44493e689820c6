"""A journal that somebody else wrote: its words never become SQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import projects
import pytest

from workbench.errors import DamagedFile
from workbench.migrate.rollback import rollback
from workbench.store import open_project


@pytest.mark.parametrize(
    "table",
    ["sqlite_master", "generations r; drop table calls", "search_data", "migrations", "nothing", "temp.touched"],
)
def test_a_journal_names_tables_of_ours_or_is_refused(tmp_path: Path, table: str) -> None:
    """Nothing is changed, and no name of its table reaches a statement."""
    path = projects.made(tmp_path / "p.db")
    conn = sqlite3.connect(path)
    conn.execute(
        "insert into migrations (id, kind, plan, state, at, version) values (7, 'rename', '{}', 'applied', 'x', '1')"
    )
    conn.execute("insert into migration_images (migration_id, table_name, row_id) values (7, ?, 1)", (table,))
    conn.commit()
    conn.close()
    before = path.read_bytes()
    with pytest.raises(DamagedFile, match="no table of ours"), open_project(path, write=True) as db:
        rollback(db, 7)
    assert path.read_bytes() == before
