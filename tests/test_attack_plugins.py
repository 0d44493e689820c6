"""Other packages that mean harm or are broken: each fails alone, by name, and loses nothing that was paid for."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import get
from conftest import ROOT, Ran
from gardens import garden

from workbench.browse import look
from workbench.browse.pages import PAGES, all_pages
from workbench.errors import BadConfig
from workbench.parse import Options, catalogue, parse
from workbench.plugins import plugin
from workbench.providers import Request
from workbench.providers.theirs import Theirs
from workbench.store import open_project
from workbench.verify import verify

MODULES = {
    "boom": "raise RuntimeError('boom \\x1b[31m\\nsecond line')",
    "leaves": "import sys; sys.exit(0)",
    "bad": """
import sys
from workbench.browse.page import Found, Page
from workbench.errors import BadConfig
from workbench.parse import Parsed, Unreadable
from workbench.providers import Answer

number = 7
EVIL = "<script>alert(1)</script>\\x1b[2J\\u202e"


def page(name, gather, label="a page", **more):
    return Page(name, gather, label=label, **more)


def rows(*found):
    return lambda db, asked: Found(EVIL, {"rows": list(found)}, "select 1")


def fails(db, asked):
    1 / 0


def leaves(db, asked):
    sys.exit(3)


def draws(facts, links):
    raise ValueError("no picture")


ODD = {EVIL: EVIL, "link": "javascript:alert(1)", "nan": float("nan"), "inf": float("inf"), "blob": b"\\xff<b>",
       "big": "x" * 1_000_000, "digits": 10**6000, "none": None, "yes": True, "deep": [[1]], "half": "\\ud800"}
poisoned = page("poisoned", rows(ODD, {"other": 1}), "<i>label\\u202e")
many = page("many", rows(*({"n": n} for n in range(5_000))))
wide = page("wide", rows({f"c{n}": n for n in range(5_000)}))
failing = page("failing", fails)
leaving = page("leaving", leaves)
norows = page("norows", lambda db, asked: Found("x", {"rows": "abc"}))
nothing = page("nothing", lambda db, asked: None)
circle = []
circle.append(circle)
endless = page("endless", lambda db, asked: Found("x", {"c": circle}))
drawn = page("drawn", lambda db, asked: Found("x"), draw=draws)
asking = page("asking", lambda db, asked: Found("x", {"n": db.execute("select no from such").fetchone()}))
writing = page("writing", lambda db, asked: db.execute("delete from calls"))
hiding = page("runs", rows({"a": 1}))
nameless = page(None, rows({"a": 1}))


def half_lines(rows, columns):
    yield "one"
    1 / 0


def no_text(rows, columns):
    yield "\\ud800"


def commits(db):
    db.execute("update topics set title = 'x' || title")
    db.conn.commit()


class Provider:
    synthetic = True

    def __init__(self, alias):
        pass

    async def call(self, request):
        return Answer("ok", body="no bytes", text="a\\0b\\ud800", tokens_in=-5, tokens_out=float("nan"), error=b"x",
                      http_status="ok", retry_after=float("nan"), finish_reason=3, answered_by=["x"], lossy="")

    async def aclose(self):
        raise ValueError


def parse_half(raw, options):
    return Parsed("a\\0b\\ud800", "ok", "two\\nlines\\0\\ud800", score=1.0, scale=(0, 2))
