"""Pages of a whole project: every link leads somewhere, says the same as JSON, and hostile text stays text."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from browsing import HOSTILE, crawl, get, poison

from workbench.store import open_project
from workbench.store.steps import step_names

ROOT = "/demo/-/workbench"
UNCLOSED = {
    "meta",
    "link",
    "br",
    "img",
    "input",
    "th",
    "td",
    "tr",
    "li",
    "hr",
    "p",
    "dt",
    "dd",
    "thead",
    "tbody",
    "option",
}
FOREIGN = {"script", "img", "iframe", "object", "embed", "onerror", "onload", "src", "style"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the project that `workbench demo` makes."""
    from workbench.demo import demo as steps

    path = tmp_path_factory.mktemp("browse") / "demo.db"
    for _ in steps(path, lambda event, facts: None):
        pass
    return path


@pytest.fixture(scope="module")
def hostile(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the same project with hostile text in it."""
    path = tmp_path_factory.mktemp("hostile") / "demo.db"
    shutil.copy(demo, path)
    poison(path)
    return path


def one(path: Path, sql: str) -> str:
    """Ask the file itself for one value."""
    with open_project(path) as db:
        return str(db.execute(sql).fetchone()[0])


class Nesting(HTMLParser):
    """Check that what is opened is closed, in order; optional end tags may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()

    @classmethod
    def of(cls, text: str) -> Nesting:
        """Read a page."""
        nesting = cls()
        nesting.feed(text)
        return nesting

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}
        if tag not in UNCLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in UNCLOSED:
            assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
            self.open.pop()


def pages(found: dict) -> Iterator[tuple[str, str]]:
    """Give the addresses and texts of the HTML pages among responses."""
    for address, response in found.items():
        if response.headers["content-type"].startswith("text/html"):
            yield address, response.text


def test_every_link_of_the_demo_leads_to_a_page(demo):
    """From the overview on, all pages answer, each with its JSON, and with tags in order."""
    found = crawl(demo, [ROOT], ROOT)
    assert [address for address, response in found.items() if response.status_code not in (200, 302)] == []
    assert len(found) > 100
    for address, text in pages(found):
        assert Nesting.of(text).open == [], address


def test_hostile_text_stays_text(hostile):
    """No tag, no control character and no sign that turns the direction of reading comes through; nothing breaks."""
    found = crawl(hostile, [ROOT], ROOT)
    assert [address for address, response in found.items() if response.status_code not in (200, 302)] == []
    texts = dict(pages(found))
    assert any("&lt;script&gt;alert(1)" in text for text in texts.values())
    for address, text in texts.items():
        assert Nesting.of(text).names & FOREIGN == set(), address
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]", text), address
        assert "49" not in re.findall(r"alert\(3\)&gt;(.{0,2})", text)


def test_datasettes_own_pages_keep_hostile_text_inert(hostile):
    """There the policy is the second wall: only scripts of templates carry the nonce."""
    tables, row = get(hostile, "/demo/contents?_size=5", "/demo/topics?_size=5")
    for response in (tables, row):
        assert "<script>alert(1)" not in response.text
        policy = response.headers["content-security-policy"]
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
        scripts = re.findall(r"<script[^>]*>", response.text)
        assert scripts and all(f'nonce="{nonce}"' in script for script in scripts)


def test_a_generation_of_every_stage(demo):
    """Its texts, signature, family, scores and calls are on its page."""
    for stage in ("draft", "essay", "evaluation"):
        gen_id = one(demo, f"select gen_id from generations where stage = '{stage}' order by id desc limit 1")
        page, twin = get(demo, f"{ROOT}/generation/{gen_id}", f"{ROOT}/generation/{gen_id}.json")
        facts = twin.json()
        assert facts["gen_id"] == gen_id and facts["signature"] and facts["family"] and facts["raw"]
        assert f">{gen_id}</h1>" in page.text and 'class="node done itself"' in page.text


def test_an_id_of_before_leads_to_todays(demo, tmp_path):
    """Migrated IDs and other spellings are redirected, in HTML and in JSON."""
    path = tmp_path / "demo.db"
    shutil.copy(demo, path)
    gen_id = one(path, "select gen_id from generations limit 1")
    with sqlite3.connect(path) as conn:
        conn.execute("insert into migrations (kind, plan, state, at, version) values ('ids', '{}', 'applied', '', '')")
        conn.execute(
            "insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status)"
            " select 1, id, stage, 'old.1', gen_id, 'migrate' from generations where gen_id = ?",
            (gen_id,),
        )
    conn.close()
    old, upper, twin, none = get(
        path,
        f"{ROOT}/generation/old~2E1",
        f"{ROOT}/generation/{gen_id.upper()}",
        f"{ROOT}/generation/old~2E1.json",
        f"{ROOT}/generation/d_none",
    )
    assert old.headers["location"] == upper.headers["location"] == f"{ROOT}/generation/{gen_id}"
    assert twin.headers["location"] == f"{ROOT}/generation/{gen_id}.json"
    assert none.status_code == 404


