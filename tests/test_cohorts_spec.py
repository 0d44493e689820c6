"""Specs: what they say, what they may include, and how every fault of one is told at once."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.cohorts import compiled, count, design, read_spec, spec_from_texts
from workbench.cohorts.faults import SHOWN
from workbench.errors import BadFile, BadSpec, Problems, WorkbenchError

BUNDLES = Path(__file__).parent / "data" / "daydreaming" / "spec_bundles"
AXES = "axes:\n  combo_id: [c1, c2]\n  draft_template: [t1, t2]\n  draft_llm: [m1]\n"


def told(text: str, files: dict[str, str] | None = None) -> list[str]:
    """Give the messages of every fault of a spec."""
    with pytest.raises(WorkbenchError) as caught:
        spec_from_texts(text, files)
    return str(caught.value).splitlines()


def rows(text: str, files: dict[str, str] | None = None) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in design(spec_from_texts(text, files))]


@pytest.mark.parametrize("name", ["cohort_cartesian", "dual_llm_cartesian"])
def test_real_bundles_give_the_rows_that_their_own_compiler_gave(name: str) -> None:
    found = list(design(read_spec(BUNDLES / name / "config.yaml")))
    with (BUNDLES / name / "expected_rows.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert found == expected
    assert [list(row) for row in found] == [list(row) for row in expected]


def test_a_spec_is_rebuilt_from_its_stored_texts_alone() -> None:
    read = read_spec(BUNDLES / "dual_llm_cartesian" / "config.yaml")
    again = spec_from_texts(read.text, read.files)
    assert list(design(again)) == list(design(read))
    assert again.hashes == read.hashes and set(read.hashes) == {
        "items/draft_templates.csv",
        "items/essay_bundle.csv",
    }
    assert again.text_hash == read.text_hash


def test_the_last_axis_is_fastest_and_levels_are_listed_once() -> None:
    assert rows("axes:\n  a: [1, 2, 1]\n  b: [x, y]\n") == [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "a\nx\ny\n"),
        ("a.csv", "\ufeffother,a\r\n1,x\r\n\r\n2,y\r\n".lstrip("\ufeff")),
        ("a.csv", "first,second\nx,1\ny,2\n"),
        ("a.txt", "x\r\n\n  y  \n"),
        ("a.json", '["x", "y"]'),
        ("a.yaml", "- x\n- y\n"),
    ],
)
def test_an_axis_comes_from_any_kind_of_file(name: str, text: str) -> None:
    assert rows(f"axes:\n  a: '@file:{name}'\n", {name: text}) == [("x",), ("y",)]


def test_json_specs_are_read_strictly_and_keep_their_lines() -> None:
    with pytest.raises(BadFile, match="stands twice"):
        spec_from_texts('{"axes": {"a": [1], "a": [2]}}', source="s.json")
    with pytest.raises(BadSpec) as caught:
        spec_from_texts(
            '{\n\t"axes": {"a": ["x"]},\n\t"rules": {"ties": {"t": {"axes": ["a", "b"]}}}\n}', source="s.json"
        )
    assert caught.value.where == "s.json:3"


def test_a_tie_keeps_both_columns_and_a_pair_on_a_tied_axis_loses_none() -> None:
    text = "axes:\n  a: [x, y, z]\n  b: [y, x]\n  c: [1, 2]\nrules:\n  ties:\n    ab: {axes: [a, b]}\n"
    assert rows(text) == [(v, v, n) for v in "xy" for n in "12"]
    assert rows(text + "  pairs:\n    p: {left: b, right: c, allowed: [[y, 1], [x, 2]]}\n") == [
        ("y", "y", "1"),
        ("x", "x", "2"),
    ]


def test_sections_apply_in_the_order_in_which_they_stand() -> None:
    tuples = "  tuples:\n    b: {axes: [y, z], items: [[1, 2], [3, 4]]}\n"
    pairs = "  pairs:\n    p: {left: x, right: b, allowed: [[a, [3, 4]], [b, [1, 2]]]}\n"
    axes = "axes:\n  x: [a, b]\nrules:\n"
    assert rows(axes + tuples + pairs) == [("a", "3", "4"), ("b", "1", "2")]
    (message,) = told(axes + pairs + tuples)
    assert message.startswith("spec.yaml:5: ") and "rules.pairs.p: there is no axis b" in message


def test_items_may_be_lists_flat_lists_mappings_and_csv_in_any_column_order() -> None:
    axes = "axes:\n  x: [a]\nrules:\n  tuples:\n    b: {axes: [y, z], items: %s}\n  pairs:\n"
    pair = "    p: {left: x, right: b, allowed: %s}\n"
    forms = ["[[1, 2]]", "[{y: 1, z: 2}]", "'@file:i.csv'"]
    allowed = ["[[a, [1, 2]]]", "[[a, 1, 2]]", "[{x: a, b: [1, 2]}]", "[{z: 2, x: a, y: 1}]"]
    files = {"i.csv": "z,y\n2,1\n"}
    assert {str(rows(axes % f + pair % a, files)) for f in forms for a in allowed} == {"[('a', '1', '2')]"}


def test_a_null_axis_takes_its_levels_from_a_tuple_and_keeps_its_place() -> None:
    text = "axes:\n  y:\n  x: [a, b]\nrules:\n  tuples:\n    b: {axes: [y, z], items: [[1, 2], [3, 4]]}\n"
    assert list(design(spec_from_texts(text)))[1] == {"y": "1", "z": "2", "x": "b"}


def test_replicates_are_further_axes_and_field_order_puts_columns_first() -> None:
    text = "axes:\n  a: [x]\n  b: [y]\nreplicates: {a: 2}\noutput: {field_order: [b]}\n"
    assert [list(row.items()) for row in design(spec_from_texts(text))] == [
        [("b", "y"), ("a", "x"), ("a_replicate", n)] for n in "12"
    ]


def test_topics_and_cycles_become_combos_and_draft_replicates_by_cycle_then_topic() -> None:
    spec = spec_from_texts("topics: ideas\ncycles: 2\naxes:\n  draft_template: [t]\n  draft_llm: [m]\n")
    assert spec.topics is not None and (spec.topics.name, spec.topics.cycles) == ("ideas", 2)
    found = compiled(spec, topics=lambda source: [f"{source.name}-{n}" for n in (1, 2)])
    pairs = [(row["draft_replicate"], row["combo_id"]) for row in found.rows()]
    assert pairs == [("1", "ideas-1"), ("1", "ideas-2"), ("2", "ideas-1"), ("2", "ideas-2")]
    with pytest.raises(BadSpec, match="comes from a project"):
        count(spec)


def test_essays_come_as_a_list_a_file_or_a_query() -> None:
    rubrics = "axes:\n  evaluation_template: [r]\n  evaluation_llm: [j]\n"
    listed = spec_from_texts("essays: [e_1, e_2]\n" + rubrics)
    assert listed.essays is not None and listed.essays.ids == ("e_1", "e_2")
    assert count(spec_from_texts("essays: '@file:e.csv'\n" + rubrics, {"e.csv": "essay_gen_id\ne_1\n"})) == 1
    asked = spec_from_texts("essays: {query: select gen_id from best}\n" + rubrics)
    assert count(asked, essays=lambda source: ["e_9"] if source.query.startswith("select") else []) == 1


def test_every_fault_is_told_at_once_with_file_line_axis_rule_and_row() -> None:
    text = (
        "axes:\n"
        "  combo_id: [c1, 'c|2']\n"
        "  draft_replicate: [1, 01, x]\n"
        "  essay_template: '@file:gone.csv'\n"
        "  a: [x, y]\n"
        "  b: [1, 2]\n"
        "  empty: []\n"
        "rules:\n"
        "  subsets:\n"
        "    a: [x, z]\n"
        "  ties:\n"
        "    t: {axes: [b, nothing]}\n"
        "  pears: {}\n"
        "  pairs:\n"
        "    p: {left: a, right: b}\n"
        "output:\n"
        "  field_ordre: [a]\n"
    )
    messages = told(text)
    for where, words in [
        (2, "axis combo_id, row 2: 'c|2' is no combo"),
        (3, "axis draft_replicate, row 2: '01'"),
        (3, "axis draft_replicate, row 3: 'x'"),
        (4, "gone.csv"),
        (7, "axis empty has no levels"),
        (10, "rules.subsets.a, row 2: 'z' is no level of a"),
        (12, "rules.ties.t: there is no axis nothing"),
        (13, "rules.pears: unknown key (did you mean 'pairs'?)"),
        (15, "rules.pairs.p: no allowed"),
        (17, "output.field_ordre: unknown key (did you mean 'field_order'?)"),
    ]:
        assert any(m.startswith(f"spec.yaml:{where}: ") and words in m for m in messages), (words, messages)
    assert len(messages) == 10


def test_faults_in_an_included_file_are_told_with_its_own_lines() -> None:
    text = "axes:\n  a: [x]\n  b: [1]\nrules:\n  pairs:\n    p: {left: a, right: b, allowed: '@file:d/p.csv'}\n"
    messages = told(text, {"d/p.csv": "a,b\nx,1\nq,1\nx,7\n"})
    assert [m.split(": ")[0] for m in messages] == ["d/p.csv:3", "d/p.csv:4"]
    assert "row 2: 'q' is no level of a" in messages[0]
    ragged = told(text, {"d/p.csv": "a,b\nx\nx,1\nx,1,1\n"})
    assert [m.split(": ")[0] for m in ragged] == ["d/p.csv:2", "d/p.csv:4"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("axes: {a: [1.5]}", "is no plain text"),
        ("axes: {a: [true]}", "is no plain text"),
        ("axes: {a: ['@file:x.csv']}", "is no plain text"),
        ("axes: {a: x}", "it must be a list"),
        ("axes: [a]", "it must be a mapping"),
        ("- a", "it must be a mapping"),
        ("", "it must be a mapping"),
        ("rules: {}", "no axes"),
        ("axes: {a: }", "axis a has no levels"),
        ("axes: {a: [x]}\naxis: {}", "unknown key (did you mean 'axes'?)"),
        ("axes: {a: [x]}\ncycles: 2", "cycles of no topics"),
        ("topics: [x]\naxes: {a: [x]}", "the name of a topic model"),
        ("topics: t\ncycles: 0\naxes: {a: [x]}", "whole number of at least 1"),
        ("topics: t\naxes: {combo_id: [x]}", "comes from the topics or essays too"),
        ("topics: t\naxes: {combo: [x]}", "both mean combo"),
        ("axes: {draft_rep: [1], draft_replicate: [1]}", "both mean draft_replicate"),
        ("essays: {sql: x}\naxes: {a: [x]}", "no query"),
        ("axes: {a: [x]}\noutput: {seed: x}", "write a whole number"),
        ("axes: {a: [x]}\noutput: {field_order: [b]}", "there is no column b"),
        ("axes: {a: [x]}\nreplicates: {b: 2}", "there is no axis b"),
        ("axes: {a: [x]}\nreplicates: {a: 0}", "whole number of at least 1"),
        ("axes: {a: [x], b: [y]}\nrules: {ties: {t: {axes: [a, b]}}}", "no level in common"),
        ("axes: {a: [x]}\nrules: {subsets: {a: []}}", "nothing is kept"),
        ("axes: {a: [x], b: [y]}\nrules: {pairs: {p: {left: a, right: b, allowed: []}}}", "nothing is allowed"),
        ("axes: {a: [x], b: [y]}\nrules: {pairs: {p: {left: a, right: b, allowed: [[x]]}}}", "row 1"),
        ("axes: {a: [x], b: [y]}\nrules: {pairs: {p: {left: a, right: a, allowed: [[x, x]]}}}", "stands twice"),
        ("axes: {a: [x], b: [y]}\nrules: {ties: {b: {axes: [a]}}}", "is an axis already"),
        ("axes: {a: [x]}\nrules: {tuples: {p: {axes: [b, c], items: '@file:../i.csv'}}}", "leaves the spec's folder"),
        ("axes: {a: '@file:/etc/passwd'}", "leaves the spec's folder"),
        ("axes: {a: '@file:a.exe'}", "is of no known kind"),
    ],
)
def test_what_is_no_spec_is_refused_in_one_line(spec: str, words: str) -> None:
    assert words in "\n".join(told(spec))


MANY_PAIRS = ", ".join(f"[x, b{n}]" for n in range(400))
PAIR = f"allowed: [{MANY_PAIRS}]"
TWO_PAIRS = f"pairs: {{one: {{left: a, right: b, {PAIR}}}, two: {{left: c, right: d, {PAIR}}}}}"
WIDE_AXES = (
    "axes: {a: [x], c: [x], " + ", ".join(f"{a}: [{', '.join(f'b{n}' for n in range(400))}]" for a in "bd") + "}"
)


@pytest.mark.parametrize(
    "rule", ["ties: {far: {axes: [a, c]}}", "tuples: {far: {axes: [a, c], items: [[x, x]]}}"], ids=["tie", "tuple"]
)
def test_rules_that_multiply_are_held_within_memory(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two factors with one value in common are joined level by level: 160,000 of 400 and 400."""
    monkeypatch.setattr("workbench.cohorts.rules.MAX_LEVELS", 1000)
    (message,) = told(f"{WIDE_AXES}\nrules:\n  {TWO_PAIRS}\n  {rule}\n")
    assert "far: more than 1,000 levels" in message


