"""Bad input files: every form that the commands read, damaged in every way that fits it.

    python tests/faults/inputs.py

Each must be refused with exit 2 or 3, in lines that begin with `Error: ` and name the file (and its line, where it has
lines), without a traceback, and leave the project's digest. Prints one JSON object; exit 0 when all of that held.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from click.testing import CliRunner  # noqa: E402
from gardens import garden  # noqa: E402

DATA: Final = ROOT / "tests" / "data"
TREE: Final = DATA / "deepfabric" / "tree_v4"
SECONDS: Final = 20.0  # a bad file is refused before that


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of file: what a good one holds, how it is given to a command, and whether it is read line by line."""

    name: str
    file: str
    good: bytes
    command: tuple[str, ...]
    damages: tuple[str, ...]

    def words(self, path: Path) -> list[str]:
        """Give the command line for one file."""
        return [str(path) if word == "FILE" else word for word in self.command]


def _lines(*rows: str) -> bytes:
    return ("\n".join(rows) + "\n").encode()


ANY: Final = ("a NUL", "bad UTF-8", "a binary file")
JSONL: Final = (
    *ANY,
    "a NUL",
    "a cut row",
    "a row that is a list",
    "a number as a row",
    "a key twice",
    "NaN",
    "deep nesting",
)
JSON_ONE: Final = (*ANY, "cut in half", "empty", "a list for an object", "a key twice in an object", "deep nesting")
CSV: Final = (*ANY, "a ragged row", "a column too few", "no header", "empty", "a quote that does not end")
YAML: Final = (*ANY, "cut brackets", "an alias", "a tag", "a key twice in YAML", "a list for a mapping", "a tab")


