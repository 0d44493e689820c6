"""Templates: read, joined with catalogues, checked, rendered."""

from __future__ import annotations

import dataclasses
import timeit
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.assets import assets
from workbench.errors import BadFile, BadRow, BadTemplate, Problems, WorkbenchError
from workbench.prompts import (
    STAGES,
    Template,
    check,
    compiled,
    read_catalogue,
    read_folder,
    read_models,
    read_template,
    render,
    render_messages,
    unknown_variables,
    write_template,
)

RAW = Path(__file__).parent / "data" / "daydreaming" / "1_raw"
STARTERS = assets() / "templates" / "prompts"
TOPIC = {
    "topic": "Soil",
    "path": ["Garden", "Soil"],
    "path_text": "Garden > Soil",
    "concepts": [{"name": "Soil", "content": "Garden > Soil"}, {"name": "Moat", "content": "{{ not rendered }}"}],
    "combo_id": "c",
    "cycle": 0,
    "replicate": 1,
}
IDEAS = {**TOPIC, "topic": "Soil, Moat", "path": [], "path_text": "", "cycle": 1, "replicate": 2}
GROWTH = {
    "topic": "Soil",
    "path": ["Garden", "Soil"],
    "path_text": "Garden > Soil",
    "degree": 4,
    "depth": 1,
    "prompt": "A garden",
    "system_prompt": "",
    "siblings": ["Water", "Light"],
    "existing": [{"id": 17, "title": "Compost"}],
}
VARIABLES = {
    "draft": [TOPIC, IDEAS, {**IDEAS, "concepts": [], "topic": ""}],
    "essay": [{**TOPIC, "draft_block": "DRAFT {{ x }}", "links_block": "DRAFT {{ x }}"}],
    "evaluation": [{"response": "ESSAY {% x %}", "replicate": 1}],
    "topics": [GROWTH, {**GROWTH, "siblings": [], "existing": [], "system_prompt": "Be brief."}],
}


def draft(text: str, **more: object) -> Template:
    """Make a draft template."""
    return Template("t", "draft", text, **more)  # type: ignore[arg-type]


def errors_of(caught: WorkbenchError) -> list[str]:
    """Give the lines of one error or of many."""
    return str(caught).splitlines()


def test_all_templates_of_1_raw_render_as_plain_jinja_renders_them() -> None:
    """The 50 files and the copy without a file; each uses only what its stage offers."""
    templates = read_folder(RAW)
    assert len(templates) == 51
    assert sum(bool(t.text) for t in templates) == 50
    plain = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    for template in templates:
        assert unknown_variables(template) == ()
        for variables in VARIABLES[template.stage]:
            assert render(template, variables) == plain.from_string(template.text).render(variables)


def test_catalogue_rows_say_what_the_files_do_not() -> None:
    """Parser, mode and description come from the row; an evaluation without a row is read by `score`."""
    found = {(t.stage, t.name): t for t in read_folder(RAW)}
    assert found["draft", "deliberate-rolling-thread-v3"].parser == "essay_idea_last"
    assert found["evaluation", "novelty-v2"].parser == "in_last_line"
    assert found["evaluation", "novelty-v2"].scale == (0, 9)
    assert found["evaluation", "creativity-metrics"].parser == "score"
    copy = found["essay", "parsed-from-links-v1"]
    assert (copy.mode, copy.text) == ("copy", "")
    assert copy.description.startswith("Parse final")


def test_starters_render_for_every_kind_of_task() -> None:
    """Topics, concepts, neither; trees and graphs."""
    templates = read_folder(STARTERS)
    assert [t.name for t in templates] == [
        *("chat-reasoning", "instruction-pair", "qa-sample", "short-essay"),
        *("essay-copy", "essay-polish", "rubric-clarity", "rubric-novelty", "topics-graph", "topics-tree"),
    ]
    for template in templates:
        assert unknown_variables(template) == ()
        assert template.description
        for variables in VARIABLES[template.stage]:
            messages = render_messages(template, variables)
            assert messages[-1]["role"] == "user"
            assert "\n\n\n\n" not in messages[-1]["content"]