def test_balance_asks_for_the_same_number_of_pairs_on_each_side() -> None:
    text = "axes: {a: [x, y], b: [1, 2]}\nrules: {pairs: {p: {left: a, right: b, balance: %s, allowed: %s}}}"
    assert len(rows(text % ("both", "[[x, 1], [y, 2]]"))) == 2
    assert len(rows(text % ("left", "[[x, 1], [y, 1]]"))) == 2
    (message,) = told(text % ("left", "[[x, 1], [x, 2], [y, 1]]"))
    assert "a is not balanced: x stands in 2 pairs, y in 1" in message
    assert "use left, right, both" in told(text % ("up", "[[x, 1]]"))[0]


def test_two_essay_models_for_one_draft_and_template_are_refused_with_their_rows() -> None:
    bundle = "rules: {tuples: {b: {axes: [essay_template, essay_llm], items: %s}}}\n"
    good = "[[e1, w1], [e2, w2]]"
    assert len(rows(AXES + bundle % good)) == 8
    (message,) = told(AXES + bundle % "[[e1, w1], [e2, w2], [E1, w2]]")
    assert message.startswith("spec.yaml:5: ")
    assert "rows 1 and 3: two essay models, w1 and w2" in message and "essay_template e1" in message
    (plain,) = told(AXES.replace("[m1]", "[m1]\n  essay_llm: [w1, w2]") + "  essay_template: [e1, e2]\n")
    assert "rows 1 and 3: two essay models" in plain


