"""Topic models: every form of tree and graph file, what they count, and the way back into a file."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import ids
from workbench.errors import BadInput, Problems, TooLarge, UnknownName, WorkbenchError
from workbench.topics import Node, TopicModel, failure_lines, pruned, read_topics, topic_lines, walk

DATA = Path(__file__).parent / "data" / "deepfabric"
TREE = DATA / "tree_v4" / "topics_tree.jsonl"
BARE = DATA / "tree_v3" / "topics_tree_4101.jsonl"
GRAPH = DATA / "graph" / "topic_graph.json"


def rows(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def graph(path: Path, links: dict[str, list[Any]], root: Any = 0, **more: dict[str, Any]) -> Path:
    nodes = {
        key: {"id": int(key), "topic": f"Topic {key}", "children": children, **more.get(f"n{key}", {})}
        for key, children in links.items()
    }
    path.write_text(json.dumps({"nodes": nodes, "root_id": root, "metadata": {}}, indent=1))
    return path


def complaints(path: Path, **options: Any) -> list[str]:
    with pytest.raises(WorkbenchError) as caught:
        read_topics(path, **options)
    error = caught.value
    assert error.exit_code == 2
    return [str(e) for e in error.errors] if isinstance(error, Problems) else [str(error)]


def again(model: TopicModel, folder: Path) -> TopicModel:
    path = folder / f"{model.name}.again"
    path.write_text("".join(topic_lines(model)), encoding="utf-8")
    return read_topics(path, name=model.name, leaves_only=model.leaves_only)


def test_a_real_tree_keeps_its_leaf_uuids_and_order() -> None:
    model = read_topics(TREE)
    assert (model.kind, model.name, model.notes) == ("tree", "topics_tree", [])
    assert model.counts() == (13, 9, 9, 9)
    first = model.get_unique_topics()[0]
    assert first == ("fdcc16ae-df1d-4f2b-88d2-26a0a836e2d8", "Kelp Slate")
    assert model.path(first.uuid) == ["Keeping a small vegetable garden", "Inlet Ledger", "Kelp Slate"]
    assert [json.loads(row)["leaf_uuid"] for row in TREE.read_text().splitlines()] == [
        topic.uuid for topic in model.get_unique_topics()
    ]


def test_a_tree_without_uuids_gets_stable_ones_and_the_origins_aliases() -> None:
    model = read_topics(BARE)
    path = ["Keeping a small vegetable garden", "Yield Archive", "Amber Grove"]
    leaf = model.nodes[model.leaves()[0]]
    assert leaf.uuid == ids.path_uuid(path)
    assert leaf.aliases == ids.deepfabric_aliases(path)
    assert "9 paths came without leaf_uuid" in model.notes[0]
    stopped_at = json.loads((DATA / "tree_v3/ckpt/dataset.checkpoint.json").read_text())["processed_ids"]
    assert set(stopped_at) <= {alias for node in model.nodes for alias in node.aliases}


def test_branches_get_derived_uuids() -> None:
    model = read_topics(TREE)
    assert model.nodes[1].uuid == ids.path_uuid(["Keeping a small vegetable garden", "Inlet Ledger"])
    assert model.nodes[1].aliases == ()


def test_a_real_graph_has_its_three_counts() -> None:
    model = read_topics(GRAPH)
    assert model.counts() == (13, 15, 9, 12)
    assert len(model.edges) == 18
    assert read_topics(GRAPH, leaves_only=True).counts().unique_topics == 9
    assert len(model.get_unique_topics(leaves_only=True)) == 9
    assert model.nodes[0].aliases[0] == "0"
    assert len(model.nodes[0].aliases[1]) == 64
    assert model.metadata["model"] == "mock-model"


def test_each_graph_topic_has_one_main_path_by_the_nearest_parent() -> None:
    model = read_topics(GRAPH)
    uuid = "1821240f-651d-43e4-b55d-67e344252601"
    assert model.path(uuid) == ["Keeping a small vegetable garden", "Juniper Archive", "Glacier Cedar"]
    assert all(path[0] == "Keeping a small vegetable garden" for _, path in model.paths())
    assert [len(path) - 1 for _, path in model.paths()] == [node.depth for node in model.nodes[1:]]


@pytest.mark.parametrize("path", [TREE, BARE, GRAPH])
def test_writing_and_reading_gives_the_same_model(path: Path, tmp_path: Path) -> None:
    model = read_topics(path)
    assert again(model, tmp_path) == model


def test_the_form_is_told_by_content_whatever_the_name(tmp_path: Path) -> None:
    odd = tmp_path / "topics.json"
    odd.write_bytes(b"\xef\xbb\xbf" + TREE.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert read_topics(odd, name="topics_tree") == read_topics(TREE)
    flat = tmp_path / "flat.jsonl"
    flat.write_text(json.dumps(json.loads(GRAPH.read_text())))
    assert read_topics(flat, name="topic_graph") == read_topics(GRAPH)


UUID = "3f8e4a52-0d7c-4b65-9c9b-5f0f3a1f5a10"
PATHS = [["Garden", "Soil", "Compost"], ["Garden", "Soil", "Größe"], ["Garden", "Water"], ["House"]]
FORMS = {
    "rows.jsonl": "".join(json.dumps({"path": path}) + "\n" for path in PATHS),
    "outline.md": "# Garden\n\nOf prose nothing is kept.\n\n## Soil ##\n- **Compost**\n- Größe\n## Water\n# House\n",
    "list.md": "1. Garden\n   - Soil\n\t\t* Compost\n\t\t* Größe\n   - Water\n2. House\n---\n",
    "lines.txt": "Garden\n  Soil\n    Compost\n    Größe\n  Water\nHouse\n",
    "levels.csv": "subject,area,topic\nGarden,Soil,Compost\nGarden,Soil,Größe\nGarden,Water,\nHouse,,\n",
    "paths.csv": "path\nGarden > Soil > Compost\nGarden / Soil / Größe\nGarden › Water\nHouse\n",
    "keys.json": '{"Garden": {"Soil": ["Compost", "Größe"], "Water": null},\n "House": {}}',
    "names.json": json.dumps(
        [
            {"name": "Garden", "children": [{"title": "Soil", "children": ["Compost", "Größe"]}, {"topic": "Water"}]},
            "House",
        ]
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_people_write_by_hand_is_the_same_tree(form: str, tmp_path: Path) -> None:
    """The same paths are the same topics with the same UUIDs in every form, in the same order."""
    for name in ("rows.jsonl", form):
        (tmp_path / name).write_text(FORMS[name], encoding="utf-8-sig")
    found, wanted = read_topics(tmp_path / form, name="g"), read_topics(tmp_path / "rows.jsonl", name="g")
    assert (found.nodes, found.edges) == (wanted.nodes, wanted.edges) and found.counts().leaves == 4


def test_a_table_may_bring_uuids_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    """`leaf_uuid` is a column; the row of names and lines of prose are no topics, and that is said."""
    table, outline = tmp_path / "t.csv", tmp_path / "t.md"
    table.write_text(f"a,b,leaf_uuid\nGarden,Soil,{UUID}\nGarden,Water,\n")
    model = read_topics(table)
    assert [node.uuid for node in model.nodes][1] == UUID
    assert "the first row names the columns: a, b, leaf_uuid" in model.notes
    outline.write_text(FORMS["outline.md"])
    assert "lines left out, which are neither headings nor items of a list: 1" in read_topics(outline).notes


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("t.csv", "a,b\nGarden,Soil,Compost\n", "t.csv:2:"),
        ("t.csv", "a,b\n,Soil\n", "t.csv:2:"),
        ("t.csv", "a,b\n", "no topics"),
        ("t.md", "Only prose.\n", "no topics"),
        (
            "t.json",
            '{"Garden": {"Soil": 3}}',
            "t.json: Garden > Soil: A row is not what the format says: 3 is no topic",
        ),
        ("t.json", '[["Soil"]]', "a list within a list"),
        ("t.json", '{"Garden": "Soil\\u0000"}', "a control character"),
    ],
)
def test_what_is_wrong_in_them_is_named(name: str, text: str, why: str, tmp_path: Path) -> None:
    """A place, what is wrong there, and how to mend it."""
    (tmp_path / name).write_text(text)
    assert any(why in message and ";" in message for message in complaints(tmp_path / name))


def test_strict_names_the_first_line_without_a_uuid(tmp_path: Path) -> None:
    path = rows(tmp_path / "t", {"path": ["r", "a"], "leaf_uuid": "u1"}, {"path": ["r", "b"]}, {"path": ["r", "c"]})
    (message,) = complaints(path, strict=True)
    assert f"{path}:2:" in message
    assert "2 paths have no leaf_uuid" in message
    assert read_topics(TREE, strict=True).counts().leaves == 9
    (message,) = complaints(graph(tmp_path / "g", {"0": [1], "1": []}), strict=True)
    assert "'0': no uuid, as 2 nodes" in message


def test_failed_generations_are_kept_from_the_rows_and_the_sidecar(tmp_path: Path) -> None:
    first, second = {"path": ["r", "x"], "attempt": 1}, {"error": "é"}
    path = rows(tmp_path / "t.jsonl", {"path": ["r", "a"]}, {"failed_generation": first})
    rows(tmp_path / "t_failed.jsonl", {"failed_generation": first}, {"failed_generation": second})
    model = read_topics(path)
    assert model.failures == [first, second]
    assert [json.loads(row) for row in failure_lines(model)][1] == {"failed_generation": second}
    assert again(model, tmp_path) == model


def test_a_bad_sidecar_is_named(tmp_path: Path) -> None:
    path = rows(tmp_path / "t.jsonl", {"path": ["r", "a"]})
    rows(tmp_path / "t_failed.jsonl", {"failed_generation": {}}, {"path": []})
    assert "t_failed.jsonl:2" in complaints(path)[0]


def test_duplicate_paths_are_one_topic(tmp_path: Path) -> None:
    path = rows(tmp_path / "t", {"path": ["r", "a"]}, {"path": ["r", "a"], "leaf_uuid": "U-1"}, {"path": ["r", "a"]})
    model = read_topics(path)
    assert [topic.uuid for topic in model.get_unique_topics()] == ["u-1"]
    assert model.notes == ["2 rows repeat a path: each path is one topic"]


def test_a_row_that_other_paths_go_on_from_is_no_leaf_but_keeps_its_uuid(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "t",
        {"path": ["r", "a"], "leaf_uuid": "u-a"},
        {"path": ["r", "b"], "leaf_uuid": "u-b"},
        {"path": ["r", "a", "x"], "leaf_uuid": "u-x"},
    )
    model = read_topics(path)
    assert [topic.uuid for topic in model.get_unique_topics()] == ["u-b", "u-x"]
    assert model.path("u-a") == ["r", "a"]
    assert "1 rows end where other paths go on: they are no leaves" in model.notes
    assert again(model, tmp_path) == model


def test_several_roots_stand_side_by_side(tmp_path: Path) -> None:
    model = read_topics(rows(tmp_path / "t", {"path": ["r", "a"]}, {"path": ["s", "a"]}, {"path": ["q"]}))
    assert model.counts() == (5, 3, 3, 3)
    assert "3 roots stand side by side" in model.notes
    assert again(model, tmp_path) == model


BAD_ROWS = [
    ('{"path": ["r", ', "not JSON"),
    ('["r", "a"]', 'no "path"'),
    ('{"path": []}', 'no "path"'),
    ('{"path": "r"}', 'no "path"'),
    ('{"leaf_uuid": "u"}', 'no "path"'),
    ('{"path": ["r", ""]}', "a title is empty"),
    ('{"path": ["r", "  "]}', "a title is empty"),
    ('{"path": ["r", 5]}', "a title is int"),
    ('{"path": ["r", null]}', "a title is NoneType"),
    ('{"path": ["r", ["a"]]}', "a title is list"),
    ('{"path": ["r", "a\\u0000b"]}', "control character"),
    ('{"path": ["r", "a\\nb"]}', "control character"),
    ('{"path": ["r", "\\ud800"]}', "control character"),
    ('{"path": ["r", "a"], "path": ["r"]}', "stands twice"),
    ('{"path": ["r", "a"], "leaf_uuid": ""}', "the UUID is empty"),
    ('{"path": ["r", "a"], "leaf_uuid": 7}', "the UUID is int"),
    ('{"path": ["r", "a"], "leaf_uuid": "a|b"}', "the UUID is 'a|b'"),
    ('{"path": ["r", "a"], "leaf_uuid": "None"}', "reserved"),
    ('{"failed_generation": "x"}', "one object by itself"),
    ('{"failed_generation": {}, "path": ["r"]}', "one object by itself"),
    ('{"path": ["r", NaN]}', "not plain JSON"),
    ("[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("text", "why"), BAD_ROWS)
def test_a_bad_row_is_named_with_its_line(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"path": ["r", "z"]}\n\n' + text + "\n", encoding="utf-8")
    (message,) = complaints(path)
    assert message.startswith(f"{path}:3:")
    assert why in message


def test_all_bad_rows_are_listed_up_to_twenty(tmp_path: Path) -> None:
    messages = complaints(rows(tmp_path / "t", *[{"path": ["r", n]} for n in range(25)]))
    assert len(messages) == 21
    assert "and 5 more errors" in messages[-1]


def test_one_path_with_two_uuids_names_both_lines(tmp_path: Path) -> None:
    path = rows(tmp_path / "t", {"path": ["r", "a"], "leaf_uuid": "u1"}, {"path": ["r", "a"], "leaf_uuid": "u2"})
    (message,) = complaints(path)
    assert f"{path}:2:" in message
    assert "line 1" in message


def test_one_uuid_on_two_paths_names_both_lines(tmp_path: Path) -> None:
    path = rows(tmp_path / "t", {"path": ["r", "a"], "leaf_uuid": "u1"}, {"path": ["r", "b"], "leaf_uuid": "U1"})
    (message,) = complaints(path)
    assert f"{path}:2:" in message
    assert "line 1" in message


def test_a_uuid_that_another_path_derives_is_refused(tmp_path: Path) -> None:
    path = rows(tmp_path / "t", {"path": ["r", "a"], "leaf_uuid": ids.path_uuid(["r", "b"])}, {"path": ["r", "b"]})
    (message,) = complaints(path)
    assert "give this path another UUID" in message


def test_an_id_of_the_origin_that_two_paths_share_names_neither(tmp_path: Path) -> None:
    model = read_topics(rows(tmp_path / "t", {"path": ["a::b", "c"]}, {"path": ["a", "b::c"]}))
    assert [len(model.nodes[at].aliases) for at in model.leaves()] == [1, 1]
    assert again(model, tmp_path) == model


@pytest.mark.parametrize("text", ["", "\n\n", '{"failed_generation": {}}\n'])
def test_a_file_without_topics_is_an_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text(text)
    assert "no topics" in complaints(path)[0]


def test_a_file_that_is_missing_or_not_text_is_an_error(tmp_path: Path) -> None:
    assert complaints(tmp_path / "none")
    (tmp_path / "b").write_bytes(b'{"path": ["\xff"]}\n')
    assert "UTF-8" in complaints(tmp_path / "b")[0]
    (tmp_path / "l").symlink_to(TREE)
    assert "symbolic link" in complaints(tmp_path / "l")[0]


BAD_GRAPHS = [
    ({"0": [1], "1": [0]}, 0, "a cycle"),
    ({"0": [0]}, 0, "a cycle"),
    ({"0": [1], "1": [2], "2": [3], "3": [1]}, 0, "a cycle"),
    ({"0": [], "1": [2], "2": [1, 3], "3": []}, 0, "a cycle: '2' → '1' → '2'"),
    ({"0": [9]}, 0, "its child 9 is no node"),
    ({"0": [None]}, 0, "its child None is no node"),
    ({"0": [True]}, 0, "its child True is no node"),
    ({"0": []}, 7, "the root 7 is no node"),
    ({"0": []}, None, "the root None is no node"),
]


@pytest.mark.parametrize(("links", "root", "why"), BAD_GRAPHS)
def test_a_graph_with_bad_links_is_refused(links: dict[str, list[Any]], root: Any, why: str, tmp_path: Path) -> None:
    (message,) = complaints(graph(tmp_path / "g.json", links, root))
    assert why in message
    assert "g.json:" in message


BAD_NODES = [
    (5, "not an object"),
    ({"topic": "", "children": []}, "a title is empty"),
    ({"topic": "t", "children": {}}, "its children are no list"),
    ({"topic": "t", "metadata": []}, None),
    ({"topic": "t", "metadata": [1]}, "its metadata is no object"),
    ({"topic": "t", "id": 4}, "its id is 4"),
    ({"topic": "t", "id": True}, "its id is True"),
    ({"topic": "t", "metadata": {"uuid": "a b"}}, "'a b'"),
    ({"topic": "t", "metadata": {"uuid": "same"}}, "that of node '0'"),
]


@pytest.mark.parametrize(("node", "why"), BAD_NODES)
def test_a_bad_node_is_named_with_its_line(node: Any, why: str | None, tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    root = {"topic": "r", "children": [1], "metadata": {"uuid": "same"}}
    path.write_text(json.dumps({"nodes": {"0": root, "1": node}, "root_id": 0}, indent=0))
    if why is None:
        assert read_topics(path).counts().nodes == 2
    else:
        (message,) = complaints(path)
        assert why in message
        line = path.read_text().splitlines().index(next(x for x in path.read_text().splitlines() if '"1":' in x))
        assert message.startswith(f"{path}:{line + 1}:")


@pytest.mark.parametrize("text", ["{}", "{\n}", '{"nodes": {}}', '{"nodes": [1]}', '{"nodes": {"0": {}', "{\n1"])
def test_what_is_no_topic_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "g").write_text(text)
    assert complaints(tmp_path / "g")


def test_a_graph_without_uuids_gets_stable_ones(tmp_path: Path) -> None:
    model = read_topics(graph(tmp_path / "g", {"0": [1], "1": []}))
    assert model.nodes[1].uuid == ids.node_uuid("Topic 0", "1")
    assert again(model, tmp_path) == model


def test_parents_are_not_trusted_and_strays_are_left_out_with_a_note(tmp_path: Path) -> None:
    path = graph(tmp_path / "g", {"0": [1, 1], "1": [], "2": [1]}, n1={"parents": [7]})
    model = read_topics(path)
    assert model.counts() == (2, 1, 1, 1)
    assert "1 nodes are not reached from the root and are left out: 2" in model.notes
    assert "1 edges were listed twice" in model.notes


def ladder(rungs: int) -> dict[str, list[Any]]:
    """A graph in which the number of paths doubles with each rung."""
    links: dict[str, list[Any]] = {"0": [1, 2]}
    for n in range(rungs):
        below = [3 * n + 4, 3 * n + 5] if n + 1 < rungs else []
        links |= {str(3 * n + 1): [3 * n + 3], str(3 * n + 2): [3 * n + 3], str(3 * n + 3): below}
    return links


def test_paths_are_counted_exactly_and_never_walked(tmp_path: Path) -> None:
    model = read_topics(graph(tmp_path / "g", ladder(1000)))
    assert model.counts().paths == 2**1000
    assert sum(1 for _ in walk(model)) == len(model.edges) + 1


def test_a_number_of_paths_that_nobody_could_print_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="prune it"):
        read_topics(graph(tmp_path / "g", ladder(14_000))).counts()


def test_the_outline_shows_each_node_once_in_full() -> None:
    model = read_topics(GRAPH)
    steps = list(walk(model))
    assert len(steps) == 19
    assert sum(not step.again for step in steps) == 13
    assert all(step.depth == step.node.depth for step in steps if not step.again)
    assert [step.node.title for step in walk(read_topics(TREE))][:4] == [
        "Keeping a small vegetable garden", "Inlet Ledger", "Kelp Slate", "Pebble Thicket"
    ]  # fmt: skip


def test_five_thousand_levels_are_read_walked_and_written(tmp_path: Path) -> None:
    model = read_topics(rows(tmp_path / "t", {"path": [f"{n}" for n in range(5000)]}))
    assert model.counts() == (5000, 1, 1, 1)
    assert [step.depth for step in walk(model)] == list(range(5000))
    assert again(model, tmp_path) == model
    shorter, gone = pruned(model, depth=10)
    assert (len(shorter.nodes), len(gone)) == (11, 4989)
    assert "levels" in complaints(rows(tmp_path / "x", {"path": ["n"] * 10_001}))[0]


def test_five_thousand_levels_of_a_graph(tmp_path: Path) -> None:
    model = read_topics(graph(tmp_path / "g", {str(n): [n + 1] if n < 4999 else [] for n in range(5000)}))
    assert model.nodes[-1].depth == 4999
    assert sum(1 for _ in walk(model)) == 5000


def test_pruning_by_depth_makes_leaves_of_branches() -> None:
    tree, gone = pruned(read_topics(TREE), depth=1)
    assert tree.counts() == (4, 3, 3, 3)
    assert len(gone) == 9
    assert [topic.topic for topic in tree.get_unique_topics()] == ["Inlet Ledger", "Delta Yonder", "Knoll Flint"]


def test_pruning_by_uuid_takes_what_hangs_below_and_emptied_branches() -> None:
    model = read_topics(TREE)
    branch = model.nodes[1]
    below = [model.nodes[at].uuid for at in model.children[1]]
    for uuids in ([branch.uuid], below):
        tree, gone = pruned(model, uuids=uuids)
        assert tree.counts() == (9, 6, 6, 6)
        assert {node.uuid for node in gone} == {branch.uuid, *below}


def test_pruning_a_graph_keeps_what_another_path_reaches() -> None:
    model = read_topics(GRAPH)
    archive = next(node for node in model.nodes if node.title == "Juniper Archive")
    rest, gone = pruned(model, uuids=[archive.uuid])
    assert gone == [archive]
    assert rest.path("1821240f-651d-43e4-b55d-67e344252601")[1] == "Tundra Ember"
    assert model.counts().nodes == 13


def test_pruning_a_graph_may_lengthen_the_shortest_path(tmp_path: Path) -> None:
    model = read_topics(graph(tmp_path / "g", {"0": [1, 2], "1": [4], "2": [3], "3": [4], "4": []}))
    rest, _ = pruned(model, uuids=[model.nodes[1].uuid])
    assert [node.depth for node in rest.nodes] == [0, 1, 2, 3]
    assert len(pruned(model, uuids=[model.nodes[1].uuid], depth=2)[1]) == 2


def test_pruning_refuses_unknown_uuids_and_an_empty_rest() -> None:
    model = read_topics(TREE)
    with pytest.raises(Problems) as caught:
        pruned(model, uuids=["x", "y"])
    assert all(isinstance(error, UnknownName) for error in caught.value.errors)
    with pytest.raises(BadInput, match="nothing would be left"):
        pruned(model, uuids=[model.nodes[0].uuid])
    with pytest.raises(BadInput, match="nothing would be left"):
        pruned(model, uuids=[topic.uuid for topic in model.get_unique_topics()])
    with pytest.raises(UnknownName):
        model.path("nobody")


def test_a_grown_graph_without_ids_of_another_program_can_be_written(tmp_path: Path) -> None:
    nodes = [Node("u0", "Root", 0), Node("u1", "One", 1, ("0",)), Node("u2", "Two", 1)]
    model = TopicModel("grown", "graph", nodes, [(0, 1), (0, 2)])
    read = again(model, tmp_path)
    assert [(node.uuid, node.aliases) for node in read.nodes] == [("u0", ("1",)), ("u1", ("0",)), ("u2", ("2",))]
    assert again(read, tmp_path) == read


def test_keys_that_are_not_kept_are_told(tmp_path: Path) -> None:
    model = read_topics(rows(tmp_path / "t", {"path": ["r", "a"], "weight": 3}))
    assert "keys that are not kept: weight" in model.notes
    model = read_topics(graph(tmp_path / "g", {"0": [1], "1": []}, n1={"score": 1}))
    assert "keys that are not kept: score" in model.notes


TITLES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=4).filter(str.strip)


@given(st.lists(st.lists(st.one_of(st.sampled_from("ab:"), TITLES), min_size=1, max_size=5), min_size=1, max_size=12))
def test_any_tree_is_written_and_read_alike(paths: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        model = read_topics(rows(Path(folder, "t"), *[{"path": path} for path in paths]))
        assert again(model, Path(folder)) == model
        ends = {tuple(path) for path in paths}
        leaves = [
            path for path in dict.fromkeys(map(tuple, paths)) if not any(path == e[: len(path)] != e for e in ends)
        ]
        assert [tuple(path) for _, path in model.paths()] == leaves
        assert sorted(step.node.uuid for step in walk(model)) == sorted(node.uuid for node in model.nodes)


@st.composite
def links(draw: st.DrawFn) -> dict[str, list[Any]]:
    size = draw(st.integers(1, 9))
    return {str(n): draw(st.lists(st.integers(n + 1, size), max_size=4)) if n < size else [] for n in range(size + 1)}


def ways(children: dict[str, list[Any]], node: int) -> list[int]:
    below = dict.fromkeys(children[str(node)])
    return [leaf for child in below for leaf in ways(children, child)] if below else [node]


@given(links())
def test_any_graph_is_counted_written_and_read_alike(children: dict[str, list[Any]]) -> None:
    with TemporaryDirectory() as folder:
        model = read_topics(graph(Path(folder, "g"), children))
        assert again(model, Path(folder)) == model
        ends = ways(children, 0)
        assert (model.counts().paths, model.counts().leaves) == (len(ends), len(set(ends)))
        assert all(len(path) - 1 == model.nodes[model.positions[t.uuid]].depth for t, path in model.paths())
        for node in model.nodes[1:]:
            rest, gone = pruned(model, uuids=[node.uuid])
            assert len(rest.nodes) + len(gone) == len(model.nodes)
            assert all(rest.path(t.uuid)[0] == "Topic 0" for t in rest.get_unique_topics())