def test_starters_use_known_parsers() -> None:
    """No starter names a parser that is not there."""
    from workbench.parse import known_parser

    for template in read_folder(STARTERS):
        known_parser(template.parser, template.where())


def test_a_file_with_front_matter_says_everything(tmp_path: Path) -> None:
    """Each key has its field; the text begins after the second mark, and lines are those of the file."""
    path = tmp_path / "t.j2"
    path.write_text(
        "---\nstage: draft\nparser: json\nsystem: |\n  Be brief.\nminimum_lines: 2\nscale: [1, 5]\n"
        'schema:\n  type: object\ndescription: "A: b"\n---\nOn {{ topic }}\n{{ missing }}\n'
    )
    template = read_template(path)
    assert template == Template(
        "t",
        "draft",
        "On {{ topic }}\n{{ missing }}\n",
        "llm",
        "json",
        "Be brief.\n",
        2,
        (1, 5),
        {"type": "object"},
        "A: b",
    )
    assert unknown_variables(template) == ("missing",)
    with pytest.raises(BadTemplate) as wrong:
        render(template, TOPIC)
    assert wrong.value.where == f"{path}:13"
    assert "concepts" in wrong.value.mend


def test_folder_and_file_name_stand_in_for_front_matter(tmp_path: Path) -> None:
    """Stage from the folder, name from the stem; arguments come before both. CRLF and a BOM do not matter."""
    (tmp_path / "essay").mkdir()
    path = tmp_path / "essay" / "my-essay.txt"
    path.write_bytes(b"\xef\xbb\xbf---\r\nparser: text\r\n---\r\n{{ draft_block }}\r\n")
    template = read_template(path)
    assert (template.stage, template.name, template.parser) == ("essay", "my-essay", "text")
    assert (template.text, template.line) == ("{{ draft_block }}\r\n", 4)
    assert read_template(path, stage="draft", name="n").name == "n"
    with pytest.raises(BadTemplate, match="no stage"):
        read_template(Path(path.rename(tmp_path / "x.txt")))


@pytest.mark.parametrize(
    ("front", "line", "words"),
    [
        ("stage: draft\nparsr: chat", 3, "parser"),
        ("stage: draft\nscale: [0]", 3, "lowest"),
        ("stage: draft\nscale: [9, 0]", 5, "lowest"),
        ("stage: draft\nscale: 9", 3, "lowest"),
        ("stage: draft\nminimum_lines: 1.5", 3, "whole number"),
        ("stage: draft\nminimum_lines: -1", 5, "0 or more"),
        ("stage: drafts", 4, "draft, essay"),
        ("stage: draft\nmode: parser", 5, "llm, copy"),
        ("stage: draft\nmode: copy", 5, "llm"),
        ("stage: draft\nschema: x", 3, "JSON Schema"),
        ("stage: draft\nname: a|b", 5, "rename"),
        ("stage: draft\nstage: essay", 3, "keep one"),
        ("stage: &a draft", 2, "write the value out"),
        ("- a", 2, "key: value"),
        ("stage: [", 3, "YAML"),
    ],
)
def test_wrong_front_matter_is_refused_with_its_line(tmp_path: Path, front: str, line: int, words: str) -> None:
    """Unknown keys name the nearest known one; values are told from what is wanted."""
    path = tmp_path / "t.j2"
    path.write_text(f"---\n{front}\n---\ntext")
    with pytest.raises(WorkbenchError) as wrong:
        read_template(path)
    assert wrong.value.exit_code == 2
    assert str(wrong.value).startswith(f"{path}:{line}: ")
    assert words in str(wrong.value)


def test_everything_wrong_with_a_file_is_said_at_once(tmp_path: Path) -> None:
    """Two bad keys are two lines."""
    path = tmp_path / "t.j2"
    path.write_text("---\nstag: draft\nmode: 7\n---\ntext")
    with pytest.raises(Problems) as wrong:
        read_template(path)
    assert [line.split(": ")[0] for line in errors_of(wrong.value)] == [f"{path}:2", f"{path}:3"]


