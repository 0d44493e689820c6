"""Kill `merge` and the rollback of one at every write call, and look at what is left: before or after, no third.

    python tests/faults/merge_sweep.py [--calls pwrite64,fdatasync,ftruncate,unlink] [--most 100000] [--jobs 2]

As `migrate_sweep.py`, whose ways it takes: strace kills the process right before its k-th call of each kind, for
every k that an undisturbed run makes. The other project must be byte for byte what it was, whenever the kill came.
Prints one JSON object; exit 0 when every file was sound, held the digest of before or of after, and went on to the
end when the command was given once more.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.migrate_sweep import ROLLBACK, Case, asked_for, command, digest_of, environment, sweep_all  # noqa: E402


def cases(folder: Path) -> list[Case]:
    """Make the projects: two that went apart, and the first with the second merged into it."""
    import projects

    ours = projects.made(folder / "ours.db")
    other = projects.made(folder / "other.db", replicates=6, rng=Random(1))
    words = ("merge", str(other), "--prefer", "both", "--no-snapshot")
    merged = folder / "merged.db"
    shutil.copy(ours, merged)
    merge = Case("merge", words, ours, digest_of(ours), "")
    subprocess.run(command(merge, merged), env=environment(), check=True, capture_output=True)
    before, after = digest_of(ours), digest_of(merged)
    return [Case("merge", words, ours, before, after), Case("rollback", ROLLBACK, merged, after, before)]


def main() -> int:
    """Print what was found."""
    asked = asked_for(__doc__)
    with tempfile.TemporaryDirectory() as name:
        made = cases(Path(name))
        held = (Path(name) / "other.db").read_bytes()
        found = sweep_all(made, asked)
        is_whole = (Path(name) / "other.db").read_bytes() == held
        left = sorted(path.name for path in Path(name).iterdir())
    print(json.dumps(found | {"other file as it was": is_whole, "files": left}, indent=2))
    sound = is_whole and left == ["merged.db", "other.db", "ours.db"]
    return 0 if sound and not any(one["wrong"] for one in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