def spoiled(kind: str, good: bytes) -> bytes:
    """Damage a good file."""
    rows = good.splitlines(keepends=True)
    half = good[: len(good) // 2]
    found: dict[str, Callable[[], bytes]] = {
        "a NUL": lambda: good[:-2] + b"\0" + good[-2:],
        "bad UTF-8": lambda: good[:-2] + b"\xff\xfe\xc3" + good[-2:],
        "a binary file": lambda: bytes(range(256)) * 64,
        "a cut row": lambda: b"".join([*rows[:-1], rows[-1][: len(rows[-1]) // 2], b"\n"]),
        "a row that is a list": lambda: good + b"[1, 2]\n",
        "a number as a row": lambda: good + b"17\n",
        "a key twice": lambda: good + rows[-1].rstrip()[:-1] + b', "more": 1, "more": 2}\n',
        "NaN": lambda: good + rows[-1].rstrip()[:-1] + b', "more": NaN}\n',
        "deep nesting": lambda: good + b"[" * 100_000 + b"\n",
        "cut in half": lambda: half,
        "empty": lambda: b"",
        "a list for an object": lambda: b"[1, 2, 3]",
        "a key twice in an object": lambda: b'{"a": 1, "a": 2,' + good.lstrip()[1:],
        "a ragged row": lambda: good + b"a,b,c,d,e,f,g,h,i,j,k,l,m,n\n",
        "a column too few": lambda: b"".join(row.partition(b",")[2] for row in rows),
        "no header": lambda: b"".join(rows[1:]),
        "a quote that does not end": lambda: good + b'"a, b\n',
        "cut brackets": lambda: good + b"more: [1, {a: 2\n",
        "an alias": lambda: good + b"more: &a [1]\nagain: *a\n",
        "a tag": lambda: good + b"more: !!python/object:os.system x\n",
        "a key twice in YAML": lambda: good + b"more: 1\nmore: 2\n",
        "a list for a mapping": lambda: b"- 1\n- 2\n",
        "a tab": lambda: good + b"more:\n\t- 1\n",
        "a broken tag": lambda: good + b"{{ unclosed\n",
        "a macro": lambda: good + b"{% macro f() %}x{% endmacro %}\n",
        "a call": lambda: good + b"{{ ''.__class__.__mro__() }}\n",
        "an import": lambda: good + b"{% import 'os' as os %}\n",
        "front matter that does not end": lambda: b"---\nstage: draft\n" + rows[0],
        "an unknown stage": lambda: b"---\nstage: novel\n---\ntext\n",
        "an unknown parser": lambda: b"---\nstage: draft\nparser: mind_reader\n---\ntext\n",
        "a wrong type": lambda: b"---\nstage: draft\nminimum_lines: many\n---\ntext\n",
    }
    return found[kind]()


def forms() -> list[Form]:
    """Give every form with a good file of it."""
    spec = _lines("axes:", "  combo_id: [c1]", "  draft_template: [plain]", "  draft_llm: [m]")
    models = _lines("id,model,provider", "small,llama,local", "large,llama-2,local")
    template = _lines("---", "stage: draft", "---", "Write about {{ topic }}.")
    dataset = sorted((TREE / "finished").rglob("*.jsonl"))[0].read_bytes()
    graph = (DATA / "deepfabric" / "graph" / "topic_graph.json").read_bytes()
    tree = (TREE / "topics_tree.jsonl").read_bytes()
    return [
        Form("topics tree", "tree.jsonl", tree, ("topics", "import", "FILE", "--name", "t"), JSONL),
        Form("topics tree, strict", "tree.jsonl", tree, ("topics", "import", "FILE", "--strict", "--name", "t"), JSONL),
        Form("topics graph", "graph.json", graph, ("topics", "import", "FILE", "--name", "g"), JSON_ONE),
        Form("dataset", "data.jsonl", dataset, ("import", "dataset", "FILE"), JSONL),
        Form("models", "models.csv", models, ("models", "import", "FILE"), CSV),
        Form("models YAML", "models.yaml", b"small: {provider: local, name: x}\n", ("models", "import", "FILE"), YAML),
        Form("spec", "spec.yaml", spec, ("cohort", "compile", "new", "FILE"), YAML),
        Form("design", "spec.yaml", spec, ("cohort", "design", "FILE"), YAML),
        Form("configuration", "c.yaml", (TREE / "config.yaml").read_bytes(), ("run", "FILE"), YAML),
        Form("configuration, looked at", "c.yaml", (TREE / "config.yaml").read_bytes(), ("validate", "FILE"), YAML),
        Form("template", "t.j2", template, ("templates", "import", "FILE"), (*ANY, *TEMPLATES)),
        Form("essays", "essays.txt", b"e_nothing\n", ("cohort", "curate", "n", "--essays", "FILE", *MODE), ANY),
        Form(
            "stranger's file", "s.db", b"SQLite format 3\0" + b"x" * 5000, ("import-data", "FILE"), ("a binary file",)
        ),
    ]


MODE: Final = ("--mode", "regenerate")
TEMPLATES: Final = (
    "a broken tag",
    "a macro",
    "a call",
    "an import",
    "front matter that does not end",
    "an unknown stage",
    "an unknown parser",
    "a wrong type",
)
PLACES: Final = ("a missing file", "a folder", "a symbolic link", "a pipe", "a device")


def placed(kind: str, folder: Path, form: Form) -> Path:
    """Put something that is no plain file where one is expected."""
    path = folder / form.file
    if kind == "a folder":
        path.mkdir()
    elif kind == "a symbolic link":
        (folder / "target").write_bytes(form.good)
        path.symlink_to(folder / "target")
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        return Path(os.devnull)
    return path


def cases() -> Iterator[tuple[Form, str]]:
    """Give every form with every damage."""
    for form in forms():
        for kind in (*form.damages, *PLACES):
            yield form, kind


def refuse(project: Path, form: Form, kind: str) -> list[str]:
    """Give one bad file to its command; gives what was wrong with how it was refused."""
    from workbench.cli import main
    from workbench.store import open_project
    from workbench.verify import digest

    def held() -> str:
        with open_project(project) as db:
            return digest(db)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if kind in PLACES:
            path = placed(kind, folder, form)
        else:
            path = folder / form.file
            path.write_bytes(spoiled(kind, form.good))
        words = [*form.words(path), *(() if form.name == "design" else ("-p", str(project)))]
        if form.name == "stranger's file":
            words = [*form.words(path), "-p", str(folder / "new.db")]
        before, begun = held(), time.monotonic()
        done = CliRunner().invoke(main, words)
        return list(judged(done, path, kind, time.monotonic() - begun, held() == before))


def judged(done: Any, path: Path, kind: str, seconds: float, same: bool) -> Iterator[str]:
    """Say what is wrong with an answer to a bad file."""
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        yield f"a traceback: {type(done.exception).__name__}"
        return
    if done.exit_code not in (2, 3):
        yield f"exit {done.exit_code}: {done.output[:200]}"
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    if not errors:
        yield f"no line that begins with Error: {done.stderr[:200]!r}"
    if path.name not in done.stderr:
        yield f"the file is not named: {done.stderr[:200]!r}"
    if kind in LINED and not re.search(re.escape(path.name) + r":\d+", done.stderr):
        yield f"no line is named: {done.stderr[:200]!r}"
    if not same:
        yield "the project changed"
    if seconds > SECONDS:
        yield f"took {seconds:.0f} s"


LINED: Final = {
    "a cut row", "a row that is a list", "a number as a row", "a key twice", "NaN", "a ragged row", "cut brackets",
    "an alias", "a tag", "a key twice in YAML", "a tab", "bad UTF-8", "a NUL", "a broken tag", "a macro", "a call",
    "an import", "an unknown parser", "a wrong type",
}  # fmt: skip


def refuse_all() -> dict[str, Any]:
    """Give every bad file to its command."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["WORKBENCH_CONFIG"] = str(Path(name) / "none.yaml")
        project = garden(Path(name) / "p.db")
        found = {f"{form.name}: {kind}": refuse(project, form, kind) for form, kind in cases()}
    return {"inputs": len(found), "wrong": {case: faults for case, faults in found.items() if faults}}


def main() -> int:
    """Print what was found."""
    found = refuse_all()
    print(json.dumps(found, indent=2))
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