def test_front_matter_must_end(tmp_path: Path) -> None:
    """A text that begins with a rule is told apart by a blank line."""
    path = tmp_path / "t.j2"
    path.write_text("---\nstage: draft\n")
    with pytest.raises(BadTemplate, match="no end"):
        read_template(path)


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00{}"), max_size=40)
_YAML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="{}"), max_size=40)
_LEAF = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | _YAML_TEXT | st.floats(-1e6, 1e6)
_SCHEMA = st.dictionaries(
    _YAML_TEXT,
    st.recursive(_LEAF, lambda x: st.lists(x, max_size=3) | st.dictionaries(_YAML_TEXT, x, max_size=3)),
    max_size=3,
)


@given(
    st.builds(
        Template,
        name=st.from_regex(r"[a-z0-9][a-z0-9._:/+@-]{0,20}", fullmatch=True),
        stage=st.sampled_from(STAGES),
        text=_TEXT.map(lambda text: f"x{text}"),
        parser=st.sampled_from(["", "score", "1e5", "yes", "no_such"]),
        system=_YAML_TEXT,
        minimum_lines=st.integers(0, 10**6),
        scale=st.none() | st.tuples(st.floats(-1e9, 0), st.floats(1, 1e9)),
        schema=st.none() | _SCHEMA,
        description=_YAML_TEXT
        | st.sampled_from(["1e5", "yes", "~", "2020-01-01", "0x10", "- a", "a: b", "---", "a\n---\nb"]),
    )
)
def test_a_written_template_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, template: Template) -> None:
    """The file form keeps every field to the letter."""
    path = tmp_path_factory.mktemp("t") / "any.j2"
    path.write_bytes(write_template(template).encode())
    again = read_template(path)
    assert again == template
    assert again.hash == template.hash


def test_a_written_copy_reads_back_equal(tmp_path: Path) -> None:
    """Mode copy and an empty text survive."""
    path = tmp_path / "c.j2"
    copy = Template("c", "essay", "", "copy")
    path.write_text(write_template(copy))
    assert read_template(path) == copy


def test_the_hash_covers_what_shapes_prompt_and_parse_and_nothing_else() -> None:
    """Name, stage, description and place do not count; 9 and 9.0 are one scale."""
    base = draft("a", scale=(0, 9))
    same = {"name": "b", "stage": "essay", "description": "d", "origin": "o", "line": 7, "scale": (0.0, 9.0)}
    for field, value in same.items():
        assert dataclasses.replace(base, **{field: value}).hash == base.hash
    other = {
        **{"text": "b", "mode": "copy", "parser": "p", "system": "s"},
        **{"minimum_lines": 1, "scale": (0, 10), "schema": {}},
    }
    for field, value in other.items():
        assert dataclasses.replace(base, **{field: value}).hash != base.hash  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("{{ topic|upper }} {{ path|join(' / ') }}", "SOIL Garden / Soil"),
        ("{% for c in concepts %}{{ loop.index }}/{{ loop.length }} {{ c.name }};{% endfor %}", "1/2 Soil;2/2 Moat;"),
        ("{{ concepts|map(attribute='name')|join(', ') }}", "Soil, Moat"),
        ("{{ concepts|selectattr('name', 'eq', 'Moat')|map(attribute='name')|first }}", "Moat"),
        ("{{ concepts|rejectattr('name', 'eq', 'Moat')|list|length }}", "1"),
        ("{{ concepts|sort(attribute='name')|map(attribute='name')|list|tojson }}", '["Moat", "Soil"]'),
        ("{% set n = replicate + 1 %}{{ n }}{{ ' again' if cycle else ' first' }}", "2 first"),
        ("{{ missing|default('none') }}{% if missing is defined %}x{% endif %}", "none"),
        ("{{ path[-1] }} {{ path[:1]|first }} {{ topic[:2] }} {{ concepts[0]['name'] }}", "Soil Garden So Soil"),
        (
            "{{ topic ~ '-' ~ replicate }} {{ 'a' + 'b' }} {{ 7 // 2 }} {{ 2 * 3 - 1 }} {{ 7 % 4 }} {{ -1 }}",
            "Soil-1 ab 3 5 3 -1",
        ),
        ("{{ 'a\nb'|indent(2) }}|{{ ' x '|trim }}|{{ 'one two three'|truncate(9) }}", "a\n  b|x|one..."),
        ("{{ ['b', 'a', 'B']|unique|sort|join }}{{ [3, 1]|sort(reverse=true)|first }}", "ab3"),
        ("{% if 'Soil' in path and replicate is odd and not cycle %}yes{% endif %}", "yes"),
        ("{% for k, v in {'a': 1}|items %}{{ k }}{{ v }}{% endfor %}{{ {'é': [1]}|tojson }}", 'a1{"é": [1]}'),
        ("{% raw %}{{i}} {% x %}{% endraw %}{# note #}", "{{i}} {% x %}"),
        (
            "{{ '7'|int + 1 }} {{ 2.567|round(1) }} {{ 'a b c'|wordcount }} {{ -3|abs }} {{ 'abc'|reverse }}",
            "8 2.6 3 3 cba",
        ),
        ("{% for c in concepts if c.name != 'Soil' %}{{ c.name }}{% else %}none{% endfor %}", "Moat"),
        ("a\n", "a"),
    ],
)
def test_templates_can_say_what_prompts_need(text: str, prompt: str) -> None:
    """For, if, set, filters, tests and `loop` work as Jinja2 documents them."""
    assert render(draft(text), TOPIC) == prompt


