"""Damaged project files: opened, verified, rescued; never a crash, a hang or a traceback.

    python tests/faults/mutants.py [--files 1000] [--seed 1] [--jobs 2]

Each file is a copy of a filled project with bytes, pages or its header changed. It is opened, verified in full and
taken by `import-data`, in processes of their own. Prints one JSON object; exit 0 when none died, hung or failed
otherwise than by a named error, and every file that `import-data` made is sound.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import projects  # noqa: E402

SECONDS: Final = 60  # for one file, opened, verified and rescued
PAGE: Final = 4096


def mutated(dice: Random, data: bytes) -> bytes:
    """Damage a file: some bytes, a run of zeros, a page over another, a cut, or the header."""
    found, kind = bytearray(data), dice.choice(("bytes", "zeros", "page", "cut", "header"))
    at = dice.randrange(len(found))
    if kind == "cut":
        return data[:at]
    if kind == "zeros":
        found[at : at + 9000] = bytes(len(found[at : at + 9000]))
    elif kind == "page":
        start, other = (PAGE * dice.randrange(1, len(data) // PAGE) for _ in "ab")
        found[start : start + PAGE] = data[other : other + PAGE]
    else:
        for _ in range(3 if kind == "header" else 100):
            found[16 + dice.randrange(84) if kind == "header" else dice.randrange(len(found))] = dice.randrange(256)
    return bytes(found)


def look(sample: Path, seed: int) -> str:
    """Open, verify and rescue one damaged file; gives what came of it, beginning with `wrong` when it should not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "p.db"
        path.write_bytes(mutated(Random(seed), sample.read_bytes()))
        opened = told(lambda: verified(path))
        rescued = told(lambda: saved(path, Path(name) / "out.db"))
    wrong = [what for what in (opened, rescued) if what.startswith("wrong")]
    return wrong[0] if wrong else f"{opened}, {rescued}"


def told(work: Callable[[], str]) -> str:
    """Do it; a named error in one line is an answer, anything else is wrong."""
    from workbench.errors import WorkbenchError

    try:
        return work()
    except WorkbenchError as error:
        return "refused" if "\n" not in str(error) else f"wrong: {error}"
    except Exception as error:
        return f"wrong: {type(error).__name__}: {error}"


def verified(path: Path) -> str:
    """Verify in full."""
    from workbench.store import open_project
    from workbench.verify import verify

    with open_project(path) as db:
        return "found by verify" if any(not check.ok for check in verify(db, full=True)) else "harmless"


def saved(path: Path, out: Path) -> str:
    """Take what can be read into a new project."""
    from workbench.rescue import import_data

    taken = import_data(path, out, seconds=20)
    unsound = [c.name for c in taken.checks if not c.ok and c.name in ("integrity", "foreign keys", "header", "schema")]
    return f"wrong: the rescued file is unsound: {unsound}" if unsound else "rescued"


def look_at_all(files: int, seed: int, jobs: int) -> dict[str, Any]:
    """Look at so many damaged files."""
    found: Counter[str] = Counter()
    longest = 0.0
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        sample = projects.made(Path(name) / "sample.db")
        waiting = [pool.submit(look, sample, seed * 1_000_000 + number) for number in range(files)]
        for future in waiting:
            begun = time.monotonic()
            try:
                found[future.result(timeout=SECONDS)] += 1
            except TimeoutError:
                found["wrong: it hangs"] += 1
            except BrokenProcessPool:
                found["wrong: the process died"] += 1
            longest = max(longest, time.monotonic() - begun)
    return {"files": files, "found": dict(found), "longest_wait": round(longest, 1)}


def main() -> int:
    """Read the command line and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("files", 1000), ("seed", 1), ("jobs", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    found = look_at_all(asked.files, asked.seed, asked.jobs)
    print(json.dumps(found, indent=2))
    return 1 if any(what.startswith("wrong") for what in found["found"]) else 0


if __name__ == "__main__":
    sys.exit(main())