def test_essay_models_may_follow_the_draft() -> None:
    text = AXES + "  essay_template: [e]\nrules: {tuples: {b: {axes: [draft_template, essay_llm], items: %s}}}\n"
    assert len(rows(text % "[[t1, w1], [t2, w2]]")) == 4
    assert "two essay models" in told(text % "[[t1, w1], [t1, w2]]")[0]


def test_included_files_are_regular_files_below_the_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "spec"
    outside.mkdir()
    folder.mkdir()
    (outside / "a.csv").write_text("a\nx\n")
    (folder / "link.csv").symlink_to(outside / "a.csv")
    (folder / "sub").symlink_to(outside)
    for name in ("link.csv", "sub/a.csv", "gone.csv"):
        (folder / "s.yaml").write_text(f"axes:\n  a: '@file:{name}'\n")
        with pytest.raises(BadSpec) as caught:
            read_spec(folder / "s.yaml")
        assert caught.value.where.endswith("s.yaml:2")


def test_a_million_bad_rows_are_told_by_the_first_and_a_count() -> None:
    text = "axes:\n  a: [x]\n  b: [1]\nrules:\n  pairs:\n    p: {left: a, right: b, allowed: '@file:p.csv'}\n"
    with pytest.raises(Problems) as caught:
        spec_from_texts(text, {"p.csv": "a,b\n" + "".join(f"q{n},1\n" for n in range(20_000))})
    assert len(caught.value.errors) == SHOWN + 1
    assert "19,500 more" in str(caught.value.errors[-1])