def test_the_system_prompt_is_a_template_of_its_own() -> None:
    """It comes first, is left out when it says nothing, and its faults name it."""
    template = draft("T", system="S {{ topic }}")
    assert render_messages(template, TOPIC) == (
        {"role": "system", "content": "S Soil"},
        {"role": "user", "content": "T"},
    )
    assert len(render_messages(draft("T", system="{% if cycle %}S{% endif %}"), TOPIC)) == 1
    with pytest.raises(BadTemplate, match="system prompt:1"):
        check(draft("T", system="{{ f() }}"))
    assert unknown_variables(draft("T", system="{{ odd }}")) == ("odd",)


def test_equal_texts_are_compiled_once_and_render_fast() -> None:
    """A small prompt takes some 10 µs; the bound leaves room for a busy machine."""
    template = draft("About {{ topic }} ({{ path_text }}), {{ replicate }}.")
    assert compiled(template).text is compiled(dataclasses.replace(template, name="other")).text
    assert min(timeit.repeat(lambda: render(template, TOPIC), number=200, repeat=5)) / 200 < 100e-6


def folder(root: Path, **files: str) -> Path:
    """Write files, `__` in their names standing for a folder and `_csv`, `_txt`, `_md` for the ending."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_csv", ".csv").replace("_txt", ".txt").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_folder_of_one_stage_and_one_of_all_stages_read_alike(tmp_path: Path) -> None:
    """README files are no templates; order is by stage and name."""
    root = folder(tmp_path, essay__b_txt="B", draft__z_txt="Z", draft__a_txt="A", draft__README_md="about")
    assert [(t.stage, t.name) for t in read_folder(root)] == [("draft", "a"), ("draft", "z"), ("essay", "b")]
    assert [t.name for t in read_folder(root / "draft")] == ["a", "z"]


def test_all_problems_of_a_folder_are_listed_together(tmp_path: Path) -> None:
    """A bad row, a row without a file, bad syntax and a symbolic link are four lines."""
    root = folder(
        tmp_path,
        draft_templates_csv="template_id,generator\ngone,llm\n",
        essay_templates_csv="template_id,generator\na,parser\n",
        templates__draft__bad_txt="x\n{{ f() }}",
        templates__draft__good_txt="x",
    )
    (root / "templates/draft/link.txt").symlink_to(root / "templates/draft/good.txt")
    with pytest.raises(Problems) as wrong:
        read_folder(root)
    said = errors_of(wrong.value)
    assert [line.removeprefix(f"{root}/").split(": ")[0] for line in said] == [
        *("templates/draft/bad.txt:2", "templates/draft/link.txt"),
        *("draft_templates.csv:2", "essay_templates.csv:2"),
    ]


def test_the_same_name_twice_in_a_stage_is_refused(tmp_path: Path) -> None:
    """Two endings make one name."""
    root = folder(tmp_path, draft__a_txt="x", draft__a_md="y")
    with pytest.raises(BadTemplate, match="already"):
        read_folder(root)


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    """The message says what should be there."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadFile, match=str(tmp_path)):
            read_folder(path)


