"""Disks that fill up and writes that fail while `workbench generate` runs.

A full disk loses no paid answer, and none is paid twice: room for them was set aside. Where the writes themselves fail
there is nowhere to put them: at most the calls in flight are lost, each on record as unknown.

    python tests/faults/disks.py [--samples 60] [--sizes 700,900,1200,1600,2400] [--kilobytes 4]

A full disk is a file system in memory of so many KiB (Linux, `unshare -rm`; left out where that is not allowed), a
failing write a limit on the size of files. Each run is told in one line, and then given once more without the limit.
Prints one JSON object; exit 0 when that held, and every rule, and the second run ended the work.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults.faultllm import FaultServer  # noqa: E402
from faults.kills import WIDTH, command, surroundings, survey  # noqa: E402
from gardens import garden  # noqa: E402

Run = Callable[[list[str], dict[str, str], Path, int], "subprocess.CompletedProcess[str]"]
_ON_A_SMALL_DISK: Final = """
mount -t tmpfs -o size="$KIB"k tmpfs "$DISK" && cp "$PROJECT" "$DISK/p.db" && cd "$DISK" || exit 99
"$@"; code=$?
cp "$DISK/p.db" "$PROJECT"
for end in -wal -journal; do [ ! -e "$DISK/p.db$end" ] || cp "$DISK/p.db$end" "$PROJECT$end"; done
exit $code
"""


def on_a_small_disk(words: list[str], env: dict[str, str], project: Path, kib: int) -> subprocess.CompletedProcess[str]:
    """Run on a file system of so many KiB, and bring the project back as it was left."""
    disk = project.parent / "disk"
    disk.mkdir(exist_ok=True)
    inside = [str(disk / "p.db") if word == str(project) else word for word in words]
    env = env | {"KIB": str(kib), "DISK": str(disk), "PROJECT": str(project)}
    shell = ["unshare", "-rm", "sh", "-c", _ON_A_SMALL_DISK, "sh", *inside]
    done = subprocess.run(shell, env=env, capture_output=True, text=True, check=False)
    disk.rmdir()
    return done


def with_failing_writes(
    words: list[str], env: dict[str, str], project: Path, kib: int
) -> subprocess.CompletedProcess[str]:
    """Run where no file grows beyond so many KiB."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024))

    run = partial(subprocess.run, capture_output=True, text=True, check=False)
    done: subprocess.CompletedProcess[str] = run(words, env=env, preexec_fn=limit)
    return done


WAYS: Final[dict[str, Run]] = {"a full disk": on_a_small_disk, "failing writes": with_failing_writes}


def ways() -> list[str]:
    """Name what can be tried on this machine."""
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    small = shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    return [*WAYS] if small else ["failing writes"]


def fill(way: str, kib: int, samples: int, kilobytes: int) -> dict[str, Any]:
    """Run into the limit, then without it; `wrong` says what did not hold."""
    text = "{token} " + "word " * (kilobytes * 205)
    with tempfile.TemporaryDirectory() as name, FaultServer(text=text, latency=(0.001, 0.01)) as server:
        project = garden(Path(name) / "p.db")
        words, env = command(project, samples), surroundings(server.url, Path(name))
        limited = WAYS[way](words, env, project, project.stat().st_size // 1024 + kib)
        free = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
        found = survey(project, server, 0)
    flying = 0 if way == "a full disk" else WIDTH
    faults = {
        f"exit {limited.returncode}: {limited.stderr[-300:]}": limited.returncode not in (0, 1, 3),
        "a traceback": "Traceback" in limited.stderr + free.stderr,
        f"the second run: exit {free.returncode} {free.stderr[-200:]}": free.returncode != 0,
        f"{found['lost']} lost": found["lost"] > flying,
        f"{found['paid_twice']} paid twice": found["paid_twice"] > flying,
        f"{found['completions']} samples": found["completions"] != samples,
        f"broken: {found['broken_rules']}": found["broken_rules"],
        f"files: {found['files']}": found["files"] != ["p.db"],
    }
    told = limited.stderr.strip().splitlines()[-1:]
    return {"way": way, "room_kib": kib, "exit": limited.returncode, "told": told} | {
        "wrong": [what for what, is_so in faults.items() if is_so]
    }


def main() -> int:
    """Read the command line and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--sizes", default="700,900,1200,1600,2400")
    parser.add_argument("--kilobytes", type=int, default=4)
    asked = parser.parse_args()
    sizes = [int(size) for size in asked.sizes.split(",")]
    found = [fill(way, kib, asked.samples, asked.kilobytes) for way in ways() for kib in sizes]
    print(json.dumps({"runs": len(found), "ways": ways(), "all": found}, indent=2))
    return 1 if any(one["wrong"] for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