WORDS = st.sampled_from(
    [
        "a",
        "b",
        "combo_id",
        "draft_rep",
        "essay_llm",
        "axes",
        "items",
        "left",
        "right",
        "allowed",
        "balance",
        "query",
        "rules",
        "output",
        "replicates",
        "topics",
        "cycles",
        "essays",
        "subsets",
        "ties",
        "pairs",
        "tuples",
        "seed",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers(-1, 3) | st.floats(allow_nan=False) | WORDS | st.text(max_size=3)
TREES = st.recursive(
    SCALARS | st.just("@file:x.csv") | st.just("@file:y.json") | st.just("@file:../z.csv"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, max_examples=300)
@given(st.fixed_dictionaries({}, optional={"axes": TREES, "rules": TREES, "output": TREES, "essays": TREES}), TREES)
def test_whatever_stands_in_a_spec_is_compiled_or_refused_in_words(top: dict[str, Any], included: Any) -> None:
    """No input makes anything but rows or a named error."""
    files = {"x.csv": "a,b\n1,2\n", "y.json": json.dumps(included)}
    for text in (json.dumps(top), json.dumps({**top, "rules": {"pairs": {"p": included}, "tuples": {"t": included}}})):
        try:
            list(design(spec_from_texts(text, files, "s.json"), limit=10))
        except WorkbenchError as error:
            assert error.exit_code == 2


KEYS = ["combo_id", "draft_template", "essay_template", "essay_llm", "evaluation_llm"]


@settings(deadline=None)
@given(st.permutations(KEYS), st.integers(1, 5), st.data())
def test_two_essay_models_are_found_exactly_when_two_rows_show_them(
    order: list[str], width: int, data: st.DataObject
) -> None:
    """Found in the structure, for any grouping of the columns, as going through all rows would find them."""
    bound = order[:width]
    item: st.SearchStrategy[list[str]] = st.lists(st.sampled_from("xyX"), min_size=width, max_size=width)
    items = data.draw(st.lists(item, min_size=1, max_size=4))
    axes = {name: data.draw(st.lists(st.sampled_from("xyX"), min_size=1, max_size=2)) for name in order[width:]}
    text = json.dumps({"axes": axes, "rules": {"tuples": {"t": {"axes": bound, "items": items}}}})
    models: dict[tuple[str, ...], set[str]] = {}
    item_row: list[str]
    rest: tuple[str, ...]
    for item_row, rest in product(items, product(*axes.values())):
        row = {**dict(zip(bound, item_row, strict=True)), **dict(zip(axes, rest, strict=True))}
        models.setdefault(tuple(row[key].lower() for key in KEYS[:3]), set()).add(row["essay_llm"].lower())
    if any(len(found) > 1 for found in models.values()):
        assert "two essay models" in told(text)[0]
    else:
        assert count(spec_from_texts(text)) >= 1