""",
}
PAGES_OF = (
    *("poisoned", "many", "wide", "failing", "leaving", "norows", "nothing", "endless", "drawn", "asking", "writing"),
    *("hiding", "nameless", "number", "missing"),
)
DECLARED: dict[str, dict[str, dict[str, str]]] = {
    "first": {
        "pages": {"boom": "boom:X", "leaves": "leaves:X", "twice": "bad:many"} | {n: f"bad:{n}" for n in PAGES_OF},
        "exports": {"boom": "boom:x", "leaves": "leaves:x", "half": "bad:half_lines", "odd": "bad:no_text"}
        | {"num": "bad:number", "dataset": "bad:half_lines"},
        "parsers": {"boom": "boom:x", "leaves": "leaves:x", "twice": "bad:parse_half", "num": "bad:number"}
        | {"half": "bad:parse_half", "score": "bad:number"},
        "providers": {"boom": "boom:x", "odd": "bad:Provider", "num": "bad:number", "offline": "boom:x"},
        "migrations": {"boom": "boom:x", "commits": "bad:commits", "legacy": "boom:x"},
    },
    "second": {"pages": {"twice": "bad:poisoned"}, "parsers": {"twice": "boom:x"}},
}


def forget() -> None:
    """Let what was found of other packages be looked for anew."""
    all_pages.cache_clear()
    catalogue._others.cache_clear()
    catalogue._reader.cache_clear()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text + "\n", encoding="utf-8")
    for name, groups in DECLARED.items():
        info = folder / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        lines = [
            f"[workbench.{kind}]\n" + "".join(f"{k} = {v}\n" for k, v in ps.items()) for kind, ps in groups.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(autouse=True)
def _installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    forget()
    yield
    forget()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return garden(tmp_path / "p.db", provider="odd")


def sound(path: Path) -> None:
    with open_project(path) as db:
        assert [check.name for check in verify(db, full=True) if not check.ok] == []


def test_one_broken_export_hides_no_other(path, run):
    """The help tells of it, a word that is none is still told from one, and our own verbs work."""
    told = run("export", "--help")
    assert told.code == 0 and {"dataset", "boom", "leaves", "half"} <= set(re.findall(r"\w+", told.out))
    assert re.search(r"boom +Broken\. .*boom:x of exports", told.out) and "\x1b" not in told.out
    assert run("export", "datasett", "x").err.count("did you mean dataset") == 1
    assert run("export", "topics", "t.jsonl", "--topics", "garden").code == 0


@pytest.mark.parametrize("name", ["boom", "leaves", "half", "odd", "num"])
def test_a_broken_export_leaves_no_file_and_is_named(path, run, name):
    with open_project(path, write=True) as db:
        before = sorted(one.name for one in path.parent.iterdir())
        assert db.execute("select 1").fetchone()
    done = run("export", name, "out.txt")
    assert done.code == 2 and name in done.err and "mend or remove the package" in done.err
    assert done.err.startswith("Error: ") and done.err.count("\n") == 1 and "\x1b" not in done.err
    assert sorted(one.name for one in path.parent.iterdir()) == before


def test_ours_cannot_be_hidden(path, run):
    """A package's `dataset`, `score`, `offline`, `legacy` and `runs` are never asked for."""
    assert "Write samples" in run("export", "dataset", "--help").out or run("export", "dataset", "--help").code == 0
    assert parse("score", "SCORE: 7").score == 7.0
    assert run("models", "add", "o", "--provider", "offline", "--name", "x").code == 0
    assert run("generate", "--topics", "garden", "-n", "1", "--template", "plain", "--model", "o").code == 0
    refused = run("migrate", "apply", "--kind", "legacy")
    assert refused.code == 2 and "no kind of migration" in refused.err
    assert [page.name for page in all_pages()][: len(PAGES)] == [page.name for page in PAGES]
    sound(path)


@pytest.mark.parametrize("kind", ["boom", "commits"])
def test_a_migration_that_breaks_changes_nothing(path, run, kind):
    """Not even when it commits half-way: it cannot."""
    before = run("digest").out
    done = run("migrate", "apply", "--kind", kind)
    assert done.code in (2, 3) and kind in done.err
    assert run("digest").out == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["p.db"]
    sound(path)


def test_what_an_odd_provider_gives_is_kept(path, run):
    """Numbers that are none, a text that no file can hold: the paid answer is in the record, cleaned and marked."""
    done = run("generate", "--topics", "garden", "-n", "3", "--template", "plain", "--model", "m", "--json")
    assert (done.code, done.json["done"], done.json["calls"]) == (0, 3, 3), done.err
    rows = run("query", "select raw, lossy, tokens_in, tokens_out from contents", "--json").json
    assert [(row["raw"], row["lossy"], row["tokens_in"]) for row in rows] == [("a\ufffdb\ufffd", 1, None)] * 3
    sound(path)


class _Provider:
    """Answers with what it is given, or raises it."""

    def __init__(self, given: Any) -> None:
        self.given = given

    async def call(self, request: Request) -> Any:
        if isinstance(self.given, BaseException):
            raise self.given
        return self.given


@pytest.mark.parametrize("given", [ValueError("x\ny\x1b"), SystemExit(4), "text", None, 7])
def test_what_is_no_answer_is_garbage_of_a_name(given):
    """It is tried again, and stops the run where nothing else comes; the run itself goes on."""
    provider = Theirs(lambda alias: _Provider(given), "odd:x")
    answer = asyncio.run(provider.call(Request("t", "m", ())))
    assert (answer.outcome, answer.verdict) == ("garbage", "retry")
    assert "odd:x" in (answer.error or "") and (answer.error or "").isprintable()


def test_cancelling_goes_through():
    """Ctrl-C is no answer."""
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(Theirs(lambda alias: _Provider(asyncio.CancelledError()), "x").call(Request("t", "m", ())))


@pytest.mark.parametrize("parser", ["boom", "leaves", "twice", "num"])
def test_a_parser_that_is_not_to_be_had_is_told_before_anything_is_paid(path, run, parser):
    """A run with its template is refused without a call, and other templates go on."""
    Path(f"t{parser}.j2").write_text(f"---\nstage: draft\nparser: {parser}\n---\nAbout {{{{ topic }}}}\n")
    assert run("templates", "import", f"t{parser}.j2").code == 0
    order = ("generate", "--topics", "garden", "-n", "2", "--model", "m")
    refused = run(*order, "--template", f"t{parser}")
    assert refused.code == 2 and parser in refused.err.splitlines()[-1], refused.err
    assert run("query", "select count(*) as n from calls", "--json").json == [{"n": 0}]
    assert run(*order, "--template", "plain").code == 0
    sound(path)


