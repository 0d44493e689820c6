"""Take a picture of every kind of page of a project in headless Chromium: light, dark, and on a small screen.

    python scripts/screenshots.py FOLDER [PROJECT] [--only WORD]

Starts `workbench browse` on a free port, follows the links of the pages, and takes the first address of each kind of
page. Prints the pictures' names. Exit 3 when there is no Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

ROOT: Final = Path(__file__).resolve().parent.parent
LOOKS: Final = {
    "light": ("--window-size=1280,1600", "--blink-settings=preferredColorScheme=1"),
    "dark": ("--window-size=1280,1600", "--blink-settings=preferredColorScheme=0"),
    "small": ("--window-size=400,1600", "--blink-settings=preferredColorScheme=1"),
}
MOST: Final = 60  # pages of one kind that are read to find one of each


def chromium() -> str | None:
    """Find the browser."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def workbench(*words: str) -> list[str]:
    """Give a command line."""
    return [sys.executable, "-m", "workbench", *words]


@contextmanager
def browsing(project: Path) -> Iterator[str]:
    """Serve a project and give the address of its overview."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    words = workbench("browse", "-p", str(project))
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)


def pages(first: str) -> dict[str, str]:
    """Give one address of each kind of page, by its kind."""
    found, todo = {"overview": [first]}, [first]
    base = re.escape(urlsplit(first).path.rstrip("/"))
    while todo:
        with urllib.request.urlopen(todo.pop(0)) as response:
            text = response.read().decode()
        for link in re.findall(r'href="([^"#]*)', text):
            address = urljoin(first, unescape(link))
            kind = re.match(rf"{base}/([a-z]+)(?!.*\.json)", urlsplit(address).path)
            known = found.setdefault(kind[1], []) if kind else []
            if kind and address not in known and len(known) < MOST:
                known.append(address)
                todo.append(address)
    return {kind: addresses[0] for kind, addresses in found.items()}


def shoot(browser: str, address: str, picture: Path, look: str) -> None:
    """Take one picture."""
    with tempfile.TemporaryDirectory() as profile:
        words = [browser, "--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", *LOOKS[look]]
        words += [f"--user-data-dir={profile}", f"--screenshot={picture}", address]
        subprocess.run(words, check=True, capture_output=True, timeout=120)


def take(project: Path, folder: Path, only: str = "") -> list[Path]:
    """Take every picture and give their paths; raises FileNotFoundError without a browser."""
    browser = chromium()
    if browser is None:
        raise FileNotFoundError("there is no Chromium here: apt-get install chromium fonts-dejavu-core")
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with browsing(project) as first:
        for kind, address in pages(first).items():
            for look in LOOKS:
                picture = folder / f"{kind}-{look}.png"
                if only in picture.name:
                    shoot(browser, address, picture, look)
                    taken.append(picture)
    return taken


def main() -> int:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("project", type=Path, nargs="?")
    parser.add_argument("--only", default="", metavar="WORD", help="only pictures with this in their name")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        project = asked.project or Path(name) / "project.db"
        if asked.project is None:
            env = os.environ | {"PYTHONPATH": str(ROOT)}
            subprocess.run(workbench("demo", "-p", str(project)), env=env, check=True, capture_output=True)
        try:
            print(*take(project, asked.folder, asked.only), sep="\n")
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
