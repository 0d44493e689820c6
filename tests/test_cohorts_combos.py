"""Concepts and combos: read from the real `1_raw` folder, counted before they are made, under the origin's IDs."""

from __future__ import annotations

import shutil
from math import comb
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.cohorts import (
    Concept,
    combos,
    count_subsets,
    describe,
    k_subsets,
    parse_k,
    read_concepts,
    read_replication,
    stray_descriptions,
)
from workbench.cohorts.combos import combo
from workbench.errors import BadInput, BadRow, Problems

RAW = Path(__file__).parent / "data" / "daydreaming" / "1_raw"


def test_the_ids_of_the_origin_store_are_reproduced() -> None:
    """Both combos of the origin's combo_mappings.csv, whose k is the number of their concepts."""
    two = combo(["positive-feedback-loop", "adversarial-evaluation"], "paragraph")
    assert (two.combo_id, two.k) == ("combo_v1_f5f405307bce", 2)
    assert two.members == ("adversarial-evaluation", "positive-feedback-loop")
    assert (
        combo(["data-flywheel", "economic-moat", "large-language-model"], "sentence").combo_id
        == "combo_v1_45d8da220a8a"
    )


@pytest.mark.parametrize(("text", "ks"), [("2", (2,)), ("2..4", (2, 3, 4)), ("2,3", (2, 3)), ("4, 1..2,2", (1, 2, 4))])
def test_set_sizes_are_read(text: str, ks: tuple[int, ...]) -> None:
    assert parse_k(text) == ks


@pytest.mark.parametrize("text", ["", "0", "4..2", "2-4", "x", "2,", "1.5", "-1", "2...4", "99999"])
def test_what_is_no_set_size_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"write 2, 2\.\.4 or 2,3"):
        parse_k(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abcdef"), unique=True), st.sets(st.integers(1, 7)).map(sorted))
def test_the_count_is_what_is_made(ids: list[str], ks: list[int]) -> None:
    made = list(combos(ids, ks, "sentence"))
    assert len(made) == len({c.combo_id for c in made}) == count_subsets(len(ids), ks)
    assert [set(c.members) for c in made] == [set(members) for members in k_subsets(ids, ks)]


def test_counting_makes_nothing() -> None:
    assert count_subsets(1_000, [2, 30]) == comb(1_000, 2) + comb(1_000, 30)


def test_a_combo_names_each_concept_once() -> None:
    for members in ([], ["a", "a"]):
        with pytest.raises(BadInput, match="name each concept once"):
            combo(members, "sentence")


def test_the_real_concepts_are_read_with_all_their_levels() -> None:
    found = {concept.concept_id: concept for concept in read_concepts(RAW)}
    assert len(found) == 18
    assert [sum(bool(getattr(c, level)) for c in found.values()) for level in ("sentence", "paragraph", "article")] == [
        15,
        18,
        3,
    ]
    assert found["economic-moat"].name == "Economic Moat"
    assert stray_descriptions(RAW) == []


def test_a_missing_level_falls_back_to_paragraph_sentence_name() -> None:
    full = Concept("c", "Name", "S", "P", "A")
    assert [describe(full, level) for level in ("sentence", "paragraph", "article")] == ["S", "P", "A"]
    assert describe(Concept("c", "Name", "S", "P"), "article") == "P"
    assert describe(Concept("c", "Name", "S", " \n"), "article") == "S"
    assert describe(Concept("c", "Name"), "sentence") == "Name"
    with pytest.raises(BadInput, match="use sentence, paragraph, article"):
        describe(full, "chapter")


def test_a_description_of_no_concept_is_listed(tmp_path: Path) -> None:
    shutil.copytree(RAW / "concepts", tmp_path / "concepts")
    (tmp_path / "concepts_metadata.csv").write_text("concept_id,name\neconomic-moat,Economic Moat\n")
    assert [c.concept_id for c in read_concepts(tmp_path)] == ["economic-moat"]
    assert len(stray_descriptions(tmp_path)) == 15 + 18 + 3 - 2


def test_bad_concepts_are_told_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "concepts_metadata.csv").write_text("concept_id,name\na,A\na,B\n../x,X\nb,\n")
    with pytest.raises(Problems) as caught:
        read_concepts(tmp_path)
    assert [error.where.rpartition(":")[2] for error in caught.value.errors] == ["3", "4", "5"]


def test_the_replication_configuration_is_read_and_checked(tmp_path: Path) -> None:
    assert read_replication(RAW / "replication_config.csv") == {"draft": 1, "essay": 1, "evaluation": 2}
    bad = tmp_path / "r.csv"
    bad.write_text("stage,replicates\ndraft,0\nessay,1\nessay,2\nlinks,1\n")
    with pytest.raises(Problems) as caught:
        read_replication(bad)
    assert [error.where.rpartition(":")[2] for error in caught.value.errors] == ["2", "4", "5"]
    bad.write_text("stage,replicates\ndraft,01\n")
    with pytest.raises(BadRow):
        read_replication(bad)