def test_catalogues_are_read_row_by_row() -> None:
    """All rows of the real ones, inactive ones too."""
    rows = read_catalogue(RAW / "draft_templates.csv", "draft")
    assert len(rows) == 22
    assert rows[1].parser == "essay_block_lenient"
    links = read_catalogue(RAW / "link_templates.csv", "draft")
    assert [row.template_id for row in links if row.active] == [
        *("deliberate-rolling-thread-v2", "deliberate-rolling-thread-v3"),
    ]


def test_models_are_read_with_prices_and_parameters(tmp_path: Path) -> None:
    """The real catalogue, and one with our own columns."""
    assert len(read_models(RAW / "llm_models.csv")) == 24
    path = tmp_path / "models.csv"
    path.write_text('id,model,provider,parameters,price_in,price_out\nm,org/m,openai,"{""temperature"": 0.5}",0.15,0\n')
    (row,) = read_models(path)
    assert (row.parameters, row.price_in, row.price_out, row.display_name) == ({"temperature": 0.5}, 0.15, 0.0, "")


@pytest.mark.parametrize(
    "row",
    [
        "m,,p,{},1",
        ",x,p,{},1",
        "m,x,p,[],1",
        "m,x,p,{,1",
        "m,x,p,{},-1",
        "m,x,p,{},nan",
        "m,x,p,{},cheap",
        "k,x,p,{},1",
    ],
)
def test_bad_model_rows_are_refused_with_their_line(tmp_path: Path, row: str) -> None:
    """Line 3 is named, whatever is wrong with it."""
    path = tmp_path / "models.csv"
    path.write_text(f"id,model,provider,parameters,price_in\nk,x,p,,\n{row}\n")
    with pytest.raises(BadFile) as wrong:
        read_models(path)
    assert wrong.value.where == f"{path}:3"


@pytest.mark.parametrize("row", ["a,x", "a,", ",llm", "b,llm"])
def test_bad_catalogue_rows_are_refused_with_their_line(tmp_path: Path, row: str) -> None:
    """An unknown generator, an empty or repeated name; an empty generator is llm."""
    path = tmp_path / "draft_templates.csv"
    path.write_text(f"template_id,generator\nb,llm\n{row}\n")
    if row == "a,":
        assert read_catalogue(path, "draft")[1].generator == "llm"
        return
    with pytest.raises(BadRow) as wrong:
        read_catalogue(path, "draft")
    assert wrong.value.where == f"{path}:3"


@given(st.text(alphabet="{}%# abtopic|.[]()'\"+-*~<>=1,:_\n", max_size=60))
def test_any_text_renders_or_is_a_bad_template(text: str) -> None:
    """No other exception leaves the room."""
    try:
        render(draft(text), TOPIC)
    except BadTemplate as wrong:
        assert wrong.where


def test_a_missing_file_is_told_beside_a_broken_one_of_a_longer_name(tmp_path: Path) -> None:
    """A fault of `essay-long.txt` says nothing of `essay`, which has no file at all."""
    (tmp_path / "draft").mkdir()
    (tmp_path / "draft" / "essay-long.txt").write_text("{{ broken")
    (tmp_path / "draft_templates.csv").write_text("template_id\nessay\nessay-long\n")
    with pytest.raises(Problems) as caught:
        read_folder(tmp_path)
    assert "'essay' has no file" in str(caught.value) and len(caught.value.errors) == 2