def test_two_replicates_differ_by_word_and_by_line(demo):
    """The pieces of each side put together are that side's text."""
    a, b = (one(demo, f"select gen_id from generations where stage = 'draft' limit 1 offset {n}") for n in (0, 1))
    words, lines, same = get(
        demo,
        f"{ROOT}/diff/{a}/{b}.json?kind=raw",
        f"{ROOT}/diff/{a}/{b}.json?by=line",
        f"{ROOT}/diff/{a}/{a}.json",
    )
    pieces = words.json()["pieces"]
    left = "".join(piece["text"] for piece in pieces if piece["sign"] != "+")
    assert left == one(demo, f"select raw from generation_texts where gen_id = '{a}'")
    assert lines.json()["by"] == "line" and {piece["sign"] for piece in lines.json()["pieces"]} <= set("=-+@")
    assert same.json()["equal"]


def test_the_icicle_covers_the_whole_model(demo):
    """The blocks of each column fill it as far as the tree goes; zooming in keeps the sums."""
    top = get(demo, f"{ROOT}/topics/garden.json")[0].json()
    whole = [block for block in top["blocks"] if block["column"] == 0]
    last = [block for block in top["blocks"] if block["column"] == 2]
    assert whole[0]["size"] == 1 and sum(block["size"] for block in last) == pytest.approx(1)
    assert top["leaf_count"] == 16 and top["top"]["done"] == sum(block["done"] for block in last) == 64
    branch = next(block for block in top["blocks"] if block["column"] == 1)
    inside = get(demo, f"{ROOT}/topics/garden/{branch['uuid']}.json")[0].json()
    assert (inside["top"]["done"], inside["leaf_count"]) == (branch["done"], branch["leaves"])


def test_a_cohorts_cells_add_up_and_open(demo):
    """Each stage's matrix holds all members; a cell lists its generations."""
    facts = get(demo, f"{ROOT}/cohort/pilot.json")[0].json()
    for stage in facts["stages"]:
        matrix = get(demo, f"{ROOT}/cohort/pilot.json?stage={stage['stage']}")[0].json()
        assert sum(cell["tasks"] for row in matrix["rows"] for cell in row["cells"]) == stage["members"]
    row = facts["rows"][0]
    cell = row["cells"][0]
    address = f"{ROOT}/cohort/pilot.json?combo={row['combo_id']}&template={cell['template']}&model={cell['model']}"
    assert len(get(demo, address)[0].json()["cell"]["generations"]) == cell["tasks"]


def test_a_lineage_is_whole_and_paged(demo):
    """All members of a small family are drawn, each once."""
    combo = one(demo, "select c.combo_id from combos c join generations g on g.combo_id = c.id limit 1")
    page, twin = get(demo, f"{ROOT}/lineage/{combo}", f"{ROOT}/lineage/{combo}.json")
    facts = twin.json()
    assert facts["drafts"] == 4 and len(facts["members"]) == 14
    assert all(page.text.count(f'/generation/{row["gen_id"]}"') == 1 for row in facts["members"])


def test_a_file_of_another_kind_has_no_pages(tmp_path):
    """Any other database is Datasette's business alone; a stranger's schema is refused."""
    path = tmp_path / "demo.db"
    with sqlite3.connect(path) as conn:
        conn.execute("create table t (a)")
    page, theirs = get(path, ROOT, "/demo/t")
    assert (page.status_code, theirs.status_code) == (404, 200)
    with sqlite3.connect(path) as conn:
        conn.execute(f"pragma application_id={0x57424E43}")
        conn.execute(f"pragma user_version={len(step_names())}")
        conn.execute("create view project as select 'scheme' as key, 'v1' as value")
    conn.close()
    assert get(path, ROOT)[0].status_code == 404


def test_numbers_in_addresses_are_bounded(demo):
    """Whatever stands for a page or a name gives a page or says what is wrong."""
    strange = (
        "page=0",
        "page=-1",
        "page=99999999999999999999",
        "page=x",
        "page=٣",
        "page=1e3",
        f"combo={quote(HOSTILE)}&template=1",
    )
    answers = get(demo, *(f"{ROOT}/cohort/pilot?{words}" for words in strange))
    assert {answer.status_code for answer in answers} == {200}
    answers = get(demo, f"{ROOT}/topics/none", f"{ROOT}/generation", f"{ROOT}/diff/a/b/c", f"{ROOT}/cohort/x/y")
    assert {answer.status_code for answer in answers} == {404}
