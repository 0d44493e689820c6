"""Make the small project of the present schema version that is kept for ever after its release.

    python tests/data/projects/make.py

Writes `v<version>.db.gz` beside this file, with the digest of its facts in `v<version>.digest`. Run it again as long
as that version is not released; after the release never.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1])]

import projects  # noqa: E402

from workbench.store import open_project  # noqa: E402
from workbench.store.steps import step_names  # noqa: E402
from workbench.verify import digest  # noqa: E402


def main() -> None:
    """Fill a project as the tests do and keep it, packed."""
    name = f"v{len(step_names())}"
    with tempfile.TemporaryDirectory() as folder:
        path = projects.made(Path(folder) / "p.db")
        with open_project(path, write=True) as db:
            facts = digest(db)
            db.execute("vacuum")
        (HERE / f"{name}.db.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    (HERE / f"{name}.digest").write_text(f"{facts}\n", encoding="utf-8")
    print(f"{name}: {facts}")


if __name__ == "__main__":
    main()