def test_what_a_parser_gives_is_made_storable(path, run):
    """And a score in what is no evaluation is none."""
    Path("half.j2").write_text("---\nstage: draft\nparser: half\n---\nAbout {{ topic }}\n")
    assert run("templates", "import", "half.j2").code == 0
    assert run("generate", "--topics", "garden", "-n", "2", "--template", "half", "--model", "m").code == 0
    assert run("query", "select distinct parsed from contents", "--json").json == [{"parsed": "a?b?"}]
    sound(path)


@pytest.mark.parametrize(
    "given",
    [
        *(None, 7, catalogue.Parsed(b"bytes", "ok"), catalogue.Parsed(None, "ok")),
        *(catalogue.Parsed("x", "ok", score=float("nan"), scale=(0, 1)), catalogue.Parsed("x", "ok", score=2.0)),
        *(catalogue.Parsed("x", "ok", score=9.0, scale=(0, 1)), catalogue.Parsed("x", "ok", scale="ab")),
        *(ValueError("\ud800\0"), SystemExit(1), catalogue.Unreadable("no code\n", "\ud800"), RecursionError()),
    ],
)
def test_what_a_parser_may_not_give_is_an_outcome(monkeypatch, given):
    def read(raw: str, options: Options) -> Any:
        if isinstance(given, BaseException):
            raise given
        return given

    monkeypatch.setattr(catalogue, "plugin", lambda kind, name: read)
    monkeypatch.setattr(catalogue, "known_parser", lambda name: name)
    found = parse("theirs", "raw")
    assert (found.text, found.outcome, found.score) == (None, "parser_failed", None)
    assert "\0" not in found.detail.encode().decode()


def text_of(html: str) -> str:
    return re.sub(r"<[^>]*>", " ", html)


def test_pages_of_others_break_alone(path, monkeypatch):
    """Each of theirs says at its own address what is wrong and whose it is; all of ours are as they were."""
    ours = "/p/-/workbench"
    names = [page.name for page in all_pages()[len(PAGES) :]]
    assert len(names) == len(set(names)) == len(PAGES_OF) + 3
    for name, html, twin in _both(path, ours, names):
        whole = name in ("poisoned", "many", "wide") or (name == "drawn" and twin.status_code == 200)
        assert twin.status_code == (200 if whole else 400), (name, twin.text)
        assert html.status_code == (200 if whole and name != "drawn" else 400), name
        assert html.status_code == 200 or re.search(rf"\b{name}\b", text_of(html.text)), name
        assert "script" not in html.headers["content-security-policy"]
        json.loads(twin.text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    overview, runs = get(path, ours, f"{ours}/runs")
    assert (overview.status_code, runs.status_code) == (200, 200)
    assert "failing" in overview.text and "boom (broken)" in overview.text


def _both(path: Path, ours: str, names: list[str]) -> Iterator[tuple[str, Any, Any]]:
    found = get(path, *(f"{ours}/{name}{suffix}" for name in names for suffix in ("", ".json")))
    for place, name in enumerate(names):
        yield name, found[2 * place], found[2 * place + 1]


def test_poisoned_rows_are_text_and_bounded(path):
    """No markup, no link, no sign that hides; cells, rows and columns as a browser takes them, the rest in the JSON."""
    ours = "/p/-/workbench"
    poisoned, many, wide, twin = get(path, *(f"{ours}/{one}" for one in ("poisoned", "many", "wide", "many.json")))
    for page in (poisoned, many, wide):
        assert len(page.content) < 60_000
        assert not re.search(r"<script|<b>|<i>|href=\"javascript|[\x1b\u202e\ud800]", page.text)
    assert "4,000 more rows are in the" in text_of(many.text) and len(twin.json()["rows"]) == 5_000
    assert "javascript:alert(1)" in text_of(poisoned.text)  # shown, and leading nowhere
    assert poisoned.text.count("<th>") == 12 and poisoned.text.count("<tr>") == 3  # the names of all rows


def test_a_page_that_takes_too_long_is_stopped(path, monkeypatch):
    """A package's question is bounded as ours are."""
    from workbench.browse.page import Found, Page
    from workbench.browse.pages import theirs

    endless = "with recursive a (x) as (select 1 union all select x + 1 from a) select count(*) from a"
    page = Page("slow", lambda db, asked: Found("x", {"n": db.execute(endless).fetchone()}))
    monkeypatch.setattr(theirs, "plugin", lambda kind, name: page)
    asked = theirs.page_of("slow", set())
    with open_project(path) as db, pytest.raises(look.Incomplete):
        look.look(db.conn, lambda found: asked.gather(found, asked.asked([], {})), seconds=0.05)


def test_two_packages_under_one_name_are_both_named():
    with pytest.raises(BadConfig, match="added twice, by bad:parse_half and boom:x"):
        plugin("parsers", "twice")


def test_commands_that_need_none_of_it_do_not_look(site, path, shell: Callable[..., Ran]):
    """Broken packages cost other commands nothing, in a process of their own too."""
    env = {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}"}
    for words in (("status",), ("verify",), ("templates",), ("models",), ("--help",)):
        done = shell(*words, env=env)
        assert (done.code, "boom" in done.err) == (0, False), done.err
